// The canvas: puts what the server drew at its place, pans, zooms, walks along the lines with the arrow keys, shows the whole in
// small. It reads the page again after every swap and keeps only pan, zoom and focus. canvas_edit.js adds what changes a draft.
import { onLoad } from "./overlays.js";

const MIN = 0.2;
const MAX = 2;
const READABLE = 0.62;
const STEP = 1.2; // one press of a zoom button
const EDGE = 56; // free pixels around a card that is brought into sight
const CARD = { w: 264, h: 68 };

export const view = { x: 0, y: 0, k: 1, cv: null, world: null, box: [0, 0, 0, 0] };
let frame = 0;
let fitted = "";
let focused = ""; // id of the card that has, or had, the focus

export const number = (element, name) => Number(element.dataset[name]);
export const canvas = () => (view.cv?.isConnected ? view.cv : null);
export const nodes = () => [...view.world.querySelectorAll(".node")];
export const node = (id) => document.getElementById(`node-${id}`);
export const main = (card) => card?.querySelector("a");
export const size = (card) => ({ w: number(card, "w") || CARD.w, h: number(card, "h") || CARD.h });
export const edges = () => [...view.world.querySelectorAll("path[data-to]")].map(({ dataset: { from, to, port = "main" } }) => ({ from, to, port }));

// ---- everything to its place ----
export function put(element, x = number(element, "x"), y = number(element, "y")) {
  const centred = element.matches(".edge-label, .add") ? " translate(-50%, -50%)" : "";
  element.style.transform = `translate(${x}px, ${y}px)${centred}`;
}

export function arrange() {
  const cv = document.getElementById("canvas");
  view.cv = cv;
  if (!cv) return;
  view.world = cv.querySelector(".world");
  view.box = cv.dataset.box.split(" ").map(Number);
  for (const element of view.world.querySelectorAll("[data-x]")) {
    put(element);
    if (element.dataset.w) {
      element.style.width = `${element.dataset.w}px`;
      element.style.height = `${element.dataset.h}px`;
    }
  }
  rove();
  if (fitted !== location.pathname + cv.dataset.mode) {
    fitted = location.pathname + cv.dataset.mode;
    fit();
  }
  cv.dataset.ready = "";
  draw();
}

function draw() {
  frame = 0;
  if (!canvas()) return;
  view.world.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.k})`;
  const percent = document.querySelector("[data-cv-percent]");
  if (percent) percent.textContent = `${Math.round(view.k * 100)} %`;
  drawMap();
}

export function redraw() {
  frame ||= requestAnimationFrame(draw);
}

export function toWorld(event) {
  const at = view.cv.getBoundingClientRect();
  return { x: (event.clientX - at.left - view.x) / view.k, y: (event.clientY - at.top - view.y) / view.k };
}

// ---- zoom, fit, into sight ----
function zoom(to, px = view.cv.clientWidth / 2, py = view.cv.clientHeight / 2) {
  const k = Math.min(MAX, Math.max(MIN, to));
  view.x = px - ((px - view.x) * k) / view.k;
  view.y = py - ((py - view.y) * k) / view.k;
  view.k = k;
  redraw();
}

export function fit() {
  const { clientWidth: w, clientHeight: h } = view.cv;
  const [left, top, right, bottom] = view.box;
  const head = view.cv.dataset.edit ? 72 : 36; // below the tools of the builder
  const whole = Math.min((w - 56) / (right - left), (h - head - 48) / (bottom - top), 1);
  view.k = Math.max(whole, READABLE);
  const first = nodes()[0];
  const centre = whole < READABLE && first ? middle(first).x : (left + right) / 2; // what is too large shows its beginning
  view.x = w / 2 - centre * view.k;
  view.y = head - top * view.k + Math.max(0, (h - head - 48 - (bottom - top) * view.k) / 2);
  redraw();
}

export function intoSight(card) {
  const { w, h } = size(card);
  const [x, y] = [number(card, "x") * view.k + view.x, number(card, "y") * view.k + view.y];
  const near = (at, length, room, foot) => (at < EDGE ? EDGE - at : at + length > room - foot ? Math.max(room - foot - length - at, EDGE - at) : 0);
  const [dx, dy] = [near(x, w * view.k, view.cv.clientWidth, EDGE), near(y, h * view.k, view.cv.clientHeight, EDGE + 90 * view.k)]; // its "+" too
  if (!dx && !dy) return;
  view.x += dx;
  view.y += dy;
  redraw();
}

document.addEventListener("click", (event) => {
  const what = canvas() && event.target.closest("[data-cv]")?.dataset.cv;
  if (what === "in") zoom(view.k * STEP);
  else if (what === "out") zoom(view.k / STEP);
  else if (what === "full") zoom(1);
  else if (what === "fit") fit();
});

// ---- wheel ----
document.addEventListener("wheel", (event) => {
  const cv = event.target.closest?.("#canvas");
  const zooms = event.ctrlKey || event.metaKey;
  if (!cv || (cv.hasAttribute("data-embed") && !zooms)) return;
  event.preventDefault();
  const at = cv.getBoundingClientRect();
  if (zooms) zoom(view.k * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022)), event.clientX - at.left, event.clientY - at.top);
  else {
    const unit = event.deltaMode ? 18 : 1;
    view.x -= (event.shiftKey ? event.deltaY : event.deltaX) * unit;
    view.y -= (event.shiftKey ? 0 : event.deltaY) * unit;
    redraw();
  }
}, { passive: false });

// ---- pan with one pointer, pinch with two ----
const fingers = new Map();
let pan = null;

function spread() {
  const [one, other] = [...fingers.values()];
  return { d: Math.hypot(one.x - other.x, one.y - other.y), x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}

document.addEventListener("pointerdown", (event) => {
  const cv = event.target.closest?.("#canvas");
  if (!cv || event.button === 2) return;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 2) {
    pan = { pinch: spread(), k: view.k };
    document.dispatchEvent(new Event("canvas-pinch"));
  } else if (event.button === 1 || event.pointerType === "touch" || !event.target.closest(".node, .add")) {
    if (event.target.closest(".port, [data-resize]")) return;
    pan = { x: event.clientX - view.x, y: event.clientY - view.y };
    if (event.button === 1) event.preventDefault();
    cv.classList.add("is-panning");
  }
});
document.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId)) return;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (!pan || !canvas()) return;
  if (pan.pinch) {
    if (fingers.size < 2) return;
    const [now, at] = [spread(), view.cv.getBoundingClientRect()];
    zoom((pan.k * now.d) / pan.pinch.d, now.x - at.left, now.y - at.top);
  } else {
    view.x = event.clientX - pan.x;
    view.y = event.clientY - pan.y;
    redraw();
  }
});
for (const type of ["pointerup", "pointercancel"]) {
  document.addEventListener(type, (event) => {
    if (!fingers.delete(event.pointerId)) return;
    pan = null;
    view.cv?.classList.remove("is-panning");
  });
}
export function stopPan() {
  pan = null;
  view.cv?.classList.remove("is-panning");
}
document.addEventListener("dragstart", (event) => event.target.closest?.("#canvas") && event.preventDefault());

// ---- one card is in the order of Tab; the arrows walk along the lines ----
function rove() {
  const cards = nodes();
  const chosen = cards.find((card) => card.dataset.id === focused) ?? cards.find((card) => card.querySelector(".is-selected")) ?? cards[0];
  for (const card of cards) {
    const link = main(card);
    if (link) link.tabIndex = card === chosen ? 0 : -1;
    card.querySelector(".step-menu")?.setAttribute("tabindex", card === chosen ? "0" : "-1");
  }
}

document.addEventListener("focusin", (event) => {
  const card = event.target.closest?.("#canvas .node");
  if (!card) return;
  focused = card.dataset.id;
  rove();
  if (event.target.matches(":focus-visible")) intoSight(card);
  view.cv.scrollTo(0, 0); // the browser's own way of bringing it into sight
});

export function focusCard(id) {
  const link = main(node(id));
  focused = link ? id : focused;
  rove();
  link?.focus({ preventScroll: true });
  return Boolean(link);
}

// Along a line where there is one, else the next card that way; what lies in the same row, or column, counts as nearer.
export function neighbour(card, key) {
  const across = key === "ArrowLeft" || key === "ArrowRight";
  const sign = key === "ArrowDown" || key === "ArrowRight" ? 1 : -1;
  const [ahead, aside] = across ? ["x", "y"] : ["y", "x"];
  const here = middle(card);
  const from = (other) => ({ by: sign * (middle(other)[ahead] - here[ahead]), off: Math.abs(middle(other)[aside] - here[aside]) });
  const [near, far] = sign > 0 ? ["from", "to"] : ["to", "from"];
  const along = across ? [] : edges().filter((edge) => edge[near] === card.dataset.id).map((edge) => node(edge[far])).filter(Boolean);
  const found = along.length ? along : nodes().filter((other) => other !== card && from(other).by > 20 && from(other).off <= from(other).by * 1.5);
  const cost = (other) => Math.abs(from(other).by) + from(other).off * (along.length ? 1.1 : 4);
  return found.sort((one, other) => cost(one) - cost(other))[0];
}

function middle(card) {
  return { x: number(card, "x") + size(card).w / 2, y: number(card, "y") + size(card).h / 2 };
}

const TYPING = "input, textarea, select, [contenteditable=true], dialog, .cm-editor";
document.addEventListener("keydown", (event) => {
  if (!canvas() || event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.(TYPING)) return;
  if (document.querySelector("dialog:modal, [popover]:popover-open")) return;
  const card = event.target.closest?.("#canvas .node");
  if (event.key.startsWith("Arrow") && card) {
    const next = neighbour(card, event.key);
    if (next) focusCard(next.dataset.id);
    if (next) intoSight(next);
  } else if (document.body.dataset.keys === "off") return;
  else if (event.key === "-") zoom(view.k / STEP);
  else if (event.key === "=") zoom(view.k * STEP);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
});

// ---- the whole in small, only when part of it is out of sight ----
function drawMap() {
  const map = document.querySelector(".minimap");
  if (!map) return;
  const { clientWidth: w, clientHeight: h } = view.cv;
  const [left, top, right, bottom] = view.box;
  const seen = { x: -view.x / view.k, y: -view.y / view.k, w: w / view.k, h: h / view.k };
  map.hidden = w < 720 || (seen.x <= left && seen.y <= top && seen.x + seen.w >= right && seen.y + seen.h >= bottom - 72);
  if (map.hidden) return;
  const [x0, y0] = [Math.min(left, seen.x), Math.min(top, seen.y)];
  const scale = Math.min(map.width / (Math.max(right, seen.x + seen.w) - x0), map.height / (Math.max(bottom, seen.y + seen.h) - y0));
  const pen = map.getContext("2d");
  const colours = getComputedStyle(map);
  pen.clearRect(0, 0, map.width, map.height);
  pen.fillStyle = colours.color;
  for (const card of nodes()) pen.fillRect((number(card, "x") - x0) * scale, (number(card, "y") - y0) * scale, size(card).w * scale, Math.max(3, size(card).h * scale));
  pen.strokeStyle = colours.outlineColor;
  pen.lineWidth = 3;
  pen.strokeRect((seen.x - x0) * scale + 2, (seen.y - y0) * scale + 2, seen.w * scale - 4, seen.h * scale - 4);
  map.dataset.at = `${x0} ${y0} ${scale}`;
}

function jump(event) {
  const map = event.target.closest?.(".minimap");
  if (!map || !event.buttons) return;
  const [x0, y0, scale] = map.dataset.at.split(" ").map(Number);
  const by = (map.width / map.clientWidth) / scale;
  view.x = view.cv.clientWidth / 2 - (x0 + event.offsetX * by) * view.k;
  view.y = view.cv.clientHeight / 2 - (y0 + event.offsetY * by) * view.k;
  redraw();
}
document.addEventListener("pointerdown", jump);
document.addEventListener("pointermove", jump);

// ---- the view somebody chooses comes back to this very page ----
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-view-switch]")) event.target.elements.next.value = location.pathname + location.search;
});

addEventListener("resize", redraw);
document.addEventListener("htmx:afterSwap", arrange);
document.addEventListener("htmx:oobAfterSwap", arrange);
onLoad((root) => root === document && arrange());
