// Answers that come too late. A region that renews itself ([data-live]) asks at the address it has; when somebody opens
// another step, tab or filter meanwhile, it gets another address. An answer to the former one would bring back what they
// left, so it is dropped: the region asks again within a second. Of two answers for the panel only the newest counts.
const asked = new WeakMap(); // request → the address its region had when it was sent
let newest = null; // the last request for the panel

const address = (region) => (region.isConnected ? region.getAttribute("hx-get") : "gone");

// What was typed and refused comes back with its errors, whatever has happened since.
function judge(event) {
  const { xhr, target } = event.detail;
  const isOfPanel = target.id === "panel" && newest !== null && !asked.has(xhr);
  const isLate = isOfPanel ? xhr !== newest : asked.has(xhr) && asked.get(xhr) !== address(target) && xhr.status !== 422;
  if (isLate) event.detail.shouldSwap = false;
}

document.addEventListener("htmx:beforeRequest", ({ detail: { xhr, target, requestConfig } }) => {
  if (target?.matches("[data-live]")) {
    asked.set(xhr, address(target));
    target.addEventListener("htmx:beforeSwap", judge); // on itself: it may be gone from the page by then
  } else if (target?.id === "panel" && requestConfig.verb === "get") {
    newest = xhr;
    target.addEventListener("htmx:beforeSwap", judge);
  }
});

// ---- what a person folded open or shut stays so when it is renewed ----
const folded = new WeakSet();
document.addEventListener("click", ({ target }) => {
  const details = target.closest?.("summary")?.parentElement;
  if (details) folded.add(details);
});
export const isFolded = (name, node) => name === "open" && folded.has(node);
