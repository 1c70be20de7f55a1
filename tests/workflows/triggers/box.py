"""“Box”: a service with a paged list of rows, for tests of polls. Pages of three, oldest first, times in whole seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from automate.lib import clock
from integrations.connections import forget_everything
from integrations.manifest import from_data
from integrations.models import IntegrationDefinition
from integrations.sync import write_definition

PAGE = 3
BEGAN = clock.now().replace(microsecond=0) - timedelta(hours=1)

ROWS = {
    "name": "new_row", "display_name": "New row", "type": "polling", "description": "A row.",
    "input": {"type": "object", "properties": {"list": {"type": "string", "default": "rows"}}},
    "request": {"method": "GET", "path": "/{{ input.list }}", "send": {"query": {"size": PAGE}}},
    "paginate": {"type": "page", "param": "page", "start": 1},
    "items": "{{ body.rows }}", "dedup": "{{ item.id }}", "sample": {"id": 1},
    "cursor": {"field": "at", "param": "since", "format": "iso"},
}  # fmt: skip
PLAIN = {
    **{key: value for key, value in ROWS.items() if key != "cursor"},
    "name": "new_entry", "display_name": "New entry", "description": "An entry.",
}  # fmt: skip


@dataclass
class Box:
    """`rows`: what the service holds. `asked`: the requests it got. `answer`: in place of the list, once it is set."""

    server: HTTPServer
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    answer: Response | None = None

    def put(self, *ids: int, at: int | None = None) -> None:
        """Rows with these ids, each a second after the other, or all at the same second."""
        for id_ in ids:
            self.rows.append({"id": id_, "at": at_second(id_ if at is None else at)})

    def handle(self, request: Request) -> Response:
        self.asked.append({"path": request.path, **request.args.to_dict()})
        if self.answer is not None:
            return self.answer
        since = request.args.get("since", "")
        found = sorted(
            (row for row in self.rows if row["at"] >= since), key=lambda row: (row["at"], row["id"])
        )
        page = int(request.args.get("page", 1))
        return _json({"rows": found[(page - 1) * PAGE : page * PAGE]})


def at_second(second: int) -> str:
    return (BEGAN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: Any, **more: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json", **more)


def refusal(status: int, **headers: str) -> Response:
    return _json({"message": "not now"}, status=status, headers=headers)


def open_box(server: HTTPServer) -> Box:
    """The service with its integration “box” in the catalogue."""
    box = Box(server)
    server.expect_request("/rows").respond_with_handler(box.handle)
    data = {
        "slug": "box", "name": "Box", "category": "test", "docs_url": "https://box.example",
        "connections": [{"type": "none"}], "http": {"base_url": server.url_for("")}, "triggers": [ROWS, PLAIN],
    }  # fmt: skip
    row = IntegrationDefinition.objects.filter(tenant=None, name="box").first()
    write_definition(from_data(data), digest=server.url_for(""), row=row)
    forget_everything()
    return box
