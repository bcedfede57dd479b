/* The heart: painted in the frame of the click, put back if the click is refused, settled by what the worker says. */
(() => {
  const OVERDUE = 3_000; // ms that a heart may be pending before the page asks
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const posts = new Map();
  const each = (selector, work) => document.querySelectorAll(selector).forEach(work);

  /* What this page knows of a post:
     base, version   the settled count;  counted  whether that includes this visitor
     want            what the heart shows;  confirmed  what the server has accepted or settled
     latest          the newest request while it is under way;  accepted, saved  versions of this visitor's like */
  function known(id) {
    if (posts.has(id)) return posts.get(id);
    const button = document.querySelector(`[data-like="${id}"]`);
    const count = document.querySelector(`[data-count="${id}"]`);
    if (!button || !count) return null;
    const pressed = button.getAttribute("aria-pressed") === "true";
    const post = {
      base: +count.dataset.base, version: +count.dataset.version, counted: +button.dataset.counted,
      want: pressed, confirmed: pressed, state: button.dataset.state, latest: null, accepted: 0, saved: 0, since: performance.now(),
    };
    posts.set(id, post);
    return post;
  }

  function paint(id) {
    const post = posts.get(id);
    const shown = post.base + post.want - post.counted;
    each(`[data-like="${id}"]`, (button) => {
      button.setAttribute("aria-pressed", post.want);
      button.value = post.want ? "0" : "1";
      button.dataset.state = post.state;
    });
    each(`[data-count="${id}"]`, (count) => {
      count.dataset.value = shown;
      count.textContent = number.format(shown);
    });
  }

  const heart = (ctx) => ctx?.sourceElement?.querySelector?.(":scope > [data-like]");

  htmx.registerExtension("like", {
    htmx_config_request(element, { ctx }) { // every click, also one that waits in hx-sync's queue
      const button = heart(ctx);
      if (!button) return;
      const post = known(button.dataset.like);
      ctx.want = post.want = !post.want;
      ctx.clicked = performance.now();
      Object.assign(post, { latest: ctx, state: "pending", since: ctx.clicked });
      ctx.request.body.set("liked", ctx.want ? "1" : "0"); // the wanted state, never "toggle"
      paint(button.dataset.like);
    },
    htmx_finally_request(element, { ctx }) {
      const button = heart(ctx);
      if (!button) return;
      const id = button.dataset.like, post = known(id), stored = ctx.response?.status < 400;
      if (stored) {
        Object.assign(post, { confirmed: ctx.want, accepted: +ctx.response.headers.get("X-Accepted") });
        if (post.latest === ctx) post.clicked = { at: ctx.clicked, version: post.accepted, answered: performance.now() };
      }
      if (post.latest !== ctx) return; // a later click decides
      post.latest = null;
      if (stored) {
        if (post.saved >= post.accepted) post.state = "saved";
        if (post.early) arrived(id, post.early);
      } else {
        Object.assign(post, { want: post.confirmed, state: "refused" });
        const ours = ctx.response?.headers.get("Content-Type")?.startsWith("text/plain"); // not the page of a proxy
        const detail = (ours && ctx.text) || document.body.dataset[navigator.onLine ? "saySilent" : "sayOffline"];
        document.dispatchEvent(new CustomEvent("say", { detail }));
        document.dispatchEvent(new Event("live:refresh"));
      }
      post.early = null;
      paint(id);
    },
  });

  function arrived(id, { v, journey }) { // tells the journey of this page's own click
    const post = posts.get(id);
    if (!journey || post.clicked?.version !== v) return;
    const detail = { id, liked: post.want, clicked: post.clicked.at, answered: post.clicked.answered, ...journey };
    post.clicked = null;
    requestAnimationFrame(() => document.dispatchEvent(new CustomEvent("journey", { detail: { ...detail, shown: performance.now() } })));
  }

  document.addEventListener("live:post", ({ detail: { key, v, count, gone } }) => {
    if (gone) return each(`[id="post-${key}"]`, (article) => article.classList.add("gone"));
    const post = known(key);
    if (!post || v <= post.version) return;
    Object.assign(post, { version: v, base: count });
  });

  document.addEventListener("live:like", ({ detail }) => {
    const { key, v, liked } = detail, post = known(key);
    if (!post || v < post.saved) return;
    const news = v > post.saved; // if not, it may still bring the journey that a snapshot has overtaken
    if (news) Object.assign(post, { saved: v, counted: +liked });
    if (post.latest) post.early = detail; // the answer to a click is still to come
    else if (v >= post.accepted) {
      if (news) Object.assign(post, { want: liked, confirmed: liked, state: "saved" });
      arrived(key, detail);
    }
  });

  document.addEventListener("live:applied", () => posts.forEach((_, id) => paint(id)));

  document.addEventListener("live:feed", ({ detail }) => {
    const news = document.getElementById("news");
    if (!news) return;
    const fresh = detail.newest.filter((id) => id > +news.dataset.newest).length;
    news.hidden = !fresh;
    news.textContent = fresh === 1 ? news.dataset.one : news.dataset.many.replace("{n}", fresh);
  });

  setInterval(() => {
    const now = performance.now();
    for (const post of posts.values()) {
      if (post.state !== "pending" || post.latest || now - post.since < OVERDUE) continue;
      post.since = now;
      document.dispatchEvent(new Event("live:refresh"));
      break;
    }
  }, 1000);

  document.addEventListener("DOMContentLoaded", () => each('[data-like][data-state="pending"]', (button) => known(button.dataset.like)));
})();
