/**
 * The installed app: its worker, the offer to install it, and the word that there is a new version. Where a browser
 * has no workers, or the page is not encrypted, everything else goes on without.
 */
import { armPush, renewPush } from "belvedere/push";

/** @param {ServiceWorkerRegistration} registration */
function offerNewVersion(registration) {
  const template = document.querySelector("template[data-new-version]");
  const { waiting } = registration;
  if (!(template instanceof HTMLTemplateElement) || !waiting || document.querySelector("[data-reload]")) return;
  document.querySelector(".toasts")?.append(template.content.cloneNode(true));
  document.querySelector("[data-later]")?.addEventListener("click", (event) => {
    /** @type {Element} */ (event.currentTarget).closest(".toast")?.remove();
  });
  document.querySelector("[data-reload]")?.addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    waiting.postMessage("take-over");
  });
}

async function register() {
  const registration = await navigator.serviceWorker.register("/service-worker.js", { scope: "/", updateViaCache: "none" });
  // The first one has nothing before it that could be newer.
  if (registration.waiting && navigator.serviceWorker.controller) offerNewVersion(registration);
  registration.addEventListener("updatefound", () => {
    const { installing } = registration;
    installing?.addEventListener("statechange", () => {
      if (installing.state === "installed" && navigator.serviceWorker.controller) offerNewVersion(registration);
    });
  });
  // An app on a phone is seldom opened anew: it comes back. That is the time to ask.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") registration.update().catch(() => {});
  });
}

function offerToInstall() {
  const button = document.querySelector("[data-install]");
  if (!(button instanceof HTMLElement)) return;
  /** @type {any} */
  let offered = null;
  let wasTaken = false;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offered = event;
    button.hidden = wasTaken; // whoever said no is not offered it again on this page
  });
  button.addEventListener("click", () => {
    wasTaken = button.hidden = true;
    offered?.prompt();
  });
  addEventListener("appinstalled", () => { button.hidden = true; });
  // Safari on a phone never asks; it says by this that it could, and is not yet.
  const hint = document.querySelector("[data-install-by-hand]");
  if (hint instanceof HTMLElement && "standalone" in navigator && navigator.standalone === false && navigator.maxTouchPoints > 1) hint.hidden = false;
}

offerToInstall();
if ("serviceWorker" in navigator) {
  register().catch(() => {}); // without storage there is none: private windows
  armPush(document);
  renewPush().catch(() => {}); // the next time it is opened
}
