// What can be added, by keyboard: from the search box the arrows go into the list, Enter takes the first, typing goes on searching.
const items = () => [...document.querySelectorAll("#palette .palette-item")].filter((item) => item.checkVisibility());
const box = () => document.querySelector(".palette-search input[name=q]");

let asked = ""; // what the list on the page was found for
let wanted = false; // Enter came before the answer did
let taken = false; // one was chosen, and its answer is on the way

function take() {
  wanted = false;
  if (!taken) items()[0]?.click();
}

function mark() {
  for (const item of items()) item.classList.remove("is-next");
  if (box()?.value.trim()) items()[0]?.classList.add("is-next");
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || !event.target.matches?.(".palette-search input[name=q]")) return;
  if (event.key === "ArrowDown") items()[0]?.focus();
  else if (event.key === "Enter") {
    if (!event.target.value.trim()) return;
    if (event.target.value.trim() === asked) take();
    else wanted = true;
  } else return;
  event.preventDefault();
});

// Up and down go to the nearest item of the next row, left and right to the neighbour; a letter goes back to the search.
function next(item, key) {
  const all = items();
  const at = all.indexOf(item);
  if (key === "ArrowRight" || key === "ArrowLeft") return all[at + (key === "ArrowRight" ? 1 : -1)];
  const here = item.getBoundingClientRect();
  const down = key === "ArrowDown";
  const rows = all.map((other) => ({ other, box: other.getBoundingClientRect() }))
    .filter(({ box: at_ }) => (down ? at_.top > here.top + 4 : at_.top < here.top - 4))
    .sort((one, two) => Math.abs(one.box.top - here.top) - Math.abs(two.box.top - here.top) || Math.abs(one.box.left - here.left) - Math.abs(two.box.left - here.left));
  return rows[0]?.other;
}

document.addEventListener("keydown", (event) => {
  const item = !event.isComposing && event.target.closest?.("#palette .palette-item");
  if (!item || !box() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.startsWith("Arrow")) {
    const other = next(item, event.key);
    if (other) other.focus();
    else if (event.key === "ArrowUp" || event.key === "ArrowLeft") box().focus();
  } else if (event.key.length === 1 && event.key !== " ") {
    box().focus();
    return; // the letter lands in the box
  } else return;
  event.preventDefault();
});

// A late answer of the search never takes away the very form that was just sent.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches?.("#palette form")) taken = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.requestConfig?.elt.matches("#palette form") || !document.getElementById("palette")) taken = false;
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (taken && event.detail.target?.id === "palette") event.detail.shouldSwap = false;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches?.(".palette-search input[name=q]")) event.detail.xhr.askedFor = event.detail.elt.value.trim();
});
document.addEventListener("htmx:afterSettle", (event) => {
  const { xhr, elt } = event.detail;
  if (event.detail.target?.id === "dialog") { // another list, another search
    [asked, wanted, taken] = ["", false, false];
    return;
  }
  if (elt.id !== "palette" && event.detail.target?.id !== "palette") return;
  asked = xhr?.askedFor ?? "";
  mark();
  if (wanted && asked === box()?.value.trim()) take();
});
