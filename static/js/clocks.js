/* Times in the reader's time zone, also in the title. Those with data-clock="ago" say how long ago, and go on counting. */
(() => {
  const TICK = 20_000; // ms
  const WEEK = 604_800; // seconds; what is older shows its date
  const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]]; // seconds
  const TODAY = { full: { timeStyle: "medium" }, short: { timeStyle: "short" }, day: { timeStyle: "short" } };
  const EARLIER = { day: { month: "short", day: "numeric" }, ago: { dateStyle: "medium" } };
  const { lang } = document.documentElement, { justNow } = document.body.dataset;
  const relative = new Intl.RelativeTimeFormat(lang, { style: "narrow" });
  const format = (at, options) => new Intl.DateTimeFormat(lang, options).format(at);

  function ago(at) { // empty if that is more than a week
    const seconds = (Date.now() - at) / 1000;
    if (seconds > WEEK) return "";
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? [];
    return unit ? relative.format(-Math.floor(seconds / size), unit) : justNow;
  }

  function absolute(at, clock) {
    const today = at.toDateString() === new Date().toDateString() && TODAY[clock];
    return format(at, today || (EARLIER[clock] ?? { dateStyle: "medium", timeStyle: "short" }));
  }

  function localize() {
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const at = new Date(time.dateTime), { clock } = time.dataset;
      const text = (clock === "ago" && ago(at)) || absolute(at, clock);
      if (time.textContent !== text) time.textContent = text;
      time.title = format(at, { dateStyle: "full", timeStyle: "medium" });
    }
  }

  document.addEventListener("DOMContentLoaded", localize);
  document.addEventListener("htmx:after:settle", localize);
  setInterval(localize, TICK);
})();
