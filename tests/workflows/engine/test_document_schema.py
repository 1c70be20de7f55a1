"""The JSON Schema agrees with the loader, on the examples of the page for people too."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.workflows.engine import samples
from workflows.engine import yaml_io
from workflows.engine.document import SCHEMA, DocumentError, load, schema_json
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "workflow-document.md").read_text()
EXAMPLES = [samples.ORDER, *re.findall(r"```yaml\n(format: automate/1\n.*?)```", PAGE, re.DOTALL)]
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_shipped_file_is_the_schema():
    shipped = ROOT / "workflows" / "engine" / "automate-1.schema.json"

    assert shipped.read_text() == schema_json()


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_fits_schema_and_loader(text):
    assert [error.message for error in VALIDATOR.iter_errors(yaml_io.loads(text))] == []
    assert load(text).steps


@pytest.mark.parametrize("kind", [*STEP_KINDS, *TRIGGER_KINDS])
def test_the_page_names_every_type(kind):
    assert f"`{kind}`" in PAGE


@pytest.mark.parametrize(
    "step",
    [
        {"type": "acton"},
        {"type": "action", "integration": "slack"},
        {"type": "stop", "next": "b"},
        {"type": "loop", "parallel": 0},
        {"type": "delay", "config": {"weeks": 1}},
        {"type": "merge", "join": "some"},
        {"type": "filter", "when": {"left": 1, "op": "equal"}},
        {"type": "condition", "cases": [{"key": "A"}]},
        {"type": "transform", "config": {"ops": [{"op": "srt"}]}},
        {"type": "note", "next": "a"},
        {"type": "respond", "config": {"status": 99}},
        {"type": "merge", "retry": {"attempts": 21}},
    ],
)
def test_schema_and_loader_refuse_the_same(step):
    data = samples.data({"key": "a", **step})

    assert list(VALIDATOR.iter_errors(data))
    with pytest.raises(DocumentError):
        load(data)


@pytest.mark.parametrize("key", ["trigger", "Alert", "a" * 41])
def test_the_schema_knows_which_keys_are_allowed(key):
    assert list(VALIDATOR.iter_errors(samples.data(samples.step(key), start="a")))
