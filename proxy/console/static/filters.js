// @ts-check
// A choice in a filter bar is shown at once; what is empty stays out of the URL.

/**
 * @param {Document} page
 */
export function filtering(page) {
  for (const form of page.querySelectorAll("form[data-filters]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    form.addEventListener("change", (event) => {
      if (event.target instanceof HTMLSelectElement) form.requestSubmit();
    });
    form.addEventListener("submit", () => {
      const empty = [...form.elements].filter(
        (field) =>
          (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) &&
          field.value === "",
      );
      for (const field of empty) field.setAttribute("disabled", "");
      // When the viewer comes back to this page, the fields are to be used again.
      setTimeout(() => empty.forEach((field) => field.removeAttribute("disabled")), 0);
    });
  }
}
