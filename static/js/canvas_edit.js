// Changing a draft on the canvas by click and by key: commands, menus, the clipboard. Every change is an event `flow:edit`, sent one
// after the other; what the server refuses goes back to its place, with its words as a message. Dragging is in canvas_drag.js,
// fetched when somebody first moves a pointer here.
import { arrange, canvas, edges, focusCard, intoSight, main, node, nodes, number, put, size, view } from "./canvas.js";
import { toast } from "./overlays.js";

const GRID = 8;
const TYPING = "input, textarea, select, [contenteditable=true], dialog, .cm-editor";

const base = () => view.cv.dataset.edit.replace(/edit\/$/, "");
const bare = (id) => id.replace("trigger:", "");
const openKey = () => document.querySelector("#panel [data-open-part]")?.dataset.openPart ?? "";
export const editable = () => Boolean(canvas()?.dataset.edit);
export const isTrigger = (card) => card.dataset.id.startsWith("trigger:");
export const isNote = (card) => card.classList.contains("is-note");
export const isFree = () => view.cv.dataset.mode === "free";
export const snap = (value) => Math.round(value / GRID) * GRID;
export const show = (path) => htmx.ajax("GET", base() + path, { target: "#dialog", swap: "innerHTML" });

// ---- commands, in order ----
let queue = Promise.resolve();

export function send(command, args = {}) {
  view.cv.dispatchEvent(new CustomEvent("flow:edit", { bubbles: true, detail: { command, args } }));
  return queue;
}

document.addEventListener("flow:edit", ({ detail: { command, args } }) => {
  queue = queue.catch(() => {}).then(async () => {
    if (!editable()) return;
    await htmx.ajax("POST", view.cv.dataset.edit, { source: view.cv, target: "#outline", swap: "morph:outerHTML", values: { command, ...args } });
    arrange();
  });
});

// Every command says which draft it was meant for, also those of menus and dialogs.
document.addEventListener("htmx:configRequest", ({ detail: { verb, path, parameters } }) => {
  const version = document.getElementById("outline")?.dataset.version;
  if (verb === "post" && version && /\/workflows\/[^/]+\/edit\/(\?|$)/.test(path)) parameters.version = version;
});

export function place(cards, sizes = {}) {
  const spot = (card) => [number(card, "x"), number(card, "y"), ...(sizes[card.dataset.id] ?? [])];
  send("place", { places: JSON.stringify(Object.fromEntries(cards.map((card) => [card.dataset.id, spot(card)]))) });
}

// ---- which cards are meant: several chosen by Shift and click, else the one with the focus, else the open one ----
export const chosen = new Set();

function mark() {
  for (const card of nodes()) card.classList.toggle("is-chosen", chosen.has(card.dataset.id));
}
export function unchoose() {
  const had = chosen.size > 0 || document.querySelector(".cut") !== null;
  chosen.clear();
  mark();
  document.querySelector(".cut")?.remove();
  document.querySelector("#canvas path.is-chosen")?.classList.remove("is-chosen");
  return had;
}
function current() {
  const card = document.activeElement?.closest?.("#canvas .node") ?? document.querySelector("#canvas .is-selected")?.closest(".node");
  return card && !card.querySelector(".start-step") ? card : null;
}
function meant() {
  if (chosen.size) return [...chosen].filter((id) => node(id));
  return current() ? [current().dataset.id] : [];
}

document.addEventListener("click", (event) => {
  const card = editable() && event.shiftKey && event.target.closest("#canvas .node");
  if (!card) return;
  event.preventDefault();
  event.stopPropagation();
  if (!chosen.delete(card.dataset.id)) chosen.add(card.dataset.id);
  mark();
}, true);

document.addEventListener("click", (event) => {
  const add = event.target.closest("#canvas .add");
  if (!add || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  htmx.ajax("GET", add.href, { source: add, target: "#dialog", swap: "innerHTML" });
});

// ---- menus: one for all cards ----
let subject = null;

document.addEventListener("click", (event) => {
  const dots = event.target.closest("#canvas .step-menu");
  if (!dots) return;
  subject = dots.closest(".node");
  const kind = isNote(subject) ? "note" : isTrigger(subject) ? "trigger" : "step";
  for (const item of document.querySelectorAll("#step-menu [data-deed]")) {
    const { not = "", only = kind } = item.dataset;
    item.hidden = not.split(" ").includes(kind) || only !== kind;
  }
  document.querySelector("#step-menu [data-toggle-word]").textContent = subject.querySelector(".is-off") ? "Switch on" : "Switch off";
}, true);

document.addEventListener("contextmenu", (event) => {
  const dots = event.target.closest?.("#canvas .node")?.querySelector(".step-menu");
  if (!dots || event.shiftKey) return;
  event.preventDefault();
  dots.click();
});

document.addEventListener("click", (event) => {
  const deed = editable() && event.target.closest("[data-deed]")?.dataset.deed;
  if (deed) deeds[deed](subject);
});

const middleOfSight = () => ({ x: snap((view.cv.clientWidth / 2 - view.x) / view.k - 116), y: snap((view.cv.clientHeight / 2 - view.y) / view.k - 64) });
const grow = (card, by) => place([card], { [card.dataset.id]: [number(card, "w") * by, number(card, "h") * by] });

const deeds = {
  open: (card) => main(card).click(),
  rename: (card) => htmx.ajax("GET", main(card).href, { target: "#panel", swap: "innerHTML" }).then(() => {
    const box = document.querySelector("#panel [data-rename]");
    if (box) box.open = true;
  }),
  duplicate: (card) => send("duplicate", { key: card.dataset.id }),
  copy: (card) => copySteps(chosen.has(card.dataset.id) ? [...chosen] : [card.dataset.id]),
  toggle: (card) => send("toggle", { key: bare(card.dataset.id), ...(isTrigger(card) && { what: "trigger" }), ...(openKey() === bare(card.dataset.id) && { stay: openKey() }) }),
  move: (card) => show(`steps/${card.dataset.id}/move/`),
  connect: (card) => show(`steps/${card.dataset.id}/connect/`),
  paste: (card) => show(`paste/?at=${card.dataset.id}`),
  larger: (card) => grow(card, 1.25),
  smaller: (card) => grow(card, 0.8),
  delete: (card) => remove([card.dataset.id]),
  note: () => send("insert", { type: "note", ...middleOfSight() }),
  "paste-here": () => show("paste/"),
  "copy-all": () => copySteps([]),
  tidy: () => send("tidy"),
};

async function remove(ids) {
  const next = edges().find((line) => ids.includes(line.to) && !ids.includes(line.from))?.from ?? "";
  for (const id of ids) await send(isTrigger(node(id)) ? "delete_trigger" : "delete", { key: bare(id), ...(openKey() !== bare(id) && { stay: openKey() }) });
  chosen.clear();
  if (document.activeElement === document.body) focusCard(next);
}

// ---- the clipboard: steps as document text; a dialog with the text where the browser gives no access ----
async function copySteps(ids) {
  const keys = ids.filter((id) => !id.includes(":")).join(",");
  if (ids.length && !keys) return toast("Triggers are not copied. Choose steps.", { tone: "warn" });
  const text = fetch(`${base()}copy/?as=text&keys=${keys}`).then((answer) => (answer.ok ? answer.blob() : Promise.reject(new Error(answer.statusText))));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then((blob) => new Blob([blob], { type: "text/plain" })) })]);
    return toast("Copied. Paste with Ctrl V, here or in another workflow.");
  } catch {
    return show(`copy/?keys=${keys}`);
  }
}

document.addEventListener("paste", (event) => {
  if (!editable() || event.target.closest?.(TYPING) || document.querySelector("dialog:modal")) return;
  const text = event.clipboardData.getData("text/plain");
  if (!text.trim()) return;
  event.preventDefault();
  const card = current();
  send("paste", { text, ...(card && !isNote(card) ? { at: isTrigger(card) ? "start" : card.dataset.id } : middleOfSight()) });
});

// ---- keys ----
let nudging = 0;

// The way to place a card without a pointer: by steps of the grid, sent when the keys rest.
function nudge(card, key) {
  const [dx, dy] = { ArrowLeft: [-GRID, 0], ArrowRight: [GRID, 0], ArrowUp: [0, -GRID], ArrowDown: [0, GRID] }[key];
  card.dataset.x = snap(number(card, "x") + dx);
  card.dataset.y = snap(number(card, "y") + dy);
  put(card);
  clearTimeout(nudging);
  nudging = setTimeout(() => place([card]), 500);
}

// Of a step with several branches the first one without a step is meant; the id of its "+" ends with the step behind it.
function addAfter(card) {
  const own = card ? [...view.world.querySelectorAll(".add")].filter((add) => add.id.startsWith(`add-${bare(card.dataset.id)}-`)) : [];
  (own.find((add) => add.id.endsWith("-")) ?? own[0] ?? view.world.querySelector(".add"))?.click();
}

function withControl(key, card) {
  if (key === "c") return meant().length && !String(getSelection()) && (() => copySteps(meant()));
  if (key === "a") return () => { for (const other of nodes()) chosen.add(other.dataset.id); mark(); };
  return key === "d" && card && !isTrigger(card) && (() => deeds.duplicate(card));
}

function pressed(event) {
  const card = current();
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) return withControl(key, card);
  if (event.altKey) return null;
  if (event.shiftKey && key.startsWith("arrow")) return card && (isFree() || isNote(card)) && (() => nudge(card, event.key));
  if (key === "delete" || key === "backspace") return meant().length && (() => remove(meant()));
  if (key === "f2") return card && (() => deeds.rename(card));
  if (key === "escape") return unchoose() && (() => {});
  if (document.body.dataset.keys === "off") return null;
  const deed = { m: "move", c: "connect" }[key];
  if (deed) return card && !isNote(card) && !isTrigger(card) && (() => deeds[deed](card));
  return (key === "a" || key === "+") && (() => addAfter(card));
}

document.addEventListener("keydown", (event) => {
  if (!editable() || event.isComposing || event.target.closest?.(TYPING) || document.querySelector("dialog:modal, [popover]:popover-open")) return;
  if (event.target !== document.body && !event.target.closest?.("#outline")) return;
  const deed = pressed(event);
  if (!deed) return;
  event.preventDefault();
  event.stopPropagation();
  deed();
}, true);

// ---- after a swap: chosen cards stay chosen, the open one is in sight, the focus is not lost ----
function settled(event) {
  if (!editable()) return;
  mark();
  const open = document.querySelector("#canvas .is-selected")?.closest(".node");
  if (open && event.detail.target?.id !== "outline") requestAnimationFrame(() => canvas() && intoSight(open));
}
document.addEventListener("htmx:afterSwap", settled);
document.addEventListener("htmx:oobAfterSwap", settled);

let lastOpen = "";
document.addEventListener("steps-changed", () => setTimeout(() => {
  if (!editable()) return;
  const open = document.querySelector("#canvas .is-selected")?.closest(".node")?.dataset.id ?? "";
  const at = document.activeElement;
  if (open && (at === document.body || (open !== lastOpen && at.closest("#canvas")))) focusCard(open);
  lastOpen = open;
}, 60)); // once the dialog has given the focus back

document.addEventListener("focusin", (event) => event.target.matches?.("[data-select-all]") && event.target.select());

// ---- dragging, once there is a pointer ----
let dragging = null;
function withPointer(event) {
  if (!editable() || !event.target.closest?.("#outline, .flow-list")) return;
  dragging ??= import(view.cv.dataset.drag); // an address from the page: it imports this module, and files cannot name each other
  dragging.then((module) => module[{ pointerdown: "down", click: "click" }[event.type]]?.(event));
}
for (const type of ["pointerover", "pointerdown", "click"]) document.addEventListener(type, withPointer);
