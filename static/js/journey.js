/* Where a click went, as bars on one time axis: clicked and shown by this computer's clock, the rest by the server's.
   The server's part is placed in the middle of what is left, as if both ways over the network took equally long. */
(() => {
  const STAGES = ["accepted", "enqueued", "started", "stored", "broadcast", "shown"];
  const MAX_CLICKS = 5;
  const panel = document.getElementById("journey");
  if (!panel) return;
  panel.hidden = matchMedia("(width < 60rem)").matches; // there it covers posts, so it appears with the first click
  const list = document.getElementById("journey-clicks");
  const labels = {};
  panel.querySelectorAll("dt").forEach((term) => { labels[term.dataset.stage] = term.textContent; });
  const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
  const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

  function times(click) { // milliseconds after the click at which each stage ended
    const total = click.shown - click.clicked;
    const start = Math.max(0, (total - (click.broadcast - click.accepted) * 1000) / 2);
    const at = (stage) => start + Math.max(0, (click[stage] - click.accepted) * 1000);
    return { ...Object.fromEntries(STAGES.map((stage) => [stage, at(stage)])), shown: total };
  }

  function bar(stage, from, to, total) {
    const item = copy("journey-stage"), [label, line, duration] = item.children;
    label.textContent = labels[stage];
    line.style.setProperty("--from", `${(100 * from) / total}%`);
    line.style.setProperty("--width", `${(100 * (to - from)) / total}%`);
    duration.textContent = ms(to - from);
    item.dataset.stage = stage;
    return item;
  }

  document.addEventListener("journey", ({ detail: click }) => {
    const at = times(click), item = copy("journey-click"), [title, stages, task] = item.children;
    const clicked = new Date(performance.timeOrigin + click.clicked).toLocaleTimeString(document.documentElement.lang);
    title.textContent = `${labels[click.liked ? "liked" : "unliked"]}, ${clicked} · ${ms(at.shown)}`;
    let from = 0;
    for (const stage of STAGES) {
      const to = Math.min(Math.max(from, at[stage]), at.shown);
      stages.append(bar(stage, from, to, at.shown));
      from = to;
    }
    task.textContent = `settle_likes ${click.task}`;
    list.prepend(item);
    while (list.children.length > MAX_CLICKS) list.lastElementChild.remove();
    document.getElementById("journey-total").textContent = ms(at.shown);
    panel.hidden = false;
  });
})();
