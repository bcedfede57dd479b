/* Keyboard shortcuts of the inbox. Each presses a button or follows a link of the page. */
(() => {
  const dialog = document.getElementById("keys"), on = document.getElementById("keys-on");
  const find = (selector, within = document) => within.querySelector(selector);
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const current = () => document.activeElement?.closest("[data-row]");

  function reply() { // on the page of a message, or of the message with the focus
    const textarea = find("#reply textarea"), row = current();
    if (textarea) textarea.focus();
    else if (row) location.assign(`${find("a", row).href}#id_text`);
  }

  function move(step) {
    const all = rows(), at = all.indexOf(current());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    find("a", next)?.focus();
  }

  function press(key) { // the button of the row with the focus, else the page's own
    const row = key === "z" ? null : current();
    if (!row && rows().length && key !== "z") return;
    if (row) keep(row);
    find(`[data-key="${key}"]`, row ?? document)?.click();
  }

  function keep(row) { // the focus stays in the list when its row goes
    const all = rows(), next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1];
    const settled = () => {
      if (row.isConnected) return; // this was the answer to an earlier request
      document.removeEventListener("htmx:after:settle", settled);
      if (document.activeElement === document.body) find("a", (next && document.getElementById(next.id)) ?? rows()[0])?.focus();
    };
    document.addEventListener("htmx:after:settle", settled);
  }

  const KEYS = {
    j: () => move(1), k: () => move(-1),
    r: reply,
    e: press, s: press, u: press, z: press,
    i: () => find("#back")?.click(),
    "/": () => find("#q")?.focus(),
    "?": () => dialog.open ? dialog.close() : dialog.showModal(),
  };

  // The box in the dialog is no text field, and it has the focus until the next frame after the dialog was closed.
  const typing = (field) => field.matches("input, textarea, select") && !dialog.contains(field);

  document.addEventListener("keydown", (event) => {
    const work = KEYS[event.key];
    if (!work || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || (!on.checked && event.key !== "?")) return;
    if (dialog.open && event.key !== "?") return;
    event.preventDefault();
    work(event.key);
  });

  on.checked = localStorage.getItem("keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("keys", on.checked ? "on" : "off"));
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", KEYS["?"]);
  }
})();
