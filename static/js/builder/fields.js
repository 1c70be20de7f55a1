// Fields of the panel: rows that grow, conditions, choices that hide other fields, previews while one types.
import { all, onLoad } from "../overlays.js";

// ---- rows ----
const INDEX = /\.(\d+)$/;

function add(rows) {
  const last = [...rows.querySelectorAll(":scope > [data-row]")].at(-1);
  const next = last.cloneNode(true);
  for (const control of next.querySelectorAll("[name]")) {
    control.name = control.name.replace(INDEX, (_, number) => `.${Number(number) + 1}`);
    if (control.type === "checkbox") control.checked = false;
    else if (control.tagName !== "SELECT") control.value = "";
  }
  last.after(next);
  return next;
}

function isEmpty(row) {
  return !row.querySelector("[data-last]").value.trim();
}

// The empty row at the end is for pages without scripts; here a button brings one.
function tidy(root) {
  for (const rows of all(root, "[data-rows]")) {
    const found = [...rows.querySelectorAll(":scope > [data-row]")];
    if (!found.length || rows.querySelector(":scope > [data-add-row]")) continue;
    if (found.length > 1 && isEmpty(found.at(-1))) found.at(-1).hidden = true;
    const button = document.getElementById("add-row-template").content.cloneNode(true).firstElementChild;
    found.at(-1).after(button);
  }
}
onLoad(tidy);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add-row]");
  if (!button) return;
  const rows = button.closest("[data-rows]");
  const last = [...rows.querySelectorAll(":scope > [data-row]")].at(-1);
  const row = last.hidden || isEmpty(last) ? last : add(rows);
  row.hidden = false;
  row.querySelector("[data-last]").focus();
});

// ---- one line stays one line: Enter goes to the next field ----
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey || !event.target.matches("textarea.one-line")) return;
  if (event.shiftKey && !event.target.matches("[data-single]")) return;
  event.preventDefault();
});

// ---- conditions ----
const UNARY = new Set(["is_empty", "is_not_empty", "exists", "not_exists", "is_true", "is_false"]);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-op]")) {
    event.target.closest(".condition-row").classList.toggle("is-unary", UNARY.has(event.target.value));
  }
  if (event.target.matches("[data-condition-mode]")) {
    event.target.closest("[data-condition]").dataset.mode = event.target.value;
  }
});

// ---- what is shown depends on another choice: only the fields of "an object" or "a list" ----
const SHOWN = { "config.make": { object: ["config.set"], list: ["config.items", "config.ops"] }, "config.kind": { none: [] } };

function showChosen(root) {
  for (const [name, rules] of Object.entries(SHOWN)) {
    const select = root.querySelector(`select[name="${name}"]`);
    if (!select) continue;
    const named = Object.values(rules).flat();
    const kept = rules[select.value] ?? named;
    for (const field of named) {
      const box = root.querySelector(`[data-field="${field}"]`) ?? root.querySelector(`#field-f-${field.replace(/\./g, "-")}`);
      box?.classList.toggle("is-hidden-by-choice", !kept.includes(field));
    }
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-part-form]");
  if (form) showChosen(form);
});
onLoad(showChosen);

// ---- the result with sample data, 300 ms after typing ----
const PREVIEW_AFTER_MS = 300;
const timers = new WeakMap();

function preview(box) {
  const form = box.closest("form[data-preview]");
  const field = box.closest("[data-field]");
  const place = field?.querySelector(":scope > .preview");
  if (!form || !place) return;
  const hasResult = box.value.includes("{{");
  place.classList.toggle("has-result", hasResult);
  if (!hasResult) return place.replaceChildren();
  htmx.ajax("POST", form.dataset.preview, {
    source: place,
    target: place,
    swap: "innerHTML",
    values: { _field: box.name, [box.name]: box.value },
  });
}
document.addEventListener("input", (event) => {
  const box = event.target;
  if (!box.matches("[data-data]") || !box.closest("form[data-preview]")) return;
  clearTimeout(timers.get(box));
  timers.set(box, setTimeout(() => box.isConnected && preview(box), PREVIEW_AFTER_MS));
});
