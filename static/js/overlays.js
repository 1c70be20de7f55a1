// Dialogs, menus, questions and passing messages.

// Calls back for the page and for each piece HTMX swaps in; the callback gets the root of the new piece.
export function onLoad(callback) {
  callback(document);
  document.addEventListener("htmx:load", (event) => event.target === document.body || callback(event.target));
}

// The element itself and its descendants that match.
export function all(root, selector) {
  const found = [...root.querySelectorAll(selector)];
  return root.matches?.(selector) ? [root, ...found] : found;
}

// ---- dialogs: <dialog data-open> is shown when it arrives; [data-close] and the backdrop close it ----
let opener = null;

onLoad((root) => {
  for (const dialog of all(root, "dialog[data-open]")) {
    if (dialog.open) continue;
    if (!document.activeElement?.closest("dialog")) opener = document.activeElement;
    dialog.showModal();
    (dialog.querySelector("[aria-invalid=true]") || dialog.querySelector("[autofocus]"))?.focus();
  }
});

document.addEventListener("close", (event) => {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement) || !dialog.closest("#dialog")) return;
  dialog.remove();
  if (opener?.isConnected) opener.focus();
}, true);

function closeHosted() {
  for (const dialog of document.querySelectorAll("#dialog dialog")) dialog.close();
}
document.addEventListener("dialog-close", closeHosted);

document.addEventListener("input", (event) => {
  const dialog = event.target.closest("#dialog dialog");
  if (dialog) dialog.dataset.changed = "";
});

function onBackdrop(event) {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement) || !dialog.open || "changed" in dialog.dataset) return false;
  const box = dialog.getBoundingClientRect();
  return event.clientY < box.top || event.clientY > box.bottom || event.clientX < box.left || event.clientX > box.right;
}

document.addEventListener("click", (event) => {
  if (onBackdrop(event)) return event.target.close();
  const closing = event.target.closest("[data-close]");
  if (closing) {
    const dialog = closing.closest("dialog");
    if (dialog?.open) event.preventDefault();
    dialog?.close();
    closing.closest("[popover]")?.hidePopover();
  }
  const opening = event.target.closest("[data-open-dialog]");
  if (opening) {
    opening.closest("[popover]")?.hidePopover();
    const dialog = document.getElementById(opening.dataset.openDialog);
    if (dialog && !dialog.open) dialog.showModal();
  }
});

// ---- menus: the browser's popover, put beside the button that opened it ----
let invoker = null;

document.addEventListener("click", (event) => {
  invoker = event.target.closest("[popovertarget]") ?? invoker;
}, true);

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + 6 + height <= innerHeight || at.top < height;
  const left = at.left + width + 8 > innerWidth ? at.right - width : at.left;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, below ? Math.min(at.bottom + 6, innerHeight - height - 8) : at.top - height - 6)}px`;
}

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.(".menu[popover]") || event.newState !== "open") return;
  const button = invoker?.getAttribute("popovertarget") === menu.id ? invoker : document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (button) place(menu, button);
  if (button?.matches(":focus-visible")) menu.querySelector(".menu-item")?.focus();
}, true);

document.addEventListener("click", (event) => {
  const item = event.target.closest(".menu .menu-item");
  if (item && !item.hasAttribute("data-keep")) setTimeout(() => item.closest("[popover]")?.hidePopover());
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu[popover]");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step) return;
  const items = [...menu.querySelectorAll(".menu-item")].filter((item) => item.checkVisibility());
  if (!items.length) return;
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
  event.preventDefault();
});

addEventListener("resize", () => {
  for (const menu of document.querySelectorAll(".menu:popover-open")) menu.hidePopover();
});

// ---- toasts: from HX-Trigger {"toast": {...}}, from Django's messages, or toast(...) ----
const SHOWN_MS = 6000;
const UNDO_MS = 10000;

export function toast(text, { tone = "ok", undo = "" } = {}) {
  const made = document.getElementById("toast-template").content.cloneNode(true).firstElementChild;
  made.classList.remove("ok");
  made.classList.add(tone);
  made.querySelector(".toast-text").textContent = text;
  const back = made.querySelector("[data-undo]");
  if (undo) back.dataset.undo = undo;
  else back.remove();
  document.getElementById("toasts").append(made);
  expire(made);
  return made;
}

function expire(made) {
  if (made.classList.contains("bad")) return;
  const stay = made.querySelector("[data-undo]") ? UNDO_MS : SHOWN_MS;
  let timer = 0;
  const start = () => { timer = setTimeout(() => made.remove(), stay); };
  const stop = () => clearTimeout(timer);
  for (const type of ["pointerenter", "focusin"]) made.addEventListener(type, stop);
  for (const type of ["pointerleave", "focusout"]) made.addEventListener(type, start);
  start();
}

onLoad((root) => all(root, "#toasts > [data-toast]").forEach(expire));

document.addEventListener("toast", (event) => {
  const { text, value, tone, undo } = event.detail;
  toast(text ?? value ?? "", { tone, undo });
});

document.addEventListener("click", (event) => {
  const made = event.target.closest("[data-toast]");
  if (!made) return;
  const undo = event.target.closest("[data-undo]");
  if (undo) htmx.ajax("POST", undo.dataset.undo, { source: document.body, target: document.body, swap: "none" });
  if (undo || event.target.closest("[data-dismiss]")) made.remove();
});

// ---- questions before what cannot be undone: data-confirm="What will be lost." on a form, link or button ----
function ask(element) {
  const dialog = document.getElementById("confirm-template").content.cloneNode(true).firstElementChild;
  const { confirm, confirmTitle, confirmButton } = element.dataset;
  dialog.querySelector("#confirm-text").textContent = confirm;
  if (confirmTitle) dialog.querySelector("#confirm-title").textContent = confirmTitle;
  const yes = dialog.querySelector("[data-yes]");
  if (confirmButton) yes.textContent = confirmButton;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    yes.addEventListener("click", () => dialog.close("yes"));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

document.addEventListener("htmx:confirm", (event) => {
  const { elt, triggeringEvent } = event.detail;
  const asked = [triggeringEvent?.submitter, elt].find((one) => one?.matches("[data-confirm]"));
  if (!asked) return;
  event.preventDefault();
  ask(asked).then((yes) => yes && event.detail.issueRequest(true));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const asked = event.submitter?.matches("[data-confirm]") ? event.submitter : form.matches("[data-confirm]") ? form : null;
  const byHtmx = form.closest("[hx-post], [hx-get], [hx-put], [hx-delete]") === form;
  if (!asked || byHtmx || form.dataset.confirmed) return;
  event.preventDefault();
  ask(asked).then((yes) => {
    if (!yes) return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(event.submitter);
  });
}, true);
