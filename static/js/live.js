/* The page's one socket: what it watches, whether it lives, and the state it brings.
   A frame is {"post.12": {"v": 7, "count": 5}, …}; each part becomes an event "live:post" with its key. */
(() => {
  const SILENCE = 40_000, REFRESH = 10_000, LOOK = 2_000, STILL = 150; // ms; the server is never silent for longer than 20 s
  const MOST = 250; // topics of one page, as in topics.py
  const FORBIDDEN = 4403; // the server's close code for topics that this visitor may not watch
  const root = document.documentElement;
  const base = document.getElementById("live").getAttribute("hx-ws:connect");
  const stays = "stays" in document.getElementById("live").dataset; // a bell that is heard in a hidden tab too
  const note = document.getElementById("say");
  const tabs = new BroadcastChannel("visitor"); // the other tabs have the new cookie too
  let connection = null, watched = "", heard = 0, refreshed = performance.now(), ended = false, hush, scrolled;

  const asks = (topic) => `topic=${encodeURIComponent(topic)}`;
  const query = () => topics().map(asks).join("&");
  const watchable = () => new Map([...document.querySelectorAll("[data-topic]")].map((e) => [e.dataset.topic, e]));
  const isPost = (topic) => topic.startsWith("post.");

  function distance(element) { // px outside the window
    const { top, bottom } = element.getBoundingClientRect();
    return Math.max(top - innerHeight, -bottom, 0);
  }

  function topics() { // if there are too many, the posts that are farthest from the window are left out
    const elements = watchable(), excess = elements.size - MOST;
    if (excess > 0) {
      const posts = [...elements].filter(([topic]) => isPost(topic)).map(([topic, element]) => [distance(element), topic]);
      for (const [, topic] of posts.sort(([a], [b]) => b - a).slice(0, excess)) elements.delete(topic);
    }
    return [...elements.keys()];
  }

  function behind() { // is there something that should be watched and is not? Of too many posts only those in the window
    const elements = watchable(), all = elements.size <= MOST, now = new Set(watched.split("&"));
    const due = ([topic, element]) => all || !isPost(topic) || distance(element) === 0;
    return [...elements].some((entry) => !now.has(asks(entry[0])) && due(entry));
  }

  const show = (state) => { root.dataset.live = state; };
  const lost = () => show(navigator.onLine ? "connecting" : "off");

  const apply = (frame) => {
    for (const [name, state] of Object.entries(frame)) {
      const [kind, key] = name.split(".");
      document.dispatchEvent(new CustomEvent(`live:${kind}`, { detail: { key, ...state } }));
    }
    document.dispatchEvent(new Event("live:applied"));
  };

  function refused(asked) { // account.js loads the page again or drops topics; if it does neither, asking again is useless
    document.dispatchEvent(new Event("live:refused"));
    ended = query() === asked;
    if (ended) show("off");
  }

  async function refresh() {
    if (ended) return;
    refreshed = performance.now();
    const asked = query();
    try {
      const response = await fetch(`${base}?${asked}`, { signal: AbortSignal.timeout(8000) });
      if (response.ok) apply(await response.json());
      if (response.status === 403) refused(asked);
    } catch { /* offline; the next look tries again */ }
  }

  function rejoin() { // with the topics and the cookie of now
    if (!connection?.socket) return;
    Object.assign(connection.config, { reconnectDelay: 10, reconnectJitter: 0 });
    connection.socket.close();
  }

  function catchUp() {
    if (behind()) rejoin();
  }

  function keep({ visibilityHandler: handler }) { // of hx-ws: it closes in the background and reconnects at once in front
    document.removeEventListener("visibilitychange", handler);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) handler(); });
  }

  function look() {
    const now = performance.now();
    if (root.dataset.live === "on" && now - heard > SILENCE) {
      lost();
      connection?.socket?.close();
    }
    if (root.dataset.live !== "on" && navigator.onLine && !document.hidden && now - refreshed > REFRESH) refresh();
  }

  document.addEventListener("htmx:ws:before:connection", (event) => {
    if (ended) return event.preventDefault();
    connection = event.detail.connection;
    watched = query();
    connection.url = `${connection.url.split("?")[0]}?${watched}`;
    lost();
  });
  document.addEventListener("htmx:ws:after:connection", () => {
    Object.assign(connection.config, htmx.config.ws);
    if (stays && connection.config.pauseOnBackground !== false) keep(connection);
    if (stays) connection.config.pauseOnBackground = false;
    heard = performance.now();
    catchUp();
  });
  document.addEventListener("htmx:ws:close", ({ detail }) => {
    if (!ended) lost();
    if (detail.code === FORBIDDEN) refused(watched);
  });
  document.addEventListener("htmx:ws:before:message:incoming", (event) => {
    event.preventDefault(); // data only: nothing that arrives is ever parsed as HTML
    heard = performance.now();
    show("on");
    apply(JSON.parse(event.detail.message.data));
  });
  document.addEventListener("htmx:after:settle", catchUp);
  document.addEventListener("scroll", () => {
    clearTimeout(scrolled);
    scrolled = setTimeout(catchUp, STILL);
  }, { passive: true });
  document.addEventListener("visitor:named", () => { rejoin(); tabs.postMessage("named"); });
  tabs.onmessage = rejoin;
  document.addEventListener("live:rejoin", rejoin);
  document.addEventListener("live:refresh", refresh);
  document.addEventListener("say", ({ detail }) => {
    note.textContent = detail;
    clearTimeout(hush);
    hush = setTimeout(() => { note.textContent = ""; }, 8000);
  });
  window.addEventListener("offline", () => { lost(); connection?.socket?.close(); });
  window.addEventListener("online", () => {
    lost();
    if (!document.hidden) clearTimeout(connection?.timer);
    document.dispatchEvent(new Event("visibilitychange")); // hx-ws reconnects at once
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
  setInterval(look, LOOK);
})();
