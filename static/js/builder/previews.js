// The result with sample data under each data field, 300 ms after typing. The newest question counts: an older answer is dropped.

const AFTER_MS = 300;
const timers = new WeakMap();
const asked = new WeakMap();

function valuesOf(field) {
  const values = new FormData();
  for (const control of field.querySelectorAll("[name]")) {
    if (control.name.startsWith(field.dataset.field)) values.append(control.name, control.value);
  }
  values.set("_field", field.dataset.field);
  values.set("_kind", field.dataset.kind);
  return values;
}

async function preview(field) {
  const form = field.closest("form[data-preview]");
  const place = field.querySelector(":scope > .preview");
  if (!form || !place) return;
  const values = valuesOf(field);
  const number = (asked.get(place) ?? 0) + 1;
  asked.set(place, number);
  const has = field.dataset.kind === "condition" || [...values.values()].some((value) => String(value).includes("{{"));
  let html = "";
  if (has) {
    const headers = { "HX-Request": "true", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const answer = await fetch(form.dataset.preview, { method: "POST", body: values, headers }).catch(() => null);
    if (!answer?.ok) return;
    html = await answer.text();
  }
  if (asked.get(place) !== number || !place.isConnected) return;
  place.innerHTML = html;
  place.classList.toggle("has-result", html.trim() !== "");
  place.dispatchEvent(new Event("previewed", { bubbles: true }));
}

function soon(field) {
  clearTimeout(timers.get(field));
  timers.set(field, setTimeout(() => field.isConnected && preview(field), AFTER_MS));
}
for (const type of ["input", "change", "rows-changed"]) {
  document.addEventListener(type, (event) => {
    const field = event.target.closest?.("form[data-preview] [data-field]");
    const counts = type !== "change" || event.target.matches("[data-op], [data-condition-mode], .condition select");
    if (field && counts && event.target.name !== "q") soon(field);
  });
}
// Samples have changed: what stands there is no longer the result.
document.addEventListener("steps-changed", () => setTimeout(() => {
  for (const place of document.querySelectorAll("#panel .preview.has-result")) soon(place.closest("[data-field]"));
}));
