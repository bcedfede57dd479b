/* The heart: painted in the frame of the click, put back if the click is refused, confirmed when the worker has settled
   it. If no server can be reached, the click waits on the page and is sent until one answers. */
(() => {
  const MAX_PENDING = 3_000; // ms that a heart may be pending before the page reads the state
  const RESEND_INTERVAL = 3_000; // ms
  const UNREACHABLE = [undefined, 502, 503, 504]; // no response, or a proxy or a server that cannot save it now
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const posts = new Map();
  const each = (selector, work) => document.querySelectorAll(selector).forEach(work);

  /* What this page knows of a post:
     base, version        the settled count;  counted  whether that includes this visitor
     wanted               what the heart shows;  confirmed  what the server has accepted or settled
     latest               the newest request while it is under way
     accepted, saved      versions of this visitor's like;  pendingSince  when the click came, or was sent again
     state                "saved", "pending", "refused", or "waiting" if no server could be reached
     sendingAgain         true while the click that waits is sent
     clicked              times of the newest click, for its journey;  early  a like that arrived before the response */
  function postOf(id) {
    if (posts.has(id)) return posts.get(id);
    const button = document.querySelector(`[data-like="${id}"]`);
    const count = document.querySelector(`[data-count="${id}"]`);
    if (!button || !count) return null;
    const pressed = button.getAttribute("aria-pressed") === "true";
    const post = {
      base: +count.dataset.base, version: +count.dataset.version, counted: +button.dataset.counted,
      wanted: pressed, confirmed: pressed, state: button.dataset.state, pendingSince: performance.now(),
      latest: null, accepted: 0, saved: 0,
    };
    posts.set(id, post);
    return post;
  }

  function paint(id) {
    const post = posts.get(id);
    const shown = post.base + post.wanted - post.counted;
    each(`[data-like="${id}"]`, (button) => {
      button.setAttribute("aria-pressed", post.wanted);
      button.value = post.wanted ? "0" : "1";
      button.dataset.state = post.state;
    });
    each(`[data-count="${id}"]`, (count) => {
      count.dataset.value = shown;
      count.textContent = number.format(shown);
    });
  }

  const say = (detail) => document.dispatchEvent(new CustomEvent("say", { detail }));

  const buttonOf = (ctx) => ctx?.sourceElement?.querySelector?.(":scope > [data-like]");

  htmx.registerExtension("like", {
    htmx_config_request(element, { ctx }) { // every click, also one that waits in hx-sync's queue
      const button = buttonOf(ctx);
      if (!button) return;
      const post = postOf(button.dataset.like);
      ctx.again = post.sendingAgain; // the click that waits is sent, it is not a new one
      if (!ctx.again) Object.assign(post, { wanted: !post.wanted, state: "pending" });
      ctx.wanted = post.wanted;
      ctx.clicked = performance.now();
      Object.assign(post, { latest: ctx, pendingSince: ctx.clicked });
      ctx.request.body.set("liked", ctx.wanted ? "1" : "0"); // the wanted state, never "toggle"
      paint(button.dataset.like);
    },
    htmx_finally_request(element, { ctx }) {
      const button = buttonOf(ctx);
      if (!button) return;
      const id = button.dataset.like, post = postOf(id), stored = ctx.response?.status < 400;
      if (stored) {
        const accepted = +ctx.response.headers.get("X-Accepted");
        const confirmed = post.early?.v > accepted ? post.early.liked : ctx.wanted; // or another tab has changed it
        Object.assign(post, { confirmed, accepted });
        if (post.latest === ctx) post.clicked = { at: ctx.clicked, version: post.accepted };
      }
      if (post.latest !== ctx) return; // a later click decides
      post.latest = null;
      if (stored) {
        Object.assign(post, { wanted: post.confirmed, state: post.saved >= post.accepted ? "saved" : "pending" });
        if (post.early) showJourney(id, post.early);
      } else if (UNREACHABLE.includes(ctx.response?.status)) {
        post.state = "waiting";
        if (!ctx.again) say(document.body.dataset[navigator.onLine ? "noResponse" : "offline"]);
      } else {
        Object.assign(post, { wanted: post.confirmed, state: "refused" });
        const isSentence = ctx.response.headers.get("Content-Type")?.startsWith("text/plain"); // not an error page
        say((isSentence && ctx.text) || document.body.dataset.notSaved);
        document.dispatchEvent(new Event("live:refresh"));
      }
      post.early = null;
      paint(id);
    },
  });

  function showJourney(id, { v, journey }) { // of a click on this page
    const post = posts.get(id);
    if (!journey || post.clicked?.version !== v) return;
    const { liked, clicked } = { liked: post.wanted, clicked: post.clicked.at };
    const visible = !document.hidden; // else the next frame may come much later
    post.clicked = null;
    requestAnimationFrame(() => {
      const at = stages(journey, performance.now() - clicked);
      document.dispatchEvent(new CustomEvent("journey", { detail: { liked, clicked, at, ...journey } }));
      if (visible && Math.random() < +document.body.dataset.sample) report(at);
    });
  }

  /* The milliseconds after the click at which each stage ended. Clicked and shown are by this computer's clock, the rest
     by the server's. What is left is the network; the server's part is placed in its middle, as if both ways took
     equally long. */
  function stages(journey, shown) {
    const start = Math.max(0, (shown - (journey.broadcast - journey.accepted) * 1000) / 2);
    const at = (stage) => start + Math.max(0, (journey[stage] - journey.accepted) * 1000);
    const ended = ["accepted", "enqueued", "started", "stored", "broadcast"].map((stage) => [stage, Math.min(at(stage), shown)]);
    return { ...Object.fromEntries(ended), shown };
  }

  function report({ stored, shown }) { // the times of some clicks, for the operators' statistics
    navigator.sendBeacon("/clicks/", new URLSearchParams({ saved: stored.toFixed(1), shown: shown.toFixed(1) }));
  }

  function showDeleted(article) {
    article.classList.add("deleted");
    article.querySelector("footer").inert = true;
    article.querySelector("[role=status]").hidden = false;
  }

  document.addEventListener("live:post", ({ detail: { key, v, count, gone } }) => {
    if (gone) return each(`[id="post-${key}"]`, showDeleted);
    const post = postOf(key);
    if (!post || v <= post.version) return;
    Object.assign(post, { version: v, base: count });
  });

  document.addEventListener("live:like", ({ detail }) => {
    const { key, v, liked } = detail, post = postOf(key);
    if (!post || v < post.saved) return;
    const isNew = v > post.saved; // if not, it may still bring the journey, which a snapshot does not have
    if (isNew) Object.assign(post, { saved: v, counted: +liked });
    if (isNew && v >= post.accepted) post.confirmed = liked;
    if (post.latest) post.early = detail; // the response to a click has not come yet
    else if (v >= post.accepted) {
      if (isNew && post.state !== "waiting") Object.assign(post, { wanted: liked, state: "saved" });
      showJourney(key, detail);
    }
  });

  document.addEventListener("live:applied", () => posts.forEach((_, id) => paint(id)));

  function sendAgain(interval) {
    const isDue = ({ state, latest, pendingSince }) =>
      state === "waiting" && !latest && performance.now() - pendingSince >= interval;
    for (const [id, post] of posts) {
      const form = isDue(post) && document.querySelector(`[data-like="${id}"]`)?.form;
      if (!form) continue;
      post.sendingAgain = true;
      form.requestSubmit();
      post.sendingAgain = false;
    }
  }

  addEventListener("online", () => sendAgain(0));

  setInterval(() => {
    if (navigator.onLine) sendAgain(RESEND_INTERVAL);
    const now = performance.now();
    for (const post of posts.values()) {
      if (post.state !== "pending" || post.latest || now - post.pendingSince < MAX_PENDING) continue;
      post.pendingSince = now;
      document.dispatchEvent(new Event("live:refresh"));
      break;
    }
  }, 1000);

  document.addEventListener("DOMContentLoaded", () => {
    each('[data-like][data-state="pending"]', (button) => postOf(button.dataset.like));
  });
})();
