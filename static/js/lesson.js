/* A clock that runs while a request is under way: what it feels like to wait. */
(() => {
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    const form = ctx.sourceElement?.closest?.("[data-stopwatch]"), clock = form?.querySelector("[data-waited]");
    if (!clock || ctx.request.method?.toUpperCase() !== "POST") return;
    const began = performance.now();
    form.classList.add("busy");
    const tick = () => {
      if (!clock.isConnected) return;
      clock.textContent = `${((performance.now() - began) / 1000).toFixed(2)} s`;
      requestAnimationFrame(tick);
    };
    tick();
  });
})();
