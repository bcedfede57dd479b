/* Where a click went, as bars on one time axis. */
(() => {
  const STAGES = ["accepted", "enqueued", "started", "stored", "broadcast", "shown"];
  const MAX_CLICKS = 5;
  const panel = document.getElementById("journey");
  if (!panel) return;
  const narrow = matchMedia("(width < 60rem)"), dismiss = document.getElementById("journey-dismiss");
  panel.hidden = narrow.matches; // there it covers posts, so it appears with the first click, and can be dismissed
  const list = document.getElementById("journey-clicks");
  const labels = {};
  panel.querySelectorAll("[data-label]").forEach((item) => { labels[item.dataset.label] = item.textContent; });
  const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
  const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

  function bar(stage, from, to, total) {
    const item = copy("journey-stage"), [label, line, duration] = item.children;
    label.textContent = labels[stage];
    line.style.setProperty("--from", `${(100 * from) / total}%`);
    line.style.setProperty("--width", `${(100 * (to - from)) / total}%`);
    duration.textContent = ms(to - from);
    line.style.setProperty("--number", STAGES.indexOf(stage));
    item.dataset.stage = stage;
    return item;
  }

  dismiss.addEventListener("click", () => {
    panel.hidden = dismiss.hidden = true;
    sessionStorage.setItem("journey", "dismissed");
  });

  document.addEventListener("journey", ({ detail: click }) => {
    const { at } = click, item = copy("journey-click"), [title, stages, ids] = item.children;
    const clicked = new Date(performance.timeOrigin + click.clicked).toLocaleTimeString(document.documentElement.lang);
    title.textContent = `${labels[click.liked ? "liked" : "unliked"]}, ${clicked} · ${ms(at.shown)}`;
    let from = 0;
    for (const stage of STAGES) {
      const to = Math.min(Math.max(from, at[stage]), at.shown);
      stages.append(bar(stage, from, to, at.shown));
      from = to;
    }
    const [clickId, taskId] = ids.querySelectorAll(".mono");
    clickId.textContent = `click ${click.id}`;
    taskId.textContent = `settle_likes ${click.task}`;
    if (!list.children.length) panel.open = !narrow.matches;
    list.prepend(item);
    while (list.children.length > MAX_CLICKS) list.lastElementChild.remove();
    document.getElementById("journey-total").textContent = ms(at.shown);
    panel.hidden = dismiss.hidden = narrow.matches && sessionStorage.getItem("journey") === "dismissed";
  });
})();
