// What the server knows of the data before a step: how a path is called on its pill, whether it leads anywhere, what completion offers.
const PLAIN = new Set(["now", "run", "error", "result", "loop", "item", "input", "null", "true", "false", "none"]);
const NAME = /^[A-Za-z_]\w*$/;
const MAX_OFFERED = 60;
const asked = new WeakMap();

export function known(form) {
  if (!asked.has(form)) {
    asked.set(form, fetch(`${form.dataset.pickerUrl}?as=json`, { headers: { "HX-Request": "true" } })
      .then((answer) => (answer.ok ? answer.json() : null)).then((data) => data && new Known(data)).catch(() => null));
  }
  return asked.get(form);
}
export const forget = (form) => asked.delete(form);

const part = (key) => (typeof key === "number" ? `item ${key + 1}` : key);
const member = (path, key) => (NAME.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`);

class Known {
  constructor(data) {
    this.data = data;
    this.roots = new Map(data.roots.map((root) => [root.path, root]));
    this.offered = [...this.paths()];
    const sections = [...new Set(this.offered.map((one) => one.section))];
    for (const one of this.offered) one.rank = sections.indexOf(one.section);
  }

  // {n, tile, label, bad}: `bad` says why it leads nowhere.
  describe(keys, every) {
    const inSteps = keys[0] === "steps" && keys.length > 1;
    const root = this.roots.get(inSteps ? `steps.${keys[1]}` : String(keys[0]));
    if (!root) return { label: keys.map(part).join(" › "), bad: this.why(keys, inSteps) };
    const rest = keys.slice(inSteps ? 2 : 1);
    const shown = root.path === "trigger" && rest[0] === "body" ? rest.slice(1) : rest;
    const words = [...shown.map(part), ...(every ? [`every ${every}`] : [])];
    return { n: root.n, tile: root.tile, label: words.join(" › ") || root.name, bad: missing(root, rest, every) };
  }

  why(keys, inSteps) {
    if (inSteps) {
      const later = this.data.later[keys[1]];
      return later ? `“${later}” does not come before this step.` : `There is no step “${keys[1]}” any more.`;
    }
    return PLAIN.has(String(keys[0])) || keys.length < 2 ? "" : `There is nothing called “${keys[0]}” here.`;
  }

  * paths() {
    for (const root of this.roots.values()) {
      const section = root.n ? `${root.n}. ${root.name}` : root.name;
      const start = root.path === "trigger" ? root.shape?.f?.body : root.shape;
      const path = root.path === "trigger" ? "trigger.body" : root.path;
      if (root.path !== "vars") yield { path, label: "everything", value: "", section };
      if (start) yield* below(start, path, "", section);
    }
    for (const [path, label] of [["now", "now"], ["run.number", "the run's number"], ["run.url", "the run's address"]]) {
      yield { path, label, value: "", section: "The run" };
    }
  }

  // What fits the words typed: in names, in values, in the titles of steps.
  // What has them in its own name or value goes before what only belongs to a step that is called so.
  dataFor(words) {
    const holds = (text) => words.every((word) => text.toLowerCase().includes(word));
    const own = this.offered.filter((one) => holds(`${one.label} ${one.value}`));
    const found = own.length ? own : this.offered.filter((one) => holds(`${one.label} ${one.path} ${one.value} ${one.section}`));
    return found.slice(0, MAX_OFFERED);
  }

  functionsFor(words) {
    const fits = ({ name, words: aliases, help, group }, deep) => words.every((word) => (deep ? `${name} ${aliases} ${help} ${group}` : name).toLowerCase().includes(word));
    const { functions } = this.data;
    const found = [
      functions.filter((one) => words.length && one.name.startsWith(words[0])), functions.filter((one) => fits(one, false)), functions.filter((one) => fits(one, true)),
    ];
    return [...new Set(found.flat())].slice(0, MAX_OFFERED);
  }
}

function missing(root, rest, every) {
  let node = root.shape;
  for (const key of every ? [...rest, 0, every] : rest) {
    if (!node || node.t === "null" || key === "error") return "";
    if (node.t === "object") {
      if (!(key in node.f)) return node.x ? "" : `“${key}” is not in the sample data.`;
      node = node.f[key];
    } else if (node.t === "list") {
      if (typeof key !== "number" && !/^\d+$/.test(key)) return `A list has no “${key}”: take an item, or every item's ${key}.`;
      if (key >= node.n && node.n) return `There are only ${node.n} items in the sample data.`;
      node = node.i;
    } else return `“${key}” is not in the sample data.`;
  }
  return "";
}

function* below(node, path, label, section) {
  if (node.t === "object") {
    for (const [key, inner] of Object.entries(node.f)) {
      const here = member(path, key);
      const words = label ? `${label} › ${key}` : key;
      yield { path: here, label: words, value: inner.v ?? (inner.n === undefined ? "" : `${inner.n} items`), section };
      yield* below(inner, here, words, section);
    }
  } else if (node.t === "list" && node.i) {
    for (const [key, inner] of Object.entries(node.i.f ?? {})) {
      yield { path: `${path} | map(${JSON.stringify(key)})`, label: `${label ? `${label} › ` : ""}every item's ${key}`, value: inner.v ?? "", section };
    }
    yield* below(node.i, `${path}[0]`, `${label ? `${label} › ` : ""}item 1`, section);
  }
}
