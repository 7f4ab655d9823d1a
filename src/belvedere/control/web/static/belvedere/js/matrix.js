/**
 * The matrix of shares: arrow keys go from cell to cell, and a cell is changed in a dialog above it.
 *
 * Without it every cell is a link to its own page. One cell at a time is in the order of Tab (roving tabindex); Enter
 * opens it, and on an empty one begins a share of that camera with that person.
 */

const table = /** @type {HTMLTableElement | null} */ (document.querySelector("table.matrix"));
const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("cell-dialog"));
/** The cell whose dialog is open. @type {HTMLTableCellElement | null} */
let changed = null;

/** @param {Element} root */
function arm(root) {
  for (const link of root.querySelectorAll("td a.cell")) link.setAttribute("tabindex", "-1");
}

/** @param {HTMLTableCellElement} cell */
function focusOn(cell) {
  table?.querySelector('td[tabindex="0"]')?.removeAttribute("tabindex");
  cell.tabIndex = 0;
  cell.focus();
}

/** @param {HTMLTableCellElement} cell @param {string} key */
function neighbour(cell, key) {
  const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
  const step = document.dir === "rtl" ? -1 : 1;
  const column = cell.cellIndex;
  const body = /** @type {HTMLTableSectionElement} */ (row.parentElement);
  const rows = [...body.rows].filter((each) => !each.matches(".matrix-more, .matrix-section"));
  const at = rows.indexOf(row);
  /** @type {Record<string, () => Element | undefined>} */
  const ways = {
    ArrowRight: () => row.cells[column + step],
    ArrowLeft: () => row.cells[column - step],
    ArrowDown: () => rows[at + 1]?.cells[column],
    ArrowUp: () => rows[at - 1]?.cells[column],
    Home: () => row.cells[1],
    End: () => row.cells[row.cells.length - 1],
    PageDown: () => rows[Math.min(at + 10, rows.length - 1)]?.cells[column],
    PageUp: () => rows[Math.max(at - 10, 0)]?.cells[column],
  };
  const found = ways[key]?.();
  return found instanceof HTMLTableCellElement && found.tagName === "TD" ? found : null;
}

/** @param {HTMLTableCellElement} cell */
async function open(cell) {
  const link = cell.querySelector("a.cell");
  if (!link) {
    if (!cell.textContent?.trim()) share(cell);
    return;
  }
  // What stands on a page of its own, as a guest link does, is changed there.
  if (link.hasAttribute("data-page")) return location.assign(/** @type {HTMLAnchorElement} */ (link).href);
  changed = cell;
  await /** @type {any} */ (window).htmx.ajax("GET", link.getAttribute("href"), { target: dialog, swap: "innerHTML" });
  if (!dialog.open) dialog.showModal();
}

/** Begin a share of that camera or panel with that person. @param {HTMLTableCellElement} cell */
function share(cell) {
  const head = table?.tHead?.rows[0].cells[cell.cellIndex];
  const row = /** @type {HTMLElement} */ (cell.parentElement);
  const to = row.dataset.to ?? head?.dataset.to;
  const camera = row.dataset.camera ?? head?.dataset.camera;
  const panel = row.dataset.panel ?? head?.dataset.panel;
  if (to && panel) location.assign(`${panel}?${new URLSearchParams({ to })}`);
  if (!table || !to || !camera) return;
  location.assign(`${table.dataset.shareUrl}?${new URLSearchParams({ step: "permissions", to, camera })}`);
}

if (table) {
  arm(table);
  const first = table.tBodies[0].querySelector("td");
  if (first) first.tabIndex = 0;
  table.addEventListener("htmx:load", () => arm(table));
  table.addEventListener("keydown", (event) => {
    const cell = event.target instanceof Element ? /** @type {HTMLTableCellElement | null} */ (event.target.closest("td")) : null;
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      if (cell.matches(".matrix-more td")) return;
      event.preventDefault();
      open(cell);
      return;
    }
    const next = neighbour(cell, event.key);
    if (!next) return;
    event.preventDefault();
    focusOn(next);
  });
  table.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a.cell") : null;
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey);
    if (!link || !isPlain) return;
    event.preventDefault();
    open(/** @type {HTMLTableCellElement} */ (link.closest("td")));
  });
}

dialog.addEventListener("htmx:beforeSwap", (event) => {
  // A refusal is a sentence in the dialog, whatever its number.
  const detail = /** @type {CustomEvent} */ (event).detail;
  if (detail.xhr.getResponseHeader("content-type")?.startsWith("text/html")) detail.shouldSwap = true;
});
dialog.addEventListener("htmx:afterSwap", () => {
  for (const button of dialog.querySelectorAll("[data-closes]")) {
    /** @type {HTMLElement} */ (button).hidden = false;
    button.addEventListener("click", () => dialog.close());
  }
  const drawn = /** @type {HTMLTemplateElement | null} */ (dialog.querySelector("template[data-cell]"))?.content.querySelector("td");
  if (!drawn || !changed) return;
  const now = /** @type {HTMLTableCellElement} */ (document.importNode(drawn, true));
  changed.replaceWith(now);
  changed = now;
  arm(now);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  if (changed) focusOn(changed);
});
