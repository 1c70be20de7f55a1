// Who else is here: a small request every 20 seconds while somebody looks, and when another step is opened. Its answer is dropped
// when the page has changed meanwhile, so that it never speaks of one's own edit as somebody else's.
const BEAT_MS = 20000;
const SOON_MS = 600;
let soon = 0;
let busy = false;

const region = () => document.getElementById("here");
const version = () => document.getElementById("outline")?.dataset.version ?? "";

function place() {
  const head = document.querySelector("#panel [data-open-part]");
  if (!head) return "";
  return head.dataset.kind === "trigger" ? `trigger:${head.dataset.openPart}` : head.dataset.openPart;
}

async function beat() {
  const own = region();
  if (!own || busy || document.hidden || !navigator.onLine) return;
  busy = true;
  const asked = { at: place(), version: version(), base: document.getElementById("part-base")?.value ?? "", seen: own.dataset.seen ?? "" };
  try {
    const answer = await fetch(`${own.dataset.here}?${new URLSearchParams(asked)}`, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(BEAT_MS / 2) });
    if (answer.status === 200) show(await answer.text(), asked);
  } catch { /* the next one tells */ }
  busy = false;
}

function show(html, asked) {
  if (asked.version !== version() || asked.at !== place() || !region()) return void again();
  const made = document.createRange().createContextualFragment(html).firstElementChild;
  const had = document.activeElement?.closest("#here");
  region().replaceWith(made);
  htmx.process(made);
  if (had) made.querySelector("a")?.focus();
}

function again() {
  clearTimeout(soon);
  soon = setTimeout(beat, SOON_MS);
}

// "Show": the steps as they are now, and the open one too where it was changed and nothing is typed that is not saved.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-show-newer]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const url = location.pathname + location.search;
  await htmx.ajax("GET", url, { target: "#outline", swap: "morph:outerHTML" });
  if ("openChanged" in link.dataset) await htmx.ajax("GET", url, { target: "#panel", swap: "innerHTML" });
  link.remove();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "panel" || event.detail.target?.id === "outline") again();
});
document.addEventListener("visibilitychange", () => document.hidden || again());
setInterval(beat, BEAT_MS);
if (region()) beat();
