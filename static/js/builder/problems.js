// A problem leads to its field: what the panel names ([data-focus], a name of the form) gets the focus, also when it is folded away.
const FOCUSABLE = "input:not([type=hidden]), select, textarea, button, .cm-content";

function control(panel, name) {
  for (let rest = name; rest; rest = rest.includes(".") ? rest.slice(0, rest.lastIndexOf(".")) : "") {
    const exact = panel.querySelector(`:is(input:not([type=hidden]), select, textarea)[name="${CSS.escape(rest)}"]`);
    const found = exact ?? panel.querySelector(`:is(input:not([type=hidden]), select, textarea)[name^="${CSS.escape(rest)}."]`);
    if (found) return found;
    const box = document.getElementById(`f-${rest.replace(/\W+/g, "-")}`);
    if (box) return box.matches(FOCUSABLE) ? box : box.querySelector(FOCUSABLE);
  }
  return null;
}

function lead() {
  const panel = document.getElementById("panel");
  const head = panel?.querySelector("[data-focus]");
  if (!head) return;
  const name = head.dataset.focus;
  delete head.dataset.focus; // once: later swaps of a part leave the focus where people put it
  const found = control(panel, name);
  if (!found) return;
  for (let box = found.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  found.focus({ preventScroll: true });
  found.scrollIntoView({ block: "center" });
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "panel") lead();
});
lead();
