/* Times in the reader's time zone. Without JavaScript they stand there in UTC. */
(() => {
  const TODAY = { full: { timeStyle: "medium" }, short: { timeStyle: "short" }, day: { timeStyle: "short" } };
  const EARLIER = { day: { month: "short", day: "numeric" } };

  function localize() {
    const today = new Date().toDateString(), lang = document.documentElement.lang;
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const at = new Date(time.dateTime), { clock } = time.dataset;
      const earlier = EARLIER[clock] ?? { dateStyle: "medium", timeStyle: "short" };
      const text = new Intl.DateTimeFormat(lang, at.toDateString() === today ? TODAY[clock] : earlier).format(at);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  document.addEventListener("DOMContentLoaded", localize);
  document.addEventListener("htmx:after:settle", localize);
})();
