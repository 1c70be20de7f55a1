// What completion offers: after `{` or `/` data, functions and variables; inside `{{ … }}` what goes on there.
const START = /(?:(\{)([\w.› ]{0,40})|(?:^|\s)(\/)([^\s/{}]{0,40}))$/;
const BEGINNING = /^\s*([\w.[\]"'›]*)$/;
const WORD = /([\w.]*)$/;

// Where the cursor is: {from, words, bare}; `bare`: within an expression, so that no braces are put around.
function place(before) {
  const open = before.lastIndexOf("{{");
  if (open > before.lastIndexOf("}}")) {
    const inner = before.slice(open + 2);
    const beginning = BEGINNING.exec(inner);
    if (beginning) return { from: open, typed: beginning[1], bare: false, functions: true, data: true };
    const typed = WORD.exec(inner)[1];
    const isPiped = /\|\s*[\w.]*$/.test(inner);
    if (!typed && !isPiped && !/[(,+\-*/~=<>\s]$/.test(inner)) return null;
    return { from: before.length - typed.length, typed, bare: true, functions: true, data: !isPiped, isPiped };
  }
  const start = START.exec(before);
  if (!start) return null;
  const typed = start[2] ?? start[4] ?? "";
  return { from: before.length - typed.length - 1, typed, bare: false, functions: true, data: true };
}

function put(text, cursor) {
  return (view, _completion, from, to) => {
    const after = view.state.sliceDoc(to, to + 20);
    const closing = text.endsWith("}}") ? /^\s*\}\}/.exec(after)?.[0].length ?? 0 : 0;
    view.dispatch({ changes: { from, to: to + closing, insert: text }, selection: { anchor: from + (cursor ?? text.length) }, userEvent: "input.complete", scrollIntoView: true });
  };
}

function dataOption(one, bare) {
  const text = bare ? one.path : `{{ ${one.path} }}`;
  return { label: one.label, value: one.value, section: { name: one.section, rank: one.rank }, apply: put(text) };
}

function functionOption(one, { bare, isPiped }) {
  const noBraces = /^\w+\((value|text|list|items|number|date|object)?\)$/.test(one.signature) && isPiped ? one.name : `${one.name}()`;
  const text = bare ? noBraces : `{{ ${one.name}() }}`;
  const cursor = text.indexOf("(") + 1 || undefined;
  return { label: one.name, value: one.group, section: { name: "Functions", rank: 10000 }, apply: put(text, cursor), info: () => about(one) };
}

function about(one) {
  const made = document.createElement("div");
  for (const [tag, text, name] of [["code", one.signature, "strong"], ["p", one.help, ""], ["code", one.example, "hint"]]) {
    const line = document.createElement(tag);
    line.textContent = text;
    line.className = name;
    made.append(line);
  }
  made.className = "data-offer-about";
  return made;
}

export function offer(source) {
  const offered = (found) => {
    const words = found.typed.toLowerCase().split(/[\s.›[\]"']+/).filter((word) => word && !["trigger", "body", "steps"].includes(word));
    const options = [
      ...(found.data ? source.knows.dataFor(words).map((one) => dataOption(one, found.bare)) : []),
      ...(found.functions ? source.knows.functionsFor(words).map((one) => functionOption(one, found)) : []),
    ];
    return options.length ? { from: found.from, options, filter: false } : null;
  };
  return (context) => {
    const found = place(context.state.sliceDoc(0, context.pos));
    if (!found) return null;
    return source.knows ? offered(found) : source.asked.then(() => source.knows && offered(found));
  };
}
