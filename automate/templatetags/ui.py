"""`{% load ui %}`: what templates need to draw the product. The work is in the neighbouring modules."""

from collections.abc import Iterable
from datetime import datetime

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from automate.lib.clock import now
from automate.templatetags import charts, formats, icons, json_html
from automate.templatetags.statuses import status_of

register = template.Library()

_TYPE_SIGNS = {
    "text": "T",
    "string": "T",
    "number": "#",
    "integer": "#",
    "boolean": "\u2713",
    "object": "{}",
    "list": "[]",
    "array": "[]",
    "file": "F",
    "date": "D",
}

register.simple_tag(icons.icon, name="icon")
register.simple_tag(icons.app_tile, name="app_tile")
register.simple_tag(json_html.json_view, name="json_view")
register.simple_tag(charts.spark, name="spark")
register.simple_tag(charts.mini_bars, name="mini_bars")
register.simple_tag(charts.meter, name="meter")
register.filter("duration", formats.duration)
register.filter("filesize", formats.filesize)
register.filter("initials", formats.initials)
register.filter("moment", formats.moment)


@register.inclusion_tag("ui/_bars.html")
def bars(points: Iterable[object], title: str = "Runs per day") -> dict[str, object]:
    """A bar chart of `{label, succeeded, failed}` points with a text summary and a table view."""
    return charts.bars(points, title)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    return formats.ago(moment, now())


@register.simple_tag
def status_pill(status: object, text: str = "") -> SafeString:
    """Icon, word and colour for a stored status; `text` replaces the word ("Item 3 of 5")."""
    shown = status_of(status)
    return format_html(
        '<span class="pill {}">{}{}</span>', shown.tone, _state_icon(shown.icon), text or shown.word
    )


@register.simple_tag
def state_icon(status: object) -> SafeString:
    """The icon of a status alone, with its word for screen readers."""
    shown = status_of(status)
    return format_html(
        '<span class="step-state {}" title="{}">{}<span class="sr">{}</span></span>',
        shown.tone, shown.word, _state_icon(shown.icon), shown.word.lower(),
    )  # fmt: skip


@register.simple_tag
def ref(path: str, n: int | None = None, tile: object = "", bad: bool = False) -> SafeString:
    """A piece of data by name inside text: "1. customer, name"; `bad` when it is missing."""
    if bad:
        lead = icons.icon("alert-triangle", label="missing:")
    else:
        lead = icons.app_tile(tile, "s") if tile else SafeString("")  # safe: a constant
    number = f"{n}. " if n else ""
    return format_html('<span class="ref{}">{}{}{}</span>', " is-bad" if bad else "", lead, number, path)


@register.filter
def status_word(status: object) -> str:
    return status_of(status).word


@register.filter
def status_tone(status: object) -> str:
    return status_of(status).tone


@register.filter
def type_sign(name: object) -> str:
    """The two characters that stand for a JSON type in the data picker."""
    return _TYPE_SIGNS.get(str(name), "\u00b7")


def _state_icon(name: str) -> SafeString:
    if name == "spinner":
        return format_html('<span class="{}" aria-hidden="true"></span>', "spinner")
    return icons.icon(name)


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """ "light" or "dark" if this browser (cookie) or this person (account) chose one, else "" for the system's."""
    request = context.get("request")
    if request is None:
        return ""
    account = getattr(getattr(request, "user", None), "theme", "")
    chosen = str(request.COOKIES.get("theme") or account).lower()
    return chosen if chosen in {"light", "dark"} else ""


@register.simple_tag(takes_context=True)
def page_url(context: Context, page: int, key: str = "page") -> str:
    """The present address's query with another page number: "?q=mail&page=2"."""
    query = context["request"].GET.copy()
    query[key] = str(page)
    return f"?{query.urlencode()}"
