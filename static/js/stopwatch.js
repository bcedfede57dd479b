/* A stopwatch that runs while a request is under way. */
(() => {
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    const form = ctx.sourceElement?.closest?.("[data-stopwatch]"), stopwatch = form?.querySelector("[data-waited]");
    if (!stopwatch || ctx.request.method?.toUpperCase() !== "POST") return;
    const startedAt = performance.now();
    form.classList.add("busy");
    const tick = () => {
      if (!stopwatch.isConnected) return;
      stopwatch.textContent = `${((performance.now() - startedAt) / 1000).toFixed(2)} s`;
      requestAnimationFrame(tick);
    };
    tick();
  });
})();
