"""Objects: their keys and values, choosing, renaming and merging fields."""

from automate.lib.expressions.converters import Items, Mismatch, Object
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.paths import Key, get_path, parse_path
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.values import a_kind, to_text
from automate.lib.jsontypes import JSON


@function("Objects", '{{ {"a": 1, "b": 2} | keys }}', ["a", "b"])
def keys(run: Run, value: Object) -> Items:
    """The names of the fields."""
    run.room_for_items(len(value))
    return list(value)


@function("Objects", '{{ {"a": 1, "b": 2} | values }}', [1, 2])
def values(run: Run, value: Object) -> Items:
    """The values of the fields."""
    run.room_for_items(len(value))
    return list(value.values())


@function("Objects", '{{ {"a": 1} | items }}', [{"key": "a", "value": 1}], aliases=("entries", "dictsort"))
def items(run: Run, value: Object) -> Items:
    """A list of {key, value}, one for each field."""
    run.room_for_items(4 * len(value))
    return [{"key": key, "value": item} for key, item in value.items()]


@function("Objects", '{{ [{"key": "a", "value": 1}] | from_items }}', {"a": 1}, aliases=("from_entries",))
def from_items(run: Run, pairs: Items) -> Object:
    """An object made of a list of {key, value} or of [key, value]."""
    run.room_for_items(len(pairs))
    made: Object = {}
    for pair in pairs:
        if isinstance(pair, dict) and "key" in pair:
            made[as_part_of_text(pair["key"], run)] = pair.get("value")
        elif isinstance(pair, list) and len(pair) == 2:
            made[as_part_of_text(pair[0], run)] = pair[1]
        else:
            raise ExpressionTypeError("`from_items` needs elements like {key, value} or [key, value].")
    return made


@function("Objects", '{{ merge({"a": 1, "b": 1}, {"b": 2}) }}', {"a": 1, "b": 2})
def merge(run: Run, *objects: Object) -> Object:
    """One object with the fields of all; later objects win."""
    run.room_for_items(sum(map(len, objects)))
    return {key: value for one in objects for key, value in one.items()}


@function("Objects", '{{ merge_deep({"a": {"x": 1}}, {"a": {"y": 2}}) }}', {"a": {"x": 1, "y": 2}})
def merge_deep(run: Run, *objects: Object) -> Object:
    """As `merge`, but objects in fields of the same name are merged too."""
    merged: Object = {}
    for one in objects:
        merged = _merged(run, merged, one)
    return merged


def _merged(run: Run, left: Object, right: Object) -> Object:
    run.room_for_items(len(left) + len(right))
    made = dict(left)
    for key, value in right.items():
        old = made.get(key)
        made[key] = _merged(run, old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return made


@function("Objects", '{{ {"a": 1, "b": 2, "c": 3} | pick("a", "c") }}', {"a": 1, "c": 3})
def pick(run: Run, value: JSON, *names: str) -> JSON:
    """Only these fields, of an object or of each object in a list; those it does not have are left out."""
    if isinstance(value, list):
        run.room_for_items(len(value) * (len(names) + 1))
        return [pick(run, item, *names) for item in value]
    if isinstance(value, dict):
        return {name: value[name] for name in names if name in value}
    if value is None:
        return {}
    raise Mismatch("an object or a list of objects")


@function("Objects", '{{ {"a": 1, "b": 2} | omit("b") }}', {"a": 1})
def omit(run: Run, value: JSON, *names: str) -> JSON:
    """Without these fields, of an object or of each object in a list."""
    if isinstance(value, list):
        run.room_for_items(len(value))
        return [omit(run, item, *names) for item in value]
    if isinstance(value, dict):
        run.room_for_items(len(value))
        return {key: item for key, item in value.items() if key not in names}
    if value is None:
        return {}
    raise Mismatch("an object or a list of objects")


@function("Objects", '{{ {"a": [{"b": 5}]} | get("a[0].b") }}', 5)
def get(value: JSON, path: str, fallback: JSON = None) -> JSON:
    """The value a path given as text leads to, or the fallback where it leads nowhere."""
    found = get_path(value, parse_path(path))
    return fallback if found is None else found


@function("Objects", '{{ {"a": {"b": 1}} | has("a.b") }}', True)
def has(value: JSON, path: str) -> bool:
    """Whether a path leads to something that is not null."""
    return get_path(value, parse_path(path)) is not None


@function("Objects", '{{ {"a": 1} | set("b.c", 2) }}', {"a": 1, "b": {"c": 2}})
def set_(run: Run, value: Object, path: str, new: JSON) -> JSON:
    """A copy with another value where the path leads; objects on the way are made."""
    keys_ = parse_path(path)
    if len(keys_) > run.budget.max_depth:
        raise ExpressionTypeError("The path given to `set` is too long.")
    return _with(run, value, keys_, new)


def _with(run: Run, value: JSON, path: tuple[Key, ...], new: JSON) -> JSON:
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        run.room_for_items(len(value))
        return [*value[:key], _with(run, value[key], rest, new), *(value[key + 1 :] if key != -1 else [])]
    if value is None or isinstance(value, dict):
        fields = value or {}
        run.room_for_items(len(fields) + 1)
        return {**fields, str(key): _with(run, fields.get(str(key)), rest, new)}
    raise ExpressionTypeError(
        f"`set` cannot put a field or a position that does not exist into {a_kind(value)}."
    )


@function("Objects", '{{ {"a": 1, "b": 2} | rename({"a": "x"}) }}', {"x": 1, "b": 2})
def rename(run: Run, value: Object, names: Object) -> Object:
    """The object with some fields under other names, given as {old: new}."""
    run.room_for_items(len(value))
    return {as_part_of_text(names.get(key, key), run): item for key, item in value.items()}


@function("Objects", '{{ {"a": "x"} | invert }}', {"x": "a"})
def invert(run: Run, value: Object) -> Object:
    """Keys and values exchanged; values become text."""
    run.room_for_items(len(value))
    if any(isinstance(item, list | dict) for item in value.values()):
        raise Mismatch("an object whose values are text or numbers")
    return {to_text(item): key for key, item in value.items()}


@function("Objects", '{{ {"b": 1, "a": 2} | sort_keys | keys }}', ["a", "b"])
def sort_keys(run: Run, value: Object) -> Object:
    """The fields in the order of their names."""
    run.room_for_items(len(value))
    return dict(sorted(value.items()))


@function("Objects", '{{ {"a": {"b": 1}, "c": [2]} | flatten_object }}', {"a.b": 1, "c": [2]})
def flatten_object(run: Run, value: Object, separator: str = ".") -> Object:
    """The fields of objects inside the object as fields of their own, named like a.b."""
    run.measure(value)
    made: Object = {}
    waiting: list[tuple[str, Object]] = [("", value)]
    while waiting:
        prefix, fields = waiting.pop()
        run.room_for_items(len(fields))
        for key, item in fields.items():
            run.room_for_text(len(prefix) + len(key) + len(separator), 4)
            name = str(run.made(prefix + key))
            if isinstance(item, dict) and item:
                waiting.append((str(run.made(name + separator)), item))
            else:
                made[name] = item
    return made
