"""Whether a run came to what its document means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.graphs import Draw, Wishes
from tests.support.reference import Interpreter, Meaning
from tests.support.world import Row, World, finish
from workflows.engine.outcome import Record


def faults_of_graph(number: int) -> list[str]:
    """How the engine and the reference interpreter differ about a random workflow. Raises Ambiguous."""
    draw = Draw(number, Wishes(waits=True))
    document, body = draw.document(), draw.body()
    meaning = Interpreter(document, body).run()
    return differences(meaning, finish(World(document, body, free=True)))


def differences(meaning: Meaning, run: Row) -> list[str]:
    """A sentence for everything in which a run that has ended differs from its meaning."""
    return list(_differences(meaning, run))


def _differences(meaning: Meaning, run: Row) -> Iterator[str]:
    if run.status != meaning.status:
        yield f"The run is {run.status} ({run.error}), it means {meaning.status}."
    elif not same(meaning.output, run.output):
        yield f"The run gave {run.output}, it means {meaning.output}."
    for path, record in run.steps.items():
        status, output = meaning.steps.get(path, (None, None))
        if "" in meaning.open and _was_cut_short(record):
            continue
        if status != record.status:
            yield f"{path} is {record.status} ({record.error}), it means {status}."
        elif not same(output, record.output):
            yield f"{path} gave {record.output}, it means {output}."
    for path in meaning.steps.keys() - run.steps.keys():
        if not any(path.startswith(prefix) for prefix in meaning.open):
            yield f"{path} is missing."


def _was_cut_short(record: Record) -> bool:
    """It waited, or was to be tried again, when the run ended."""
    return record.status == "CANCELLED" or bool(record.error and record.error["retryable"])


def same(meant: Any, found: Any) -> bool:
    """`...` stands for any value; of the outputs of conditions and merges the part that is meant counts, in any order."""
    if meant is ...:
        return True
    if isinstance(meant, dict) and isinstance(found, dict):
        if "taken" in meant:
            return sorted(meant["taken"]) == sorted(found.get("taken", []))
        return meant.keys() == found.keys() and all(same(meant[key], found[key]) for key in meant)
    return bool(meant == found)
