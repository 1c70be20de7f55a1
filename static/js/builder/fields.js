// Fields of the panel: rows that grow, shrink and move, conditions, choices that hide other fields, curl commands pasted as an address.
import { all, onLoad } from "../overlays.js";
import { save } from "./saving.js";

// ---- rows ----
const INDEX = /\.(\d+)$/;
const rowsIn = (rows) => [...rows.querySelectorAll(":scope > [data-row]")];

function emptied(row) {
  for (const editor of row.querySelectorAll(".data-editor")) editor.remove();
  for (const control of row.querySelectorAll("[name]")) {
    control.classList.remove("is-carried", "is-target");
    control.removeAttribute("tabindex");
    control.removeAttribute("aria-hidden");
    if (control.dataset.label) control.setAttribute("aria-label", control.dataset.label);
    if (control.type === "checkbox") control.checked = false;
    else if (control.tagName !== "SELECT") control.value = "";
  }
  return row;
}

// Their names are numbered as they stand; the words of their labels, too.
function renumber(rows) {
  rowsIn(rows).forEach((row, at) => {
    for (const control of row.querySelectorAll("[name]")) {
      control.name = control.name.replace(INDEX, `.${at}`);
      if (control.dataset.label) control.dataset.label = control.dataset.label.replace(/\d+/, at + 1);
    }
    for (const labelled of row.querySelectorAll("[aria-label]")) {
      labelled.setAttribute("aria-label", labelled.getAttribute("aria-label").replace(/\d+/, at + 1));
    }
  });
}

function changed(rows) {
  renumber(rows);
  rows.dispatchEvent(new Event("rows-changed", { bubbles: true }));
  rows.querySelector("[name]").dispatchEvent(new Event("change", { bubbles: true }));
}

function isEmpty(row) {
  return ![...row.querySelectorAll("input:not([type=hidden], [type=checkbox]), textarea")].some((box) => box.value.trim());
}

// The empty row at the end is for pages without scripts; here a button brings one.
function tidy(root) {
  for (const rows of all(root, "[data-rows]")) {
    const found = rowsIn(rows);
    if (!found.length || rows.querySelector(":scope > [data-add-row]")) continue;
    if (found.length > 1 && isEmpty(found.at(-1))) found.at(-1).hidden = true;
    const button = document.getElementById("add-row-template").content.cloneNode(true).firstElementChild;
    found.at(-1).after(button);
  }
}
onLoad(tidy);

function addTo(rows) {
  let last = rowsIn(rows).at(-1);
  if (!last.hidden && !isEmpty(last)) {
    const next = emptied(last.cloneNode(true));
    last.after(next);
    last = next;
    renumber(rows);
  }
  last.hidden = false;
  last.querySelector("[data-last]").focus();
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-row]");
  const rows = event.target.closest("[data-rows]");
  if (event.target.closest("[data-add-row]")) return addTo(rows);
  if (event.target.closest("[data-raise-row]")) {
    row.previousElementSibling?.before(row);
    row.querySelector("[data-raise-row]").focus();
    return changed(rows);
  }
  if (!event.target.closest("[data-drop-row]")) return;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  if (rowsIn(rows).length === 1) addTo(rows, row.after(emptied(row.cloneNode(true))), row.remove());
  else row.remove();
  changed(rows);
  next?.querySelector("button:not([hidden]), [data-last]")?.focus();
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
    const row = event.target.closest(".condition-row");
    row.classList.toggle("is-unary", UNARY.has(event.target.value));
    row.classList.toggle("is-between", event.target.value === "between");
  }
  if (event.target.matches("[data-condition-mode]")) {
    event.target.closest("[data-condition]").dataset.mode = event.target.value;
  }
});

// The comparisons that fit what is on the left go first.
const WORDS = { text: "Text", number: "Numbers", date: "Dates", boolean: "Yes or no", list: "Lists", object: "Objects" };

function arrange(select, kind) {
  if (select.dataset.kind === kind) return;
  select.dataset.kind = kind;
  const { value } = select;
  const fits = (option) => option.dataset.kinds.split(" ").includes(kind);
  const options = [...select.options];
  const group = (label, inner) => {
    const made = document.createElement("optgroup");
    made.label = label;
    made.append(...inner);
    return made;
  };
  if (!WORDS[kind]) select.replaceChildren(...options);
  else select.replaceChildren(group(WORDS[kind], options.filter(fits)), group("Others", options.filter((option) => !fits(option))));
  select.value = value;
}
document.addEventListener("previewed", (event) => {
  const kinds = event.target.querySelector("[data-row-kinds]")?.dataset.rowKinds.split(",") ?? [];
  const filled = [...event.target.closest(".field").querySelectorAll(".condition-row")].filter((row) => !isEmpty(row));
  filled.forEach((row, at) => kinds[at] !== undefined && arrange(row.querySelector("[data-op]"), kinds[at]));
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

// ---- an empty field with choices asks for them when it gets the focus; then one types to search ----
document.addEventListener("focusin", (event) => {
  const place = event.target.closest?.(".options-field");
  const link = place?.querySelector("[data-load-options]:not([data-loaded])");
  if (!link || place.dataset.asked || event.target.tagName === "A" || place.querySelector("[data-data]")?.value) return;
  place.dataset.asked = "yes";
  link.click();
});
document.addEventListener("htmx:afterSettle", ({ detail: { requestConfig } }) => {
  if (!requestConfig?.elt.matches?.("[data-load-options]")) return;
  const search = document.getElementById(requestConfig.target.id)?.querySelector("input[type=search]");
  if (!document.activeElement || document.activeElement === document.body) search?.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.(".options-search")) return;
  event.preventDefault(); // the first that was found
  const select = event.target.closest(".options-field").querySelector("select");
  if (!select || select.options.length < 2) return;
  select.selectedIndex = Math.max(1, [...select.options].findIndex((one) => one.text.toLowerCase().includes(event.target.value.toLowerCase()) && one.value));
  select.dispatchEvent(new Event("change", { bubbles: true }));
  select.focus();
});

// ---- choices that depend on another field are asked for again when that one changes ----
document.addEventListener("change", (event) => {
  const { name, form } = event.target;
  if (!name || !form?.matches("[data-part-form]")) return;
  for (const place of form.querySelectorAll(".options-field[data-needs]")) {
    if (place.dataset.needs.split(" ").includes(name)) place.querySelector("[data-load-options][data-loaded]")?.click();
  }
});

// ---- a curl command pasted as the address fills in the whole step ----
document.addEventListener("paste", (event) => {
  const form = event.target.closest?.("form[data-curl-url]");
  const text = event.clipboardData?.getData("text/plain") ?? "";
  const field = event.target.closest?.('[data-field="input.url"]');
  if (!form || !field || !/^\s*(\$\s+)?curl(\.exe)?\s/.test(text)) return;
  event.preventDefault();
  event.stopPropagation();
  save(form).then((done) => done && htmx.ajax("POST", form.dataset.curlUrl, { source: form.querySelector("[data-saver]"), target: "#panel", swap: "innerHTML", values: { command: text } }));
}, true);
