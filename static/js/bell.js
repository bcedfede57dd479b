/* The bell: the server always sends the whole number, so every tab of every device shows the same one. A sentence about
   what is new appears only in a tab that is looked at, and not often. */
(() => {
  const TOAST_INTERVAL = 10_000; // ms between two toasts
  const bell = document.querySelector("[data-unread]");
  if (!bell) return;
  const badge = bell.querySelector(".badge"), icon = document.querySelector("link[rel=icon]");
  const { title } = document, { href } = icon;
  let version = +bell.dataset.version, toastAt = -TOAST_INTERVAL, actedOn = "";

  function paint() {
    const unread = bell.hidden ? 0 : +bell.dataset.unread, inTitle = document.hidden && unread > 0;
    badge.textContent = unread > 99 ? "99+" : unread;
    document.title = inTitle ? `(${badge.textContent}) ${title}` : title;
    icon.href = inTitle ? icon.dataset.unreadHref : href;
  }

  async function showNewest() {
    if (document.hidden || performance.now() - toastAt < TOAST_INTERVAL) return;
    toastAt = performance.now();
    try {
      const response = await fetch(bell.dataset.newest, { signal: AbortSignal.timeout(8000) });
      const detail = response.ok && !response.redirected && await response.text();
      if (detail) document.dispatchEvent(new CustomEvent("say", { detail }));
    } catch { /* the number is shown already */ }
  }

  document.addEventListener("live:bell", ({ detail: { key, v, unread } }) => {
    if (bell.dataset.topic !== `bell.${key}` || v <= version) return;
    const more = unread > +bell.dataset.unread;
    version = v;
    bell.dataset.unread = unread;
    paint();
    if (!more) return;
    const link = document.getElementById("new-notifications");
    if (link) link.hidden = false;
    showNewest();
  });

  // After an action of the list the focus returns to the notification that it changed.
  document.addEventListener("submit", ({ target }) => { actedOn = target.closest(".group")?.id; });
  document.addEventListener("htmx:after:settle", () => {
    if (actedOn) document.getElementById(actedOn)?.querySelector("summary, button")?.focus();
    actedOn = "";
  });
  document.addEventListener("visibilitychange", paint);
  paint();
})();
