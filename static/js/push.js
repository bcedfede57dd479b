/* "Enable push on this device": requests the permission after that click and never before, and sends the server the
   subscription. */
(() => {
  const TIMEOUT = 20_000; // ms
  const box = document.getElementById("push");
  const { key, connect, worker } = box.dataset;
  const parts = [...box.querySelectorAll("[data-when]")];
  const part = (name) => parts.find((element) => element.dataset.when === name);
  const show = (name) => parts.forEach((element) => { element.hidden = element.dataset.when !== name; });

  function fail(sentence) {
    show("ready");
    part("failed").textContent = sentence || part("failed").dataset.default;
    part("failed").hidden = false;
  }

  async function currentSubscription() {
    const registration = await navigator.serviceWorker.getRegistration();
    return registration?.pushManager.getSubscription();
  }

  async function start() {
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return show("unable");
    if (Notification.permission === "denied") return show("denied");
    const subscription = await currentSubscription(), isListed = box.querySelector("[data-here]");
    if (subscription && isListed) return;
    await subscription?.unsubscribe(); // the server does not have it
    show("ready");
  }

  async function subscribe() {
    await navigator.serviceWorker.register(worker);
    const { pushManager } = await navigator.serviceWorker.ready;
    const timeout = new Promise((_, reject) => setTimeout(reject, TIMEOUT)); // Chrome without a network never answers
    return Promise.race([pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), timeout]);
  }

  async function enable() {
    const permission = await Notification.requestPermission();
    if (permission !== "granted") return show(permission === "denied" ? "denied" : "ready");
    const { endpoint, keys } = (await subscribe()).toJSON();
    const body = new URLSearchParams({ endpoint, ...keys });
    const response = await fetch(connect, { method: "POST", body, signal: AbortSignal.timeout(TIMEOUT) });
    if (response.ok) return location.reload();
    fail(response.headers.get("Content-Type")?.startsWith("text/plain") && await response.text());
  }

  part("ready").addEventListener("click", async ({ currentTarget: button }) => {
    button.disabled = true;
    await enable().catch(() => fail());
    button.disabled = false;
  });
  start().catch(() => show("unable"));
})();
