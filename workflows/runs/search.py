"""Finding runs by the words in their data.

PostgreSQL has a full-text index of its own table, `RunText`. No run writes it: whoever searches has the newest ended
runs that are not in it yet put into it, a batch at a time, so that a workspace in which nobody searches pays nothing
(docs/runs.md has the figures). SQLite looks through the newest runs one by one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.db.models.lookups import IContains

from automate.lib.jsontypes import dumps
from workflows.models import StepExecution, WorkflowExecution

BATCH: Final = 2_000  # runs that one search puts into the index: under half a second
HORIZON: Final = 100_000  # the newest runs of a workspace; older ones are not searched
SCANNED: Final = 2_000  # runs that are looked through where there is no full text
MAX_UNFINISHED: Final = 1_000
MAX_WORDS: Final = 10
# A tsvector holds 1 MB; a run's larger values are left out.
_INPUT, _OUTPUT, _STEPS = 60_000, 40_000, 100_000

_E, _T, _S, _A = (
    "workflows_workflowexecution", "workflows_runtext", "workflows_stepexecution", "workflows_activerun",
)  # fmt: skip
_KINDS = """'["string", "numeric"]'"""
_TO_DO = f"""
SELECT e.id FROM (SELECT id, completed_at FROM {_E} WHERE tenant_id = %s ORDER BY id DESC LIMIT {HORIZON}) e
WHERE e.completed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {_T} t WHERE t.execution_id = e.id)
ORDER BY e.id DESC LIMIT %s
"""
_FILL = f"""
INSERT INTO {_T} (execution_id, tenant_id, words)
SELECT e.id, e.tenant_id, strip(json_to_tsvector('simple', json_build_array(
    CASE WHEN length(e.input::text) <= {_INPUT} THEN e.input::json END,
    CASE WHEN length(e.output::text) <= {_OUTPUT} THEN e.output::json END,
    e.error->>'message', s.said), {_KINDS}))
FROM {_E} e LEFT JOIN LATERAL (
  SELECT json_agg(json_build_array(p.input, p.output, p.message)) AS said FROM (
    SELECT input::json, output::json, error->>'message' AS message,
           sum(coalesce(length(input::text), 0) + coalesce(length(output::text), 0)) OVER (ORDER BY id) AS size
    FROM {_S} WHERE execution_id = e.id AND NOT is_encrypted) p
  WHERE p.size <= {_STEPS}) s ON TRUE
WHERE e.id = ANY(%s)
ON CONFLICT (execution_id) DO NOTHING
"""
_QUERY = "(plainto_tsquery('simple', %s)::text || ':*')::tsquery"  # the last word may be the beginning of one
_FOUND = f"SELECT execution_id FROM {_T} WHERE tenant_id = %s AND words @@ {_QUERY}"
_UNFINISHED = f"""
SELECT e.id FROM {_E} e JOIN (SELECT execution_id FROM {_A} WHERE tenant_id = %s LIMIT {MAX_UNFINISHED}) a
  ON a.execution_id = e.id
WHERE length(e.input::text) <= {_INPUT} AND json_to_tsvector('simple', e.input::json, {_KINDS}) @@ {_QUERY}
"""


@dataclass(frozen=True)
class Search:
    """`found` narrows runs to those with the words; `note`: what was not looked through, as a sentence, or empty.

    `is_growing`: asking again looks through more.
    """

    found: Q
    note: str = ""
    is_growing: bool = False


def search(tenant_id: uuid.UUID, text: str, rows: QuerySet[WorkflowExecution]) -> Search:
    """Runs whose input, output, error or steps have all of these words; what is stored sealed is never searched.

    `rows`: what is looked through without full text. PostgreSQL: two SQL statements, three while the index grows.
    """
    words = text.split()[:MAX_WORDS]
    if connection.vendor != "postgresql":
        return _scan(words, rows)
    more = _grow(tenant_id)
    asked = " ".join(words)
    with connection.cursor() as cursor:
        cursor.execute("SELECT numnode(plainto_tsquery('simple', %s))", [asked])
        if not cursor.fetchone()[0]:  # nothing but punctuation
            return Search(Q(pk__in=[]))
    # RawSQL, so that the list of runs stays one statement however many runs have the words
    found = Q(pk__in=RawSQL(_FOUND, [tenant_id, asked])) | Q(pk__in=RawSQL(_UNFINISHED, [tenant_id, asked]))  # noqa: S611 - constants
    note = "Older runs are still being made searchable. The list grows by itself." if more else ""
    return Search(found, note, more)


def _grow(tenant_id: uuid.UUID) -> bool:
    """Put the newest runs that are missing into the index; whether there are more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TO_DO, [tenant_id, BATCH + 1])
        missing = [row[0] for row in cursor.fetchall()]
        if missing:
            cursor.execute(_FILL, [missing[:BATCH]])
    return len(missing) > BATCH


def _scan(words: list[str], rows: QuerySet[WorkflowExecution]) -> Search:
    newest = rows.order_by("-pk").values("pk")[:SCANNED]
    found = Q(pk__in=newest)
    for word in words:
        text = dumps(word)[1:-1]  # as it stands inside JSON
        steps = StepExecution.objects.filter(execution_id=OuterRef("pk"), is_encrypted=False)
        found &= (
            Q(_has("input", text))
            | Q(_has("output", text))
            | Q(_has("error", text))
            | Q(
                Exists(
                    steps.filter(Q(_has("input", text)) | Q(_has("output", text)) | Q(_has("error", text)))
                )
            )
        )
    return Search(found, f"Without PostgreSQL only the newest {SCANNED:,} runs are searched.")


def _has(column: str, text: str) -> Any:
    return IContains(Cast(F(column), TextField()), text)
