"""The small pictures of workflows."""

from __future__ import annotations

from workflows import gallery
from workflows.engine.document import load
from workflows.views.thumbnails import thumbnail

SEVEN_LAYERS = 7 * 24 + 6 * 18 + 4  # what lies below is left out


def test_picture_has_a_box_for_the_trigger_and_each_step_and_none_overlap() -> None:
    for entry in gallery.shipped():
        picture = thumbnail(entry.document)

        drawn = [step for step in entry.document.steps if step.type != "note"]
        is_cut = picture.height >= SEVEN_LAYERS
        boxes = len(picture.boxes)
        assert boxes == 1 + len(drawn) or (is_cut and 7 <= boxes <= len(drawn)), entry.slug
        assert len({(box.x, box.y) for box in picture.boxes}) == boxes, entry.slug
        assert all(
            box.x >= 0 and box.x + 76 <= picture.width and box.y + 24 <= picture.height
            for box in picture.boxes
        ), entry.slug
        assert sum(box.is_trigger for box in picture.boxes) == 1


def test_empty_workflow_has_a_picture_too() -> None:
    picture = thumbnail(load({"format": "automate/1", "key": "empty", "steps": []}, complete=False))

    assert len(picture.boxes) == 1
    assert picture.lines == ()


def test_long_workflow_is_cut_where_it_would_be_too_small_to_see() -> None:
    steps = [{"key": f"s{n}", "type": "transform", "next": f"s{n + 1}"} for n in range(40)]
    steps.append({"key": "s40", "type": "transform"})

    picture = thumbnail(
        load({"format": "automate/1", "key": "long", "start": "s0", "steps": steps}, complete=False)
    )

    assert len(picture.boxes) == 7


def test_what_follows_a_loop_stands_below_its_body() -> None:
    document = load(
        {
            "format": "automate/1",
            "key": "loops",
            "start": "each",
            "steps": [
                {"key": "each", "type": "loop", "over": [1], "next": {"each": "one", "done": "after"}},
                {"key": "one", "type": "transform", "next": "two"},
                {"key": "two", "type": "transform"},
                {"key": "after", "type": "transform"},
            ],
        },
        complete=False,
    )

    heights = sorted(box.y for box in thumbnail(document).boxes)

    assert len(set(heights)) == 5
