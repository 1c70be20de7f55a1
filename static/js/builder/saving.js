// Saving while somebody types, and the guard: an answer that comes late never replaces what was typed since it was asked for.
// `kept` is a form's content as the server has it; a form that differs from it is saved before the panel shows something else,
// and before any command. Whatever still comes too late is held back, and asked for again.
import { onLoad, toast } from "../overlays.js";
import { boxOf } from "./editing.js";

const SAVE_AFTER_MS = 800;
const QUEUED_MS = 10000;
const LATE_MS = 500;
const OWN = "form[data-part-form]";
const LEAVING = new Set(["panel", "outline", "dialog", "test"]);
const LEFT_OUT = ["base", "csrfmiddlewaretoken", "q"];

const kept = new WeakMap();
const flights = new WeakMap(); // request → the form it saves, and its content then
const underway = new WeakMap(); // form → the content that is on its way
const waiting = new Set();
const pressed = new WeakMap(); // form → when a button of it was pressed whose request waits for another: saving must not push it out
let flight = null; // of the answer that is being put on the page just now
let timer = 0;

const open = () => document.querySelector(`#panel ${OWN}`);
const isSaver = (elt) => elt.matches?.(`${OWN}, [data-saver]`);

function content(form) {
  const data = new FormData(form);
  for (const name of LEFT_OUT) data.delete(name);
  return JSON.stringify([...data]);
}
const isDirty = (form) => Boolean(form) && content(form) !== kept.get(form);

onLoad((root) => {
  const form = root === document || root.closest?.("#panel") || root.id === "panel" ? open() : null;
  if (form && !kept.has(form)) kept.set(form, "unsaved" in form.dataset ? "" : content(form));
});

// ---- 800 ms after the last key; `whole`: the panel is drawn anew, too ----
function say(text) {
  const place = document.getElementById("autosaved");
  if (place) place.textContent = text;
}

export function later(form, whole = false) {
  clearTimeout(timer);
  say("");
  timer = setTimeout(() => {
    if (!form.isConnected) return;
    if (form.inert || Date.now() - (pressed.get(form) ?? 0) < QUEUED_MS) return later(form, whole);
    if (whole) form.requestSubmit();
    else form.dispatchEvent(new Event("autosave"));
  }, SAVE_AFTER_MS);
}
for (const type of ["input", "change"]) {
  document.addEventListener(type, (event) => {
    const form = event.target.form?.matches(OWN) ? event.target.form : null;
    if (!form || event.target.name === "action" || event.target.name === "q" || event.target.matches("[data-submit]")) return;
    if (type === "change" && !isDirty(form)) return;
    later(form);
  });
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches(OWN)) return;
  clearTimeout(timer);
  pressed.set(event.target, Date.now());
}, true);

// Resolves to whether all that was typed is on the server.
export function save(form = open()) {
  clearTimeout(timer);
  if (!isDirty(form)) return Promise.resolve(true);
  return new Promise((resolve) => {
    waiting.add({ form, resolve });
    if (underway.get(form) === content(form)) return;
    if (form.querySelector("[data-saver]")) form.dispatchEvent(new Event("autosave"));
    else form.requestSubmit(); // JSON is saved whole, or not at all
  });
}

document.addEventListener("htmx:beforeRequest", ({ detail: { elt, xhr, target, requestConfig } }) => {
  const form = isSaver(elt) ? elt.closest(OWN) : null;
  if (form) {
    flights.set(xhr, { form, content: content(form) });
    underway.set(form, content(form));
  }
  if (form === elt) pressed.delete(form);
  const arranges = form === elt && requestConfig.triggeringEvent?.submitter?.name === "_do";
  const shown = open();
  // Rows change their numbers, or the form goes away: nothing can be typed into it any more.
  if (shown && (arranges || (!form && target.id === "panel"))) {
    shown.inert = true;
    xhr.addEventListener("loadend", () => { shown.inert = false; });
  }
});

document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  const own = flights.get(xhr);
  flight = null;
  if (!own) return;
  underway.delete(own.form);
  const done = xhr.status >= 200 && xhr.status < 300;
  for (const one of [...waiting]) {
    if (one.form !== own.form || (done && one.form.isConnected && isDirty(one.form))) continue; // its own save comes next
    waiting.delete(one);
    one.resolve(done);
  }
});
addEventListener("online", () => {
  const form = open();
  if (isDirty(form)) later(form);
});

// ---- first what was typed, then the rest ----
document.addEventListener("htmx:confirm", (event) => {
  const { elt, target, verb, issueRequest } = event.detail;
  const form = open();
  if (event.defaultPrevented || isSaver(elt) || !isDirty(form)) return;
  if (!LEAVING.has(target?.id) && verb !== "post") return;
  event.preventDefault();
  save(form).then((done) => done && (elt.isConnected ? issueRequest(true) : onceMore(elt, target)));
});

// The answer to what was saved has drawn the panel anew, and what was pressed with it: the same again is pressed there.
function onceMore(elt, target) {
  const path = elt.getAttribute("hx-get");
  const same = path && document.querySelector(`[hx-get="${CSS.escape(path)}"]`);
  if (same) same.click();
  else htmx.ajax(path ? "GET" : "POST", path ?? elt.getAttribute("hx-post"), {
    target: `#${target.id}`, swap: elt.getAttribute("hx-swap") ?? "innerHTML", values: elt.matches("form") ? Object.fromEntries(new FormData(elt)) : {},
  });
}
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = link && !event.defaultPrevented && !event.button && !(event.ctrlKey || event.metaKey || event.shiftKey) && !link.target;
  if (!isPlain || link.matches("[hx-get], [download]") || link.origin !== location.origin || link.getAttribute("href").startsWith("#") || !isDirty(open())) return;
  event.preventDefault();
  save().then((done) => done && location.assign(link.href));
});
// Left in any other way, it is sent on the way out; the page that comes then was drawn before, so its panel is fetched again.
const LATE = "saved-on-the-way-out";
addEventListener("pagehide", () => {
  const form = open();
  if (!isDirty(form)) return;
  const body = new FormData(form);
  body.set("_auto", "1");
  fetch(form.getAttribute("action"), { method: "POST", body, keepalive: true, headers: { "HX-Request": "true" } });
  sessionStorage.setItem(LATE, form.getAttribute("action"));
});
if (sessionStorage.getItem(LATE)) {
  const again = sessionStorage.getItem(LATE) === open()?.getAttribute("action");
  sessionStorage.removeItem(LATE);
  if (again) setTimeout(() => !isDirty(open()) && htmx.ajax("GET", location.pathname + location.search, { target: "#panel", swap: "innerHTML" }), LATE_MS);
}
addEventListener("pageshow", (event) => { // back to a page as it was left: what it shows may be old
  if (event.persisted && open()) location.reload();
});

// ---- answers ----
function baseIn(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("#part-base")?.value;
}

// Of an answer to a form that is gone only the steps and the bar are put in.
function putIn(html) {
  const parts = [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("[hx-swap-oob]")];
  const outside = parts.filter(({ id }) => document.getElementById(id) && !document.getElementById(id).closest("#panel"));
  htmx.swap(document.body, outside.map((part) => part.outerHTML).join(""), { swapStyle: "none" });
}

function ownAnswer(detail) {
  const { form, content: sent } = flight;
  const { status } = detail.xhr;
  if (status < 300) kept.set(form, sent);
  if (open() !== form) {
    detail.shouldSwap = false;
    if (status < 300) putIn(detail.serverResponse);
    else toast("What you typed last was not saved. Open the step again and look at it.", { tone: "bad" });
  } else if (detail.target.id === "panel" && content(form) !== sent) { // typed since: the form stays, and is sent again
    detail.swapOverride = "none";
    const base = status === 409 ? "" : baseIn(detail.serverResponse);
    if (base) form.elements.base.value = base;
    later(form, true);
  }
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  flight = flights.get(detail.xhr) ?? null;
  if (flight && detail.shouldSwap) ownAnswer(detail);
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  const form = open();
  if (target.id === "panel" && isDirty(form)) {
    event.detail.shouldSwap = false;
    const { openPart, kind } = event.detail.fragment.querySelector?.("[data-open-part]")?.dataset ?? {};
    const page = document.getElementById("flow").dataset.page;
    save(form).then((done) => done && htmx.ajax("GET", openPart ? `${page}?${kind}=${openPart}` : page, { target: "#panel", swap: "innerHTML" }));
  } else if (flight && target.closest("#panel")) {
    const isStale = target.id === "autosaved" && content(flight.form) !== flight.content;
    if (form !== flight.form || isStale) event.detail.shouldSwap = false;
  }
});

// ---- the panel is drawn anew: the focus stays in its field, or goes to what a button has added ----
let stay = null;

document.addEventListener("htmx:beforeSwap", ({ detail: { target, requestConfig } }) => {
  const form = open();
  if (!flight || target.id !== "panel" || flight.form !== form) return;
  const box = boxOf(document.activeElement) ?? document.activeElement;
  const does = requestConfig.triggeringEvent?.submitter?.value ?? "";
  stay = { name: form.contains(box) ? box.name : "", added: does.endsWith(":add") ? does.split(":").slice(0, -1).join(":") : "" };
});
document.addEventListener("htmx:afterSettle", () => {
  const { name, added } = stay ?? {};
  stay = null;
  const button = added && document.querySelector(`#panel button[value="${CSS.escape(added)}:add"]`);
  const block = button && [...button.closest(".blocks, .form-rows").querySelectorAll(":scope > fieldset")].at(-1);
  const box = block ? block.querySelector("input:not([type=hidden]), textarea, select") : name ? document.querySelector(`#panel [name="${CSS.escape(name)}"]`) : null;
  box?.focus({ preventScroll: !block });
});

// ---- choices a service gave: not over what was typed or chosen since they were asked for ----
const chosen = new WeakMap();
const valueIn = (place) => place.querySelector("[name]:not([name=q])")?.value;

document.addEventListener("htmx:beforeRequest", ({ detail: { xhr, target } }) => {
  if (target.matches?.(".options-field")) chosen.set(xhr, valueIn(target));
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (chosen.has(detail.xhr) && valueIn(detail.target) !== chosen.get(detail.xhr)) detail.shouldSwap = false;
});
