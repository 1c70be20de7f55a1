// The editor with pills comes with the first field that holds data, or that gets the focus. Without it the plain boxes work.
import { all, onLoad } from "../overlays.js";
import { editors } from "./editors.js";

const BOX = "form[data-preview] [data-data]:not([type=password])";

let loading = null;

async function mount(box) {
  loading ??= import("./editor.js").catch(() => null);
  const editor = await loading;
  if (editor && box.isConnected && !editors.has(box)) editors.set(box, editor.mount(box));
}

document.addEventListener("focusin", (event) => {
  const box = event.target;
  if (!box.matches?.(BOX)) return;
  if (editors.has(box)) editors.get(box).take();
  else mount(box);
});
document.addEventListener("htmx:beforeCleanupElement", (event) => {
  const box = event.target;
  if (box.matches?.("[data-data]")) editors.get(box)?.destroy();
});

const idle = window.requestIdleCallback ?? setTimeout;
onLoad((root) => idle(() => {
  for (const box of all(root, BOX)) if (box.value.includes("{{")) mount(box);
}));

// The box that belongs to what has the focus: itself, or the one under its editor.
export function boxOf(element) {
  const host = element?.closest?.(".data-editor");
  return host ? host.previousElementSibling : element?.matches?.("[data-data]") ? element : null;
}
