/**
 * Long lists of a form are narrowed as one types. Without it they are long, and whole.
 */
for (const box of document.querySelectorAll("[data-narrows]")) {
  const list = document.getElementById(box.getAttribute("data-narrows") ?? "");
  const input = box.querySelector("input");
  if (!list || !input || !(box instanceof HTMLElement)) continue;
  box.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLocaleLowerCase();
    for (const row of list.children) {
      const name = row.querySelector("label")?.textContent?.trim().toLocaleLowerCase() ?? "";
      /** @type {HTMLElement} */ (row).hidden = !name.includes(wanted);
    }
  });
  // Enter looks, it does not send.
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}
