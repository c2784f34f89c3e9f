"""Which stored axis is depth, which lines, which frames: decided by what the file and its numbers show.

In the order of their weight: what the user says; what the format states (orientation letters, a time vector); along
which axis the values oscillate; which spacing is finer; which axis is longer. What is concluded without a statement
stays marked as assumed, with its reasons in a note.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from engine.readers.common.axes import resolve_axes
from engine.readers.common.oscillation import CLEAR, oscillation

FEWEST_LINES = 8
"""Lines below which the other axis is taken for the lines, where that one is longer."""
LONGER, FINER = 1.2, 1.5
"""Ratios from which a length and a spacing tell two axes apart."""


@dataclass(frozen=True)
class AxisChoice:
    """One letter for each stored axis (see `resolve_axes`), whether nobody stated it, and why it is so."""

    letters: str
    assumed: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AxisEvidence:
    """What speaks for an order of the axes, slowest first; sequences have an entry for each axis.

    `stated` is the order that the format says in so many words, `stated_by` where; `time_axis` the axis that a time
    vector goes with, `frames_axis` the one that the format keeps for frames. `spacing` may hold zeros for axes that
    have none. `frames_last` tells how the format's users store frames.
    """

    shape: tuple[int, ...]
    block: Callable[[], NDArray[Any]]
    spacing: tuple[float, ...] = ()
    stated: str | None = None
    stated_by: str = ""
    time_axis: int | None = None
    time_name: str = ""
    frames_last: bool = False
    frames_axis: int | None = None


def choose_axes(path: Path, evidence: AxisEvidence, wanted: str | None) -> AxisChoice:
    """Return the order of the axes; the user's word wins."""
    shape = evidence.shape
    if wanted is not None:
        return AxisChoice(resolve_axes(path, shape, wanted, wanted), assumed=False)
    if evidence.stated is not None:
        return _stated(path, evidence)
    places = [place for place, size in enumerate(shape) if size != 1 or len(shape) <= 3]
    if len(places) not in {2, 3}:
        resolve_axes(path, shape, None, "fal")  # says what is wrong
    sizes = tuple(shape[place] for place in places)
    frames = evidence.frames_axis if len(places) == 3 else None
    depth, reasons = _depth(evidence, [place for place in places if place != frames])
    if frames is None:
        letters = _letters(sizes, places.index(depth), frames_last=evidence.frames_last)
    else:
        letters = "".join("f" if place == frames else "a" if place == depth else "l" for place in places)
    words = ", ".join({"f": "frame", "a": "axial", "l": "lateral"}[letter] for letter in letters)
    note = f"axes {letters} ({words}) are assumed: depth is {_join(reasons)}; turn them with --axes"
    return AxisChoice(resolve_axes(path, shape, None, letters), assumed=True, notes=(note,))


def _stated(path: Path, evidence: AxisEvidence) -> AxisChoice:
    assert evidence.stated is not None
    letters = resolve_axes(path, evidence.shape, None, evidence.stated)
    values = evidence.block()
    depth, lines = (oscillation(values, letters.index(letter)) for letter in "al")
    if lines > depth + CLEAR and depth < CLEAR:
        note = f"{evidence.stated_by} says that the axes are {letters}, but values oscillate along the axis of lines"
        return AxisChoice(letters, assumed=True, notes=(f"{note}: turn them with --axes if that is wrong",))
    return AxisChoice(letters, assumed=False)


def _depth(evidence: AxisEvidence, places: Sequence[int]) -> tuple[int, list[str]]:
    """Return the axis that is depth, and what speaks for it."""
    shape, spacing = evidence.shape, evidence.spacing
    if evidence.time_axis is not None:
        return evidence.time_axis, [f"the axis that {evidence.time_name} goes with"]
    values = evidence.block()
    waves = {place: oscillation(values, place) for place in places}
    likely = [place for place in places if waves[place] > max(waves.values()) - CLEAR]
    given = {place: spacing[place] for place in places if spacing and spacing[place] > 0}
    longest = max(likely, key=lambda place: shape[place])
    finest = min(given, key=lambda place: given[place], default=longest)
    unlike = bool(given) and max(given.values()) > FINER * min(given.values())
    depth = finest if unlike and finest in likely else longest
    others = [place for place in places if place != depth]
    reasons: list[str] = []
    if all(waves[depth] > waves[place] + CLEAR for place in others):
        reasons.append("the axis along which values oscillate")
    if unlike and depth == finest:
        reasons.append(f"the axis of the finer spacing ({given[depth]:g})")
    if all(shape[depth] > LONGER * shape[place] for place in others):
        reasons.append(f"the longest one ({shape[depth]})")
    return depth, reasons or ["the first that fits, as nothing tells the axes apart"]


def _letters(sizes: Sequence[int], depth: int, *, frames_last: bool) -> str:
    """Place frames and lines on the axes that depth leaves."""
    if len(sizes) == 2:
        return "al" if depth == 0 else "la"
    first, second = (size for place, size in enumerate(sizes) if place != depth)
    frames_first = first <= second if depth == 1 and frames_last else depth != 0
    if frames_first and second < FEWEST_LINES <= first:
        frames_first = False
    elif not frames_first and first < FEWEST_LINES <= second:
        frames_first = True
    rest = list("fl" if frames_first else "lf")
    rest.insert(depth, "a")
    return "".join(rest)


def _join(reasons: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(reasons[:-1]), reasons[-1])))
