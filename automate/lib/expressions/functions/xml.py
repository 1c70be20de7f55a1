"""XML, read by defusedxml (no entities, no external files) and written by hand."""

import re
from xml.etree.ElementTree import Element, ParseError  # types only; defusedxml reads
from xml.sax.saxutils import escape, quoteattr  # writes only

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from automate.lib.expressions.converters import Object
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.suggest import shortened
from automate.lib.jsontypes import JSON

_NAME = re.compile(r"[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MAX_DEPTH = 60


@function(
    "Data", '{{ parse_xml("<a id=\\"1\\"><b>x</b><b>y</b></a>").a.b }}', ["x", "y"], aliases=("from_xml",)
)
def parse_xml(run: Run, text: str) -> JSON:
    """An object of the XML: elements by name (several become a list), attributes as @name, text beside them as #text."""
    run.room_for_items(4 * text.count("<") + 2 * text.count("="))
    try:
        root = fromstring(text.encode(), forbid_dtd=True)
    except DefusedXmlException:
        raise ExpressionTypeError(
            "`parse_xml` reads no document types and entities (<!DOCTYPE …>). Remove them first."
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        raise ExpressionTypeError(f"`parse_xml` cannot read the text: {error}.") from None
    return {_local(root.tag): _value(root, MAX_DEPTH)}


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _value(element: "Element[str]", levels: int) -> JSON:
    if not levels:
        raise ExpressionTypeError(f"The XML is nested more than {MAX_DEPTH} levels deep.")
    made: Object = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = _local(child.tag), _value(child, levels - 1)
        if name not in made:
            made[name] = value
            continue
        known = made[name]
        if isinstance(known, _Several):
            known.append(value)
        else:
            made[name] = _Several([known, value])
    own = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
    if not made:
        return own or None
    return {
        **{name: list(value) if isinstance(value, _Several) else value for name, value in made.items()},
        **({"#text": own} if own else {}),
    }


class _Several(list[JSON]):
    """Elements of the same name, told apart from a list while the object is being made."""


@function("Data", '{{ {"a": {"@id": 1, "b": ["x", "y"]}} | to_xml }}', '<a id="1"><b>x</b><b>y</b></a>')
def to_xml(run: Run, value: Object, root: str = "") -> str:
    """XML of an object made like those of `parse_xml`; `root` names an element around everything."""
    run.measure(value)
    if not root and len(value) != 1:
        raise ExpressionTypeError("`to_xml` needs an object with one field, or the name of a root element.")
    pieces: list[str] = []
    _write(run, pieces, *((root, value) if root else next(iter(value.items()))))
    return "".join(pieces)


def _write(run: Run, pieces: list[str], name: str, value: JSON) -> None:
    if not _NAME.fullmatch(name):
        raise ExpressionTypeError(f"“{shortened(name)}” cannot be the name of an XML element or attribute.")
    run.spend()
    if isinstance(value, list):
        for item in value:
            _write(run, pieces, name, item)
        return
    fields: Object = value if isinstance(value, dict) else {"#text": value}
    attributes = "".join(
        f" {_attribute(key[1:])}={quoteattr(_text(run, item))}"
        for key, item in fields.items()
        if key.startswith("@")
    )
    pieces.append(str(run.made(f"<{name}{attributes}>")))
    pieces.append(str(run.made(escape(_text(run, fields.get("#text"))))))
    for key, item in fields.items():
        if not key.startswith(("@", "#")):
            _write(run, pieces, key, item)
    pieces.append(f"</{name}>")


def _attribute(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ExpressionTypeError(f"“{shortened(name)}” cannot be the name of an XML element or attribute.")
    return name


def _text(run: Run, value: JSON) -> str:
    return _FORBIDDEN.sub("", as_part_of_text(value, run))
