"""From a field's text to syntax trees: finding `{{ … }}`, and Jinja2's parser for what stands between.

Only the parser is used. Nothing of Jinja2 ever sees a value, and no template is compiled.
"""

import re
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from automate.lib.expressions.errors import ExpressionSyntaxError
from automate.lib.expressions.suggest import shortened

MAX_EXPRESSION = 10_000  # characters between {{ and }}; longer ones are mistakes, and parsing costs time
OPEN, CLOSE = "{{", "}}"

_ENVIRONMENT = Environment(  # noqa: S701  # autoescape concerns rendering; nothing is rendered
    block_start_string="\0block",
    block_end_string="\0endblock",
    comment_start_string="\0comment",
    comment_end_string="\0endcomment",
)
_SIGN = re.compile(r"""['"{}]""")
_QUOTED = {
    "'": re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL),
    '"': re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL),
}
_HABITS = (
    (r"&&", "Write `and` instead of `&&`."),
    (r"\|\|", "Write `or` instead of `||`."),
    (r"[!=]==", "Write `==` or `!=`; they never mix up text and numbers."),
    (r"!(?!=)", "Write `not` instead of `!`."),
    (r"=>", "There are no arrow functions; use `map`, `where` and their like."),
    (r"\?\.", "Use `a.b | default(null)` instead of `?.`."),
    (r"\?\?", "Use `a | default(b)` instead of `??`."),
    (r"\?", "Write `a if condition else b` instead of `condition ? a : b`."),
    (r"(?<![=!<>])=(?!=)", "Compare with `==`."),
    (r"\$", "Names need no `$`."),
    (r"`", "Text stands between quotes: \"text\" or 'text'."),
    (r"^\s*[%#]|[%#]\s*$", "There are no statements and comments, only expressions."),
)
_STRINGS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


@dataclass(frozen=True)
class Expression:
    """The text between {{ and }}, and the offset of `{{` in the field."""

    source: str
    position: int


def split(text: str) -> list[str | Expression]:
    """The plain text and the expressions of a field, in order. Raises ExpressionSyntaxError."""
    parts: list[str | Expression] = []
    at = 0
    while (start := text.find(OPEN, at)) >= 0:
        if start > at:
            parts.append(text[at:start])
        end = _end(text, start)
        parts.append(Expression(text[start + 2 : end], start))
        at = end + 2
    if at < len(text):
        parts.append(text[at:])
    return parts


def _end(text: str, start: int) -> int:
    """The offset of the `}}` that closes the `{{` at `start`; braces and quoted texts inside are skipped."""
    open_braces = 0
    at, limit = start + 2, start + MAX_EXPRESSION
    unclosed: set[str] = (
        set()
    )  # quotes that were found not to end: looking again for each would take too long
    while found := _SIGN.search(text, at, limit):
        sign, at = found[0], found.end()
        if sign in _QUOTED and sign not in unclosed:
            quoted = _QUOTED[sign].match(text, found.start(), limit)
            if quoted:
                at = quoted.end()
            else:
                unclosed.add(sign)
        elif sign == "{":
            open_braces += 1
        elif sign == "}" and open_braces:
            open_braces -= 1
        elif sign == "}" and text.startswith(CLOSE, found.start()):
            return found.start()
    if len(text) > limit:
        raise ExpressionSyntaxError(
            f"The expression is longer than {MAX_EXPRESSION:,} characters, or its `}}}}` is missing.",
            text=text,
            position=start,
        )
    raise ExpressionSyntaxError(
        'The `{{` has no `}}` that closes it. A literal `{{` is written `{{ "{{" }}`.',
        text=text,
        position=start,
    )


def parse(expression: Expression) -> nodes.Expr:
    """The syntax tree, unchecked. Raises ExpressionSyntaxError with a position in the field."""
    if not expression.source.strip():
        raise ExpressionSyntaxError("There is nothing between `{{` and `}}`.", position=expression.position)
    try:
        parser = Parser(_ENVIRONMENT, expression.source, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail(f"unexpected {parser.stream.current.value!r}")
    except TemplateSyntaxError as error:
        raise _syntax_error(expression, error.message or "", error.lineno) from None
    except RecursionError:
        raise ExpressionSyntaxError(
            "The expression is nested too deeply.", position=expression.position
        ) from None
    except (ValueError, OverflowError):  # a number of thousands of digits
        raise ExpressionSyntaxError(
            "The expression holds a number that is too large.", position=expression.position
        ) from None
    return tree


def _syntax_error(expression: Expression, reason: str, line: int) -> ExpressionSyntaxError:
    lines = expression.source.split("\n")
    start = expression.position + 2 + sum(len(before) + 1 for before in lines[: line - 1])
    stumbled = re.search(r"(?:got|unexpected(?: char)?) '(.+?)'", reason)
    place = lines[line - 1].find(stumbled[1]) if stumbled and line <= len(lines) else -1
    message = f"`{{{{{shortened(expression.source, 80)}}}}}` cannot be read: {_in_words(reason)}.{_habit(expression.source)}"
    return ExpressionSyntaxError(message, position=start + max(place, 0))


def _in_words(reason: str) -> str:
    reason = reason.rstrip(".")
    if (
        "unexpected end" in reason
        or "end of template" in reason
        or reason == "Expected an expression, got 'end of print statement'"
    ):
        return "it ends too early"
    reason = re.sub(r" at \d+$", "", reason)
    reason = reason.replace("expected token ", "expected ").replace("unexpected char ", "unexpected ")
    return reason[:1].lower() + reason[1:]


def _habit(source: str) -> str:
    """A hint when the expression looks like another language."""
    bare = _STRINGS.sub("''", source[:1000])
    return next((f" {hint}" for sign, hint in _HABITS if re.search(sign, bare)), "")
