"""Lists: making them, joining them, cutting them up."""

import secrets

from automate.lib.expressions.converters import Items, Mismatch, Object
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.functions.lists import field_of
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes
from automate.lib.jsontypes import JSON

_random = secrets.SystemRandom()


@function("Lists", '{{ ["a", "b", "c"] | join(", ", " and ") }}', "a, b and c")
def join(
    run: Run, items: Items, separator: str = ", ", last_separator: str | None = None, path: str = ""
) -> str:
    """One text of all elements (or of one field of each), with a separator between them."""
    run.spend(len(items) + 1)
    read = field_of(path)
    texts = [as_part_of_text(read(item), run) for item in items]
    run.room_for_text(sum(map(text_bytes, texts)) + len(texts) * text_bytes(separator))
    if last_separator is None or len(texts) < 2:
        return separator.join(texts)
    return separator.join(texts[:-1]) + last_separator + texts[-1]


@function("Lists", "{{ [7, 8, 9] | first }}", 7, aliases=("head",))
def first(items: Items, count: int | None = None) -> JSON:
    """The first element (null when there is none), or a list of the first `count`."""
    if count is None:
        return items[0] if items else None
    return items[: max(count, 0)]


@function("Lists", "{{ [7, 8, 9] | last(2) }}", [8, 9], aliases=("tail",))
def last(items: Items, count: int | None = None) -> JSON:
    """The last element (null when there is none), or a list of the last `count`."""
    if count is None:
        return items[-1] if items else None
    return items[-count:] if count > 0 else []


@function("Lists", "{{ [7, 8, 9] | limit(2) }}", [7, 8], aliases=("take",))
def limit(items: Items, count: int) -> Items:
    """At most `count` elements from the start."""
    return items[: max(count, 0)]


@function("Lists", "{{ [7, 8, 9] | skip(1) }}", [8, 9], aliases=("drop",))
def skip(items: Items, count: int) -> Items:
    """Without the first `count` elements."""
    return items[max(count, 0) :]


@function("Lists", '{{ "abcdef" | slice(1, 3) }}', "bc")
def slice_(value: JSON, start: int, end: int | None = None) -> JSON:
    """The part of a list or a text from position `start` up to, not including, `end`; negative ones count from the end."""
    if value is None:
        return None
    if isinstance(value, list | str):
        return value[start:end]
    raise Mismatch("a list or text")


@function("Lists", '{{ length("abc") }}', 3, aliases=("count", "len", "size"))
def length(value: JSON) -> int:
    """How many elements a list, fields an object, or characters a text has; 0 for null."""
    if value is None:
        return 0
    if isinstance(value, list | str | dict):
        return len(value)
    raise Mismatch("a list, an object or text")


@function("Lists", "{{ [1, 2, 3] | reverse }}", [3, 2, 1], aliases=("reversed",))
def reverse(value: JSON) -> JSON:
    """A list or a text backwards."""
    if value is None:
        return None
    if isinstance(value, list | str):
        return value[::-1]
    raise Mismatch("a list or text")


@function("Lists", "{{ range(1, 4) }}", [1, 2, 3])
def range_(run: Run, start: int, stop: int | None = None, step: int = 1) -> Items:
    """The integers from `start` up to, not including, `stop`; range(3) starts at 0."""
    if step == 0:
        raise ExpressionTypeError("The step of `range` cannot be zero.")
    numbers = range(0, start, step) if stop is None else range(start, stop, step)
    if abs((numbers.stop - numbers.start) // step) > run.budget.max_items:
        run.room_for_items(run.budget.max_items + 1)
    run.room_for_items(len(numbers))
    return list(numbers)


@function("Lists", '{{ ["a", "b"] | zip([1, 2]) }}', [["a", 1], ["b", 2]])
def zip_(run: Run, *lists: Items) -> Items:
    """Lists of the elements at the same position, as many as the shortest list has."""
    run.room_for_items((len(lists) + 1) * min(map(len, lists), default=0))
    return [list(items) for items in zip(*lists, strict=False)]


@function(
    "Lists", '{{ ["sku", "qty"] | to_object(["A", 2]) }}', {"sku": "A", "qty": 2}, aliases=("zip_object",)
)
def to_object(run: Run, keys: Items, values: Items) -> Object:
    """An object made of a list of keys and a list of values."""
    run.room_for_items(len(keys))
    return {as_part_of_text(key, run): value for key, value in zip(keys, values, strict=False)}


@function("Lists", "{{ [1, [2, [3]]] | flatten }}", [1, 2, [3]], aliases=("flat",))
def flatten(run: Run, items: Items, depth: int = 1) -> Items:
    """The elements of lists inside the list put in their place, `depth` levels deep."""
    for _ in range(min(max(depth, 0), run.budget.max_depth)):
        run.room_for_items(sum(len(item) if isinstance(item, list) else 1 for item in items))
        if not any(isinstance(item, list) for item in items):
            break
        items = [part for item in items for part in (item if isinstance(item, list) else [item])]
    return items


@function("Lists", "{{ [1, 2, 3] | chunk(2) }}", [[1, 2], [3]], aliases=("batch",))
def chunk(run: Run, items: Items, size: int) -> Items:
    """The list cut into lists of `size` elements; the last one may be shorter."""
    if size < 1:
        raise ExpressionTypeError("`chunk` needs a size of at least 1.")
    run.room_for_items(len(items) + len(items) // size)
    return [items[at : at + size] for at in range(0, len(items), size)]


@function("Lists", "{{ [1, 2] | append(3, 4) }}", [1, 2, 3, 4], aliases=("push",))
def append(run: Run, items: Items, *values: JSON) -> Items:
    """The list with more elements at its end."""
    run.room_for_items(len(items) + len(values))
    return [*items, *values]


@function("Lists", "{{ [2, 3] | prepend(1) }}", [1, 2, 3])
def prepend(run: Run, items: Items, *values: JSON) -> Items:
    """The list with more elements before its first."""
    run.room_for_items(len(items) + len(values))
    return [*values, *items]


@function("Lists", "{{ concat([1], [2, 3]) }}", [1, 2, 3])
def concat(run: Run, *lists: Items) -> Items:
    """The elements of several lists, one list after the other."""
    run.room_for_items(sum(map(len, lists)))
    return [item for items in lists for item in items]


@function("Lists", "{{ as_list(5) }}", [5], aliases=("wrap",))
def as_list(value: JSON) -> Items:
    """A list as it is, null as an empty list, any other value as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@function("Lists", '{{ [1, null, "", 2] | compact }}', [1, 2])
def compact(value: JSON) -> JSON:
    """A list or an object without what is null, "", or an empty list or object."""
    blank: tuple[JSON, ...] = ("", [], {})
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not None and item not in blank}
    if isinstance(value, list):
        return [item for item in value if item is not None and item not in blank]
    if value is None:
        return None
    raise Mismatch("a list or an object")


@function("Lists", "{{ [1, 2, 3] | shuffle | sort }}", [1, 2, 3])
def shuffle(run: Run, items: Items) -> Items:
    """The elements in random order."""
    run.room_for_items(2 * len(items))
    return _random.sample(items, len(items))


@function("Lists", "{{ [4] | random_item }}", 4, aliases=("sample",))
def random_item(items: Items) -> JSON:
    """An element chosen at random; null when the list is empty."""
    return _random.choice(items) if items else None


@function("Lists", "{{ [[1, 2], [3, 4]] | transpose }}", [[1, 3], [2, 4]])
def transpose(run: Run, rows: Items) -> Items:
    """Rows become columns, as many as the shortest row has."""
    lists = [row if isinstance(row, list) else [row] for row in rows]
    run.room_for_items((len(lists) + 1) * min(map(len, lists), default=0))
    return [list(items) for items in zip(*lists, strict=False)]
