// The builder: which step is open, saving while one types, keys. Everything works without it, by forms and links.
import "./here.js";
import "./palette.js";
import "./problems.js";
import { onLoad } from "../overlays.js";

document.documentElement.classList.add("has-script");

// ---- what the panel needs comes with the first one that is opened ----
const panelParts = () => import("./panel.js");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target.id === "panel") panelParts();
});
if (document.getElementById("panel")?.childElementCount) panelParts();

// ---- the open step: card marked, columns laid out, focus on its title ----
function openPart() {
  const flow = document.getElementById("flow");
  const head = document.querySelector("#panel [data-open-part]");
  if (!flow) return;
  const panel = document.getElementById("panel");
  const isOpen = panel.childElementCount > 0;
  panel.classList.toggle("is-closed", !isOpen);
  if (isOpen) flow.dataset.panel = "open";
  else delete flow.dataset.panel;
  for (const card of document.querySelectorAll(".step.is-selected")) card.classList.remove("is-selected");
  if (head) document.getElementById(`step-${head.dataset.openPart}`)?.classList.add("is-selected");
}

function showPicker() {
  const column = document.getElementById("picker");
  const form = document.querySelector("#panel form[data-picker-url]");
  if (!column) return;
  const url = form?.dataset.pickerUrl ?? "";
  if (column.dataset.url === url) return;
  const search = column.querySelector("form[role=search]");
  const asked = search && new URL(search.action).pathname === url ? `?${new URLSearchParams(new FormData(search))}` : ""; // as it was
  column.dataset.url = url;
  column.classList.toggle("is-closed", !url);
  if (!url) column.replaceChildren();
  else htmx.ajax("GET", url + asked, { target: column, swap: "innerHTML" });
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "panel") return;
  openPart();
  showPicker();
  if (!document.activeElement || document.activeElement === document.body) {
    document.getElementById("panel-title")?.focus({ preventScroll: true });
  }
});
document.addEventListener("htmx:oobAfterSwap", () => {
  if (document.getElementById("panel")?.childElementCount) panelParts();
  openPart();
  showPicker();
});
onLoad((root) => {
  if (root !== document) return;
  const column = document.getElementById("picker");
  if (column) column.dataset.url = document.querySelector("#panel form[data-picker-url]")?.dataset.pickerUrl ?? "";
  document.querySelector(".step.is-selected")?.scrollIntoView({ block: "nearest" });
});
document.addEventListener("steps-changed", () => setTimeout(() => { // once the answer is on the page: the open step may be gone
  delete document.getElementById("picker").dataset.url;
  showPicker();
}));
addEventListener("popstate", () => location.reload());

// ---- somebody comes back from a service's own page with a new connection: it is used at once ----
const back = document.querySelector("#panel [data-submit-now]");
if (back) {
  const address = new URL(location.href);
  for (const name of ["connection", "slot"]) address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
  back.form.requestSubmit();
}

// ---- a connection that was just made in the dialog is chosen at once ----
document.addEventListener("connection-made", (event) => {
  const { id, name, slot } = event.detail;
  const select = document.querySelector(`#panel select[name="${CSS.escape(slot)}"]`);
  if (!select) return;
  select.append(new Option(name, id, true, true));
  select.form.requestSubmit();
});

// ---- keys of DESIGN section 9 ----
const TYPING = "input, textarea, select, [contenteditable=true], .cm-editor";

function pressed(event) {
  const command = (name) => document.querySelector(`#part-menu [data-part-command="${name}"], #part-menu [data-part-command="${name}_trigger"]`);
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (control && key === "enter") return document.querySelector("[data-test-run]");
  if (control && key === "s") return document.querySelector("#panel [data-save]");
  if (event.target.closest?.(TYPING)) return null;
  if (control && key === "y") return document.querySelector('[data-command-key="redo"]');
  if (control && key === "z") return document.querySelector(`[data-command-key="${event.shiftKey ? "redo" : "undo"}"]`);
  if (control && key === "d") return command("duplicate");
  if (control || event.altKey) return null;
  if (event.key === "Delete") return command("delete");
  if (event.key === "Escape") return document.querySelector("#panel [data-close-panel]");
  if (key === "m" || key === "c") return document.querySelector(`#part-menu [data-part-key="${key}"]`);
  if (key === "a" || key === "+") return nextAdd();
  return null;
}

function nextAdd() {
  const card = document.querySelector(".step.is-selected") ?? document.activeElement?.closest(".step");
  return card?.closest("li")?.querySelector(":scope > .outline-gap .add") ?? document.querySelector("#outline .add");
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog:modal, [popover]:popover-open")) return;
  const target = pressed(event);
  if (!target || target.disabled) return;
  event.preventDefault();
  target.click();
});

// ---- arrows walk through the cards ----
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const card = step && event.target.closest?.("#outline .step-main");
  if (!card) return;
  const cards = [...document.querySelectorAll("#outline .step-main")];
  cards[cards.indexOf(card) + step]?.focus();
  event.preventDefault();
});

// ---- of messages that something was done only the newest stays: a row of them would cover the steps ----
document.addEventListener("toast", () => {
  for (const older of document.querySelectorAll("#toasts > .ok")) older.remove();
}, true);

// ---- Undo of a message: its answer is the steps as they were ----
document.addEventListener("click", (event) => {
  const undo = event.target.closest("[data-toast] [data-undo]")?.dataset.undo;
  if (!undo?.includes("/edit/")) return;
  event.stopPropagation();
  event.target.closest("[data-toast]").remove();
  htmx.ajax("POST", undo, { target: "#outline", swap: "morph:outerHTML" });
}, true);

// ---- renaming in place: the field gets the focus; Esc closes ----
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-rename][open]")) event.target.querySelector("input[name=name]").select();
}, true);
document.addEventListener("keydown", (event) => {
  const box = event.key === "Escape" && event.target.closest?.("[data-rename][open]");
  if (!box) return;
  box.open = false;
  box.querySelector("summary").focus();
  event.stopPropagation();
}, true);
document.addEventListener("draft-changed", () => {
  for (const box of document.querySelectorAll("[data-rename][open]")) box.open = false;
});

openPart();
