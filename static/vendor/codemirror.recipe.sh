#!/bin/sh
# Makes codemirror.min.js: the few parts of CodeMirror 6 that static/js/builder/editor.js uses, in one module. Needs Node and npm;
# run it only to renew the file: sh static/vendor/codemirror.recipe.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact \
  @codemirror/state@6.7.6 @codemirror/view@6.43.15 @codemirror/commands@6.11.1 @codemirror/autocomplete@6.20.4 esbuild@0.28.2
cat >entry.js <<'ENTRY'
export { EditorState, StateEffect } from "@codemirror/state";
export { Decoration, EditorView, keymap, placeholder, ViewPlugin, WidgetType } from "@codemirror/view";
export { history, historyKeymap, insertNewline, standardKeymap } from "@codemirror/commands";
export { autocompletion, completionKeymap, selectedCompletionIndex } from "@codemirror/autocomplete";
ENTRY
# The fields hold no programs, so what knows of languages (parsers, indenting, brackets: 12 kB) stays out: nobody asks these.
cat >plain.js <<'PLAIN'
import { Facet } from "@codemirror/state";
const node = { from: 0, to: 0, name: "", parent: null, firstChild: null, lastChild: null, type: { prop() {} } };
export const syntaxTree = () => ({ resolveInner: () => node, resolveStack: () => null });
export const indentUnit = Facet.define({ combine: (given) => given[0] ?? "  " });
export const getIndentUnit = () => 2;
export const indentString = (state, columns) => " ".repeat(columns);
export const getIndentation = () => null;
export const matchBrackets = () => null;
export class IndentContext { lineIndent() { return 0; } }
export class NodeProp {}
PLAIN
npx esbuild entry.js --bundle --minify --format=esm --target=es2022 --legal-comments=none --banner:js="/* CodeMirror 6, MIT, by Marijn Haverbeke and others: see VENDOR.md */" \
  --alias:@codemirror/language=./plain.js --alias:@lezer/common=./plain.js --outfile="$here/codemirror.min.js"
for part in state view commands autocomplete; do
  echo "$part $(node -p "require('./node_modules/@codemirror/$part/package.json').version")"
done
gzip -9c "$here/codemirror.min.js" | wc -c
sha256sum "$here/codemirror.min.js"
