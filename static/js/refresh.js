/* Parts of a page that are fetched again when a frame brings a later version than they show. A part says what it watches
   (data-topic), what it shows (data-version) and how it is fetched (hx-get, hx-trigger="stale"). Nothing that somebody
   wrote travels through the socket. */
(() => {
  const MIN_INTERVAL = 700; // ms between two fetches of one part; the first starts at once, the last always follows
  const RETRY_INTERVAL = 5_000; // ms after which a part that is still stale is fetched again
  const newest = new Map(); // topic: version
  const fetchedAt = new Map(), planned = new Set(); // by the id of the part

  function plan(id) {
    planned.add(id);
    setTimeout(() => {
      planned.delete(id);
      fetchedAt.set(id, performance.now());
      const part = document.getElementById(id);
      if (part) htmx.trigger(part, "stale");
    }, Math.max(0, (fetchedAt.get(id) ?? -MIN_INTERVAL) + MIN_INTERVAL - performance.now()));
  }

  function refreshStale() {
    for (const { id, dataset } of document.querySelectorAll('[data-topic][hx-trigger="stale"]')) {
      if (newest.get(dataset.topic) > +dataset.version && !planned.has(id)) plan(id);
    }
  }

  document.addEventListener("live:applied", ({ detail: frame }) => {
    for (const [topic, state] of Object.entries(frame)) newest.set(topic, state.v);
    refreshStale();
  });
  document.addEventListener("htmx:finally:request", refreshStale); // what was stored during a fetch was not in it
  setInterval(refreshStale, RETRY_INTERVAL);
})();
