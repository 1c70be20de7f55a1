"""The forms of code, state and transform steps: what each choice shows, and that nothing typed gets lost."""

from __future__ import annotations

import pytest

from tests.workflows.builder.test_forms import form_of
from workflows.builder.forms.operations import FIRST_OPS, OP_SPECS, OP_WORDS
from workflows.builder.forms.step import read_errors, read_step, show_errors, show_step
from workflows.engine.document import Step, load


def state(**config):
    return Step("keep", "state", "Keep", config=config)


def names(step):
    return [bound.spec.name for bound in show_step(step, None).all]


def posted(step, **more):
    return form_of(show_step(step, None).all) | more


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({"get": "last"}, ["do", "get", "default"]),
        ({"set": {"a": 1}}, ["do", "set", "expires_s"]),
        ({"increment": {"n": 1}}, ["do", "increment", "expires_s"]),
        ({"append": {"log": 1}, "keep": 5}, ["do", "append", "keep", "expires_s"]),
        ({"delete": ["a"]}, ["do", "delete"]),
    ],
)
def test_a_state_step_shows_what_goes_with_its_deed(config, shown):
    step = state(**config)

    assert sorted(names(step)) == sorted([*shown, "notes"])
    assert read_step(step, None, posted(step)) == (step, {})


def test_another_deed_brings_its_own_fields():
    counting, errors = read_step(
        state(get="last", default=0), None, posted(state(get="last"), **{"config.do": "increment"})
    )
    forgetting, _ = read_step(state(get="last"), None, posted(state(get="last"), **{"config.do": "delete"}))

    assert (counting.config, errors) == ({"increment": {}}, {})
    assert forgetting.config == {"delete": "last"}
    assert "increment" in names(counting)


def test_a_transform_shows_an_object_or_a_list():
    object_step = Step("t", "transform", "T", config={"set": {"a": 1}})
    list_step = Step("t", "transform", "T", config={"items": "{{ trigger.body }}", "ops": []})

    assert names(object_step) == ["make", "set", "notes"]
    assert names(list_step) == ["make", "items", "ops", "give", "notes"]
    assert read_step(object_step, None, posted(object_step, **{"config.make": "list"}))[0].config == {
        "items": ""
    }


def test_fields_of_an_operation_follow_the_form_it_makes():
    def fields(op):
        step = Step("t", "transform", "T", config={"items": "{{ trigger.body }}", "ops": [op]})
        (bound,) = [bound for bound in show_step(step, None).main if bound.spec.name == "ops"]
        return [field.spec.name for field in bound.blocks[0].fields]

    assert fields({"op": "format", "as": "date"}) == ["field", "as", "pattern"]
    assert fields({"op": "format", "as": "csv"}) == ["field", "as", "delimiter", "columns"]
    assert fields({"op": "write", "as": "xlsx"}) == ["as", "name", "columns"]
    assert fields({"op": "format", "as": "json", "pattern": "kept"}) == ["field", "as", "pattern"]


def test_sums_are_rows_of_name_function_and_field():
    fields = {"n": {"fn": "count"}, "names": {"fn": "join", "of": "name", "separator": "/"}}
    step = Step("t", "transform", "T", config={"items": "x", "ops": [{"op": "aggregate", "fields": fields}]})
    (bound,) = [bound for bound in show_step(step, None).main if bound.spec.name == "ops"]
    name = bound.blocks[0].fields[0].name

    rows = bound.blocks[0].fields[0].sums
    same, errors = read_step(step, None, posted(step) | _sum_post(name, rows))
    typed = _sum_post(name, rows) | {f"{name}.k.2": "sum", f"{name}.of.2": "total"}
    more, _ = read_step(step, None, posted(step) | typed)

    assert (same, errors) == (step, {})
    assert more.config["ops"][0]["fields"]["sum"] == {"fn": "sum", "of": "total"}


def _sum_post(name, rows):
    post = {}
    for row in rows:
        post |= {f"{name}.k.{row.at}": row.name, f"{name}.fn.{row.at}": row.fn, f"{name}.of.{row.at}": row.of}
    return post


def test_a_sum_without_a_name_is_said():
    step = Step("t", "transform", "T", config={"items": "x", "ops": [{"op": "aggregate", "fields": {}}]})
    post = posted(step) | {"config.ops.0.fields.k.0": "", "config.ops.0.fields.of.0": "total"}

    assert read_step(step, None, post)[1] == {
        "config.ops.0.fields": "Row 1 has a field but no name. Give it a name."
    }


@pytest.mark.parametrize("op", OP_SPECS)
def test_every_operation_has_words_and_begins_as_one_that_may_be_kept(op):
    config = {"items": "{{ trigger.body }}", "ops": [{"op": op, **FIRST_OPS.get(op, {})}]}
    document = {
        "format": "automate/1", "key": "t", "triggers": [{"key": "go", "type": "manual"}], "start": "t",
        "steps": [{"key": "t", "type": "transform", "config": config}],
    }  # fmt: skip

    assert OP_WORDS[op]
    assert load(document, complete=False).steps


def test_a_program_is_shown_as_it_was_typed():
    source = "if input:\n    return 1\n\nreturn '''\n  x'''\n"
    step = Step(
        "c", "code", "C", input={"a": "{{ trigger.body }}"}, config={"language": "python", "source": source}
    )

    form = show_step(step, None)
    same, errors = read_step(step, None, posted(step))

    assert [bound.spec.name for bound in form.main] == ["input", "language", "source"]
    assert [bound.spec.name for bound in form.more] == ["timeout_s", "memory_mb", "notes"]
    assert (same, errors) == (step, {})


def test_a_code_step_has_one_time_limit():
    step = Step("c", "code", "C", timeout_s=5, config={"language": "python", "source": "1"})

    assert "timeout_s" not in [bound.spec.name for bound in show_errors(step).all]
    assert read_errors(step, {})[0].timeout_s == 5
