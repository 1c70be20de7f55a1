// `{{ … }}` in a field's text: where each one stands, and the paths in it. The same rules as the server's own reader.
const SIGN = /['"{}]/g;
const PATH = /[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\.\d+|\[\d+\]|\["[^"\\]*"\]|\['[^'\\]*'\])*/;
const WHOLE = new RegExp(`^\\s*(${PATH.source})\\s*$`);
const EVERY = new RegExp(`^\\s*(${PATH.source})\\s*\\|\\s*map\\(\\s*"([^"]*)"\\s*\\)\\s*$`);
const KEY = /\.?([A-Za-z_]\w*|\d+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]/g;
const WORDS = new Set(["and", "or", "not", "in", "is", "if", "else", "true", "false", "null", "none", "defined", "undefined"]);

function quoteEnd(text, at, sign) {
  for (let end = at; end < text.length; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === sign) return end + 1;
  }
  return -1;
}

// Where the `{{` at `start` ends, or -1.
function endOf(text, start) {
  let depth = 0;
  for (let at = start + 2; ;) {
    SIGN.lastIndex = at;
    const found = SIGN.exec(text);
    if (!found) return -1;
    at = found.index + 1;
    if (found[0] === "{") depth += 1;
    else if (found[0] === "}" && depth) depth -= 1;
    else if (found[0] === "}" && text[at] === "}") return at + 1;
    else if (found[0] !== "}") at = Math.max(quoteEnd(text, at, found[0]), at);
  }
}

export function tokens(text) {
  const found = [];
  for (let from = text.indexOf("{{"); from >= 0;) {
    const to = endOf(text, from);
    if (to < 0) break;
    found.push({ from, to, inner: text.slice(from + 2, to - 2) });
    from = text.indexOf("{{", to);
  }
  return found;
}

// `trigger.body["odd key"][0]` as ["trigger", "body", "odd key", 0].
export function keysOf(path) {
  return [...path.matchAll(KEY)].map(([, name, index, quoted, single]) => index !== undefined ? Number(index) : name ?? quoted ?? single);
}

// The keys if it is one path and nothing else; `every`: of each item of a list.
export function pathOf(inner) {
  const every = EVERY.exec(inner);
  if (every) return { keys: keysOf(every[1]), every: every[2] };
  const whole = WHOLE.exec(inner);
  return whole && !WORDS.has(whole[1]) ? { keys: keysOf(whole[1]) } : null;
}

// Paths within a longer expression, without texts in quotes, functions and words of the language.
export function pathsIn(inner) {
  const found = [];
  const search = new RegExp(`"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|(\\|\\s*)?(${PATH.source})(\\s*[(=])?`, "g");
  for (const match of inner.matchAll(search)) {
    const [whole, pipe, path, call] = match;
    if (!path || pipe || call?.includes("(") || (call && inner[match.index + whole.length] !== "=") || !/[.[]/.test(path) || /[\w.]/.test(inner[match.index - 1] ?? "")) continue;
    found.push({ from: match.index, to: match.index + path.length, keys: keysOf(path) });
  }
  return found;
}
