// Pages of runs: regions that ask what is new ([data-live]), and durations that count on ([data-ticks]).
import { isFolded } from "./late.js";
import { all, onLoad } from "./overlays.js";

const TICK_MS = 1000;
const ASK_AGAIN_MS = 10000;
const FIELDS = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select";

// What somebody types into a field that is renewed under their hands stays as they typed it. (Idiomorph's own option for
// that, ignoreActiveValue, would also keep the words on a button with the focus: "Stop" on what is "Run again" by now.)
if (window.Idiomorph) {
  window.Idiomorph.defaults.ignoreActiveValue = false;
  window.Idiomorph.defaults.callbacks.beforeNodeMorphed = (old, fresh) => !isFilledIn(old, fresh) && !isTypedInto(old, fresh);
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !isFolded(name, node);
}

function isTypedInto(old, fresh) {
  return old === document.activeElement && old.matches(FIELDS) && old.name === fresh.name;
}

// A form that people fill in ([data-keep]) is replaced by what was wrong with it ("refused"), and by nothing else;
// [data-keep-as] tells forms of one address apart.
function isFilledIn(old, fresh) {
  if (!(old instanceof HTMLFormElement) || !("keep" in old.dataset) || !(fresh instanceof HTMLFormElement)) return false;
  const isSame = old.getAttribute("action") === fresh.getAttribute("action") && old.dataset.keepAs === fresh.dataset.keepAs;
  return fresh.dataset.keep === "" && isSame;
}

// ---- asking: not while nobody looks; after an error once more after a while, and never again for what is gone ----
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-live]")) event.preventDefault();
});

function pause(region, forGood) {
  const trigger = region.getAttribute("hx-trigger");
  region.removeAttribute("hx-trigger");
  htmx.process(region);
  if (forGood || !trigger) return;
  setTimeout(() => {
    region.setAttribute("hx-trigger", trigger);
    htmx.process(region);
  }, ASK_AGAIN_MS);
}

document.addEventListener("htmx:responseError", (event) => {
  const { elt, xhr } = event.detail;
  if (!elt.matches("[data-live]")) return;
  pause(elt, xhr.status === 403 || xhr.status === 404);
  if ("failed" in elt.dataset && xhr.status !== 401) event.stopImmediatePropagation(); // said once is enough
  elt.dataset.failed = "";
}, true);

// ---- durations: the server says how long it has been, we count on from there; the words are those of formats.py ----
const since = new WeakMap();

function words(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (!hours) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  const days = Math.floor(hours / 24);
  if (!days) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return `${days} ${days === 1 ? "day" : "days"}${hours % 24 ? ` ${hours % 24} h` : ""}`;
}

function begin(element) {
  const known = since.get(element);
  if (known?.ticks !== element.dataset.ticks) since.set(element, { ticks: element.dataset.ticks, at: performance.now() });
  return since.get(element);
}

function tick() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-ticks]")) {
    const { ticks, at } = begin(element);
    const text = words(Number(ticks) + performance.now() - at);
    if (element.textContent !== text) element.textContent = text;
  }
}

onLoad((root) => all(root, "[data-ticks]").forEach(begin));
setInterval(tick, TICK_MS);
