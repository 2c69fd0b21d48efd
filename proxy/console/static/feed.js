// @ts-check
// The live feed: rows and panels as the server draws them. It waits while they are read.
import { say } from "./times.js";

const ROWS_MAX = 200;
const WAITING_MAX = 500;
/** Where the pointer or the focus is on one of these, nothing moves; the button is there to be pressed. */
const READ = "[data-rows], [data-reads], [data-waiting]";

/** @typedef {{ kind: "row" | "panel", id: string, html: string }} Told */

/**
 * The element that a piece of HTML is. A row parses only within a table, so a template holds it.
 * @param {string} html
 * @returns {Element | null}
 */
function drawn(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

class Feed {
  /**
   * @param {Document} page
   * @param {string} url
   */
  constructor(page, url) {
    this.page = page;
    /** @type {Map<string, Told>} */
    this.waiting = new Map();
    this.isRead = false;
    this.missed = 0;
    this.source = new EventSource(url);
    this.source.addEventListener("open", () => this.state("live", "live"));
    this.source.addEventListener("error", () => {
      const isOver = this.source.readyState === EventSource.CLOSED;
      this.state("away", isOver ? "not live: reload" : "not live, trying again");
    });
    this.source.addEventListener("row", (event) => this.told("row", event));
    this.source.addEventListener("panel", (event) => this.told("panel", event));
    this.source.addEventListener("missed", (event) => {
      this.missed += Number(event.data);
      this.show();
    });
    this.source.addEventListener("bye", () => {
      this.source.close();
      this.state("away", "signed out");
    });
    addEventListener("pagehide", () => this.source.close());
  }

  /**
   * @param {"row" | "panel"} kind
   * @param {MessageEvent<string>} event
   */
  told(kind, event) {
    const element = drawn(event.data);
    if (!element?.id) return;
    this.waiting.delete(element.id);
    this.waiting.set(element.id, { kind, id: element.id, html: event.data });
    if (this.waiting.size > WAITING_MAX) {
      const [oldest] = this.waiting.keys();
      this.waiting.delete(oldest);
      this.missed += 1;
    }
    this.show();
  }

  /** Put in what waits, or say how much waits. */
  show() {
    const isHeld = this.isRead || getSelection()?.isCollapsed === false || scrollY > 80;
    if (!isHeld) this.flush();
    const button = this.page.querySelector("[data-waiting]");
    if (!(button instanceof HTMLElement)) return;
    const count = [...this.waiting.values()].filter((each) => each.kind === "row").length;
    const lost = this.missed ? ` ${this.missed} more were left out: reload to see them.` : "";
    button.hidden = count === 0 && !lost;
    button.textContent = (count ? `${count} waiting: show.` : "") + lost;
  }

  flush() {
    for (const each of this.waiting.values()) {
      const element = drawn(each.html);
      if (!element) continue;
      say(element);
      const before = this.page.getElementById(each.id);
      if (before) before.replaceWith(element);
      else if (each.kind === "row") this.put(element);
    }
    this.waiting.clear();
    const rows = this.page.querySelectorAll("[data-rows] > tr");
    for (const old of [...rows].slice(ROWS_MAX)) old.remove();
  }

  /**
   * A row that is new. Where the page has no rows yet it is drawn anew, with its first.
   * @param {Element} row
   */
  put(row) {
    const rows = this.page.querySelector("[data-rows]");
    if (rows) rows.prepend(row);
    else location.reload();
  }

  /**
   * @param {string} name
   * @param {string} words
   */
  state(name, words) {
    const sign = this.page.querySelector("[data-live]");
    sign?.setAttribute("data-state", name);
    if (sign) sign.textContent = words;
  }
}

/**
 * @param {Document} page
 */
export function follow(page) {
  const url = page.querySelector("[data-feed]")?.getAttribute("data-feed");
  if (!url) return;
  const feed = new Feed(page, url);
  /** @param {boolean} isRead */
  const reading = (isRead) => {
    if (feed.isRead === isRead) return;
    feed.isRead = isRead;
    feed.show();
  };
  // Panels come and go, so the page itself looks where the pointer and the focus are.
  for (const kind of ["pointerover", "focusin"]) {
    page.addEventListener(kind, (event) => {
      const at = event.target instanceof Element && event.target.closest(READ);
      reading(Boolean(at));
    });
  }
  page.documentElement.addEventListener("pointerleave", () => reading(false));
  page.addEventListener("selectionchange", () => feed.show());
  addEventListener("scroll", () => feed.show(), { passive: true });
  page.querySelector("[data-waiting]")?.addEventListener("click", () => {
    if (feed.missed) location.reload();
    scrollTo({ top: 0 });
    feed.isRead = false;
    feed.show();
  });
}
