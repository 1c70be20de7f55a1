"""Icons and app tiles: SVG from our own static folder, read once per process and written into the page."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from zlib import crc32

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

STATIC = Path(__file__).resolve().parents[2] / "static"
MAX_INLINE_LOGO_BYTES = 4096  # a larger logo costs less as a file of its own, which the browser keeps
MONOGRAM_COLOURS = 8
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_NOT_INLINE = re.compile(
    rb"\s(?:id|style|on\w+)\s*=|<(?:style|script|image|use|foreignObject)\b", re.IGNORECASE
)

# Steps, triggers and connectors without a company behind them: icon and tone.
KINDS = {
    "webhook": ("webhook", "brand"),
    "schedule": ("calendar-clock", "brand"),
    "scheduled": ("calendar-clock", "brand"),
    "manual": ("player-play", "brand"),
    "form": ("forms", "brand"),
    "email": ("mail", "brand"),
    "polling": ("refresh", "brand"),
    "event": ("broadcast", "brand"),
    "workflow": ("affiliate", "brand"),
    "failure": ("alert-triangle", "brand"),
    "condition": ("arrows-split-2", "warn"),
    "filter": ("filter", "warn"),
    "approval": ("user-check", "warn"),
    "loop": ("repeat", "ok"),
    "sub_workflow": ("affiliate", "ok"),
    "merge": ("arrows-join-2", "ok"),
    "delay": ("hourglass", "run"),
    "callback": ("link", "run"),
    "code": ("code", "idle"),
    "transform": ("transform", "idle"),
    "state": ("database", "idle"),
    "respond": ("arrow-back", "idle"),
    "stop": ("hand-stop", "idle"),
    "note": ("note", "idle"),
    "action": ("puzzle", "idle"),
    "http": ("world-www", "idle"),
    "smtp": ("mail", "idle"),
    "sql": ("database", "idle"),
}


class UnknownIcon(LookupError):
    """A template names an icon that static/icons/ does not have."""


def icon(name: str, cls: str = "", label: str = "") -> SafeString:
    """The icon as inline SVG; decoration unless `label` says what it means."""
    classes = f"icon {cls}".strip()
    if label:
        return format_html(
            '<svg class="{}" viewBox="0 0 24 24" role="img" aria-label="{}">{}</svg>',
            classes,
            label,
            _shapes(name),
        )
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', classes, _shapes(name)
    )


@cache
def _shapes(name: str) -> SafeString:
    path = STATIC / "icons" / f"{name}.svg"
    if not _SLUG.match(name) or not path.is_file():
        raise UnknownIcon(
            f"There is no icon {name!r} in static/icons/. Copy it there from @tabler/icons (VENDOR.md)."
        )
    inner = path.read_text().partition(">")[2].rpartition("</svg>")[0]
    return SafeString(
        inner
    )  # safe: a file of our own repository, its name held to _SLUG; no user text is in it


def app_tile(integration: object, size: str = "", label: bool = False) -> SafeString:
    """The square for an app or a step type: our icon, else its logo, else a monogram.

    Takes a slug, a step or trigger type word, or anything with `slug` or `name` (and `display_name`).
    Sizes: "s" 24, "" 32, "m" 38, "l" 44 px. `label` names it for screen readers where no text stands beside it.
    """
    slug, shown = _names(integration)
    classes, inner = _tile(slug, shown)
    if size:
        classes = f"{classes} tile-{size}"
    if label:
        return format_html(
            '<span class="tile {}" role="img" aria-label="{}" title="{}">{}</span>',
            classes,
            shown,
            shown,
            inner,
        )
    return format_html('<span class="tile {}" aria-hidden="true">{}</span>', classes, inner)


def _names(integration: object) -> tuple[str, str]:
    if isinstance(integration, Mapping):
        found = {key: integration.get(key) for key in ("slug", "name", "display_name")}
    elif isinstance(integration, str) or integration is None:
        found = {"slug": integration}
    else:
        found = {key: getattr(integration, key, None) for key in ("slug", "name", "display_name")}
    slug = str(found.get("slug") or found.get("name") or "action").lower()
    shown = str(found.get("display_name") or found.get("name") or slug)
    return slug, shown if shown != slug else slug.replace("_", " ").replace("-", " ").capitalize()


def _tile(slug: str, shown: str) -> tuple[str, SafeString | str]:
    if slug in KINDS:
        name, tone = KINDS[slug]
        return tone, icon(name)
    if logo := _logo(slug):
        return "tile-logo", logo
    return f"tile-mono mono-{crc32(slug.encode()) % MONOGRAM_COLOURS + 1}", monogram(shown)


@lru_cache(maxsize=1024)
def _logo(slug: str) -> SafeString | None:
    path = STATIC / "logos" / f"{slug}.svg"
    if not _SLUG.match(slug) or not path.is_file():
        return None
    return inline_logo(path.read_bytes()) or format_html(
        '<img src="{}" alt="" loading="lazy" decoding="async">', static(f"logos/{slug}.svg")
    )


def inline_logo(source: bytes) -> SafeString | None:
    """The SVG itself if it is small and plain; None where it must stay a file (ids and styles would clash)."""
    start = source.find(b"<svg")
    if start < 0 or len(source) > MAX_INLINE_LOGO_BYTES or _NOT_INLINE.search(source):
        return None
    return SafeString(
        source[start:].decode()
    )  # safe: a logo file of our own repository, free of scripts and styles


def monogram(name: str) -> str:
    """One or two letters: "Slack" S, "Google Sheets" GS."""
    words = name.replace("-", " ").replace("_", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"
