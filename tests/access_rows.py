"""Who may open which address: one row for each URL name. A new address without a row fails tests/test_access_matrix.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Of = Literal["workspace", "workflow", "run", "variable", "connection", "membership", "invitation", "token"]


@dataclass(frozen=True)
class Row:
    """`get`, `post`: the permission each method needs, "" for everybody who is signed in, None for 405.

    `of`: whose the address is; None when it names no object of a workspace.
    `missing`: 404 for members too, since the address names something that exists only in other cases.
    """

    group: str
    of: Of | None
    get: str | None = None
    post: str | None = None
    missing: bool = False


def _pages(group: str, of: Of | None, **needs: tuple[str | None, str | None]) -> dict[str, Row]:
    prefix = f"{group}:" if group != "runs" else "workflows:"
    return {prefix + name.replace("_", "-"): Row(group, of, *pair) for name, pair in needs.items()}


SEE, EDIT, DELETE, PUBLISH = "workflow.view", "workflow.edit", "workflow.delete", "workflow.publish"
LOOK, CONNECT, MANAGE = "connection.view", "connection.edit", "member.manage"
SHARE = "library.manage"
RUNS, RETRY, CANCEL = "execution.view", "execution.retry", "execution.cancel"

ACCOUNTS: Final = {
    **_pages("accounts", None, profile=("", ""), token_list=("", ""), workspace_list=("", None), workspace_new=("", "")),
    **_pages("accounts", "workspace", member_list=("member.view", None), member_invite=(None, MANAGE),
             workspace_settings=("workspace.manage", "workspace.manage"), workspace_leave=(None, "")),
    **_pages("accounts", "membership", member_role=(None, MANAGE), member_remove=(None, MANAGE)),
    **_pages("accounts", "invitation", invitation_revoke=(None, MANAGE)),
    **_pages("accounts", "token", token_revoke=(None, "")),
}  # fmt: skip
INTEGRATIONS: Final = {
    **_pages("integrations", "workspace", integration_list=(LOOK, None), integration_detail=(LOOK, None),
             connection_new=(CONNECT, CONNECT), connection_list=(LOOK, None)),
    **_pages("integrations", "connection", connection_edit=(LOOK, CONNECT), connection_test=(None, CONNECT),
             connection_reconnect=(CONNECT, CONNECT), connection_delete=(CONNECT, CONNECT)),
    **_pages("integrations", None, oauth_callback=("", None)),
}  # fmt: skip
WORKFLOWS: Final = {
    "workspace-home": Row("workflows", "workspace", SEE),
    "workflows:version-compare": Row("workflows", "workflow", SEE, missing=True),
    **_pages("workflows", "workspace", workflow_list=(SEE, None), workflow_new=(EDIT, EDIT), workflow_import=(EDIT, EDIT),
             guide_hide=(None, SEE), search=(SEE, None), template_list=(SEE, None), template_detail=(SEE, None), template_use=(EDIT, EDIT),
             template_publish=(SHARE, SHARE), template_withdraw=(None, SHARE),
             variable_list=("variable.view", None), variable_new=("variable.edit", "variable.edit")),
    **_pages("workflows", "variable", variable_edit=("variable.edit", "variable.edit"),
             variable_delete=("variable.edit", "variable.edit")),
    **_pages("workflows", "workflow", workflow_star=(None, SEE), workflow_activate=(None, PUBLISH), workflow_pause=(None, PUBLISH),
             workflow_archive=(None, EDIT), workflow_bring_back=(None, EDIT), workflow_duplicate=(None, EDIT),
             workflow_delete=(DELETE, DELETE), workflow_export=(SEE, None), workflow_set_up=(EDIT, EDIT), workflow_settings=(EDIT, EDIT), workflow_run=("workflow.run", "workflow.run"),
             workflow_versions=(SEE, None), version_detail=(SEE, None),
             version_roll_back=(PUBLISH, PUBLISH), version_restore=(None, EDIT),
             version_deprecate=(PUBLISH, PUBLISH)),
}  # fmt: skip
BUILDER: Final = {
    "workflows:builder-use-request": Row("builder", "workflow", None, EDIT, missing=True),
    "workflows:builder-curl": Row("builder", "workflow", EDIT, EDIT, missing=True),
    "workflows:builder-options": Row("builder", "workflow", EDIT, missing=True),
    "workflows:builder-trigger-options": Row("builder", "workflow", EDIT, missing=True),
    **{
        f"workflows:{name}": Row("builder", "workflow", get, post)
        for name, get, post in (
            ("workflow-build", EDIT, None), ("builder-edit", None, EDIT), ("builder-add", EDIT, None),
            ("builder-test-run", EDIT, EDIT), ("workflow-publish", PUBLISH, PUBLISH),
            ("builder-trigger", EDIT, EDIT), ("builder-sample", None, EDIT), ("builder-fetch", None, EDIT),
            ("builder-step", EDIT, EDIT),
            ("builder-here", EDIT, None), ("builder-copy", EDIT, None), ("builder-paste", EDIT, None),
            ("builder-form", EDIT, None), ("builder-move", EDIT, None), ("builder-connect", EDIT, None),
            ("builder-wait", EDIT, None), ("builder-pin", None, EDIT),
            ("builder-preview", None, EDIT), ("builder-data", EDIT, None), ("builder-test", None, EDIT),
        )
    },
}  # fmt: skip
RUN_PAGES: Final = {
    **_pages("runs", "workspace", run_list=(RUNS, None), runs_recent=(RUNS, None), runs_retry=(RETRY, RETRY)),
    **_pages("runs", "workflow", workflow_runs=(RUNS, None), workflow_runs_retry=(RETRY, RETRY),
             request_list=(RUNS, None), event_list=(RUNS, None), memory_list=(RUNS, None)),
    "workflows:memory-forget": Row("runs", "workflow", None, EDIT, missing=True),
    "workflows:run-decide": Row("runs", "run", None, RUNS, missing=True),
    "workflows:request-use": Row("runs", "workflow", None, "workflow.run", missing=True),
    **_pages("runs", "run", run_detail=(RUNS, None), run_live=(RUNS, None), run_step=(RUNS, None),
             run_data=(RUNS, None), run_stop=(None, CANCEL), run_retry=(None, RETRY),
             run_retry_from=(None, RETRY), run_answer=(None, RETRY), run_edit_input=(RETRY, RETRY),
             run_use_as_sample=(None, EDIT)),
}  # fmt: skip

ROWS: Final[dict[str, Row]] = {**ACCOUNTS, **INTEGRATIONS, **WORKFLOWS, **BUILDER, **RUN_PAGES}

# What answers without a sign-in. All others send people there.
PUBLIC: Final = frozenset({
    "home", "healthz", "readyz", "schema", "hook", "app-hook", "form", "approval", "callback", "accounts:invitation-accept",
    "account_login", "account_signup", "account_inactive", "account_confirm_email",
    "account_email_verification_sent", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done",
})  # fmt: skip
# One's own account, and nothing of anybody else's.
OWN: Final = frozenset({
    "notifications:list", "notifications:open", "notifications:read", "notifications:settings",
    "workflows:steps-view", "styleguide", "account_logout", "account_reauthenticate", "account_email", "account_change_password",
    "account_set_password", "account_confirm_login_code",
})  # fmt: skip

# The REST API: `/api/v1` + path, by the object it names.
API: Final[dict[str, Of | None]] = {
    "/": None, "/openapi.json": None, "/docs": None,
    "/workflows": None, "/workflows/{id}": "workflow", "/workflows/{id}/publish": "workflow",
    "/workflows/{id}/versions": "workflow", "/workflows/{id}/versions/{number}": "workflow",
    "/workflows/{id}/executions": "workflow", "/workflows/{id}/execute": "workflow",
    "/workflows/{id}/events": "workflow", "/workflows/{id}/requests": "workflow",
    "/workflows/{id}/requests/{request_id}": "workflow", "/workflows/{id}/requests/{request_id}/replay": "workflow",
    "/executions/retry": None,
    "/executions": None, "/executions/{id}": "run", "/executions/{id}/events": "run",
    "/executions/{id}/cancel": "run", "/executions/{id}/retry": "run", "/executions/{id}/answer": "run",
    "/integration-types": None, "/integration-types/{id}": "workspace",
    "/integrations": None, "/integrations/test": None, "/integrations/{id}": "connection",
    "/integrations/{id}/test": "connection",
    "/variables": None, "/variables/{id}": "variable",
    "/library": None, "/library/{id}": "workspace", "/library/{id}/use": "workspace",
}  # fmt: skip
