/**
 * The camera page: the player, and the words of the Access panel that changed.
 */

import "belvedere/live-view";

// The panel is fetched again every few seconds. Only what changed is read out, once.
const said = document.getElementById("access-news");
let last = panelWords();

function panelWords() {
  return document.querySelector("[data-watching-words]")?.getAttribute("data-watching-words") ?? "";
}

document.addEventListener("htmx:afterSettle", () => {
  const now = panelWords();
  if (now === last || !said) return;
  last = now;
  said.textContent = now;
});

// Access ended: the server has the whole story, and no picture in it. The player has gone black before this.
document.addEventListener("ended", (event) => {
  if (event.target instanceof Element && event.target.closest(".camera-picture")) {
    setTimeout(() => location.reload(), 2500);
  }
});

// The chip beside the name is as old as the page. While the player knows better, only the player speaks.
document.addEventListener("statechange", (event) => {
  const chip = document.querySelector(".camera-head .chip");
  const state = /** @type {CustomEvent} */ (event).detail.state;
  if (chip instanceof HTMLElement && (state === "live" || state === "offline" || state === "ended")) {
    chip.hidden = (state === "live") === chip.hasAttribute("data-offline") || state === "ended";
  }
});
