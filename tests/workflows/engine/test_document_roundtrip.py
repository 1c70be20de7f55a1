"""What was dumped loads as the same document, in every form."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from tests.workflows.engine import samples
from tests.workflows.engine.strategies import documents
from workflows.engine.document import SCHEMA, Document, Retry, Step, Trigger, digest, dump, dump_yaml, load

VALIDATOR = Draft202012Validator(SCHEMA)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(documents())
def test_any_document_survives_dict_json_and_yaml(document: Document):
    data = dump(document)

    assert load(data, complete=False) == document
    assert load(json.dumps(data), complete=False) == document
    assert load(dump_yaml(document), complete=False) == document


@SLOW
@given(documents())
def test_any_document_fits_the_json_schema(document: Document):
    assert [error.message for error in VALIDATOR.iter_errors(dump(document))] == []


@SLOW
@given(documents())
def test_the_canonical_form_is_a_fixed_point(document: Document):
    again = load(dump(document), complete=False)

    assert dump_yaml(again) == dump_yaml(document)
    assert digest(again) == digest(document)


def test_the_order_example_survives():
    document = load(samples.ORDER)

    assert load(dump(document)) == document == load(dump_yaml(document))
    assert document.steps[1].next == {"main": ("items",), "error": ("tell_me",)}
    assert document.steps[2].config["parallel"] == 5


def test_the_canonical_form_leaves_defaults_out():
    data = dump(load(samples.ORDER))

    assert "keep_data" not in data["settings"]
    assert "config" not in data["triggers"][0]
    assert data["steps"][1]["retry"] == {"attempts": 4}


def test_links_are_written_in_their_shortest_form():
    data = dump(load(samples.ORDER))

    assert data["start"] == "big"
    assert data["steps"][0]["next"] == {"high": "alert", "else": "thank"}
    assert data["steps"][1]["next"] == "items"
    assert data["steps"][1]["on_error"] == "tell_me"


def test_several_targets_are_written_as_a_list():
    document = samples.draft(samples.step("a", ["b", "c"]), samples.step("b"), samples.step("c"))

    assert dump(document)["steps"][0]["next"] == ["b", "c"]


def test_short_form_of_conditions_is_kept():
    short = samples.step(
        "kind",
        type="condition",
        value="{{ trigger.body.kind }}",
        cases=[{"key": "new", "equals": "new"}, {"key": "none", "equals": None}],
    )

    document = load(samples.data(short))

    assert dump(document)["steps"][0] == short
    assert load(dump_yaml(document)) == document


def test_digest_ignores_positions_and_order_of_keys():
    document = load(samples.ORDER)
    moved = replace(document, layout={"big": {"x": 8, "y": 16}})
    data = dump(document)
    shuffled = load(dict(reversed(list(data.items()))))

    assert digest(document) == digest(moved) == digest(shuffled)


def test_digest_sees_every_change_of_meaning():
    document = load(samples.ORDER)
    changed = replace(document, steps=(replace(document.steps[0], enabled=False), *document.steps[1:]))

    assert digest(document) != digest(changed)
    assert len(digest(document)) == 64


def test_parts_keep_one_normal_form():
    step = Step("send_mail", "loop", next={"main": (), "each": ("a",)}, config={"parallel": 1, "batch": 2})
    trigger = Trigger("new_order", "webhook", config={"respond": "immediately", "dedup": "{{ 1 }}"})

    assert (step.name, step.next, step.config) == ("Send mail", {"each": ("a",)}, {"batch": 2})
    assert (trigger.name, trigger.config) == ("New order", {"dedup": "{{ 1 }}"})
    assert (step.setting("parallel"), step.setting("batch"), trigger.setting("respond")) == (
        1,
        2,
        "immediately",
    )


def test_a_default_of_another_type_is_no_default():
    assert Step("a", "loop", config={"parallel": True}).config == {"parallel": True}


@pytest.mark.parametrize(
    ("overlap", "limit"), [("parallel", None), ("queue", 1), ("skip", 1), ("restart", 1)]
)
def test_overlap_gives_the_limit_of_runs(overlap, limit):
    document = load(samples.data(samples.step("a"), settings={"overlap": overlap}))

    assert document.settings.run_limit == limit


def test_retry_defaults_are_those_of_the_format():
    assert Retry() == Retry(attempts=1, backoff_s=2, factor=2, max_s=60, retry_if=None)
