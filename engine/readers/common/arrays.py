"""Which of the arrays of a file is the RF: those that can be, best first, and those that make a sequence together."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ParameterError, ReadError

PREFERRED = ("rf", "rfdatadouble", "rfdatafilt", "rfdata", "rf_data", "rfmig", "bfdata", "img", "data")
SMALLEST = 32
"""Samples along the longest axis below which an array is not taken for RF."""
PAIRS = (
    "pre post",
    "before after",
    "ref def",
    "reference deformed",
    "undeformed deformed",
    "uncompressed compressed",
    "unloaded loaded",
    "rest loaded",
    "first second",
    "initial final",
    "fixed moving",
)
"""Words by which two names of otherwise equal spelling are a frame before and one after a compression."""
LAST_ROWS = 0.1
"""Part of the rows by which frames may differ: the last ones, of recordings that end a little earlier or later."""


@dataclass(frozen=True)
class NamedArray:
    """An array in a file by its path in it."""

    name: str
    shape: tuple[int, ...]
    is_complex: bool = False

    @property
    def extent(self) -> tuple[int, ...]:
        """Sizes of the axes that have more than one entry."""
        return tuple(size for size in self.shape if size > 1)


def candidates(path: Path, arrays: Iterable[NamedArray], present: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return choices, best first: arrays by name, and sequences of single frames as `a, b`; none is a ReadError."""
    found = list(arrays)
    fitting = [each for each in found if len(each.extent) in {2, 3} and max(each.extent) >= SMALLEST]
    if not fitting:
        _refuse(path, found, present)
    fitting.sort(key=lambda each: (_rank(each.name), -math.prod(each.shape), len(each.name), each.name))
    choices: dict[str, tuple[str, ...]] = {}
    for each in fitting:
        for alike in (_numbered_like(each, fitting), _pair_of(each, fitting)):
            if len(alike) > 1:
                choices.setdefault(", ".join(alike), alike)
        choices[each.name] = (each.name,)
    groups = {name: members for name, members in choices.items() if len(members) > 1}
    first = next(iter(choices))
    best = next((name for name, members in groups.items() if first in members), None)
    return choices if best is None else {best: groups[best], **choices}


def choose(path: Path, choices: Mapping[str, tuple[str, ...]], wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the name and the members of the user's choice, which may be several names with commas, else the first."""
    if wanted is None:
        return next(iter(choices.items()))
    names = tuple(name.strip() for name in wanted.split(","))
    unknown = [name for name in names if name not in choices]
    if wanted in choices:
        return wanted, choices[wanted]
    if unknown:
        there = ", ".join(name for name, members in choices.items() if len(members) == 1)
        raise ParameterError(f"{path.name}: no array {unknown[0]!r} that could be RF; there are: {there}")
    return ", ".join(names), names


def shared_rows(path: Path, rows: Mapping[str, int], lines: Mapping[str, int]) -> tuple[int, tuple[str, ...]]:
    """Return the rows that frames by these names have in common, with a note where some have more.

    Only the last rows may differ, and the lines not at all.
    """
    (first, count), *others = lines.items()
    odd = next((name for name, each in others if each != count), None)
    if odd is not None:
        raise ReadError(path, f"{odd} has {lines[odd]} lines, {first} has {count}: they make no sequence")
    least, most = min(rows.values()), max(rows.values())
    if most - least > LAST_ROWS * most:
        short, long = (next(name for name in rows if rows[name] == each) for each in (least, most))
        raise ReadError(path, f"{short} has {least} rows, {long} has {most}: they make no sequence")
    note = f"frames have {least} to {most} rows and are cut to the {least} that all have"
    return least, () if least == most else (note,)


def _refuse(path: Path, found: Sequence[NamedArray], present: Sequence[str]) -> None:
    single = next((each for each in found if len(each.extent) == 1 and max(each.extent) >= SMALLEST), None)
    if single is not None:
        raise ReadError(
            path,
            f"{single.name} is a single line of {max(single.extent)} values: put the lines of a frame side by side "
            "into one array, samples x lines",
        )
    raise ReadError(path, f"holds no array that could be RF; found: {', '.join(present[:12]) or 'nothing'}")


def _rank(name: str) -> int:
    last = name.rpartition(".")[2].lower()
    return PREFERRED.index(last) if last in PREFERRED else len(PREFERRED)


def _alike(first: NamedArray, others: Iterable[NamedArray]) -> list[NamedArray]:
    """Return arrays of one frame each that could follow one another."""
    if len(first.extent) != 2:
        return []
    rows, lines = first.extent
    return [
        each
        for each in others
        if each.is_complex == first.is_complex
        and len(each.extent) == 2
        and each.extent[1] == lines
        and abs(each.extent[0] - rows) <= LAST_ROWS * rows
    ]


def _numbered_like(first: NamedArray, others: Sequence[NamedArray]) -> tuple[str, ...]:
    """Return names that differ from this one in their last number only, of frames like it, in order."""
    stem = _stem(first.name)
    alike = [each.name for each in _alike(first, others) if _stem(each.name) == stem]
    return tuple(sorted(alike, key=_last_number)) if "#" in stem else ()


def _stem(name: str) -> str:
    return re.sub(r"\d+(?=\D*$)", "#", name)


def _last_number(name: str) -> int:
    return int(re.findall(r"\d+", name)[-1])


def _pair_of(first: NamedArray, others: Sequence[NamedArray]) -> tuple[str, ...]:
    """Return this frame and the one whose name says that it was taken after a compression."""
    alike = {each.name.lower(): each.name for each in _alike(first, others)}
    low = first.name.lower()
    for pair in PAIRS:
        before, after = pair.split()
        for one, other in ((before, after), (after, before)):
            place = low.rfind(one)
            partner = alike.get(low[:place] + other + low[place + len(one) :]) if place >= 0 else None
            if partner is not None and partner != first.name:
                return (first.name, partner) if one == before else (partner, first.name)
    return ()
