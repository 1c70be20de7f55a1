"""How a polling trigger asks: page after page of a request, or one of the service's own actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from automate.lib.jsontypes import JSON
from integrations.actions.bodies import query_pairs
from integrations.actions.calls import Job, ask, built
from integrations.actions.mapping import Names, compiled, value_of
from integrations.actions.marks import Marks
from integrations.actions.paging import each_page, prepare_paging
from integrations.actions.plans import CallPlan, prepare_call
from integrations.actions.polling import Answered, Detail, Pages, items_of, names_of
from integrations.errors import ActionError
from integrations.manifest import Trigger
from integrations.values import Outgoing

MAX_PAGES: Final = 1_000  # of a list with a cursor; size and number of items end it long before
GONE: Final = (404, 410)

Act = Callable[[str, JSON], JSON]  # name and input of an action → its output


def pages_of(job: Job, trigger: Trigger, marks: Marks | None, act: Act) -> Pages:
    if trigger.ask is not None:
        return _by_action(trigger, act)
    assert trigger.request is not None  # `check` asks for one of the two
    return _by_request(job, trigger, prepare_call(trigger.request), marks)


def _by_action(trigger: Trigger, act: Act) -> Pages:
    asked = trigger.ask
    assert asked is not None
    given = compiled(asked.input)

    def pages(names: Names, _from_here: JSON) -> Iterator[Answered]:
        seen = {**names, "body": act(asked.action, value_of(given, names) or {})}
        yield Answered(seen, items_of(trigger, seen), has_next=False)

    return pages


def _by_request(job: Job, trigger: Trigger, call: CallPlan, marks: Marks | None) -> Pages:
    def pages(names: Names, from_here: JSON) -> Iterator[Answered]:
        job.names.update(names)
        out = _placed(built(job, call), job, marks, from_here)
        if trigger.paginate is None:
            answer = ask(job, call, out)
            seen = names_of(answer, job.names)
            yield Answered(seen, items_of(trigger, seen), has_next=False, size=len(answer.content))
            return
        paging = prepare_paging(
            trigger.paginate,
            items=trigger.items if isinstance(trigger.items, str) else None,
            max_pages=MAX_PAGES if trigger.cursor else None,
        )
        for page in each_page(paging, out, lambda one: ask(job, call, one), job.names):
            seen = names_of(page.answer, job.names)
            yield Answered(seen, page.items, page.has_next, len(page.answer.content))

    return pages


def _placed(out: Outgoing, job: Job, marks: Marks | None, from_here: JSON) -> Outgoing:
    """With the place to ask from in its query parameter, in front of everything the request says itself."""
    name = marks.cursor.param if marks is not None else ""
    if marks is None or not name:
        return out
    given = job.names["input"]
    value = marks.query(given.get(name) if isinstance(given, dict) else None, from_here)
    others = [(key, text) for key, text in out.query if key != name]
    out.query = [*others, *query_pairs({name: value} if value is not None else None)]
    return out


def detail_of(job: Job, trigger: Trigger) -> Detail | None:
    """The request for each new item, where the list tells too little; what is gone meanwhile stays as the list told it."""
    if trigger.detail is None:
        return None
    call = prepare_call(trigger.detail)

    def detail(names: Names) -> JSON:
        job.names.update(names)
        try:
            return ask(job, call, built(job, call)).body
        except ActionError as error:
            if error.status in GONE:
                return names["item"]
            raise

    return detail
