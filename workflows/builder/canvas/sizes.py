"""The measures of the canvas in pixels at zoom 1. Cards have one size, so that the server lays out without measuring."""

from __future__ import annotations

from typing import Final

CARD_W: Final = 264
CARD_H: Final = 68
HALF: Final = CARD_W // 2
ROW_GAP: Final = 58
LABEL_GAP: Final = 88  # below a step whose ways out have labels
COLUMN_GAP: Final = 36
GRID: Final = 8  # cards of a free-form canvas sit on it

BEND: Final = 21  # below a card: where its lines part
JOIN: Final = 24  # above a card: where lines to it meet
CORNER: Final = 10
LABEL_AT: Final = 41  # below a card, the middle of a label
ADD_AT: Final = 68  # below a card, the middle of the "+" under a label
ADD: Final = 28  # side of a "+"
ADD_OPEN: Final = 24  # below a card that leads nowhere, the middle of its "+"
END_AT: Final = 58  # below a card that leads nowhere, the middle of "End"
OPEN_DEPTH: Final = 72  # what stands below such a card
LANE: Final = 36  # room for a line that runs down by itself, its "+" included

BOX_HEAD: Final = 33  # from the top of a loop's box to its first card
BOX_SIDE: Final = 18
BOX_FOOT: Final = 44
BOX_GAP: Final = 38  # from the box to what follows
EMPTY_BOX: Final = 66  # height of a box without steps
MARGIN: Final = 40
LOOSE_GAP: Final = 96  # to the steps nothing leads to
NOTE_W: Final = 232
NOTE_H: Final = 128
NOTE_GAP: Final = 16


def label_width(text: str) -> int:
    """About as wide as the label will be; CSS cuts at 220."""
    return min(220, 20 + 7 * len(text))
