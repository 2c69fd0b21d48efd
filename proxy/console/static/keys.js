// @ts-check
// The page by keyboard: / ? j k Enter, and g with a page's letter.

const ROWS = "main tbody tr";
const LEAP_MS = 1200;

/**
 * Is somebody writing?
 * @param {EventTarget | null} target
 */
function isField(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, dialog") !== null;
}

/**
 * @param {Document} page
 * @param {number} step
 */
function move(page, step) {
  const rows = [...page.querySelectorAll(ROWS)].filter((row) => row.querySelector("a"));
  if (rows.length === 0) return;
  const here = rows.findIndex((row) => row.classList.contains("here"));
  const next = here < 0 ? 0 : Math.min(Math.max(here + step, 0), rows.length - 1);
  rows[here]?.classList.remove("here");
  rows[next].classList.add("here");
  rows[next].scrollIntoView({ block: "nearest" });
  opener(rows[next])?.focus({ preventScroll: true });
}

/**
 * The link that opens a row.
 * @param {Element} row
 * @returns {HTMLAnchorElement | null}
 */
function opener(row) {
  return row.querySelector("a[data-open]") ?? row.querySelector("a");
}

/**
 * @param {Document} page
 */
export function listen(page) {
  let leapt = 0;

  /** @type {Record<string, () => void>} */
  const acts = {
    "/": () => {
      const search = page.querySelector("[data-search]");
      if (search instanceof HTMLInputElement) {
        search.focus();
        search.select();
      }
    },
    "?": () => {
      const keys = page.getElementById("keys");
      if (keys instanceof HTMLDialogElement && !keys.open) keys.showModal();
    },
    j: () => move(page, 1),
    k: () => move(page, -1),
    g: () => {
      leapt = Date.now();
    },
  };

  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
    if (isField(event.target)) return;
    if (Date.now() - leapt < LEAP_MS) {
      leapt = 0;
      const to = [...page.querySelectorAll("[data-go]")].find(
        (link) => link.getAttribute("data-go") === event.key,
      );
      if (to instanceof HTMLAnchorElement) {
        event.preventDefault();
        to.click();
        return;
      }
    }
    const act = acts[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}
