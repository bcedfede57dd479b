/* The bell: the server always says the whole number, so every tab of every device shows the same one. What has arrived is
   told aloud only to somebody who looks, politely and not often. */
(() => {
  const GAP = 10_000; // ms between two toasts
  const bell = document.querySelector("[data-unread]");
  if (!bell) return;
  const badge = bell.querySelector(".badge"), icon = document.querySelector("link[rel=icon]");
  const title = document.title, plain = icon.href;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let version = +bell.dataset.version, told = -GAP;

  function paint() {
    const unread = bell.hidden ? 0 : +bell.dataset.unread, away = document.hidden && unread > 0;
    badge.textContent = unread > 99 ? "99+" : unread;
    document.title = away ? `(${badge.textContent}) ${title}` : title;
    icon.href = away ? icon.dataset.ringing : plain;
  }

  async function tell() {
    if (document.hidden || still.matches || performance.now() - told < GAP) return;
    told = performance.now();
    try {
      const response = await fetch(bell.dataset.newest, { signal: AbortSignal.timeout(8000) });
      const detail = response.ok && !response.redirected && await response.text();
      if (detail) document.dispatchEvent(new CustomEvent("say", { detail }));
    } catch { /* the number has said it */ }
  }

  document.addEventListener("live:bell", ({ detail: { key, v, unread } }) => {
    if (bell.dataset.topic !== `bell.${key}` || v <= version) return;
    const more = unread > +bell.dataset.unread;
    version = v;
    bell.dataset.unread = unread;
    paint();
    if (!more) return;
    const rung = document.getElementById("rung");
    if (rung) rung.hidden = false;
    tell();
  });
  let acted = ""; // the keyboard goes on where it was
  document.addEventListener("submit", ({ target }) => { acted = target.closest(".group")?.id; });
  document.addEventListener("htmx:after:settle", () => {
    if (acted) document.getElementById(acted)?.querySelector("summary, button")?.focus();
    acted = "";
  });
  document.addEventListener("visibilitychange", paint);
  paint();
})();
