"""The order of people's own names: of fields in a `set`, of columns, of data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workflows import documents
from workflows.engine.document import digest, dump, load
from workflows.models import WorkflowTemplate, WorkflowVersion
from workflows.publishing import publish

NAMES = ["zebra", "a", "middle", "b"]


def document():
    return load({
        "format": "automate/1", "key": "ordered", "triggers": [{"key": "go", "type": "manual"}], "start": "shape",
        "settings": {"input_schema": {"properties": {key: {} for key in NAMES}}},
        "steps": [{"key": "shape", "type": "transform", "config": {"set": dict.fromkeys(NAMES, 1)}}],
    })  # fmt: skip


@pytest.fixture
def template(workspace, alice):
    return documents.create(workspace, document(), by=alice)


def test_the_order_of_fields_survives_saving_and_publishing(template, alice):
    again = WorkflowTemplate.objects.get(pk=template.pk)
    version = publish(again, by=alice)

    draft = dump(documents.load_draft(again))
    live = WorkflowVersion.objects.get(pk=version.pk).workflow_data
    for data in (draft, live):
        assert list(data["steps"][0]["config"]["set"]) == NAMES
        assert list(data["settings"]["input_schema"]["properties"]) == NAMES


def test_another_order_is_another_workflow():
    step = document().steps[0]
    turned = replace(step, config={"set": dict(reversed(step.config["set"].items()))})

    assert digest(replace(document(), steps=(turned,))) != digest(document())


def test_values_of_keys_can_still_be_asked_for(template):
    rows = WorkflowTemplate.objects.filter(pk=template.pk)

    assert rows.values_list("settings__input_schema__properties__a", flat=True).get() == {}
