"""“Acme”: a service of one action for tests of the executor, pointed at the test's own HTTP server."""

from __future__ import annotations

import json
import re

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionResult, ActionRunner, Connection
from integrations.manifest import Manifest, from_data

SECRET = "s3cr3t/t0ken+x="
CONNECTION = Connection("c1", "acme", "bearer", {"token": SECRET, "account": {"id": 7}})
INPUT = {"type": "object", "properties": {key: {} for key in ("a", "b", "c", "list", "file")}}


def manifest(action=None, **service) -> Manifest:
    """One service with one action called `do`."""
    base = {"name": "do", "display_name": "Do", "method": "POST", "path": "/do"}
    data = {
        "slug": "acme", "name": "Acme", "category": "test", "docs_url": "https://acme.example",
        "connections": [{"type": "bearer"}], "http": {"base_url": "https://acme.example", **service.pop("http", {})},
        "actions": [{**base, **(action or {})}], **service,
    }  # fmt: skip
    return from_data(data)


def runner_for(server: HTTPServer, **options) -> ActionRunner:
    """An executor that finds every service at the test's server."""
    base = server.url_for("").rstrip("/")
    policy = EgressPolicy(allow=("127.0.0.1", "localhost"))
    slugs = ("acme", "slack", "github", "jira")
    return ActionRunner(HttpClient(policy), base_urls=dict.fromkeys(slugs, base), **options)


def run(runner: ActionRunner, made: Manifest, given=None, connection=CONNECTION, **options) -> ActionResult:
    return runner.run(made, "do", input=given or {}, connection=connection, **options)


def echo_everything(server: HTTPServer) -> HTTPServer:
    """Answer every request with what it was."""

    def answer(request: Request) -> Response:
        seen = {
            "method": request.method, "path": request.path, "query": request.query_string.decode(),
            "headers": {name.lower(): value for name, value in request.headers}, "body": request.get_data().decode("latin-1"),
        }  # fmt: skip
        return Response(json.dumps(seen), content_type="application/json")

    server.expect_request(re.compile(".*")).respond_with_handler(answer)
    return server
