/* The service worker: shows push messages, also while no page of the site is open. It caches nothing, and no request of
   a page goes through it. */
const ICON = "/static/icon.png", LIST = "/notifications/", CONNECT = "/notifications/browsers/";

addEventListener("install", () => skipWaiting());

addEventListener("push", (event) => {
  const { title = "Redheart", body = "", tag = "redheart", url = LIST, page = LIST } = parse(event.data);
  event.waitUntil(registration.showNotification(title, { body, tag, icon: ICON, data: { url, page } }));
});

function parse(data) { // a push message must show something, or the browser takes the permission away
  try { return data.json(); } catch { return {}; }
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(follow(event.notification.data));
});

async function follow({ url, page }) {
  const tabs = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find((client) => new URL(client.url).pathname === page);
  if (!tab) return clients.openWindow(url);
  return Promise.all([tab.focus(), fetch(url, { redirect: "manual" })]); // this request marks the notification as read
}

addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function renew({ oldSubscription, newSubscription }) { // the push service has changed the address of this browser
  const subscribe = ({ options }) => registration.pushManager.subscribe(options);
  const subscription = newSubscription ?? (oldSubscription && await subscribe(oldSubscription));
  if (!subscription) return;
  const { endpoint, keys } = subscription.toJSON();
  await fetch(CONNECT, { method: "POST", body: new URLSearchParams({ endpoint, ...keys }) });
}
