/* The service worker: shows what the site tells this browser while no page of it is open. It keeps nothing, and no
   request of a page goes through it. */
const ICON = "/static/icon.png", LIST = "/notifications/", CONNECT = "/notifications/browsers/";

addEventListener("install", () => skipWaiting());

addEventListener("push", (event) => {
  const { title = "Redheart", body = "", tag = "redheart", url = LIST, page = LIST } = told(event.data);
  event.waitUntil(registration.showNotification(title, { body, tag, icon: ICON, data: { url, page } }));
});

function told(data) { // a push that shows nothing would cost the permission
  try { return data.json(); } catch { return {}; }
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(follow(event.notification.data));
});

async function follow({ url, page }) {
  const tabs = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find((each) => new URL(each.url).pathname === page);
  if (!tab) return clients.openWindow(url);
  return Promise.all([tab.focus(), fetch(url, { redirect: "manual" })]); // following it marks it as read
}

addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function renew({ oldSubscription, newSubscription }) { // the push service has given this browser another address
  const subscription = newSubscription ?? (oldSubscription && await registration.pushManager.subscribe(oldSubscription.options));
  if (!subscription) return;
  const { endpoint, keys } = subscription.toJSON();
  await fetch(CONNECT, { method: "POST", body: new URLSearchParams({ endpoint, ...keys }) });
}
