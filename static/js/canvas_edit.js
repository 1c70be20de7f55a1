// Changing a draft on the canvas: dragging, linking, menus, keys, the clipboard. Every change is a command to the server (event
// flow:edit), sent one after the other; what it refuses goes back to its place, with its words as a message.
import { arrange, canvas, edges, focusCard, intoSight, main, node, nodes, number, put, size, stopPan, toWorld, view } from "./canvas.js";
import { toast } from "./overlays.js";

const GRID = 8;
const FAR = 5; // pixels a pointer moves before it drags
const NEAR = 190; // pixels from a "+" that still reach it
const HOLD_MS = 350; // a finger stays this long on a card before it drags it
const TRIGGER = "trigger:";
const TYPING = "input, textarea, select, [contenteditable=true], dialog, .cm-editor";

const base = () => view.cv.dataset.edit.replace(/edit\/$/, "");
const editable = () => Boolean(canvas()?.dataset.edit);
const bare = (id) => id.replace(TRIGGER, "");
const isTrigger = (id) => id.startsWith(TRIGGER);
const isNote = (card) => card.classList.contains("is-note");
const isFree = () => view.cv.dataset.mode === "free";
const snap = (value) => Math.round(value / GRID) * GRID;
const show = (path) => htmx.ajax("GET", base() + path, { target: "#dialog", swap: "innerHTML" });

// ---- commands, in order ----
let queue = Promise.resolve();

function send(command, args = {}) {
  view.cv.dispatchEvent(new CustomEvent("flow:edit", { bubbles: true, detail: { command, args } }));
  return queue;
}

document.addEventListener("flow:edit", (event) => {
  const { command, args } = event.detail;
  queue = queue.catch(() => {}).then(async () => {
    if (!editable()) return;
    await htmx.ajax("POST", view.cv.dataset.edit, { source: view.cv, target: "#outline", swap: "morph:outerHTML", values: { command, ...args } });
    arrange();
  });
});

// Every command says which draft it was meant for, also those of menus and dialogs.
document.addEventListener("htmx:configRequest", (event) => {
  const { verb, path, parameters } = event.detail;
  const version = document.getElementById("outline")?.dataset.version;
  if (verb === "post" && /\/workflows\/[^/]+\/edit\/(\?|$)/.test(path) && version) parameters.version = version;
});

// ---- which cards are chosen: the one with the focus, the open one, or several by Shift and click ----
const chosen = new Set();

function choose(id) {
  if (!chosen.delete(id)) chosen.add(id);
  mark();
}
function mark() {
  for (const card of nodes()) card.classList.toggle("is-chosen", chosen.has(card.dataset.id));
}
function unchoose() {
  const had = chosen.size > 0 || Boolean(document.querySelector(".cut"));
  chosen.clear();
  mark();
  cut(null);
  return had;
}
function current() {
  const focused = document.activeElement?.closest?.("#canvas .node");
  return focused ?? document.querySelector("#canvas .is-selected")?.closest(".node") ?? null;
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
  choose(card.dataset.id);
}, true);

// ---- places: the "+" that is nearest, and what it stands for ----
function place(add) {
  return Object.fromEntries(new URL(add.href).searchParams);
}

function nearest(event, without = "") {
  const at = view.cv.getBoundingClientRect();
  if (event.clientX < at.left || event.clientX > at.right || event.clientY < at.top || event.clientY > at.bottom) return null;
  const here = toWorld(event);
  let best = null;
  let least = NEAR / view.k;
  for (const add of view.world.querySelectorAll(".add")) {
    const away = Math.hypot(number(add, "x") - here.x, number(add, "y") - here.y);
    if (away < least && !(without && add.id.split("-").includes(without))) [best, least] = [add, away];
  }
  return best;
}

function light(add) {
  for (const other of document.querySelectorAll("#canvas .add.is-target")) if (other !== add) other.classList.remove("is-target");
  add?.classList.add("is-target");
}

document.addEventListener("click", (event) => {
  const add = event.target.closest("#canvas .add");
  if (!add || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  htmx.ajax("GET", add.href, { source: add, target: "#dialog", swap: "innerHTML" });
});

// ---- dragging: one thing at a time; Escape, or a second finger, lets it go ----
let drag = null;

function ghostOf(element, event) {
  const ghost = element.cloneNode(true);
  const at = element.getBoundingClientRect();
  for (const one of [ghost, ...ghost.querySelectorAll("[id]")]) one.removeAttribute("id");
  ghost.className += " drag-ghost";
  ghost.setAttribute("aria-hidden", "true");
  ghost.style.width = `${element.offsetWidth}px`;
  ghost.dataset.dx = event.clientX - at.left;
  ghost.dataset.dy = event.clientY - at.top;
  document.body.append(ghost);
  return ghost;
}

function begin(kind, event, more) {
  drag = { kind, id: event.pointerId, x: event.clientX, y: event.clientY, moved: false, ...more };
}

function end() {
  if (!drag) return;
  clearTimeout(drag.timer);
  drag.ghost?.remove();
  drag.line?.remove();
  light(null);
  document.body.classList.remove("is-dragging");
  for (const card of document.querySelectorAll("#canvas .can, #canvas .cannot, #canvas .is-dragged")) card.classList.remove("can", "cannot", "is-dragged");
  drag = null;
}

document.addEventListener("pointerdown", (event) => {
  if (event.button || !editable() || event.shiftKey || drag) return;
  const port = event.target.closest(".port-out, .port-error");
  const card = event.target.closest("#canvas .node");
  const offer = event.target.closest(".flow-list .palette-item, .flow-list .fold-item");
  if (port) begin("link", event, { card, port: port.dataset.port });
  else if (event.target.closest("[data-resize]")) begin("size", event, { card });
  else if (offer) begin("offer", event, { offer });
  else if (card && !event.target.closest(".step-menu") && !card.querySelector(".start-step")) begin("card", event, { card, held: event.pointerType !== "touch" });
  else return;
  if (drag.held === false) drag.timer = setTimeout(() => { if (drag) { drag.held = true; stopPan(); start(event); } }, HOLD_MS);
});

function start(event) {
  drag.moved = true;
  document.body.classList.add("is-dragging");
  if (drag.kind === "offer") drag.ghost = ghostOf(drag.offer, event);
  if (drag.kind === "link") startLink();
  if (drag.kind !== "card") return;
  const ids = chosen.has(drag.card.dataset.id) ? [...chosen] : [drag.card.dataset.id];
  drag.cards = ids.map(node).filter(Boolean);
  if (isFree() || isNote(drag.card)) for (const card of drag.cards) card.classList.add("is-dragged");
  else drag.ghost = ghostOf(drag.card.querySelector(".step"), event);
}

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  if (!drag.moved) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
    if (drag.held === false || (drag.kind === "offer" && event.pointerType === "touch")) return end();
    start(event);
  }
  event.preventDefault();
  if (drag.ghost) {
    drag.ghost.style.transform = `translate(${event.clientX - drag.ghost.dataset.dx}px, ${event.clientY - drag.ghost.dataset.dy}px)`;
    light((drag.add = nearest(event, drag.kind === "card" ? drag.card.dataset.id : "")));
  } else if (drag.kind === "card") moveCards(event);
  else if (drag.kind === "size") resize(event);
  else moveLink(event);
});

function finish(event) {
  const done = drag;
  const put = { offer: dropOffer, card: dropCard, size: dropSize, link: dropLink }[done.kind];
  const under = document.elementFromPoint(event.clientX, event.clientY);
  end();
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, true));
  put(done, event, under);
}
function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("pointerup", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  if (drag.moved) finish(event);
  else end();
});
document.addEventListener("pointercancel", (event) => drag?.id === event.pointerId && cancel());
document.addEventListener("canvas-pinch", () => drag && cancel());
document.addEventListener("dragstart", (event) => event.target.closest?.(".flow-list") && event.preventDefault());

function cancel() {
  end();
  arrange();
}

// ---- from the step list ----
const PLACE = ["source", "port", "target", "before", "after", "beside", "csrfmiddlewaretoken", "command"];

function dropOffer({ offer, add }, event, under) {
  const free = isFree() && under?.closest("#canvas") && toWorld(event);
  if (!add && !free) return;
  const at = add ? place(add) : { loose: "1", x: snap(free.x - 132), y: snap(free.y - 34) };
  if (offer.form) {
    const values = Object.fromEntries([...new FormData(offer.form)].filter(([name]) => !PLACE.includes(name)));
    send("insert", { ...values, ...at });
  } else if (offer.href) {
    const app = new URL(offer.href).searchParams.get("app") ?? "";
    show(`add/?${new URLSearchParams({ ...(add ? at : {}), app })}`);
  }
}

// ---- cards ----
function moveCards(event) {
  const [dx, dy] = [(event.clientX - drag.x) / view.k, (event.clientY - drag.y) / view.k];
  for (const card of drag.cards) put(card, snap(number(card, "x") + dx), snap(number(card, "y") + dy));
  follow(drag.cards, dx, dy);
}

// Lines of a free-form canvas while their cards move: the same curves as lines.py draws.
function follow(cards, dx, dy) {
  const moving = new Set(cards.map((card) => card.dataset.id));
  const spot = (id) => {
    const card = node(id);
    const by = moving.has(id) ? [dx, dy] : [0, 0];
    return { x: snapped(card, "x", by[0]), y: snapped(card, "y", by[1]), ...size(card) };
  };
  const snapped = (card, name, by) => (by ? snap(number(card, name) + by) : number(card, name));
  for (const path of view.world.querySelectorAll("path[data-to]")) {
    const { from, to, port } = path.dataset;
    if (moving.has(from) || moving.has(to)) path.setAttribute("d", curve(spot(from), spot(to), port === "error"));
  }
}

function curve(from, to, side) {
  const [x1, y1] = side ? [from.x + from.w, from.y + from.h / 2] : [from.x + from.w / 2, from.y + from.h];
  const [x2, y2] = [to.x + to.w / 2, to.y];
  const reach = Math.max(40, Math.floor(Math.abs(y2 - y1) / 2));
  return side ? `M${x1} ${y1}C${x1 + 60} ${y1} ${x2} ${y2 - 60} ${x2} ${y2}` : `M${x1} ${y1}C${x1} ${y1 + reach} ${x2} ${y2 - reach} ${x2} ${y2}`;
}

function dropCard({ card, cards, add, x, y }, event) {
  if (isFree() || isNote(card)) {
    const [dx, dy] = [(event.clientX - x) / view.k, (event.clientY - y) / view.k];
    return moveTo(cards, dx, dy);
  }
  if (isTrigger(card.dataset.id)) toast("Triggers stay at the start. Choose Free-form to place cards by hand.", { tone: "warn" });
  else if (add) send("move", { key: card.dataset.id, stay: openKey(), ...place(add) });
}

function moveTo(cards, dx, dy) {
  const places = {};
  for (const card of cards) {
    card.dataset.x = snap(number(card, "x") + dx);
    card.dataset.y = snap(number(card, "y") + dy);
    places[card.dataset.id] = [number(card, "x"), number(card, "y")];
    put(card);
  }
  send("place", { places: JSON.stringify(places) });
}

const openKey = () => document.querySelector("#panel [data-open-part]")?.dataset.openPart ?? "";

// ---- notes ----
function resize(event) {
  const [w, h] = grown(drag.card, event, drag);
  drag.card.style.width = `${w}px`;
  drag.card.style.height = `${h}px`;
}
function grown(card, event, from) {
  return [number(card, "w") + (event.clientX - from.x) / view.k, number(card, "h") + (event.clientY - from.y) / view.k].map((side) => Math.max(96, snap(side)));
}
function dropSize(done, event) {
  setSize(done.card, ...grown(done.card, event, done));
}
function setSize(card, w, h) {
  send("place", { places: JSON.stringify({ [card.dataset.id]: [number(card, "x"), number(card, "y"), w, h] }) });
}

// ---- links: cards that may be led to stand out, the others fade; what is wrong the server says ----
function startLink() {
  drag.line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drag.line.setAttribute("class", "is-drawn");
  view.world.querySelector("svg").append(drag.line);
  const lines = edges();
  for (const card of nodes()) card.classList.add(mayLead(drag.card, drag.port, card, lines) ? "can" : "cannot");
}

function mayLead(from, port, card, lines) {
  const [source, target] = [from.dataset.id, card.dataset.id];
  if (target === source || isNote(card) || /^(trigger|start):/.test(target)) return false;
  if (lines.some((line) => line.from === source && line.to === target && (line.port === port || port !== "*"))) return false;
  if (reaches(target, source, lines)) return false;
  const inside = port === "each" ? source : from.dataset.loop ?? "";
  const isLoose = !lines.some((line) => line.to === target);
  const own = card.dataset.loop ?? "";
  return isLoose || own === inside || (port === "*" && own === source);
}

function reaches(from, to, lines) {
  const seen = new Set([from]);
  for (const id of seen) for (const line of lines) if (line.from === id) seen.add(line.to);
  return seen.has(to);
}

function moveLink(event) {
  const here = toWorld(event);
  const from = { x: number(drag.card, "x"), y: number(drag.card, "y"), ...size(drag.card) };
  drag.line.setAttribute("d", curve(from, { x: here.x, y: here.y, w: 0, h: 0 }, drag.port === "error"));
}

function dropLink({ card, port }, event, under) {
  const goal = under?.closest?.("#canvas .node");
  if (!goal && !under?.closest?.("#canvas")) return;
  const source = card.dataset.id;
  const lead = (chosenPort) => {
    if (goal) return send("link", { source, port: chosenPort, target: goal.dataset.id, stay: openKey() });
    const isTaken = edges().some((line) => line.from === source && line.port === chosenPort);
    return show(`add/?${new URLSearchParams({ source: isTrigger(source) ? "" : source, port: chosenPort, ...(isTaken ? { beside: "1" } : {}) })}`);
  };
  if (port === "*" && goal !== card) setTimeout(() => askPort(card, event, lead)); // not while the pointer that opens it still goes up
  else lead(port === "*" ? "main" : port);
}

function askPort(card, event, lead) {
  const menu = document.getElementById("port-menu");
  menu.replaceChildren(...JSON.parse(card.dataset.ports).map(([port, words]) => {
    const item = document.createElement("button");
    Object.assign(item, { type: "button", className: "menu-item", textContent: words });
    item.addEventListener("click", () => lead(port));
    return item;
  }));
  menu.showPopover();
  menu.style.left = `${Math.min(event.clientX, innerWidth - menu.offsetWidth - 8)}px`;
  menu.style.top = `${Math.min(event.clientY, innerHeight - menu.offsetHeight - 8)}px`;
  menu.firstElementChild.focus();
}

// ---- a line that is clicked can be cut ----
function cut(path, at) {
  document.querySelector(".cut")?.remove();
  for (const other of document.querySelectorAll("#canvas path.is-chosen")) other.classList.remove("is-chosen");
  if (!path) return;
  path.classList.add("is-chosen");
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "cut", textContent: "\u00d7", title: "Disconnect" });
  button.setAttribute("aria-label", "Disconnect this line");
  view.world.append(button);
  put(button, at.x - 14, at.y - 14);
  const { from, to, port = "main" } = path.dataset;
  button.addEventListener("click", () => send("unlink", { source: from, port, target: to, stay: openKey() }).then(() => cut(null)));
  button.focus({ preventScroll: true });
}

function lineAt(at) {
  const point = new DOMPoint(at.x, at.y);
  return [...view.world.querySelectorAll("path[data-to]")].find((path) => {
    path.style.strokeWidth = 16 / view.k;
    const hit = path.isPointInStroke(point);
    path.style.strokeWidth = "";
    return hit;
  });
}

document.addEventListener("click", (event) => {
  if (!editable() || event.target.closest(".cut, .node, .add") || !event.target.closest("#canvas")) return;
  const at = toWorld(event);
  unchoose();
  cut(lineAt(at), at);
});

// ---- menus ----
let subject = null;

document.addEventListener("click", (event) => {
  const dots = event.target.closest("#canvas .step-menu");
  if (!dots) return;
  subject = dots.closest(".node");
  const kind = isNote(subject) ? "note" : isTrigger(subject.dataset.id) ? "trigger" : "step";
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

const deeds = {
  open: (card) => main(card).click(),
  rename: (card) => rename(card),
  duplicate: (card) => send("duplicate", { key: card.dataset.id }),
  copy: (card) => copySteps(chosen.has(card.dataset.id) ? [...chosen] : [card.dataset.id]),
  toggle: (card) => send("toggle", { key: bare(card.dataset.id), stay: openKey(), ...(isTrigger(card.dataset.id) ? { what: "trigger" } : {}) }),
  move: (card) => show(`steps/${card.dataset.id}/move/`),
  connect: (card) => show(`steps/${card.dataset.id}/connect/`),
  paste: (card) => show(`paste/?at=${card.dataset.id}`),
  larger: (card) => setSize(card, number(card, "w") * 1.25, number(card, "h") * 1.25),
  smaller: (card) => setSize(card, number(card, "w") / 1.25, number(card, "h") / 1.25),
  delete: (card) => remove([card.dataset.id]),
  note: () => send("insert", { type: "note", ...middleOfSight() }),
  "paste-here": () => show("paste/"),
  "copy-all": () => copySteps([]),
  tidy: () => send("tidy"),
};

function rename(card) {
  htmx.ajax("GET", main(card).href, { target: "#panel", swap: "innerHTML" }).then(() => {
    const box = document.querySelector("#panel [data-rename]");
    if (box) box.open = true;
  });
}

async function remove(ids) {
  const next = edges().find((line) => ids.includes(line.to) && !ids.includes(line.from))?.from ?? "";
  for (const id of ids) await send(isTrigger(id) ? "delete_trigger" : "delete", { key: bare(id) });
  chosen.clear();
  if (document.activeElement === document.body) focusCard(next);
}

// ---- the clipboard: steps as document text ----
async function copySteps(ids) {
  const keys = ids.filter((id) => !isTrigger(id)).join(",");
  if (ids.length && !keys) return toast("Triggers are not copied. Choose steps.", { tone: "warn" });
  const text = fetch(`${base()}copy/?as=text&keys=${keys}`).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error("refused"))));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then((words) => new Blob([words], { type: "text/plain" })) })]);
    toast(ids.length === 1 ? "Copied. Paste it with Ctrl V, here or in another workflow." : "Copied. Paste them with Ctrl V, here or in another workflow.");
  } catch {
    show(`copy/?keys=${keys}`);
  }
  return undefined;
}

document.addEventListener("paste", (event) => {
  if (!editable() || event.target.closest?.(TYPING) || document.querySelector("dialog:modal")) return;
  const text = event.clipboardData.getData("text/plain");
  if (!text.trim()) return;
  event.preventDefault();
  const card = current();
  const at = card && !isNote(card) && !card.id.includes("start:") ? (isTrigger(card.dataset.id) ? "start" : card.dataset.id) : "";
  send("paste", { text, ...(at ? { at } : middleOfSight()) });
});

// ---- keys ----
let nudge = null;

function nudged(card, key) {
  const [dx, dy] = { ArrowLeft: [-GRID, 0], ArrowRight: [GRID, 0], ArrowUp: [0, -GRID], ArrowDown: [0, GRID] }[key];
  card.dataset.x = number(card, "x") + dx;
  card.dataset.y = number(card, "y") + dy;
  put(card);
  follow([card], 0, 0);
  clearTimeout(nudge);
  nudge = setTimeout(() => moveTo([card], 0, 0), 500);
}

function pressed(event) {
  const card = current();
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  const one = card && !card.querySelector(".start-step") ? card : null;
  const isStep = one && !isNote(one) && !isTrigger(one.dataset.id);
  if (control && key === "c") return meant().length && !String(getSelection()) && (() => copySteps(meant()));
  if (control && key === "a") return () => { for (const other of nodes()) chosen.add(other.dataset.id); mark(); };
  if (control && key === "d") return one && !isTrigger(one.dataset.id) && (() => deeds.duplicate(one));
  if (control || event.altKey) return null;
  if (event.shiftKey && event.key.startsWith("Arrow")) return one && (isFree() || isNote(one)) && (() => nudged(one, event.key));
  if (event.key === "Delete" || event.key === "Backspace") return meant().length && (() => remove(meant()));
  if (event.key === "F2") return one && (() => rename(one));
  if (event.key === "Escape") return (drag && cancel) || (unchoose() && (() => {}));
  if (document.body.dataset.keys === "off") return null;
  if (key === "m" || key === "c") return isStep && (() => deeds[key === "m" ? "move" : "connect"](one));
  if (key === "a" || key === "+") return () => addAfter(one);
  return null;
}

function addAfter(card) {
  const own = card && [...view.world.querySelectorAll(".add")].find((add) => add.id.startsWith(`add-${bare(card.dataset.id)}-`));
  (own ?? view.world.querySelector(".add"))?.click();
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
function after(event) {
  if (!editable()) return;
  mark();
  const open = document.querySelector("#canvas .is-selected")?.closest(".node");
  if (open && event.detail.target?.id !== "outline") requestAnimationFrame(() => canvas() && intoSight(open));
}
document.addEventListener("htmx:afterSwap", after);
document.addEventListener("htmx:oobAfterSwap", after);
let lastOpen = "";
document.addEventListener("steps-changed", () => setTimeout(() => {
  if (!editable()) return;
  const open = document.querySelector("#canvas .is-selected")?.closest(".node")?.dataset.id ?? "";
  const isHere = document.activeElement === document.body || document.activeElement.closest("#canvas");
  if (open && isHere && (open !== lastOpen || document.activeElement === document.body)) focusCard(open);
  lastOpen = open;
}, 60)); // once the dialog has given the focus back

// ---- text to copy is marked at once ----
document.addEventListener("focusin", (event) => event.target.matches?.("[data-select-all]") && event.target.select());
