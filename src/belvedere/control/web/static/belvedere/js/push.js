/**
 * Pushes to this browser. Asked for by a tap alone: a browser that is asked at once is told no, and for good.
 *
 * A page that offers it has `data-push-key` with the server's public key, and a hidden button `data-push-subscribe`.
 */
const ADDRESS = "/api/v1/push-subscriptions";
const LOOKED = "belvedere.push-looked";

/** Whether this browser could be pushed to, here and now. */
export function isPushPossible() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window && Notification.permission !== "denied";
}

/** @param {string} text  base64url */
function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/**
 * Whether a subscription was made with this key: with another one the server cannot push to it.
 * @param {PushSubscription} subscription
 * @param {Uint8Array} key
 */
function isMadeWith(subscription, key) {
  const its = subscription.options.applicationServerKey;
  return its !== null && String(new Uint8Array(its)) === String(key);
}

/**
 * Ask, subscribe, and tell the server. Call it from a tap. Rejects with the words to show.
 * @param {string} publicKey  the server's, base64url
 * @param {boolean} [discreet]  whether what is pushed names nothing
 */
export async function subscribe(publicKey, discreet = false) {
  if ((await Notification.requestPermission()) !== "granted") throw new Error("denied");
  const registration = await navigator.serviceWorker.ready;
  const key = bytes(publicKey);
  let subscription = await registration.pushManager.getSubscription();
  if (subscription && !isMadeWith(subscription, key)) {
    await subscription.unsubscribe();
    subscription = null;
  }
  subscription ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = subscription.toJSON();
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  const answer = await fetch(ADDRESS, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify({ endpoint, keys, discreet }),
  });
  if (answer.ok) return;
  // Nobody would push to it: better none than one that stays silent.
  await subscription.unsubscribe();
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? String(answer.status));
}

/**
 * Once for each time the app is opened: if the server has a new key, go over to it. Nobody is asked: whoever is signed in
 * here said yes in this browser before, with the old one.
 */
export async function renewPush() {
  if (!isPushPossible() || Notification.permission !== "granted" || sessionStorage.getItem(LOOKED)) return;
  const registration = await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.getSubscription();
  if (!subscription) return;
  const answer = await fetch(ADDRESS, { credentials: "same-origin" });
  if (!answer.ok) return;
  sessionStorage.setItem(LOOKED, "yes");
  const { key, items } = await answer.json();
  const own = items.find((/** @type {{ is_this: boolean }} */ item) => item.is_this);
  if (own && !isMadeWith(subscription, bytes(key))) await subscribe(key, own.discreet);
}

/**
 * Show the button where it can do something, and let it.
 * @param {ParentNode} root
 */
export function armPush(root) {
  const key = root.querySelector("[data-push-key]")?.getAttribute("data-push-key");
  const button = root.querySelector("[data-push-subscribe]");
  if (!key || !(button instanceof HTMLButtonElement) || !isPushPossible()) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await subscribe(key);
      location.reload();
    } catch (error) {
      const words = document.querySelector("template[data-push-refused]");
      if (!(words instanceof HTMLTemplateElement)) return;
      button.after(words.content.cloneNode(true));
      const reason = root.querySelector("[data-push-reason]");
      if (reason && error instanceof Error && error.message !== "denied") reason.textContent = error.message;
      button.disabled = false;
    }
  });
}
