// The editor of data fields: CodeMirror over the box that carries the value. `{{ … }}` is shown as pills and taken as one piece.
import {
  autocompletion, completionKeymap, Decoration, EditorState, EditorView, history, historyKeymap, insertNewline, keymap, placeholder, selectedCompletionIndex, standardKeymap, StateEffect,
  ViewPlugin, WidgetType,
} from "../../vendor/codemirror.min.js";
import { offer } from "./completing.js";
import { editors } from "./editors.js";
import { forget, known } from "./known.js";
import { pathOf, pathsIn, tokens } from "./tokens.js";

const nonce = document.querySelector("meta[name=style-nonce]")?.nonce ?? "";
const renewed = StateEffect.define();

// ---- pills ----
class Pill extends WidgetType {
  constructor(shown, text) {
    super();
    this.shown = shown;
    this.key = JSON.stringify([shown, text]);
    this.text = text;
  }

  eq(other) {
    return other.key === this.key;
  }

  toDOM() {
    const { n, tile, label, bad } = this.shown;
    const made = document.createElement("span");
    made.className = bad ? "ref is-bad" : "ref";
    made.title = bad ? `${bad} (${this.text})` : this.text;
    if (tile && !bad) made.innerHTML = tile; // made by our own server from the app's name
    made.append(`${bad ? "⚠ " : ""}${n ? `${n}. ` : ""}${label}`);
    return made;
  }

  ignoreEvent() {
    return false;
  }
}

function pillsOf(view, knows) {
  const made = [];
  const text = view.state.doc.toString();
  const { from: start, to: end } = view.state.selection.main;
  const isOpen = (from, to) => view.hasFocus && start > from && end < to;
  const pill = (from, to, { keys, every }) => {
    const shown = knows?.describe(keys, every) ?? { label: keys.join(" › ") };
    made.push(Decoration.replace({ widget: new Pill(shown, text.slice(from, to)) }).range(from, to));
  };
  for (const { from, to, inner } of tokens(text)) {
    const path = pathOf(inner);
    if (path && !isOpen(from, to)) {
      pill(from, to, path);
      continue;
    }
    made.push(Decoration.mark({ class: "cm-expression" }).range(from, to));
    for (const one of path ? [] : pathsIn(inner)) {
      if (!isOpen(from + 2 + one.from, from + 2 + one.to)) pill(from + 2 + one.from, from + 2 + one.to, one);
    }
  }
  return Decoration.set(made, true);
}

function pills(source) {
  return ViewPlugin.fromClass(class {
    constructor(view) {
      this.decorations = pillsOf(view, source.knows);
    }

    update(update) {
      const isNew = update.transactions.some((one) => one.effects.some((effect) => effect.is(renewed)));
      if (update.docChanged || update.selectionSet || update.focusChanged || isNew) this.decorations = pillsOf(update.view, source.knows);
    }
  }, {
    decorations: (plugin) => plugin.decorations,
    provide: (plugin) => EditorView.atomicRanges.of((view) => view.plugin(plugin)?.decorations.update({ filter: (_from, _to, value) => Boolean(value.spec.widget) }) ?? Decoration.none),
  });
}

// A click takes a pill as a whole, a double click opens it as text.
function onPill(event, view) {
  const pill = event.target.closest?.(".ref");
  if (!pill || event.button) return false;
  const at = view.posAtDOM(pill);
  const token = tokens(view.state.doc.toString()).find(({ from, to }) => from <= at && at < to);
  if (!token) return false;
  const inner = pathOf(token.inner) ? [token.from + 2, token.to - 2] : [at + 1, at + 1];
  const selection = event.detail > 1 ? { anchor: inner[0], head: inner[1] } : { anchor: at, head: pathOf(token.inner) ? token.to : at };
  view.dispatch({ selection });
  view.focus();
  event.preventDefault();
  return true;
}

// ---- putting in ----
function insert(view, text, isFunction, at = view.state.selection.main) {
  const before = view.state.sliceDoc(0, at.from);
  const isInside = before.lastIndexOf("{{") > before.lastIndexOf("}}");
  const bare = text.replace(/^\{\{\s*|\s*\}\}$/g, "");
  const put = isInside ? bare : isFunction ? `{{ ${bare} }}` : text;
  const cursor = isFunction ? put.indexOf("(") + 1 : put.length;
  view.dispatch({ changes: { from: at.from, to: at.to, insert: put }, selection: { anchor: at.from + cursor }, userEvent: "input.paste", scrollIntoView: true });
  view.focus();
}

function dropped(event, view) {
  const text = event.dataTransfer?.getData("text/x-expression");
  if (!text) return false;
  const at = view.posAtCoords({ x: event.clientX, y: event.clientY }) ?? view.state.doc.length;
  insert(view, text, false, { from: at, to: at });
  event.preventDefault();
  return true;
}

// ---- one field ----
function attributes(box) {
  const label = box.getAttribute("aria-label");
  const element = box.labels?.[0];
  if (label) {
    box.dataset.label = label;
    box.removeAttribute("aria-label");
  } else if (element) {
    element.id ||= `${box.id}-label`;
    element.removeAttribute("for");
  }
  const copied = ["aria-describedby", "aria-invalid", "aria-required", "inputmode", "spellcheck"];
  return () => ({
    ...(box.dataset.label ? { "aria-label": box.dataset.label } : element ? { "aria-labelledby": element.id } : {}),
    ...Object.fromEntries(copied.filter((name) => box.hasAttribute(name)).map((name) => [name, box.getAttribute(name)])),
    ...(box.tagName === "INPUT" || box.matches(".one-line[data-single]") ? { "aria-multiline": "false" } : {}),
  });
}

const isOneLine = (box) => box.tagName === "INPUT" || box.classList.contains("one-line");
const mayBreak = (box) => box.tagName !== "INPUT" && !box.hasAttribute("data-single");

// A lone `{` at the end of a line begins JSON more often than data: Enter goes on to the next line, unless somebody has moved to a choice.
function afterBrace(view) {
  const { head } = view.state.selection.main;
  return selectedCompletionIndex(view.state) === 0 && /(^|[^{]){$/.test(view.state.sliceDoc(Math.max(0, head - 2), head)) && insertNewline(view);
}

function keys(box) {
  const enter = [{ key: "Enter", run: isOneLine(box) ? () => true : insertNewline, shift: mayBreak(box) ? insertNewline : () => true }];
  const first = isOneLine(box) ? [] : [{ key: "Enter", run: afterBrace }];
  return keymap.of([...first, ...completionKeymap, ...enter, ...historyKeymap, ...standardKeymap]);
}

export function mount(box) {
  const form = box.form;
  const source = { knows: null, asked: Promise.resolve() };
  const isJson = ["json", "any", "list", "rows"].includes(box.closest(".field")?.dataset.kind);
  const host = document.createElement("div");
  host.className = `data-editor${box.classList.contains("mono-input") ? " mono-input" : ""}${box.classList.contains("is-target") ? " is-target" : ""}`;
  host.dataset.rows = box.rows ?? 1;
  const hadFocus = document.activeElement === box;
  const range = [box.selectionStart ?? box.value.length, box.selectionEnd ?? box.value.length];
  let own = false;
  let before = box.value;

  const heard = EditorView.updateListener.of((update) => {
    if (update.docChanged && update.view.state.doc.toString() !== box.value) {
      own = true;
      box.value = update.state.doc.toString();
      box.dispatchEvent(new Event("input", { bubbles: true }));
      own = false;
    }
    if (update.focusChanged && !update.view.hasFocus && box.value !== before) {
      before = box.value;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: box.value,
      selection: { anchor: range[0], head: range[1] },
      extensions: [
        nonce ? EditorView.cspNonce.of(nonce) : [], history(), keys(box), EditorView.lineWrapping, EditorView.contentAttributes.of(attributes(box)),
        placeholder(box.placeholder), pills(source), heard,
        autocompletion({ override: [offer(source)], icons: false, interactionDelay: 0, activateOnTypingDelay: 0, selectOnOpen: !isJson, tooltipClass: () => "data-offer", addToOptions: [{ render: valueOf, position: 90 }] }),
        EditorView.domEventHandlers({ mousedown: onPill, drop: dropped, dragover: (event) => event.dataTransfer?.types.includes("text/x-expression") && event.preventDefault() }),
      ],
    }),
  });
  box.after(host);
  box.classList.add("is-carried");
  box.tabIndex = -1;
  box.setAttribute("aria-hidden", "true");
  box.addEventListener("input", () => {
    if (!own) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: box.value } });
  });
  const renew = () => {
    source.asked = known(form).then((knows) => {
      source.knows = knows;
      if (host.isConnected) view.dispatch({ effects: renewed.of(null) });
    });
  };
  renew();
  if (hadFocus) view.focus();
  return {
    view, host, renew,
    insert: (text, isFunction) => insert(view, text, isFunction),
    take() {
      if (box.selectionStart === 0 && box.selectionEnd === box.value.length) view.dispatch({ selection: { anchor: 0, head: box.value.length } });
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}

function valueOf(option) {
  const made = document.createElement("span");
  made.className = "data-offer-value";
  made.textContent = option.value ?? "";
  return made;
}

document.addEventListener("steps-changed", () => setTimeout(() => { // once the answer is on the page
  for (const form of document.querySelectorAll("form[data-preview]")) forget(form);
  for (const host of document.querySelectorAll(".data-editor")) editors.get(host.previousElementSibling)?.renew();
}));
document.addEventListener("click", (event) => {
  const label = event.target.closest?.("label[id]:not([for])");
  document.querySelector(`.cm-content[aria-labelledby="${CSS.escape(label?.id ?? "-")}"]`)?.focus();
});
