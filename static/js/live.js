/* The page's one socket: what it watches, whether it is connected, and the state it brings.
   A frame is {"post.12": {"v": 7, "count": 5}, …}. Each state is shown by the fields of its topic and becomes an event
   "live:post" with its key; after the whole frame comes "live:applied". */
(() => {
  const MAX_SILENCE = 40_000; // ms; the server sends something every 20 s
  const REFRESH_INTERVAL = 10_000, CHECK_INTERVAL = 2_000; // ms
  const SCROLL_PAUSE = 150, TOAST_TIME = 8_000; // ms
  const MAX_TOPICS = 250; // of one page, as in live/topics.py
  // Close codes of the server: topics that this visitor may not watch; an old socket, to be replaced at once.
  const FORBIDDEN = 4403, EXPIRED = 4408;
  const root = document.documentElement, live = document.getElementById("live"), toast = document.getElementById("say");
  const base = live.getAttribute("hx-ws:connect");
  const connectedWhileHidden = "connectedWhileHidden" in live.dataset; // so that the bell counts in a hidden tab too
  const number = new Intl.NumberFormat(root.lang);
  const tabs = new BroadcastChannel("visitor"); // the other tabs have the new cookie too
  let connection = null, watched = "", ended = false, replacing = false, receivedAt = 0, refreshedAt = performance.now();
  let toastTimer, scrollTimer;

  // Topics

  const parameter = (topic) => `topic=${encodeURIComponent(topic)}`;
  const query = () => topics().map(parameter).join("&");
  const watchers = () => [...document.querySelectorAll("[data-topic]")];
  const elementsByTopic = () => new Map(watchers().map((element) => [element.dataset.topic, element]));
  const isPost = (topic) => topic.startsWith("post.");

  function distance(element) { // px outside the window
    const { top, bottom } = element.getBoundingClientRect();
    return Math.max(top - innerHeight, -bottom, 0);
  }

  function topics() { // if there are too many, the posts that are farthest from the window are left out
    const elements = elementsByTopic(), excess = elements.size - MAX_TOPICS;
    if (excess > 0) {
      const posts = [...elements].filter(([topic]) => isPost(topic));
      const distances = posts.map(([topic, element]) => [distance(element), topic]).sort(([a], [b]) => b - a);
      for (const [, topic] of distances.slice(0, excess)) elements.delete(topic);
    }
    return [...elements.keys()];
  }

  function hasUnwatched() { // is a topic missing? If there are too many, only posts in the window are missed
    const elements = elementsByTopic(), now = new Set(watched.split("&"));
    const needed = (topic, element) => elements.size <= MAX_TOPICS || !isPost(topic) || distance(element) === 0;
    return [...elements].some(([topic, element]) => !now.has(parameter(topic)) && needed(topic, element));
  }

  // State

  const setStatus = (status) => { root.dataset.live = status; };
  const setDisconnected = () => setStatus(navigator.onLine ? "connecting" : "off");

  function showFields(topic, { v, ...state }) { // inside data-topic="poll.7", data-field="votes" shows state.votes
    for (const element of document.querySelectorAll(`[data-topic="${topic}"]`)) {
      const fields = [...element.querySelectorAll("[data-field]")]
        .filter((field) => field.closest("[data-topic]") === element && field.dataset.field in state);
      if (!fields.length || v <= (element.dataset.version ?? -1)) continue;
      element.dataset.version = v;
      for (const field of fields) showField(field, state[field.dataset.field]);
    }
  }

  function showField(field, value) {
    const isNumber = typeof value === "number", { max } = field.dataset;
    field.textContent = !isNumber ? value : value > max ? `${max}+` : number.format(value);
    if (isNumber) field.dataset.value = value;
  }

  function apply(frame) {
    for (const [name, state] of Object.entries(frame)) {
      const [type, key] = name.split(".");
      showFields(name, state);
      document.dispatchEvent(new CustomEvent(`live:${type}`, { detail: { key, ...state } }));
    }
    document.dispatchEvent(new CustomEvent("live:applied", { detail: frame }));
  }

  // Connection

  function refused(topicQuery) { // ends the connection, unless account.js loads the page again or removes topics
    document.dispatchEvent(new Event("live:refused"));
    ended = query() === topicQuery;
    if (ended) setStatus("off");
  }

  async function refresh() { // reads the state without the socket
    if (ended) return;
    refreshedAt = performance.now();
    const topicQuery = query();
    try {
      const response = await fetch(`${base}?${topicQuery}`, { signal: AbortSignal.timeout(8000) });
      if (response.ok) apply(await response.json());
      if (response.status === 403) refused(topicQuery);
    } catch { /* offline; the next check tries again */ }
  }

  function rejoin() { // with the present topics and cookie
    const socket = connection?.socket;
    if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", rejoin); // closing it now is an error
    if (socket?.readyState !== WebSocket.OPEN) return;
    reconnectAtOnce();
    socket.close();
  }

  function reconnectAtOnce() {
    Object.assign(connection.config, { reconnectDelay: 10, reconnectJitter: 0 });
  }

  function watchMissing() {
    if (hasUnwatched()) rejoin();
  }

  function keepWhileHidden({ visibilityHandler }) { // hx-ws closes in the background and reconnects in front
    document.removeEventListener("visibilitychange", visibilityHandler);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) visibilityHandler(); });
  }

  function check() {
    const now = performance.now();
    if (root.dataset.live === "on" && now - receivedAt > MAX_SILENCE) {
      setDisconnected();
      connection?.socket?.close();
    }
    const isDue = now - refreshedAt > REFRESH_INTERVAL;
    if (root.dataset.live !== "on" && navigator.onLine && !document.hidden && isDue) refresh();
  }

  document.addEventListener("htmx:ws:before:connection", (event) => {
    if (ended) return event.preventDefault();
    connection = event.detail.connection;
    watched = query();
    connection.url = `${connection.url.split("?")[0]}?${watched}`;
    if (!replacing) setDisconnected();
  });
  document.addEventListener("htmx:ws:after:connection", () => {
    Object.assign(connection.config, htmx.config.ws);
    if (connectedWhileHidden && connection.config.pauseOnBackground !== false) keepWhileHidden(connection);
    if (connectedWhileHidden) connection.config.pauseOnBackground = false;
    receivedAt = performance.now();
    watchMissing();
  });
  document.addEventListener("htmx:ws:close", ({ detail }) => {
    replacing = detail.code === EXPIRED && !replacing;
    if (replacing) return reconnectAtOnce();
    if (!ended) setDisconnected();
    if (detail.code === FORBIDDEN) refused(watched);
  });
  document.addEventListener("htmx:ws:before:message:incoming", (event) => {
    event.preventDefault(); // data only: nothing that arrives is ever parsed as HTML
    receivedAt = performance.now();
    replacing = false;
    setStatus("on");
    apply(JSON.parse(event.detail.message.data));
  });
  document.addEventListener("htmx:after:settle", watchMissing);
  document.addEventListener("scroll", () => {
    clearTimeout(scrollTimer);
    scrollTimer = setTimeout(watchMissing, SCROLL_PAUSE);
  }, { passive: true });
  document.addEventListener("visitor:named", () => { rejoin(); tabs.postMessage("named"); });
  tabs.onmessage = rejoin;
  document.addEventListener("live:rejoin", rejoin);
  document.addEventListener("live:refresh", refresh);
  document.addEventListener("visibilitychange", () => { // before hx-ws, which reconnects now and must not once more
    if (!document.hidden) clearTimeout(connection?.timer);
  });
  window.addEventListener("offline", () => { setDisconnected(); connection?.socket?.close(); });
  window.addEventListener("online", () => {
    setDisconnected();
    document.dispatchEvent(new Event("visibilitychange")); // hx-ws reconnects at once
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
  setInterval(check, CHECK_INTERVAL);

  // One sentence for the reader, also read aloud

  document.addEventListener("say", ({ detail }) => {
    toast.textContent = detail;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { toast.textContent = ""; }, TOAST_TIME);
  });
})();
