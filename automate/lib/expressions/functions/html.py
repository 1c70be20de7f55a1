"""HTML and Markdown, always through the sanitiser nh3 before anything is called safe."""

import html as entities
import re

import nh3

from automate.lib.expressions.converters import Items, Object
from automate.lib.expressions.errors import BudgetExceeded
from automate.lib.expressions.functions.markdown import render
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes

MAX_HTML = 1_000_000  # characters; the sanitiser takes more than a second for much more
MAX_MARKDOWN = 100_000  # characters; hundreds of thousands of tiny blocks would take seconds
MAX_OPEN_TAGS = 20_000  # deeply nested formatting makes HTML parsers slow
_BREAKS = re.compile(r"<br>|</?(?:p|div|li|tr|h[1-6]|blockquote|pre)>")
_BLOCKS = {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"}
_BLANKS = re.compile(r"[ \t\xa0]+")


def _checked(text: str, *, tags: bool = True) -> str:
    if len(text) > MAX_HTML or (tags and text.count("<") > MAX_OPEN_TAGS):
        raise BudgetExceeded(
            f"HTML of more than {MAX_HTML:,} characters or {MAX_OPEN_TAGS:,} tags is not read here."
        )
    return text


@function(
    "HTML",
    '{{ "<p>Hi <b>Ann</b></p><p>Bye</p>" | html_text }}',
    "Hi Ann\n\nBye",
    aliases=("strip_tags", "striptags", "html_to_text", "strip_html"),
)
def html_text(text: str) -> str:
    """The text of an HTML page or fragment, without tags, scripts and styles; blocks become lines."""
    plain = nh3.clean(_checked(text), tags=_BLOCKS, attributes={})
    lines = (
        _BLANKS.sub(" ", line).strip() for line in _BREAKS.sub("\n", plain.replace("\n", " ")).split("\n")
    )
    return re.sub(r"\n{3,}", "\n\n", entities.unescape("\n".join(lines))).strip().replace("\0", "")


@function(
    "HTML", '{{ "<b>x</b><script>bad()</script>" | sanitize_html }}', "<b>x</b>", aliases=("clean_html",)
)
def sanitize_html(text: str) -> str:
    """The HTML without scripts, event handlers and anything else that is not plain formatting."""
    return nh3.clean(_checked(text))


@function(
    "HTML", '{{ "a < b & c" | escape_html }}', "a &lt; b &amp; c", aliases=("escape", "e", "html_escape")
)
def escape_html(run: Run, text: str) -> str:
    """The text written so that HTML shows it as it is."""
    run.room_for_text(text_bytes(text) + 5 * sum(map(text.count, "&<>\"'")))
    return entities.escape(text)


@function("HTML", '{{ "a &lt; b" | unescape_html }}', "a < b", aliases=("html_unescape",))
def unescape_html(text: str) -> str:
    """Names and numbers of characters, like &lt; and &#233;, turned into the characters."""
    return entities.unescape(_checked(text, tags=False))


@function(
    "HTML",
    '{{ "**Hi** [site](https://example.org)" | markdown }}',
    '<p><strong>Hi</strong> <a href="https://example.org" rel="noopener noreferrer">site</a></p>',
    aliases=("markdown_to_html",),
)
def markdown(text: str) -> str:
    """HTML of Markdown: headings, bold, italic, code, links, lists, quotes and rules; sanitised."""
    if len(text) > MAX_MARKDOWN:
        raise BudgetExceeded(f"Markdown of more than {MAX_MARKDOWN:,} characters is not read here.")
    return nh3.clean(render(text))


@function(
    "HTML",
    '{{ [{"a": 1, "b": "x"}] | html_table }}',
    "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>x</td></tr></tbody></table>",
)
def html_table(run: Run, rows: Items, columns: Items | None = None) -> str:
    """An HTML table of a list of objects, with all fields or the given ones; everything in it is escaped."""
    names, cells = _table(run, rows, columns)
    head = "".join(f"<th>{escape_html(run, name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape_html(run, cell)}</td>" for cell in row) + "</tr>" for row in cells
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@function("HTML", '{{ [{"a": 1}] | markdown_table }}', "| a |\n| --- |\n| 1 |")
def markdown_table(run: Run, rows: Items, columns: Items | None = None) -> str:
    """A Markdown table of a list of objects, with all fields or the given ones."""
    names, cells = _table(run, rows, columns)
    table = [names, ["---"] * len(names), *cells]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in table
    )


def _table(run: Run, rows: Items, columns: Items | None) -> tuple[list[str], list[list[str]]]:
    objects: list[Object] = [row for row in rows if isinstance(row, dict)]
    run.spend(sum(map(len, objects)) + 1)
    found = columns if columns is not None else list(dict.fromkeys(name for row in objects for name in row))
    names = [as_part_of_text(name, run) for name in found]
    run.room_for_items(len(objects) * (len(names) + 1))
    cells = [[str(run.made(as_part_of_text(row.get(name), run))) for name in names] for row in objects]
    run.room_for_text(6 * sum(text_bytes(cell) for row in cells for cell in row))
    return names, cells
