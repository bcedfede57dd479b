/* Who is signed in may change in another tab, or the session may end. The page is then loaded again; one that holds
   typed text stays, without what belongs to the account. */
(() => {
  const RELOAD_INTERVAL = 30_000; // ms: whatever the server answers, there is no reload loop
  const LEAVING = 10_000; // ms that the response to a form may take
  const TEXT_FIELDS = "textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=password], [type=file])";
  const { account, posted } = document.documentElement.dataset;
  const tabs = new BroadcastChannel("account");
  let submittedAt = -Infinity;

  const hasTypedText = () => posted !== undefined || // the answer to a form: to load it again would send the form again
    [...document.querySelectorAll(TEXT_FIELDS)].some((field) => field.value !== field.defaultValue);

  const isLeaving = () => Date.now() - submittedAt < LEAVING; // to load the page again would cancel the next one

  function reload() { // returns whether the page is being loaded again
    if (hasTypedText() || isLeaving() || Date.now() - sessionStorage.getItem("reloaded") < RELOAD_INTERVAL) return false;
    sessionStorage.setItem("reloaded", Date.now());
    location.reload();
    return true;
  }

  function removePrivate() { // what only the account may see or watch
    for (const element of document.querySelectorAll("[data-private]")) {
      element.removeAttribute("data-topic");
      if (element.closest(".bar")) element.hidden = true;
    }
    const note = document.getElementById("signed-out");
    if (note.hidden) document.dispatchEvent(new CustomEvent("say", { detail: note.textContent }));
    note.hidden = false;
  }

  function accountChanged() {
    if (reload()) return;
    if (account) removePrivate();
    document.dispatchEvent(new Event("live:rejoin"));
  }

  document.addEventListener("submit", (event) => { if (!event.defaultPrevented) submittedAt = Date.now(); });
  document.addEventListener("live:refused", () => { if (!reload() && account) removePrivate(); });
  tabs.onmessage = ({ data }) => {
    if (data === account) return;
    accountChanged();
    setTimeout(reload, RELOAD_INTERVAL); // if it was too soon, or the text has been sent or deleted meanwhile
  };
  if (account !== undefined) tabs.postMessage(account); // an error page does not know the account
})();
