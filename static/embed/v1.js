/* <red-heart> and <red-count>: a like button and its count on any page.
   The heart is painted in the frame of the click, put back if the click is refused, and confirmed when the worker has
   settled it. If no server can be reached, the click waits and is sent again. Nothing is stored in this browser before
   the first click; from then on localStorage holds a token that counts on this site only. */
const BASE = new URL(".", import.meta.url); // …/embed/
const RETRY = 3_000, POLL = 10_000, MAX_WAIT = 30_000, SILENCE = 40_000; // ms
const MAX_PAGES = 100; // in one request
const UNREACHABLE = [undefined, 502, 503, 504];
const KEY = `redheart:${BASE.host}`;
const TEXTS = {
  en: {
    like: "Like", likes: (n) => `${n} ${n === "1" ? "like" : "likes"}`, waiting: "Your like will be sent when the server can be reached.",
    refused: "Your like wasn't saved. Try again.",
  },
  ko: {
    like: "좋아요", likes: (n) => `좋아요 ${n}개`, waiting: "서버에 연결되면 좋아요를 보냅니다.",
    refused: "좋아요를 저장하지 못했습니다. 다시 시도해 주세요.",
  },
};
const HEART = "M12 20.3 4.3 12.7a4.9 4.9 0 0 1 7-7l.7.8.7-.8a4.9 4.9 0 0 1 7 7z";
const STYLE = `
:host{display:inline-block;font:inherit;color:var(--red-heart-color,inherit)}
:host([hidden]){display:none}
button{all:unset;box-sizing:border-box;display:inline-flex;align-items:center;gap:.4em;min-width:44px;min-height:44px;
padding:.3em .6em;border-radius:var(--red-heart-radius,999px);cursor:pointer;-webkit-tap-highlight-color:transparent}
button:hover{background:var(--red-heart-hover,color-mix(in srgb,currentColor 8%,transparent))}
button:focus-visible{outline:2px solid currentColor;outline-offset:2px}
button:disabled{opacity:.6;cursor:default}
svg,::slotted([slot=icon]){width:var(--red-heart-size,1.4em);height:var(--red-heart-size,1.4em);flex:none}
path{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linejoin:round}
[aria-pressed=true]{color:var(--red-heart-liked,#c8102e)}
[aria-pressed=true] path{fill:currentColor;stroke:currentColor}
@media(prefers-color-scheme:dark){[aria-pressed=true]{color:var(--red-heart-liked,#ff6b7d)}}
@media(prefers-reduced-motion:no-preference){svg{transition:transform .2s}button:active svg{transform:scale(.85)}}
span{font-variant-numeric:tabular-nums}
.say{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}`;
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

const stored = { // localStorage may be forbidden: then the visitor is new with each page
  get: () => { try { return localStorage.getItem(KEY) ?? token; } catch { return token; } },
  set: (value) => { token = value; try { localStorage.setItem(KEY, value); } catch { /* this page has it */ } },
};
const pages = new Map(); // what this document knows of each page, by its key or URL
const site = document.querySelector("red-heart[site]")?.getAttribute("site"); // in the preview of a site
let token = "", socket = null, watched = "", delay = 1_500, heardAt = 0, planned = 0, warned = false;

const parameters = (pairs) => new URLSearchParams([...pairs, ...(site ? [["site", site]] : [])]);
const visitor = () => (stored.get() ? [["token", stored.get()]] : []);

/* State of a page: base, version: the settled count; counted: whether that includes this visitor; wanted: what the heart
   shows; confirmed: what the server has accepted; accepted, saved: versions of the like; state: saved, pending, waiting. */
function pageOf(key) {
  if (!pages.has(key)) pages.set(key, { key, elements: new Set(), version: -2, accepted: 0, saved: 0, state: "saved" });
  return pages.get(key);
}

const known = ({ version }) => version > -2;
const shown = ({ base, wanted, counted }) => base + wanted - counted;
const paint = (page) => page.elements.forEach((element) => element.paint());

function plan() { // one request for all tags of the document
  clearTimeout(planned);
  planned = setTimeout(load, 0);
}

async function load() {
  const all = [...pages.values()].filter(({ elements }) => elements.size);
  for (let start = 0; start < all.length; start += MAX_PAGES) await read(all.slice(start, start + MAX_PAGES));
  connect();
}

async function read(some) {
  const url = new URL("pages/", BASE), clicks = some.map(({ latest }) => latest);
  url.search = parameters([...some.map(({ key }) => ["page", key]), ...visitor()]);
  try {
    const response = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(8_000) });
    const body = await response.json();
    if (!response.ok) return warn(body.error);
    body.pages.forEach((state, number) => { if (some[number].latest === clicks[number]) take(some[number], state); });
  } catch (error) { await explain(error); }
}

function take(page, { topic, count, version, liked, counted, accepted, pending }) {
  page.topic = topic;
  if (version >= page.version) Object.assign(page, { base: count, version, counted });
  if (!page.latest && page.state !== "waiting" && accepted >= page.accepted) {
    Object.assign(page, { wanted: liked, confirmed: liked, accepted, state: pending ? "pending" : "saved" });
    if (!pending) page.saved = accepted;
  }
  page.wanted ??= liked;
  page.confirmed ??= liked;
  paint(page);
}

function warn(text) {
  if (!warned) console.warn(`red-heart: ${text}`);
  warned = true;
}

async function explain(error) { // a server that can be reached but not read does not list this origin
  if (error.name === "TimeoutError" || !navigator.onLine) return;
  const url = new URL("pages/", BASE);
  const reached = await fetch(url, { mode: "no-cors", credentials: "omit" }).then(() => true, () => false);
  if (reached) warn(`${BASE.host} doesn't allow pages of ${location.origin}. Add this origin to your site there.`);
}

function connect() { // with the topics and the token of now
  const topics = [...new Set([...pages.values()].filter(known).map(({ topic }) => topic))];
  const url = new URL("live/", BASE);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = parameters([...topics.map((topic) => ["topic", topic]), ...visitor()]);
  if (!topics.length || document.hidden || (url.search === watched && socket)) return;
  watched = url.search;
  end(socket);
  const mine = socket = new WebSocket(url);
  heardAt = performance.now();
  mine.onmessage = ({ data }) => {
    delay = 1_500;
    heardAt = performance.now();
    apply(JSON.parse(data));
  };
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    setTimeout(() => { if (!socket) plan(); }, delay * 2 * Math.random());
    delay = Math.min(delay * 2, MAX_WAIT);
  };
}

function end(old) { // the console would show an error if it were closed before it is open
  if (old?.readyState === WebSocket.CONNECTING) old.onopen = () => old.close(); else old?.close();
}

function apply(frame) {
  for (const [name, { v, count, liked, post, gone }] of Object.entries(frame)) {
    const [type, id] = name.split(".");
    for (const page of pages.values()) {
      if (type === "like" && page.topic === `post.${id}` && v >= page.saved) settle(page, v, liked);
      if (page.topic !== name) continue;
      if (type === "page" ? post : gone) plan();
      else if (type === "post" && v > page.version) Object.assign(page, { base: count, version: v });
    }
  }
  pages.forEach(paint);
}

function settle(page, v, liked) {
  Object.assign(page, { saved: v, counted: liked });
  if (v < page.accepted) return;
  page.confirmed = liked;
  if (!page.latest && page.state !== "waiting") Object.assign(page, { wanted: liked, state: "saved" });
}

function click(page) {
  Object.assign(page, { wanted: !page.wanted, state: "pending" });
  paint(page);
  send(page);
}

async function send(page, again = false) {
  if (page.sending) return; // the last click is sent after it
  const wanted = page.wanted, latest = page.latest = page.sending = {};
  const body = parameters([["page", page.key], ["liked", +wanted], ["url", location.href], ...visitor()]);
  let response, answer = {};
  try {
    const headers = { Accept: "application/json" };
    const options = { method: "POST", body, headers, credentials: "omit", keepalive: true };
    response = await fetch(new URL("like/", BASE), { ...options, signal: AbortSignal.timeout(8_000) });
    answer = await response.json();
  } catch { /* not reached */ }
  page.sending = null;
  if (page.latest === latest) page.latest = null;
  if (response?.ok) {
    if (answer.token) stored.set(answer.token);
    Object.assign(page, { confirmed: wanted, accepted: answer.accepted, topic: answer.topic });
    page.pendingSince = performance.now();
    if (!known(page)) Object.assign(page, { base: 0, version: -1, counted: false });
    page.state = page.saved >= page.accepted ? "saved" : "pending";
    connect();
  }
  if (page.wanted !== wanted) {
    page.state = "pending";
    return send(page); // clicked again meanwhile
  }
  if (!response?.ok && UNREACHABLE.includes(response?.status)) {
    page.state = "waiting";
    page.pendingSince = performance.now();
    if (!again) say(page, "waiting");
  } else if (!response.ok) {
    Object.assign(page, { wanted: page.confirmed, state: "refused" });
    say(page, "refused", answer.error);
  }
  paint(page);
}

const say = (page, name, text) => page.elements.forEach((element) => element.say?.(name, text));

setInterval(() => {
  const now = performance.now();
  if (socket && now - heardAt > SILENCE) socket.close();
  let stale = !socket && now - heardAt > POLL && !document.hidden && pages.size;
  for (const page of pages.values()) {
    const due = now - page.pendingSince > RETRY;
    if (page.state === "waiting" && due && navigator.onLine) send(page, true);
    if (page.state === "pending" && !page.sending && due) stale = page.pendingSince = now;
  }
  if (stale) heardAt = now, plan();
}, 1_000);
addEventListener("online", () => { pages.forEach((page) => page.state === "waiting" && send(page, true)); plan(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { const closed = socket; socket = null; end(closed); } else plan();
});

class Tag extends HTMLElement {
  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      this.build();
    }
    this.page = pageOf(this.pageKey());
    this.page.elements.add(this);
    plan();
    this.paint();
  }

  disconnectedCallback() { this.page.elements.delete(this); }

  pageKey() {
    const href = this.getAttribute("href") ?? document.querySelector("link[rel=canonical]")?.href ?? location.href;
    return this.getAttribute("key") ?? new URL(href, location).href;
  }

  get texts() {
    const lang = this.getAttribute("lang") ?? this.closest("[lang]")?.lang ?? navigator.language;
    return TEXTS[lang.slice(0, 2)] ?? TEXTS.en;
  }

  add(name, part, parent = this.shadowRoot) {
    const element = document.createElement(name);
    if (part) element.part = part;
    return parent.appendChild(element);
  }

  number() { return new Intl.NumberFormat(this.getAttribute("lang") ?? undefined).format(shown(this.page)); }
}

class RedCount extends Tag {
  build() { this.count = this.add("span", "count"); }
  paint() { if (known(this.page)) this.count.textContent = this.texts.likes(this.number()); }
}

class RedHeart extends Tag {
  build() {
    this.button = this.add("button", "button");
    this.button.type = "button";
    const slot = this.add("slot", "", this.button);
    slot.name = "icon";
    const svg = slot.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("part", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", HEART);
    this.count = this.add("span", "count", this.button);
    this.status = this.add("span");
    this.status.className = "say";
    this.status.role = "status";
    this.button.addEventListener("click", () => click(this.page));
  }

  paint() {
    const { page, button, count } = this, label = this.getAttribute("label") ?? this.texts.like;
    button.disabled = !known(page);
    button.setAttribute("aria-pressed", !!page.wanted);
    button.dataset.state = page.state;
    count.textContent = known(page) ? this.number() : "";
    button.setAttribute("aria-label", `${label} ${count.textContent}`.trim());
  }

  say(name, text = this.texts[name]) {
    this.status.textContent = text;
    this.dispatchEvent(new CustomEvent(`red-heart:${name}`, { bubbles: true, detail: text }));
  }
}

customElements.define("red-heart", RedHeart);
customElements.define("red-count", RedCount);
