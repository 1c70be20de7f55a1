// Loaded only when something failed: says in the part of the page that did not come what happened, and tries again.
export function show(detail, said, id) {
  const { elt, target, requestConfig } = detail;
  const made = document.getElementById("failed-template").content.cloneNode(true).firstElementChild;
  made.querySelector("[data-said]").textContent = said;
  const copy = made.querySelector("[data-copy-text]");
  if (id) {
    copy.dataset.copyText = id;
    copy.textContent = `Copy error id ${id}`;
  } else copy.remove();
  const swap = elt.getAttribute("hx-swap") || "innerHTML";
  const inside = target.contains(elt);
  target.replaceChildren(made);
  made.querySelector("[data-again]").addEventListener("click", (event) => {
    event.currentTarget.setAttribute("aria-busy", "true");
    const { verb, path, parameters } = requestConfig;
    htmx.ajax(verb, path, { source: inside ? target : elt, target, swap, values: parameters });
  });
}

// A part of the page that somebody asked for, and that can stand empty: no dialog, no poll, nothing that was sent.
export function isRegion({ elt, target, requestConfig }) {
  const named = target?.id && target !== document.body && target.id !== "dialog";
  return Boolean(named) && requestConfig.verb === "get" && !elt.matches("[data-live]") && !target.matches("input, select, textarea");
}
