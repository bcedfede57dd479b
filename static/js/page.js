/* Small things of every page: menus close, the first wrong field has the focus, links can be shared. */
(() => {
  const MENU = "details.menu";
  const openMenus = () => document.querySelectorAll(`${MENU}[open]`);

  function closeMenus(except) {
    for (const menu of openMenus()) if (menu !== except) menu.open = false;
  }

  document.addEventListener("click", ({ target }) => {
    closeMenus(target.closest("[data-close]") ? null : target.closest(MENU));
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    const menu = document.activeElement.closest(`${MENU}[open]`);
    closeMenus();
    menu?.querySelector("summary").focus();
  });

  const focusFirstError = (root) => root.querySelector("[aria-invalid=true]")?.focus();
  document.addEventListener("DOMContentLoaded", () => focusFirstError(document));

  async function share({ share: path, copied }) {
    const url = new URL(path, location).href;
    if (navigator.share) return navigator.share({ title: document.title, url });
    await navigator.clipboard.writeText(url);
    document.dispatchEvent(new CustomEvent("say", { detail: copied }));
  }

  function showShare() { // without a secure context there is neither a share sheet nor a clipboard
    if (!navigator.share && !navigator.clipboard) return;
    for (const button of document.querySelectorAll("[data-share]")) button.hidden = false;
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-share]");
    if (button) share(button.dataset).catch(() => {}); // the visitor has closed the share sheet, or forbids the clipboard
  });
  document.addEventListener("DOMContentLoaded", showShare);
  document.addEventListener("htmx:after:settle", showShare);
})();
