"""Manifests become rows, rows become manifests."""

import pytest
from django.core.management import CommandError, call_command

from integrations.manifest import CATALOGUE, as_data, load
from integrations.models import IntegrationAction, IntegrationDefinition
from integrations.sync import definition_manifest, renew_digest, sync_catalogue
from tests.integrations.notes import MANIFEST, notes_manifest

URL = "https://notes.example"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notes.yaml").write_text(MANIFEST.format(url=URL))
    return tmp_path


def change(folder, old, new):
    path = folder / "notes.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def path_of(name, manifest):
    return next(action.path for action in manifest.actions if action.name == name)


def notes():
    return IntegrationDefinition.objects.get(name="notes")


def test_a_manifest_becomes_rows(db, folder):
    result = sync_catalogue(folder)

    definition = notes()
    assert result.created == ["notes"]
    assert (definition.display_name, definition.auth_type) == ("Northwind Notes", "OAUTH2")
    assert [action.name for action in definition.actions.all()] == ["add_note", "list_notes"]
    assert definition.actions.get(name="add_note").effect == "unsafe"
    assert definition.actions.get(name="list_notes").effect == "safe"


def test_rows_give_the_manifest_back(db, folder):
    sync_catalogue(folder)

    assert as_data(definition_manifest(notes())) == as_data(notes_manifest(URL))


def test_every_shipped_manifest_survives_the_rows(db):
    sync_catalogue()

    rows = {row.name: row for row in IntegrationDefinition.objects.all()}
    assert set(rows) == {path.stem for path in CATALOGUE.glob("*.yaml")}
    for path in CATALOGUE.glob("*.yaml"):
        assert as_data(definition_manifest(rows[path.stem])) == as_data(load(path))


def test_syncing_again_asks_once_and_writes_nothing(db, folder, django_assert_num_queries):
    sync_catalogue(folder)

    with django_assert_num_queries(1):
        result = sync_catalogue(folder)

    assert result.unchanged == ["notes"]


def test_syncing_many_actions_takes_few_statements(db, folder, django_assert_max_num_queries):
    extra = "".join(
        f"  - {{name: act_{n}, display_name: Act, method: GET, path: /x, sample: {{}}}}\n" for n in range(60)
    )
    (folder / "notes.yaml").write_text(MANIFEST.format(url=URL) + extra)

    with django_assert_max_num_queries(12):
        sync_catalogue(folder)

    assert IntegrationAction.objects.count() == 62


def test_a_removed_action_is_deprecated_and_still_runs(db, folder):
    sync_catalogue(folder)
    change(folder, "  - name: list_notes", "  - name: find_notes")

    sync_catalogue(folder)

    old = notes().actions.get(name="list_notes")
    assert old.is_deprecated
    assert path_of("list_notes", definition_manifest(notes())) == "/notes"
    assert notes().actions.get(name="find_notes").is_deprecated is False


def test_a_removed_field_is_deprecated_and_still_taken(db, folder):
    sync_catalogue(folder)
    change(folder, "required: [text]", "required: [body]")
    change(folder, "{text: {type: string", "{body: {type: string")

    sync_catalogue(folder)

    schema = notes().actions.get(name="add_note").input_schema
    assert schema["properties"]["text"]["deprecated"] is True
    assert schema["required"] == ["body"]


def test_an_integration_without_manifest_is_no_longer_offered_until_it_returns(db, folder, workspace):
    sync_catalogue(folder)
    kept = (folder / "notes.yaml").read_text()
    (folder / "notes.yaml").unlink()
    assert sync_catalogue(folder).retired == ["notes"]
    assert not IntegrationDefinition.objects.offered_to(workspace).exists()

    (folder / "notes.yaml").write_text(kept)
    sync_catalogue(folder)

    assert IntegrationDefinition.objects.offered_to(workspace).get().name == "notes"


def test_a_manifest_read_once_is_kept(db, folder, django_assert_num_queries):
    sync_catalogue(folder)
    definition = notes()
    first = definition_manifest(definition)

    with django_assert_num_queries(0):
        assert definition_manifest(definition) is first


def test_a_definition_made_by_hand_runs_like_a_shipped_one(db, workspace):
    definition = IntegrationDefinition.objects.create(
        tenant=workspace,
        name="shop",
        display_name="Our shop",
        category="other",
        docs_url="https://shop.example/docs",
        base_url="https://shop.example",
        source="CUSTOM",
        auth_config=[{"type": "none"}],
    )
    IntegrationAction.objects.create(
        integration=definition,
        name="add",
        display_name="Add",
        endpoint="/items",
        method="POST",
        effect="safe",
        default_config={"send": {"json": {"name": "{{ input.name }}"}}},
    )
    renew_digest(definition)

    manifest = definition_manifest(definition)

    assert [(action.path, action.effect) for action in manifest.actions] == [("/items", "safe")]
    definition.actions.update(endpoint="/goods")
    renew_digest(definition)
    assert path_of("add", definition_manifest(definition)) == "/goods"


def test_check_catalogue_names_every_fault_and_fails(tmp_path, capsys):
    (tmp_path / "broken.yaml").write_text(
        "slug: broken\nname: B\ncategory: x\ndocs_url: https://b\nactions: [{name: a, colour: red}]\n"
    )
    (tmp_path / "other.yaml").write_text(MANIFEST.format(url=URL))

    with pytest.raises(CommandError, match="2 of 2 manifests"):
        call_command("check_catalogue", *(str(path) for path in tmp_path.glob("*.yaml")))

    printed = capsys.readouterr().out
    assert "broken.yaml: actions.a.colour: This key is not known here." in printed
    assert "broken.yaml: actions.a.display_name: This key is missing." in printed
    assert "other.yaml: slug: It must be “other”" in printed


def test_sync_catalogue_says_what_it_did(db, capsys):
    call_command("sync_catalogue")

    assert "integrations in the catalogue" in capsys.readouterr().out
