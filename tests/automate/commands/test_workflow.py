"""`manage.py workflow` and `create_token`: JSON alone on stdout, sentences on stderr, exit codes."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class

from accounts.tokens import find_token
from tests.automate.api.conftest import a_document
from tests.factories import add_member, make_user
from tests.workflows.ingress.conftest import data_of
from workflows.models import LiveTrigger, WorkflowExecution, WorkflowTemplate

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def file(tmp_path):
    """`file(document)`: a path that holds it as JSON, or the text as it is."""

    def make(content) -> str:
        path = tmp_path / "document.yaml"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return make


def run(*args, **options) -> tuple[dict[str, Any], str]:
    """What the command printed, as JSON, and what it said beside."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*args, stdout=out, stderr=err, **options)
    return json.loads(out.getvalue()), err.getvalue()


def refused(*args) -> tuple[str, int, str, str]:
    """The sentence, the exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*args, stdout=out, stderr=err)
    return str(caught.value), caught.value.returncode, out.getvalue(), err.getvalue()


def test_import_prints_what_was_made(alice, workspace, file):
    made, _ = run("workflow", "import", file(a_document(key="orders")), "--owner", "alice@example.com")

    template = WorkflowTemplate.objects.get()
    url = LiveTrigger.objects.get(key="call").webhook_url
    assert made == {
        "id": str(template.pk),
        "key": "orders",
        "version": None,
        "triggers": [
            {"key": "start", "type": "manual", "webhook_url": None},
            {"key": "call", "type": "webhook", "webhook_url": url},
        ],
    }


def test_import_and_publish(alice, workspace, file):
    made, _ = run("workflow", "import", file(a_document()), "--owner", "Alice@Example.com", "--publish")

    assert made["version"] == 1
    assert WorkflowTemplate.objects.get().is_active


def test_import_again_makes_a_copy_and_update_does_not(alice, workspace, file):
    arguments = ("workflow", "import", file(a_document(key="one")), "--owner", "alice@example.com")
    run(*arguments)

    copy, said = run(*arguments)
    updated, _ = run(*arguments, "--update")

    assert (copy["key"], updated["key"]) == ("one-2", "one")
    assert "one-2" in said


def test_import_of_a_faulty_document_is_refused_with_its_places(alice, workspace, file):
    sentence, code, out, err = refused(
        "workflow", "import", file(a_document(start="nowhere")), "--owner", "alice@example.com"
    )

    assert (code, out) == (1, "")
    assert "1 fault" in sentence
    assert "nowhere" in err
    assert not WorkflowTemplate.objects.exists()


def test_refused_publish_leaves_nothing(alice, workspace, file):
    document = a_document(triggers=[{"key": "t", "type": "schedule", "config": {"cron": "0 0 30 2 *"}}])

    _, code, out, _ = refused(
        "workflow", "import", file(document), "--owner", "alice@example.com", "--publish"
    )

    assert (code, out) == (1, "")
    assert not WorkflowTemplate.objects.exists()


@pytest.mark.parametrize("owner", ["nobody@example.com", ""])
def test_import_needs_a_known_owner(alice, workspace, file, owner):
    sentence, code, _, _ = refused("workflow", "import", file(a_document()), "--owner", owner)

    assert (code, "registered" in sentence) == (1, True)


def test_import_into_a_workspace_one_is_not_in_is_refused(alice, workspace, charlie, file):
    arguments = ("--owner", charlie.email, "--workspace", workspace.slug)

    assert refused("workflow", "import", file(a_document()), *arguments)[1] == 1


def test_a_viewer_may_not_import(workspace, file):
    viewer = make_user("vera@example.com")
    add_member(workspace, viewer, "viewer")

    sentence, code, _, _ = refused("workflow", "import", file(a_document()), "--owner", viewer.email)

    assert (code, "may not" in sentence) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["import"], ["import", "/nowhere", "--owner", "a@b.c"], ["fly"], ["run"], ["run", "x", "--input", "{"],
        ["import", "-", "--owner", "a@b.c", "--connection", "slot"], ["export"], ["run", "x", "--odd"],
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    command = load_command_class(get_commands()["workflow"], "workflow")

    with pytest.raises(SystemExit) as caught:
        command.run_from_argv(["manage.py", "workflow", *arguments])

    assert caught.value.code == 2
    assert capsys.readouterr().out == ""


def test_export_gives_what_import_took(alice, workspace, file):
    made, _ = run("workflow", "import", file(a_document(key="orders")), "--owner", "alice@example.com")

    exported, _ = run("workflow", "export", made["id"])
    again, _ = run("workflow", "import", file(exported), "--owner", "alice@example.com", "--update")

    assert again["id"] == made["id"]
    assert WorkflowTemplate.objects.get().draft_version == 1
    assert run("workflow", "export", "orders")[0] == exported


def test_export_of_nothing_is_refused(db):
    assert refused("workflow", "export", "nothing")[1] == 1


def test_run_starts_and_prints_the_run(alice, workspace, file):
    made, _ = run("workflow", "import", file(a_document()), "--owner", "alice@example.com", "--publish")

    started, _ = run("workflow", "run", made["id"], "--input", '{"a": 1}')

    assert (started["status"], started["workflow"], started["steps"]) == ("PENDING", made["id"], [])
    assert data_of(WorkflowExecution.objects.get())["body"] == {"a": 1}


def test_run_of_a_draft_is_refused(alice, workspace, file):
    made, _ = run("workflow", "import", file(a_document()), "--owner", "alice@example.com")

    sentence, code, out, _ = refused("workflow", "run", made["id"])

    assert (code, out) == (1, "")
    assert "Publish it first" in sentence


def test_check_says_what_is_wrong(db, file):
    good, _ = run("workflow", "check", file(a_document()))
    _, code, out, err = refused("workflow", "check", file(a_document(start="nowhere")))

    assert good == {"ok": True, "faults": []}
    assert code == 1
    assert json.loads(out)["ok"] is False
    assert "nowhere" in err


def test_check_reads_yaml_and_names_the_line(db, file):
    _, code, out, _ = refused("workflow", "check", file("format: automate/1\nkey: [\n"))

    assert code == 1
    assert "line" in json.loads(out)["faults"][0]["message"]


def test_create_token_prints_a_token_that_works(alice, workspace):
    out = io.StringIO()

    call_command(
        "create_token", "alice@example.com", "--workspace", workspace.slug, stdout=out, stderr=io.StringIO()
    )

    token = find_token(out.getvalue().strip())
    assert token is not None
    assert (token.user, token.tenant, token.scopes) == (alice, workspace, "write")
    assert out.getvalue().count("\n") == 1


def test_create_token_for_nobody_is_refused(db):
    assert refused("create_token", "nobody@example.com")[1] == 1
