// @ts-check
// What carries data-copy is copied when it is pressed.

/**
 * @param {string} text
 * @returns {Promise<void>}
 */
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS there is no clipboard but by a selection.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/**
 * @param {Document} page
 */
export function copying(page) {
  for (const hidden of page.querySelectorAll("[data-copy][hidden]")) {
    hidden.removeAttribute("hidden");
  }
  page.addEventListener("click", async (event) => {
    const target = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    const text = target?.getAttribute("data-copy");
    if (!target || text === null || text === undefined) return;
    try {
      await copied(text);
    } catch {
      return; // The browser said no: the text is in the title, to be copied by hand.
    }
    target.classList.add("done");
    setTimeout(() => target.classList.remove("done"), 1500);
  });
}
