/* Parts of a page that show feedback: each says what it watches and which version it shows, and is fetched anew when a
   frame brings news of a later one. Nothing that somebody wrote travels through the socket. */
(() => {
  const GAP = 700; // ms between two fetches of one part: the first at once, the last always
  const AGAIN = 5_000; // ms after which a part that is still behind is fetched again
  const each = (selector, work) => document.querySelectorAll(selector).forEach(work);
  const newest = new Map(), fetched = new Map(), planned = new Set();

  function stale(topic, version) {
    newest.set(topic, version);
    each(`[data-topic="${topic}"][data-version]`, ({ id, dataset }) => {
      if (version <= +dataset.version || planned.has(id)) return;
      planned.add(id);
      setTimeout(() => {
        planned.delete(id);
        fetched.set(id, performance.now());
        const part = document.getElementById(id);
        if (part) htmx.trigger(part, "stale");
      }, Math.max(0, (fetched.get(id) ?? -GAP) + GAP - performance.now()));
    });
  }
  const check = () => newest.forEach((version, topic) => stale(topic, version));
  setInterval(check, AGAIN);
  document.addEventListener("htmx:finally:request", check); // what came during a fetch was not in it

  document.addEventListener("live:receipt", ({ detail }) => stale(`receipt.${detail.key}`, detail.v));
  document.addEventListener("live:export", ({ detail }) => stale(`export.${detail.key}`, detail.v));
  document.addEventListener("live:destination", ({ detail }) => stale(`destination.${detail.key}`, detail.v));
  document.addEventListener("live:lesson", ({ detail }) => stale(`lesson.${detail.key}`, detail.v));
  document.addEventListener("live:inbox", ({ detail }) => {
    stale("inbox", detail.v);
    each("[data-inbox]", (badge) => {
      badge.dataset.inbox = badge.textContent = detail.new;
      badge.hidden = !detail.new;
    });
  });

  function clocks() { // times in the reader's own zone; without a script they stand there in UTC
    const day = new Date().toDateString(), lang = document.documentElement.lang;
    const TODAY = { full: { timeStyle: "medium" }, short: { timeStyle: "short" }, day: { timeStyle: "short" } };
    const EARLIER = { day: { month: "short", day: "numeric" } };
    each("time[data-clock]", (time) => {
      const at = new Date(time.dateTime), clock = time.dataset.clock;
      const style = at.toDateString() === day ? TODAY[clock] : EARLIER[clock] ?? { dateStyle: "medium", timeStyle: "short" };
      const text = new Intl.DateTimeFormat(lang, style).format(at);
      if (time.textContent !== text) time.textContent = text;
    });
  }
  document.addEventListener("DOMContentLoaded", clocks);
  document.addEventListener("htmx:after:settle", clocks);
})();
