"""How far a piece of the drawing reaches to both sides at every height; pieces are pushed together until they nearly touch."""

from __future__ import annotations

from typing import Final

CELL: Final = 24  # pixels of height that are looked at as one


class Contour:
    """Left and right borders by height. Moving it sideways costs nothing, joining two costs as much as the smaller one."""

    __slots__ = ("_cells", "_shift")

    def __init__(self) -> None:
        self._cells: dict[int, tuple[float, float]] = {}
        self._shift: float = 0

    def add(self, left: float, right: float, top: float, bottom: float) -> None:
        """Take a rectangle in."""
        left, right = left - self._shift, right - self._shift
        cells = self._cells
        for cell in range(int(top // CELL), int(-(-bottom // CELL))):
            old = cells.get(cell)
            cells[cell] = (left, right) if old is None else (min(left, old[0]), max(right, old[1]))

    def gap_to(self, other: Contour) -> float | None:
        """How far `other` has to move right so that it touches nothing of this; None: they share no height."""
        mine, theirs = self._cells, other._cells
        shared = mine.keys() & theirs.keys() if len(mine) > len(theirs) else theirs.keys() & mine.keys()
        if not shared:
            return None
        return max(mine[cell][1] - theirs[cell][0] for cell in shared) + self._shift - other._shift

    def moved(self, by: float) -> Contour:
        """The same cells seen from another place; this one must not be used any more."""
        self._shift += by
        return self

    def join(self, other: Contour) -> Contour:
        """Both as one; neither of the two may be used any more."""
        large, small = (self, other) if len(self._cells) >= len(other._cells) else (other, self)
        by = small._shift - large._shift
        cells = large._cells
        for cell, (left, right) in small._cells.items():
            left, right = left + by, right + by
            old = cells.get(cell)
            cells[cell] = (left, right) if old is None else (min(left, old[0]), max(right, old[1]))
        return large

    @property
    def left(self) -> float:
        return min((left for left, _ in self._cells.values()), default=0) + self._shift

    @property
    def right(self) -> float:
        return max((right for _, right in self._cells.values()), default=0) + self._shift
