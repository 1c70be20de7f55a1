"""One conformance test for every shipped integration. To add a service is to add its manifest, payloads and logo."""

import json
from pathlib import Path

import pytest
from defusedxml.ElementTree import parse
from jsonschema import Draft202012Validator

from integrations.actions import InputSchema
from integrations.actions.plans import prepare_action
from integrations.manifest import as_data, check, from_data, manifest_schema, shipped, shipped_slugs

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "integrations" / "manifest.schema.json"
every_service = pytest.mark.parametrize("slug", shipped_slugs())


def test_the_first_services_are_there():
    assert {"http", "slack", "github", "jira", "smtp", "sql"} <= set(shipped_slugs())


@every_service
def test_a_manifest_is_complete(slug):
    assert [str(fault) for fault in check(shipped(slug))] == []


@every_service
def test_a_manifest_survives_being_written_and_read(slug):
    assert from_data(as_data(shipped(slug))) == shipped(slug)
    assert from_data(json.loads(json.dumps(as_data(shipped(slug))))) == shipped(slug)


@every_service
def test_a_manifest_fits_the_shipped_schema(slug):
    schema = json.loads(SCHEMA.read_text())

    errors = [error.message for error in Draft202012Validator(schema).iter_errors(as_data(shipped(slug)))]

    assert errors == []


def test_the_shipped_schema_is_the_one_of_the_code():
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(manifest_schema()))


@every_service
def test_a_service_has_a_logo_without_anything_active(slug):
    logo = parse(ROOT / "static" / "logos" / f"{slug}.svg").getroot()
    names = {element.tag.rpartition("}")[2] for element in logo.iter()}
    attributes = {name for element in logo.iter() for name in element.attrib}

    assert logo.get("viewBox") == "0 0 32 32"
    assert names <= {"svg", "title", "g", "rect", "path", "circle", "ellipse", "line", "polygon"}
    assert not {name for name in attributes if name.startswith("on") or "href" in name or name == "style"}


@every_service
def test_every_action_can_be_prepared_and_recognises_valid_input_quickly(slug):
    for action in shipped(slug).actions:
        plan = prepare_action(action)
        assert len(plan.calls) >= 1
        assert isinstance(plan.schema, InputSchema)


@every_service
def test_recorded_answers_are_json_and_hold_no_secret(slug):
    folder = Path(__file__).parent / "catalogue" / slug / "payloads"
    for path in folder.glob("*.json"):
        text = path.read_text()
        json.loads(text)
        assert not [word for word in ("xoxb-", "ghp_", "github_pat_", "Bearer ") if word in text], path.name
