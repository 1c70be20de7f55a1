"""Operations that hold items against others: of the same list, of earlier runs, of another list."""

from __future__ import annotations

import hashlib

from automate.lib.jsontypes import JSON
from workflows.engine.steps.list_work import ListWork, same


def dedupe(work: ListWork, items: list[JSON]) -> list[JSON]:
    """The first of each kind; over all runs, those that no earlier run let through."""
    firsts: dict[str, JSON] = {}
    for item in items:
        firsts.setdefault(same(work.of_item(work.operation["by"], item)), item)
    if work.operation.get("scope") != "workflow":
        return list(firsts.values())
    return _unknown(work, firsts)


def _unknown(work: ListWork, firsts: dict[str, JSON]) -> list[JSON]:
    """Those that are new. They are known from the moment on when the step's record is written, and not before."""
    context = work.context
    if context.around is None:
        raise work.fault("Earlier runs are not known here.")
    by = same(work.operation["by"])
    digests = {digest(by, key): item for key, item in firsts.items()}
    known = context.around.known(context.step.key, list(digests)) | set(context.new_digests)
    new = {key: item for key, item in digests.items() if key not in known}
    context.new_digests.extend(new)
    return list(new.values())


def digest(by: str, key: str) -> str:
    """What is kept of an item: enough to know it again, nothing to read it from."""
    return hashlib.sha256(f"{by}\n{key}".encode()).hexdigest()[:32]


def compare(work: ListWork, items: list[JSON]) -> list[JSON]:
    """Each item with what happened to it: added (only in this list), removed (only in the other), changed or same."""
    by, only = work.operation["by"], work.operation.get("only")
    theirs = {same(work.of_item(by, item)): item for item in work.a_list("with")}
    ours = {same(work.of_item(by, item)): item for item in items}
    made: list[dict[str, JSON]] = []
    for key, item in ours.items():
        if key not in theirs:
            made.append({"change": "added", "item": item, "other": None})
        else:
            change = "same" if same(item) == same(theirs[key]) else "changed"
            made.append({"change": change, "item": item, "other": theirs[key]})
    made += [
        {"change": "removed", "item": None, "other": item} for key, item in theirs.items() if key not in ours
    ]
    return [row for row in made if not only or row["change"] in only]


def join(work: ListWork, items: list[JSON]) -> list[JSON]:
    """Each item with the fields of its partner in the other list; its own fields win."""
    by = work.operation["by"]
    with_by = work.operation.get("with_by") or by
    into, matching = work.operation.get("as"), work.operation.get("take") == "matching"
    partners: dict[str, JSON] = {}
    for other in work.a_list("with"):
        partners.setdefault(same(work.of_item(with_by, other)), other)
    made: list[JSON] = []
    for item in items:
        partner = partners.get(same(work.of_item(by, item)))
        if partner is None and matching:
            continue
        if into:
            made.append({**work.an_object(item), str(into): partner})
        else:
            made.append({**work.an_object(item), **_missing(work.an_object(item), partner)})
    return made


def _missing(item: dict[str, JSON], partner: JSON) -> dict[str, JSON]:
    fields = partner if isinstance(partner, dict) else {}
    return {key: value for key, value in fields.items() if key not in item}


def append(work: ListWork, items: list[JSON]) -> list[JSON]:
    return [*items, *work.a_list("with")]
