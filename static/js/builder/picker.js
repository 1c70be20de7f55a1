// The data picker: puts an expression into the field one was in last, by click or by dragging.
import { boxOf } from "./editing.js";
import { editors } from "./editors.js";

let target = null;
const shownOf = (box) => editors.get(box)?.host ?? box;

function mark(box) {
  for (const one of document.querySelectorAll("#panel .is-target")) one.classList.remove("is-target");
  target = box;
}
document.addEventListener("focusin", (event) => {
  const box = boxOf(event.target);
  if (box) mark(box);
});
document.addEventListener("focusout", (event) => { // so that one sees where a click in the picker will put it
  const box = boxOf(event.target);
  if (box && box === target && event.relatedTarget?.closest("#picker, .inline-picker")) shownOf(box).classList.add("is-target");
});

function field() {
  if (target?.isConnected) return target;
  return document.querySelector("#panel [data-data]");
}

// Inside {{ }} only the inner part is put in; a function goes around the cursor.
export function insert(box, text, isFunction) {
  if (editors.has(box)) return editors.get(box).insert(text, isFunction);
  const start = box.selectionStart ?? box.value.length;
  const end = box.selectionEnd ?? start;
  const before = box.value.slice(0, start);
  const inside = before.lastIndexOf("{{") > before.lastIndexOf("}}");
  const bare = text.replace(/^\{\{\s*|\s*\}\}$/g, "");
  const put = inside ? bare : isFunction ? `{{ ${bare} }}` : text;
  box.setRangeText(put, start, end, "end");
  if (isFunction) {
    const at = start + put.indexOf("(") + 1;
    box.setSelectionRange(at, at);
  }
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const item = event.target.closest("[data-insert]");
  if (!item) return;
  const box = field();
  if (box) insert(box, item.dataset.insert, "function" in item.dataset);
});

// ---- "insert data": beside the panel where there is room, else under the field ----
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-insert-for]");
  if (!link) return;
  event.preventDefault();
  const named = document.getElementById(link.dataset.insertFor);
  const box = named?.matches("[data-data]") ? named : link.closest(".field").querySelector("[data-data]"); // instead of a choice
  box?.closest("details")?.setAttribute("open", "");
  box?.focus();
  if (document.getElementById("picker")?.checkVisibility()) {
    if (box) shownOf(box).classList.add("is-target");
    return;
  }
  const slot = link.closest(".field").querySelector(":scope > .inline-picker");
  const isOpen = slot.childElementCount > 0;
  for (const other of document.querySelectorAll(".inline-picker")) other.replaceChildren();
  if (isOpen) return;
  const url = `${link.getAttribute("href")}?inline=${encodeURIComponent(link.dataset.insertFor)}`;
  htmx.ajax("GET", url, { target: slot, swap: "innerHTML" }).then(() => slot.scrollIntoView({ block: "nearest" }));
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-picker]")) event.target.closest(".inline-picker")?.replaceChildren();
});

// ---- dragging from the tree to a field ----
document.addEventListener("pointerdown", (event) => {
  const item = event.target.closest("[data-insert]");
  if (item) item.draggable = true;
});
document.addEventListener("dragstart", (event) => {
  const item = event.target.closest?.("[data-insert]");
  if (item) event.dataTransfer.setData("text/x-expression", item.dataset.insert);
});
document.addEventListener("dragover", (event) => {
  const box = event.target.closest?.("[data-data]");
  if (!box || !event.dataTransfer.types.includes("text/x-expression")) return;
  event.preventDefault();
  box.classList.add("is-drop");
});
document.addEventListener("dragleave", (event) => event.target.classList?.remove("is-drop"));
document.addEventListener("drop", (event) => {
  const box = event.target.closest?.("[data-data]");
  const text = event.dataTransfer.getData("text/x-expression");
  if (!box || !text) return;
  event.preventDefault();
  box.classList.remove("is-drop");
  mark(box);
  insert(box, text, false);
});
