// Loaded by every page. Behaviours find their elements by data- attributes and listen on the document,
// so what HTMX swaps in later works without a call.
import "./forms.js";
import { onLoad } from "./overlays.js";

// ---- theme: a cookie the server reads, so that the next page is drawn right at once ----
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-set-theme]");
  if (!button) return;
  const theme = button.dataset.setTheme;
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `theme=${theme};path=/;max-age=31536000;samesite=lax${secure}`;
  for (const other of document.querySelectorAll("[data-set-theme]")) {
    other.setAttribute("aria-pressed", String(other.dataset.setTheme === theme));
  }
});

// ---- how wide the screen is: a cookie, so that the server knows which view of a workflow suits it ----
const wide = matchMedia("(width >= 768px)");
function noteScreen() {
  document.cookie = `screen=${wide.matches ? "wide" : "narrow"};path=/;max-age=31536000;samesite=lax`;
}
noteScreen();
wide.addEventListener("change", noteScreen);

// ---- times that stay true: <time datetime data-ago>; the words are those of formats.py ----
const UNITS = [[365 * 86400, "years", 730 * 86400], [30 * 86400, "months", 60 * 86400], [86400, "days", 86400],
  [3600, "h", 3600], [60, "min", 60], [1, "s", 2]];

export function agoWords(seconds) {
  const size = Math.abs(seconds);
  const unit = UNITS.find(([, , from]) => size >= from);
  if (!unit) return "now";
  const number = Math.floor(size / unit[0]);
  const text = number === 1 && unit[1] === "days" ? "1 day" : `${number} ${unit[1]}`;
  if (seconds < 0) return `in ${text}`;
  return text === "1 day" ? "yesterday" : `${text} ago`;
}

function renewTimes() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const words = agoWords(Math.trunc((Date.now() - Date.parse(time.dateTime)) / 1000));
    if (time.textContent !== words) time.textContent = words;
  }
}
setInterval(renewTimes, 5000);
document.addEventListener("visibilitychange", renewTimes);

// ---- bell: every now and then a poll that is there anyway asks along how many notifications are unread ----
const BELL_EVERY_MS = 10000;
let bellAsked = -BELL_EVERY_MS; // the first poll of a page asks

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches("[data-live]") || performance.now() - bellAsked < BELL_EVERY_MS) return;
  if (!document.querySelector("[data-bell]")) return;
  bellAsked = performance.now();
  event.detail.headers["X-Bell"] = "?";
});
document.addEventListener("htmx:afterRequest", (event) => {
  const unread = event.detail.xhr?.getResponseHeader("X-Bell");
  if (!unread) return;
  for (const bell of document.querySelectorAll("[data-bell]")) {
    bell.dataset.bell = unread;
    bell.querySelector("[data-bell-count]").textContent = unread;
    bell.querySelector(".badge").hidden = unread === "0";
    if (bell.hasAttribute("aria-label")) bell.setAttribute("aria-label", unread === "0" ? "Notifications" : `Notifications, ${unread} unread`);
  }
});

// ---- tabs within a page: role=tablist, each tab with aria-controls ----
function chooseTab(tab) {
  for (const other of tab.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    if (panel) panel.hidden = !chosen;
  }
}
document.addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) chooseTab(tab);
});
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.("[role=tab]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!tab || !step) return;
  const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
  event.preventDefault();
});

// ---- keys ----
const TYPING = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true], .cm-editor";
let prefix = "";
let prefixTimer = 0;

function singleKeysOff() {
  if (document.body.dataset.keys === "off") return true; // switched off in the profile
  try {
    return localStorage.getItem("single-keys") === "off";
  } catch {
    return false;
  }
}

function openById(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
  return dialog;
}

function press(key) {
  if (key === "?") return Boolean(openById("keys"));
  const target = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility());
  if (!target) return false;
  if (target.matches(TYPING)) target.focus();
  else target.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    if (openById("command")) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || singleKeysOff()) return;
  if (event.target.closest(TYPING) || document.querySelector("dialog:modal")) return;
  if (event.key === "g" && !prefix) {
    prefix = "g ";
    prefixTimer = setTimeout(() => { prefix = ""; }, 1200);
    return;
  }
  clearTimeout(prefixTimer);
  const key = prefix + event.key;
  prefix = "";
  if (event.key.length === 1 && press(key)) event.preventDefault();
});

onLoad((root) => {
  for (const box of root.querySelectorAll("[data-single-keys]")) box.checked = !singleKeysOff();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-single-keys]")) localStorage.setItem("single-keys", event.target.checked ? "on" : "off");
});

// ---- command box: filters its links as one types; arrows move, Enter goes ----
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-command]")) return;
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const link of event.target.closest("dialog").querySelectorAll(".command-list > .menu-item")) {
    link.hidden = !words.every((word) => link.textContent.toLowerCase().includes(word));
  }
});
document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("dialog.command");
  if (!box) return;
  const links = [...box.querySelectorAll("a.menu-item:not([hidden])")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "Enter" && at < 0) links[0]?.click();
  else if (event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus();
  else if (event.key === "ArrowUp" && at > 0) links[at - 1].focus();
  else if (event.key === "ArrowUp") box.querySelector("input").focus();
  else return;
  event.preventDefault();
});
