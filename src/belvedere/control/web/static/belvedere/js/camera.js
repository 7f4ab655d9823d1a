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
