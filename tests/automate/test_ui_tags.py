"""What templates print: words, escapes and shapes of the tags in automate/templatetags/."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.http import Http404, HttpRequest
from django.template import Context, Template
from django.test import RequestFactory

from accounts.models import User
from automate.styleguide import SampleForm, styleguide
from automate.templatetags import charts, formats, icons, json_html
from automate.templatetags.statuses import STATUSES
from workflows.models import (
    ActiveRun,
    StepExecution,
    TriggerType,
    WorkflowExecution,
    WorkflowStep,
    WorkflowTemplate,
)

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


# ---- icons and tiles ----


def test_icon_is_inline_and_decorative():
    svg = render('{% icon "check" "icon-s" %}')

    assert svg.startswith('<svg class="icon icon-s" viewBox="0 0 24 24" aria-hidden="true"><path')
    assert svg.count("<svg") == svg.count("</svg>") == 1


def test_icon_with_label_is_an_image_with_a_name():
    assert 'role="img" aria-label="2 &lt; 3"' in render("{% icon 'check' label=text %}", text="2 < 3")


@pytest.mark.parametrize("name", ["no-such-icon", "../img/logo", ""])
def test_unknown_icon_says_where_icons_come_from(name):
    with pytest.raises(icons.UnknownIcon, match="static/icons/"):
        icons.icon(name)


def test_every_icon_named_in_templates_and_code_exists():
    pattern = re.compile(
        r"""\bicon "([a-z0-9-]+)"|icon_name(?:\|default:|=|": )"([a-z0-9-]+)"|action_icon="([a-z0-9-]+)\""""
    )
    files = [*ROOT.glob("templates/**/*.html"), ROOT / "automate" / "styleguide.py"]
    named = {"".join(groups) for file in files for groups in pattern.findall(file.read_text())}
    named |= {name for name, _ in icons.KINDS.values()}
    named |= {status.icon for status in STATUSES.values()} - {"spinner"}

    assert named - {file.stem for file in (ROOT / "static" / "icons").glob("*.svg")} == set()
    assert len(named) > 60


def test_icon_files_hold_shapes_only():
    for file in (ROOT / "static" / "icons").glob("*.svg"):
        assert not re.search(r"<script|style=|\son\w+=|\sid=", file.read_text()), file.name


def test_step_type_has_an_icon_tile():
    tile = icons.app_tile("condition", "m")

    assert tile.startswith('<span class="tile warn tile-m" aria-hidden="true"><svg')


@pytest.mark.parametrize("choices", [WorkflowStep.Type, TriggerType])
def test_every_type_of_the_models_has_an_icon(choices):
    assert {word.value.lower() for word in choices} <= set(icons.KINDS)


def test_integration_without_logo_gets_a_monogram_and_an_escaped_name():
    definition = SimpleNamespace(name="acme_crm", display_name="Acme <CRM>")

    tile = icons.app_tile(definition, label=True)

    assert re.search(r'class="tile tile-mono mono-[1-8]" role="img" aria-label="Acme &lt;CRM&gt;"', tile)
    assert ">A&lt;</span>" in tile


def test_tile_takes_a_slug_that_is_no_file_name():
    assert "tile-mono" in icons.app_tile("../../manage")
    assert "tile" in icons.app_tile(None)
    assert ">GS<" in icons.app_tile({"name": "google-sheets"})


@pytest.mark.parametrize(
    "source",
    [b"no picture", b'<svg><path id="a"/></svg>', b"<svg><script/></svg>", b'<svg><g style="fill:red"/></svg>',
     b'<svg onload="x()"></svg>', b"<svg>" + b" " * 5000 + b"</svg>"],
)  # fmt: skip
def test_logo_that_could_clash_stays_a_file(source):
    assert icons.inline_logo(source) is None


def test_plain_logo_goes_into_the_page_without_its_prolog():
    logo = icons.inline_logo(b'<?xml version="1.0"?><svg viewBox="0 0 24 24"><path d="M0 0"/></svg>')

    assert logo == '<svg viewBox="0 0 24 24"><path d="M0 0"/></svg>'


# ---- statuses ----


@pytest.mark.parametrize(
    ("stored", "word", "tone"),
    [("COMPLETED", "Succeeded", "ok"), ("NEEDS_ATTENTION", "Needs attention", "warn"), ("TIMED_OUT", "Timed out", "bad"),
     ("PENDING", "Queued", "idle"), ("running", "Running", "run"), ("", "Queued", "idle"), ("ODD_ONE", "Odd one", "idle")],
)  # fmt: skip
def test_statuses_are_shown_in_peoples_words(stored, word, tone):
    pill = render("{% status_pill s %}", s=stored)

    assert f'<span class="pill {tone}">' in pill
    assert pill.endswith(f"{word}</span>")


@pytest.mark.parametrize(
    "choices", [WorkflowExecution.Status, StepExecution.Status, ActiveRun.State, WorkflowTemplate.Status]
)
def test_every_status_of_the_models_has_words(choices):
    assert {status.value for status in choices} <= set(STATUSES)


def test_running_is_drawn_by_css_and_its_text_is_escaped():
    pill = render('{% status_pill "RUNNING" text %}', text="<b>3</b> of 5")

    assert '<span class="spinner" aria-hidden="true"></span>&lt;b&gt;3&lt;/b&gt; of 5' in pill


def test_state_icon_names_the_status_for_screen_readers():
    assert '<span class="sr">failed</span>' in render('{% state_icon "FAILED" %}')


# ---- numbers and moments ----


@pytest.mark.parametrize(
    ("ms", "words"),
    [(None, "\u2013"), (0, "0 ms"), (418, "418 ms"), (999.4, "999 ms"), (999.6, "1.0 s"), (4_100, "4.1 s"), (41_700, "41.7 s"),
     (59_940, "59.9 s"), (59_960, "1 min"), (192_000, "3 min 12 s"), (7_200_000, "2 h"), (7_860_000, "2 h 11 min"),
     (90_000_000, "1 day 1 h"), (-5, "0 ms")],
)  # fmt: skip
def test_durations_read_like_speech(ms, words):
    assert formats.duration(ms) == words


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [(None, "\u2013"), (0, "0 B"), (412, "412 B"), (999, "999 B"), (1000, "1.0 kB"), (1134, "1.1 kB"), (999_999, "1.0 MB"),
     (3_400_000, "3.4 MB"), (2_000_000_000, "2.0 GB"), (5_000_000_000_000, "5.0 TB")],
)  # fmt: skip
def test_sizes_are_decimal(size_bytes, words):
    assert formats.filesize(size_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (1, "now"), (4, "4 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7_199, "1 h ago"), (86_400, "yesterday"),
     (3 * 86_400, "3 days ago"), (70 * 86_400, "2 months ago"), (800 * 86_400, "2 years ago"), (-300, "in 5 min"),
     (-86_400, "in 1 day")],
)  # fmt: skip
def test_ago_says_how_long(seconds, words):
    assert formats.ago_words(NOON - timedelta(seconds=seconds), NOON) == words


def test_ago_element_carries_the_exact_moment():
    html = formats.ago(NOON - timedelta(minutes=6), NOON)

    assert html == (
        '<time datetime="2026-11-20T11:54:00+00:00" title="20 Nov 2026, 11:54:00" data-ago>6 min ago</time>'
    )


def test_ago_filter_reads_the_product_clock():
    assert ">now</time>" in render("{{ m|ago }}", m=datetime.now(UTC))
    assert render("{{ m|ago }}", m=None) == "\u2013"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Okafor", "AO"), ("ada.okafor@northwind.example", "AO"), ("Ada", "A"), ("", "?"), (None, "?")],
)
def test_initials(name, letters):
    assert formats.initials(name) == letters


# ---- JSON ----


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def test_json_is_indented_and_coloured_by_kind():
    html = json_html.json_view({"sku": "A", "n": 2, "ok": True, "no": None, "list": [1], "empty": {}})

    assert text_of(html).replace("&quot;", '"') == (
        '{\n  "sku": "A",\n  "n": 2,\n  "ok": true,\n  "no": null,\n  "list": [\n    1\n  ],\n  "empty": {}\n}'
    )
    assert '<span class="k">&quot;sku&quot;</span>: <span class="s">&quot;A&quot;</span>' in html
    assert '<span class="v">2</span>' in html
    assert '<span class="z">true</span>' in html


def test_json_from_strangers_is_text_and_nothing_else():
    html = json_html.json_view({"<script>alert(1)</script>": "</pre><img src=x onerror=alert(1)>"})

    assert "<script" not in html
    assert "<img" not in html


def test_json_shows_what_would_reorder_or_hide_text():
    assert "\\u202e" in json_html.json_view("a\u202eb")
    assert "\u202e" not in json_html.json_view("a\u202eb")


def test_big_json_is_cut_and_says_so():
    html = json_html.json_view(["x" * 1000] * 500)

    assert len(text_of(html)) < 130_000
    assert "the first 100 kB are shown" in html
    assert "kB are shown" not in json_html.json_view(["x" * 1000] * 50)


def test_one_huge_text_is_cut_inside():
    assert len(json_html.json_view("é" * 10_000_000)) < 200_000


def test_deep_json_ends_in_dots():
    value: object = 1
    for _ in range(500):
        value = [value]

    assert "…" in json_html.json_view(value)


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "null"), ("", "&quot;&quot;"), ([], "[]"), ({}, "{}"), (10**30, str(10**30))]
)
def test_lone_values(value, shown):
    assert text_of(json_html.json_view(value)) == shown


# ---- charts ----


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (1, 1), (3, 1), (4, 2), (1090, 400), (1200, 400), (1201, 500)]
)
def test_axis_ends_on_round_numbers(highest, step):
    assert charts.axis_step(highest) == step


def test_bars_have_a_summary_a_table_and_no_style():
    html = render(
        '{% bars points "Runs" %}', points=[{"label": "Nov <8>", "succeeded": 700, "failed": 40}] * 14
    )

    assert "Runs: 9800 succeeded, 560 failed" in html
    assert html.count('class="bar-main"') == html.count('class="bar-bad"') == 14
    assert "Nov &lt;8&gt;" in html
    assert "style=" not in html
    assert html.count("<td>") == 14


def test_bars_of_nothing_are_an_empty_chart():
    assert "0 succeeded" in render("{% bars points %}", points=[])


@pytest.mark.parametrize("days", [1, 14, 24, 90])
def test_at_most_eight_dates_stand_under_the_bars(days):
    data = charts.bars([{"label": str(n), "succeeded": n, "failed": 0} for n in range(days)], "Runs")

    shown = [bar for bar in data["bars"] if bar.label_class is not None]
    assert 1 <= len(shown) <= 8
    assert shown[-1].label == str(days - 1)


def test_bars_stay_inside_the_plot():
    data = charts.bars(
        [{"label": "a", "succeeded": 1199, "failed": 1}, {"label": "b", "succeeded": 0, "failed": 1200}],
        "Runs",
    )

    for bar in data["bars"]:
        assert bar.bad_y >= 0
        assert bar.main_y + bar.main_height <= charts.TOP_PX + charts.PLOT_PX


def test_mini_bars_say_their_numbers_and_share_a_scale():
    point = {"label": "a", "succeeded": 10, "failed": 2}

    assert 'aria-label="24 runs, 4 failed, in 2 days"' in charts.mini_bars([point, point])
    assert 'height="20.0"' in charts.mini_bars([point])
    assert 'height="2.5"' in charts.mini_bars([point], top=1000)
    assert "<rect" not in charts.mini_bars([])


def test_spark_needs_two_values():
    assert charts.spark([1]) == ""
    assert charts.spark([1, 1, 1]).count(" 23.0") == 3
    assert 'class="spark ok"' in charts.spark([1, 2], "ok")


@pytest.mark.parametrize(
    ("value", "top", "width"), [(1, 4, "25.0%"), (9, 4, "100.0%"), (1, 0, "0.0%"), (-1, 4, "0.0%")]
)
def test_meter_fills_its_share(value, top, width):
    assert f'width="{width}"' in charts.meter(value, top)


# ---- theme and addresses ----


def request_with(cookie: str = "", theme: str = "SYSTEM") -> HttpRequest:
    request = RequestFactory().get("/", {"q": "a b", "page": "3"})
    request.user = User(theme=theme)
    if cookie:
        request.COOKIES["theme"] = cookie
    return request


@pytest.mark.parametrize(
    ("cookie", "account", "drawn"),
    [
        ("", "SYSTEM", ""),
        ("", "DARK", "dark"),
        ("light", "DARK", "light"),
        ("system", "DARK", ""),
        ('"><script>', "SYSTEM", ""),
    ],
)
def test_browsers_choice_of_theme_wins_over_the_accounts(cookie, account, drawn):
    assert render("{% theme %}", request=request_with(cookie, account)) == drawn


def test_theme_without_a_request_is_the_systems():
    assert render("{% theme %}") == ""


def test_page_url_keeps_the_filters():
    assert render("{% page_url 4 %}", request=request_with()) == "?q=a+b&amp;page=4"


# ---- forms and pieces ----


def test_error_pages_render_without_any_context():
    for code in (400, 403, 404, 500):
        html = Template('{% extends "errors/' + str(code) + '.html" %}').render(Context({}))
        assert "Go home" in html
        assert "style=" not in html


def test_field_ties_help_and_error_to_its_input():
    form = SampleForm({"email": "ada@northwind"}, prefix="p")
    html = render('{% include "ui/_field.html" with field=field %}', field=form["site"])

    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_p-site_helptext id_p-site_error"' in html
    assert 'id="id_p-site_helptext"' in html
    assert 'id="id_p-site_error"' in html


def test_reference_to_missing_data_is_marked():
    assert render("{% ref path 1 'webhook' %}", path="a<b").endswith("1. a&lt;b</span>")
    assert 'class="ref is-bad"' in render("{% ref 'step deleted' bad=True %}")


def test_type_signs():
    assert render("{{ 'number'|type_sign }}{{ 'list'|type_sign }}{{ 'odd'|type_sign }}") == "#[]\u00b7"


# ---- the style guide ----


def guide_request(is_staff: bool) -> HttpRequest:
    request = RequestFactory().get("/styleguide/")
    request.user = User(email="alice@example.com", is_staff=is_staff)
    return request


def test_style_guide_shows_both_themes_without_inline_styles_or_handlers():
    html = styleguide(guide_request(is_staff=True)).content.decode()

    assert '<section class="guide-side stack stack-l"' in html
    assert 'data-theme="light"' in html
    assert 'data-theme="dark"' in html
    assert not re.search(r"\s(style|on[a-z]+)=\"", html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_style_guide_is_hidden_from_strangers(settings):
    settings.DEBUG = False

    with pytest.raises(Http404):
        styleguide(guide_request(is_staff=False))
