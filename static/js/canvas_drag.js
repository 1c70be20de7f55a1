// Dragging on the canvas: steps out of the list onto a "+", cards, the size of notes, lines out of ports; and lines that are cut.
// Each has a way by click or key too: "+", "Move to…", "Connect to…", Shift with the arrows, "Larger".
import { arrange, canvas, edges, node, nodes, number, put, redraw, size, stopPan, toWorld, view } from "./canvas.js";
import { chosen, editable, isFree, isNote, isTrigger, place, send, show, snap, unchoose } from "./canvas_edit.js";
import { toast } from "./overlays.js";

const FAR = 5; // pixels a pointer moves before it drags
const NEAR = 190; // pixels from a "+" that still reach it
const RIM = 36; // pixels from the border of the canvas where it begins to move along
const HOLD_MS = 350; // a finger stays this long on a card before it drags it
let drag = null; // one thing at a time

const addPath = (place) => `add/?${new URLSearchParams(place)}`;

export function down(event) {
  if (event.button || !editable() || event.shiftKey || drag) return;
  const card = event.target.closest("#canvas .node");
  const port = event.target.closest(".port-out, .port-error")?.dataset.port;
  const offer = event.target.closest(".flow-list .palette-item, .flow-list .fold-item");
  const kind = port ? "link" : event.target.closest("[data-resize]") ? "size" : offer ? "offer" : "card";
  if (kind === "card" && (!card || event.target.closest(".step-menu") || card.querySelector(".start-step"))) return;
  const byFinger = event.pointerType === "touch" && (kind === "card" || kind === "offer");
  drag = { kind, card, port, offer, id: event.pointerId, x: event.clientX, y: event.clientY, held: !byFinger, at: event };
  if (byFinger && kind === "card") drag.timer = setTimeout(() => drag && begin(event, (drag.held = true)), HOLD_MS);
}

function begin(event) {
  stopPan();
  drag.moved = true;
  document.body.classList.add("is-dragging");
  document.getSelection()?.empty();
  if (drag.kind === "offer") drag.ghost = ghostOf(drag.offer, event);
  if (drag.kind === "link") beginLink();
  if (drag.kind === "card") {
    const ids = chosen.has(drag.card.dataset.id) ? [...chosen] : [drag.card.dataset.id];
    drag.cards = ids.map(node).filter(Boolean);
    if (isFree() || isNote(drag.card)) for (const card of drag.cards) card.classList.add("is-dragged");
    else drag.ghost = ghostOf(drag.card.querySelector(".step"), event);
  }
  requestAnimationFrame(alongTheRim);
}

function ghostOf(element, event) {
  const ghost = element.cloneNode(true);
  const at = element.getBoundingClientRect();
  for (const one of [ghost, ...ghost.querySelectorAll("[id]")]) one.removeAttribute("id");
  ghost.className += " drag-ghost";
  ghost.setAttribute("aria-hidden", "true");
  ghost.style.width = `${element.offsetWidth}px`;
  Object.assign(ghost.dataset, { dx: event.clientX - at.left, dy: event.clientY - at.top });
  document.body.append(ghost);
  return ghost;
}

function end() {
  clearTimeout(drag?.timer);
  drag?.ghost?.remove();
  drag?.line?.remove();
  light(null);
  document.body.classList.remove("is-dragging");
  for (const card of document.querySelectorAll("#canvas .node")) card.classList.remove("can", "cannot", "is-dragged");
  drag = null;
}

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  drag.at = event;
  if (!drag.moved) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
    if (!drag.held) return end(); // a finger that moves at once pans, or scrolls the list
    begin(event);
  }
  event.preventDefault();
  step(event);
});

function step(event) {
  if (drag.ghost) {
    drag.ghost.style.transform = `translate(${event.clientX - drag.ghost.dataset.dx}px, ${event.clientY - drag.ghost.dataset.dy}px)`;
    light((drag.add = nearest(event, drag.card?.dataset.id)));
  } else ({ card: moveCards, size: resize, link: moveLink })[drag.kind](event);
}

// At the border the canvas moves along, so that what is out of sight can be reached.
function alongTheRim() {
  if (!drag?.moved || !canvas()) return;
  const [at, { clientX: x, clientY: y }] = [view.cv.getBoundingClientRect(), drag.at];
  const push = (low, here, high) => (here < low + RIM ? 8 : here > high - RIM ? -8 : 0);
  const inside = x > at.left - RIM / 3 && x < at.right + RIM && y > at.top - RIM && y < at.bottom + RIM;
  const [dx, dy] = inside ? [push(at.left, x, at.right), push(at.top, y, at.bottom)] : [0, 0];
  if (dx || dy) {
    view.x += dx;
    view.y += dy;
    drag.x += dx;
    drag.y += dy;
    redraw();
    step(drag.at);
  }
  requestAnimationFrame(alongTheRim);
}

document.addEventListener("pointerup", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  const { moved, ...done } = drag;
  const under = moved && document.elementFromPoint(event.clientX, event.clientY);
  end();
  if (!moved) return;
  const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, true));
  ({ offer: dropOffer, card: dropCard, size: dropSize, link: dropLink })[done.kind](done, event, under);
});

function cancel() {
  if (!drag) return;
  end();
  arrange();
}
document.addEventListener("pointercancel", cancel);
document.addEventListener("canvas-pinch", cancel);
document.addEventListener("keydown", (event) => event.key === "Escape" && drag?.moved && (event.stopPropagation(), cancel()), true);
document.addEventListener("dragstart", (event) => event.target.closest?.(".flow-list") && event.preventDefault());

// ---- the nearest "+", and what it stands for ----
const placeOf = (add) => Object.fromEntries(new URL(add.href).searchParams);

function nearest(event, without) {
  const at = view.cv.getBoundingClientRect();
  if (event.clientX < at.left || event.clientX > at.right || event.clientY < at.top || event.clientY > at.bottom) return null;
  const here = toWorld(event);
  let [best, least] = [null, NEAR / view.k];
  for (const add of view.world.querySelectorAll(".add")) {
    const away = Math.hypot(number(add, "x") - here.x, number(add, "y") - here.y);
    if (away < least && !(without && add.id.split("-").includes(without))) [best, least] = [add, away];
  }
  return best;
}

function light(add) {
  document.querySelector("#canvas .add.is-target")?.classList.remove("is-target");
  add?.classList.add("is-target");
}

// ---- out of the step list ----
const NOT_KEPT = ["source", "port", "target", "before", "after", "beside", "csrfmiddlewaretoken", "command"];

function dropOffer({ offer, add }, event, under) {
  const free = isFree() && under?.closest("#canvas") && toWorld(event);
  if (!add && !free) return;
  const at = add ? placeOf(add) : { loose: "1", x: snap(free.x - 132), y: snap(free.y - 34) };
  if (offer.form) {
    const values = [...new FormData(offer.form)].filter(([name]) => !NOT_KEPT.includes(name));
    send("insert", { ...Object.fromEntries(values), ...at });
  } else if (offer.href) show(addPath({ ...(add && at), app: new URL(offer.href).searchParams.get("app") ?? "" }));
}

// ---- cards and notes ----
const offset = (event) => [(event.clientX - drag.x) / view.k, (event.clientY - drag.y) / view.k];

function moveCards(event) {
  const [dx, dy] = offset(event);
  const spots = new Map(nodes().map((card) => [card.dataset.id, { x: number(card, "x"), y: number(card, "y"), ...size(card) }]));
  for (const card of drag.cards) {
    const spot = spots.get(card.dataset.id);
    Object.assign(spot, { x: snap(spot.x + dx), y: snap(spot.y + dy), moved: true });
    put(card, spot.x, spot.y);
  }
  if (!isFree()) return;
  for (const path of view.world.querySelectorAll("path[data-to]")) {
    const [from, to] = [spots.get(path.dataset.from), spots.get(path.dataset.to)];
    if (from.moved || to.moved) path.setAttribute("d", curve(from, to, path.dataset.port === "error"));
  }
}

// The same curve as lines.py draws.
function curve(from, to, side) {
  const [x1, y1] = side ? [from.x + from.w, from.y + from.h / 2] : [from.x + from.w / 2, from.y + from.h];
  const [x2, y2] = [to.x + to.w / 2, to.y];
  const reach = Math.max(40, Math.floor(Math.abs(y2 - y1) / 2));
  return side ? `M${x1} ${y1}C${x1 + 60} ${y1} ${x2} ${y2 - 60} ${x2} ${y2}` : `M${x1} ${y1}C${x1} ${y1 + reach} ${x2} ${y2 - reach} ${x2} ${y2}`;
}

function dropCard({ card, cards, add, x, y }, event) {
  if (isFree() || isNote(card)) {
    for (const one of cards) {
      one.dataset.x = snap(number(one, "x") + (event.clientX - x) / view.k);
      one.dataset.y = snap(number(one, "y") + (event.clientY - y) / view.k);
    }
    place(cards);
  } else if (isTrigger(card)) toast("Triggers stay at the start. Choose Free-form to place cards by hand.", { tone: "warn" });
  else if (add) send("move", { key: card.dataset.id, ...placeOf(add) });
}

function grown(card, event, from) {
  return [number(card, "w") + (event.clientX - from.x) / view.k, number(card, "h") + (event.clientY - from.y) / view.k].map((side) => Math.max(96, snap(side)));
}
function resize(event) {
  const [w, h] = grown(drag.card, event, drag);
  Object.assign(drag.card.style, { width: `${w}px`, height: `${h}px` });
}
function dropSize(done, event) {
  place([done.card], { [done.card.dataset.id]: grown(done.card, event, done) });
}

// ---- lines: cards that may be led to stand out, the others fade; what is wrong with a line the server says ----
function beginLink() {
  drag.line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drag.line.setAttribute("class", "is-drawn");
  view.world.querySelector("svg").append(drag.line);
  const lines = edges();
  for (const card of nodes()) card.classList.add(mayLead(drag.card, drag.port, card, lines) ? "can" : "cannot");
}

function mayLead(from, port, card, lines) {
  const [source, target] = [from.dataset.id, card.dataset.id];
  if (target === source || isNote(card) || target.includes(":")) return false;
  if (lines.some((line) => line.from === source && line.to === target && line.port === port)) return false;
  const seen = new Set([target]);
  for (const id of seen) for (const line of lines) if (line.from === id) seen.add(line.to);
  if (seen.has(source)) return false;
  const [own, around] = [card.dataset.loop ?? "", from.dataset.loop ?? ""];
  return own === (port === "each" ? source : around) || (port === "*" && own === source) || !lines.some((line) => line.to === target);
}

function moveLink(event) {
  const from = { x: number(drag.card, "x"), y: number(drag.card, "y"), ...size(drag.card) };
  drag.line.setAttribute("d", curve(from, { ...toWorld(event), w: 0, h: 0 }, drag.port === "error"));
}

function dropLink({ card, port }, event, under) {
  const goal = under?.closest?.("#canvas .node");
  if (!under?.closest?.("#canvas")) return;
  const source = card.dataset.id;
  const lead = (way) => {
    if (goal) return send("link", { source, port: way, target: goal.dataset.id });
    const isTaken = edges().some((line) => line.from === source && line.port === way);
    return show(addPath({ source: isTrigger(card) ? "" : source, port: way, ...(isTaken && { beside: "1" }) }));
  };
  if (port !== "*" || goal === card) lead(port === "*" ? "main" : port);
  else setTimeout(() => askWay(card, event, lead)); // not while the pointer that opens the menu still goes up
}

function askWay(card, event, lead) {
  const menu = document.getElementById("port-menu");
  menu.replaceChildren(...JSON.parse(card.dataset.ports).map(([way, words]) => {
    const item = Object.assign(document.createElement("button"), { type: "button", className: "menu-item", textContent: words });
    item.addEventListener("click", () => lead(way));
    return item;
  }));
  menu.showPopover();
  menu.style.left = `${Math.min(event.clientX, innerWidth - menu.offsetWidth - 8)}px`;
  menu.style.top = `${Math.min(event.clientY, innerHeight - menu.offsetHeight - 8)}px`;
  menu.firstElementChild.focus();
}

// ---- a line that is clicked can be cut ----
export function click(event) {
  if (!editable() || event.target.closest(".cut, .node, .add") || !event.target.closest("#canvas")) return;
  unchoose();
  const at = toWorld(event);
  const path = [...view.world.querySelectorAll("path[data-to]")].find((one) => {
    one.style.strokeWidth = 16 / view.k;
    const isHit = one.isPointInStroke(new DOMPoint(at.x, at.y));
    one.removeAttribute("style");
    return isHit;
  });
  if (path) offerCut(path, at);
}

function offerCut(path, at) {
  path.classList.add("is-chosen");
  const { from, to, port = "main" } = path.dataset;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "cut", textContent: "\u00d7", title: "Disconnect" });
  button.setAttribute("aria-label", "Disconnect this line");
  view.world.append(button);
  put(button, at.x - 14, at.y - 14);
  button.addEventListener("click", () => send("unlink", { source: from, port, target: to }).then(unchoose));
  button.focus({ preventScroll: true });
}
