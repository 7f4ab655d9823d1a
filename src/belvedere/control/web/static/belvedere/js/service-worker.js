/**
 * The worker of the installed app. It keeps files whose name holds their hash, and nothing else: no page, no picture,
 * nothing that is somebody's. It says so when there is no connection, and shows what is pushed.
 *
 * The server puts one line before this: `self.BELVEDERE = {version, files, offline, words, icon, badge}`.
 */

/**
 * @typedef {object} Given
 * @property {string} version  changes with every file of ours
 * @property {string[]} files  what the offline page is drawn with
 * @property {string} offline  the offline page
 * @property {{title: string, body: string}} words  what is said when a push cannot be read
 * @property {string} icon
 * @property {string} badge
 */

const worker = /** @type {any} */ (self);
const given = /** @type {Given} */ (worker.BELVEDERE);
const CACHE = `files-${given.version}`;
/** As the server names what may be kept for ever. */
const HASHED = /^\/static\/.+\.[0-9a-f]{12}\.[a-z0-9]+$/;
/** What the front door answers while the server is away. */
const AWAY = [502, 504];

/** @param {string} address */
const isKept = (address) => {
  const url = new URL(address, worker.location.origin);
  return url.origin === worker.location.origin && HASHED.test(url.pathname) && !url.search;
};

/**
 * From the cache, or from the server and kept.
 * @param {Request | string} request
 */
async function file(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  // What was led elsewhere, or is no whole file, is not what its name says.
  if (answer.status === 200 && answer.type === "basic" && !answer.redirected) await cache.put(request, answer.clone());
  return answer;
}

function offline() {
  return new Response(given.offline, {
    status: 503,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** @param {Request} request */
async function page(request) {
  try {
    const answer = await fetch(request);
    return AWAY.includes(answer.status) ? offline() : answer;
  } catch {
    return offline();
  }
}

worker.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(Promise.all(given.files.filter(isKept).map(file)));
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
    await worker.clients.claim();
  };
  event.waitUntil(tidy());
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || request.headers.has("Range")) return;
  if (isKept(request.url)) event.respondWith(file(request));
  else if (request.mode === "navigate") event.respondWith(page(request));
});

// The page asks for it, once its reader agreed: a new version never changes what somebody is looking at.
worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data === "take-over") worker.skipWaiting();
});

/**
 * An address of ours, or "" for any other.
 * @param {unknown} address
 */
function ours(address) {
  if (typeof address !== "string" || !address) return "";
  try {
    const url = new URL(address, worker.location.origin);
    return url.origin === worker.location.origin ? url.href : "";
  } catch {
    return "";
  }
}

/** @param {any} data */
function read(data) {
  try {
    const said = data.json();
    return said && typeof said === "object" ? said : {};
  } catch {
    return {};
  }
}

/** What was shown is taken back: it was seen elsewhere, or is not for this reader any more. @param {string} tag */
async function takeBack(tag) {
  for (const shown of await worker.registration.getNotifications({ tag })) shown.close();
}

worker.addEventListener("push", (/** @type {any} */ event) => {
  const said = read(event.data);
  if (typeof said.close === "string" && said.close) {
    event.waitUntil(takeBack(said.close));
    return;
  }
  const at = Date.parse(said.at);
  event.waitUntil(
    worker.registration.showNotification(typeof said.title === "string" && said.title ? said.title : given.words.title, {
      body: typeof said.body === "string" && said.title ? said.body : given.words.body,
      // The next of its kind takes its place, and is heard all the same.
      tag: typeof said.tag === "string" ? said.tag : "",
      renotify: Boolean(said.tag),
      icon: given.icon,
      badge: given.badge,
      // Fetched with the sign-in of this browser, and decided again then.
      image: ours(said.picture) || undefined,
      timestamp: Number.isNaN(at) ? Date.now() : at,
      data: { url: ours(said.url) || worker.location.origin },
    }),
  );
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  const lead = async () => {
    const url = ours(event.notification.data?.url) || worker.location.origin;
    const [open] = await worker.clients.matchAll({ type: "window" });
    if (!open) return worker.clients.openWindow(url);
    await open.focus();
    // One that is not under this worker cannot be led.
    return open.navigate(url).catch(() => worker.clients.openWindow(url));
  };
  event.waitUntil(lead());
});
