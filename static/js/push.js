/* "Enable push on this device": asks for permission after that click and never before, and brings the server its push
   address. */
(() => {
  const PATIENCE = 20_000; // ms
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

  async function held() { // what this browser has subscribed to
    const registration = await navigator.serviceWorker.getRegistration();
    return registration?.pushManager.getSubscription();
  }

  async function start() {
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return show("unable");
    if (Notification.permission === "denied") return show("denied");
    const subscription = await held(), here = box.querySelector("[data-here]");
    if (subscription && here) return;
    await subscription?.unsubscribe(); // the server has forgotten it, or had never heard of it
    show("ready");
  }

  async function subscribe() {
    await navigator.serviceWorker.register(worker);
    const { pushManager } = await navigator.serviceWorker.ready;
    const late = new Promise((_, refuse) => setTimeout(refuse, PATIENCE)); // Chrome without a network waits for ever
    return Promise.race([pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), late]);
  }

  async function tell() {
    const permission = await Notification.requestPermission();
    if (permission !== "granted") return show(permission === "denied" ? "denied" : "ready");
    const { endpoint, keys } = (await subscribe()).toJSON();
    const response = await fetch(connect, { method: "POST", body: new URLSearchParams({ endpoint, ...keys }), signal: AbortSignal.timeout(PATIENCE) });
    if (response.ok) return location.reload();
    fail(response.headers.get("Content-Type")?.startsWith("text/plain") && await response.text());
  }

  part("ready").addEventListener("click", async ({ currentTarget: button }) => {
    button.disabled = true;
    await tell().catch(() => fail());
    button.disabled = false;
  });
  start().catch(() => show("unable"));
})();
