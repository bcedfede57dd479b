/* Where a click went, as bars on one time axis: clicked and shown by this machine's clock, the rest by the server's.
   The server's part is placed in the middle of what is left, as if both ways over the network took equally long. */
(() => {
  const STAGES = ["accepted", "queued", "started", "stored", "pushed", "shown"];
  const MOST = 5;
  const panel = document.getElementById("journey");
  if (!panel) return;
  panel.hidden = matchMedia("(width < 60rem)").matches; // there it floats over the posts, so not before it has something
  const list = document.getElementById("journey-clicks");
  const words = {};
  panel.querySelectorAll("dt").forEach((term) => { words[term.dataset.stage] = term.textContent; });
  const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
  const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

  function times(click) { // milliseconds after the click
    const total = click.shown - click.clicked;
    const server = (click.pushed - click.accepted) * 1000;
    const start = Math.max(0, (total - server) / 2);
    const at = (stage) => start + Math.max(0, (click[stage] - click.accepted) * 1000);
    return { accepted: start, queued: at("asked"), started: at("started"), stored: at("stored"), pushed: at("pushed"), shown: total };
  }

  function bar(stage, from, to, total) {
    const item = copy("journey-stage"), [name, line, took] = item.children;
    name.textContent = words[stage];
    line.style.setProperty("--from", `${(100 * from) / total}%`);
    line.style.setProperty("--took", `${(100 * (to - from)) / total}%`);
    took.textContent = ms(to - from);
    item.dataset.stage = stage;
    return item;
  }

  document.addEventListener("journey", ({ detail: click }) => {
    const at = times(click), item = copy("journey-click"), [head, stages, task] = item.children;
    const clicked = new Date(performance.timeOrigin + click.clicked).toLocaleTimeString(document.documentElement.lang);
    head.textContent = `${words[click.liked ? "liked" : "unliked"]}, ${clicked} · ${ms(at.shown)}`;
    let from = 0;
    for (const stage of STAGES) {
      const to = Math.min(Math.max(from, at[stage]), at.shown);
      stages.append(bar(stage, from, to, at.shown));
      from = to;
    }
    task.textContent = `settle_likes ${click.task}`;
    list.prepend(item);
    while (list.children.length > MOST) list.lastElementChild.remove();
    document.getElementById("journey-total").textContent = ms(at.shown);
    panel.hidden = false;
  });
})();
