// @ts-check
// Moments in the viewer's own zone, relative while they are recent. UTC stays in the title.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const EVERY = 10_000;

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "long" });

/**
 * A moment as a person would say it now.
 * @param {Date} at
 * @param {number} now
 * @returns {string}
 */
export function said(at, now) {
  const age = now - at.getTime();
  if (age > -MINUTE && age < 5_000) return "just now";
  if (age >= 0 && age < MINUTE) return `${Math.floor(age / 1000)} s ago`;
  if (age >= 0 && age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? clock.format(at) : day.format(at);
}

/**
 * Say every moment within `root`.
 * @param {ParentNode} root
 * @param {number} [now]
 */
export function say(root, now = Date.now()) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(/** @type {HTMLTimeElement} */ (time).dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = time.hasAttribute("data-whole") ? whole.format(at) : said(at, now);
  }
}

/**
 * How long something has been going on, by the second.
 * @param {ParentNode} root
 */
function count(root) {
  for (const each of root.querySelectorAll("[data-since]")) {
    const began = Number(each.getAttribute("data-since"));
    const seconds = Math.max(0, Math.floor((Date.now() - began) / 1000));
    each.textContent =
      seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
}

/**
 * How long something has left, by the second.
 * @param {ParentNode} root
 */
function left(root) {
  for (const each of root.querySelectorAll("[data-until]")) {
    const ends = Number(each.getAttribute("data-until"));
    const seconds = Math.floor((ends - Date.now()) / 1000);
    const minutes = Math.floor(seconds / 60);
    if (seconds <= 0) each.textContent = "lapses now";
    else each.textContent = minutes ? `${minutes} min ${seconds % 60} s left` : `${seconds} s left`;
  }
}

/**
 * Say them now, and again while they grow older.
 * @param {Document} page
 */
export function tell(page) {
  say(page);
  count(page);
  left(page);
  setInterval(() => say(page), EVERY);
  setInterval(() => {
    count(page);
    left(page);
  }, 1000);
}
