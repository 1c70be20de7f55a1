// Forms and requests: busy buttons, errors, lost connection, growing text areas, copying.
import { all, onLoad, toast } from "./overlays.js";

// ---- busy: the pressed button spins after 150 ms; after 10 s a message offers to stop waiting ----
const BUSY_AFTER_MS = 150;
const LONG_AFTER_MS = 10000;
const waiting = new WeakMap();

function buttonOf(element, event) {
  const pressed = event?.submitter ?? element;
  return pressed.closest?.("button, .btn, .switch") ?? null;
}

function startBusy(key, button, abort) {
  const timers = [setTimeout(() => button?.setAttribute("aria-busy", "true"), BUSY_AFTER_MS)];
  const state = { button, timers, note: null };
  if (abort) {
    timers.push(setTimeout(() => {
      state.note = toast("Still working…", { tone: "warn", undo: "#" });
      const stop = state.note.querySelector("[data-undo]");
      stop.textContent = "Cancel";
      stop.removeAttribute("data-undo");
      stop.addEventListener("click", abort);
    }, LONG_AFTER_MS));
  }
  waiting.set(key, state);
}

function endBusy(key) {
  const state = waiting.get(key);
  if (!state) return;
  state.timers.forEach(clearTimeout);
  state.button?.removeAttribute("aria-busy");
  state.note?.remove();
  waiting.delete(key);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, xhr, requestConfig } = event.detail;
  const button = buttonOf(elt, requestConfig.triggeringEvent);
  startBusy(xhr, button, button ? () => xhr.abort() : null);
});
document.addEventListener("htmx:afterRequest", (event) => endBusy(event.detail.xhr));

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target;
  if (waiting.has(form)) return event.preventDefault();
  startBusy(form, event.submitter, null);
});
addEventListener("pageshow", () => {
  for (const form of document.forms) endBusy(form);
});

// ---- answers that are no success: say what happened, keep what is on the page ----
const SAID = {
  403: "You may not do this here. Ask an admin of the workspace for the permission.",
  404: "This is not here any more. Reload the page to see what is.",
  413: "That is too much data for one request.",
  429: "Too many requests. Wait a moment, then try again.",
};

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status === 401) return import("./session.js").then((session) => session.ended(requestConfig));
  const id = xhr.getResponseHeader("X-Error-Id");
  const said = sentence(xhr) || (SAID[xhr.status] ?? "That did not work, the fault is ours. Try again in a moment.");
  const tell = () => toast(id ? `${said} Error id: ${id}` : said, { tone: "bad" });
  import("./failed.js").then((failed) => (failed.isRegion(event.detail) ? failed.show(event.detail, said, id) : tell()), tell);
});

// The server's own words, where it sent them as text (automate/errors.py).
function sentence(xhr) {
  const isText = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  return isText && xhr.responseText.length < 400 ? xhr.responseText : "";
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const login = document.body.dataset.login;
  if (!login || !xhr.responseURL || new URL(xhr.responseURL).pathname !== login || location.pathname === login) return;
  event.detail.shouldSwap = false;
  import("./session.js").then((session) => session.ended(requestConfig));
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.xhr?.status !== 422) return;
  const wrong = event.detail.elt.querySelector("[aria-invalid=true], .error");
  if (wrong) (wrong.matches("input, select, textarea") ? wrong : wrong.closest("[tabindex]"))?.focus();
});

// ---- lost connection ----
function showOffline(lost) {
  const bar = document.getElementById("offline");
  if (bar) bar.hidden = !lost;
}
addEventListener("offline", () => showOffline(true));
addEventListener("online", () => showOffline(false));
document.addEventListener("htmx:sendError", () => showOffline(true));
document.addEventListener("htmx:timeout", () => showOffline(true));
document.addEventListener("htmx:afterOnLoad", () => showOffline(false));

// ---- text areas that grow, where the browser does not do it by field-sizing ----
if (!CSS.supports("field-sizing", "content")) {
  const grow = (area) => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  onLoad((root) => all(root, "textarea").forEach(grow));
  document.addEventListener("input", (event) => event.target.matches("textarea") && grow(event.target));
}

// ---- copy: data-copy="#id" takes that element's text or value, data-copy-text the text itself ----
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const from = button.dataset.copy && document.querySelector(button.dataset.copy);
  const text = from ? from.value ?? from.textContent : button.dataset.copyText;
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser did not let us copy. Select the text and press Ctrl C.", { tone: "warn" });
  }
});

// ---- show a password while one looks at it ----
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (!button) return;
  const input = button.parentElement.querySelector("input");
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
});
