"""Text of the command line to values: frames, ellipses and settings; each mistake is one ParameterError."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import ParameterError
from engine.metrics.profile import ProfileLine
from engine.types import Ellipse

if TYPE_CHECKING:
    from engine.pipeline import Settings

MILLI = 1e-3
LARGEST_LIMIT = 1e9


def parse_frames(text: str, total: int) -> tuple[int, ...]:
    """Read frames of a recording of `total`: Python slices and numbers, as in `1:10`, `3`, `1,4,7` or `:5,8`.

    Slices are clipped as Python does it; a single number must exist.
    """
    chosen: list[int] = []
    for part in text.split(","):
        bounds = [_whole(piece, text) for piece in part.split(":")]
        if len(bounds) > 3 or (len(bounds) == 1 and bounds[0] is None) or (len(bounds) == 3 and bounds[2] == 0):
            raise ParameterError(f"--frames: {text!r} is not like 3 or 1:10 or 1,4,7")
        if len(bounds) > 1:
            chosen += range(total)[slice(*bounds)]
            continue
        index = bounds[0]
        if index is None or not -total <= index < total:
            raise ParameterError(f"--frames: frame {index} does not exist, there are {total}")
        chosen.append(index % total)
    if not chosen:
        raise ParameterError(f"--frames: {text!r} chooses none of the {total} frames")
    return tuple(sorted(set(chosen)))


def parse_ellipse(text: str | None, option: str) -> Ellipse | None:
    """Read `X,Z,A,B[,ANGLE]`: centre and semi-axes, lateral then axial, in mm, and degrees; None stays None."""
    if text is None:
        return None
    values = _numbers(text, option, "X,Z,A,B[,ANGLE] in mm and degrees", (4, 5))
    lateral, depth, semi_lateral, semi_axial, *angle = values
    try:
        return Ellipse(lateral * MILLI, depth * MILLI, semi_lateral * MILLI, semi_axial * MILLI, *angle)
    except ParameterError as error:
        if all(map(math.isfinite, values)) and min(semi_lateral, semi_axial) > 0:
            raise ParameterError(f"{option}: {error}") from None
        raise ParameterError(f"{option}: the semi-axes of {text!r} must be positive, and all numbers finite") from None


def parse_line(text: str | None, option: str) -> ProfileLine | None:
    """Read `X,Z,X,Z`: lateral position and depth of both ends of a line in mm; None stays None."""
    if text is None:
        return None
    ends = _numbers(text, option, "X,Z,X,Z in mm", (4,))
    try:
        return ProfileLine(*(end * MILLI for end in ends))
    except ParameterError as error:
        raise ParameterError(f"{option}: {error}") from None


def parse_limits(text: str | None, option: str) -> tuple[float, float] | None:
    """Read `LOW,HIGH`; None stays None."""
    if text is None:
        return None
    low, high = _numbers(text, option, "LOW,HIGH", (2,))
    if not low < high:
        raise ParameterError(f"{option}: the first of {text!r} must be the smaller")
    if max(abs(low), abs(high)) > LARGEST_LIMIT:
        raise ParameterError(f"{option}: the limits of {text!r} are beyond all strain")
    return low, high


def parse_settings(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read `key=value` texts into the groups "method", "prepare" and "strain" by the prefix of the key.

    >>> parse_settings(["window_m=2e-3", "prepare.band_pass=true"])
    {'method': {'window_m': '2e-3'}, 'prepare': {'band_pass': 'true'}, 'strain': {}}
    """
    groups: dict[str, dict[str, str]] = {"method": {}, "prepare": {}, "strain": {}}
    for text in texts:
        key, equals, value = text.partition("=")
        prefix, dot, name = key.strip().partition(".")
        group = prefix if dot else "method"
        if not equals or not key.strip() or group not in groups:
            raise ParameterError(f"--set: {text!r} is not like key=value, prepare.key=value or strain.key=value")
        groups[group][name if dot else prefix] = value.strip()
    return groups


def _whole(text: str, whole: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        raise ParameterError(f"--frames: {whole!r} is not like 3 or 1:10 or 1,4,7") from None


def _numbers(text: str, option: str, form: str, counts: tuple[int, ...]) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in counts:
        raise ParameterError(f"{option}: {text!r} is not like {form}")
    return values


def parse_methods(
    texts: Sequence[str],
    shared: Sequence[str] = (),
    strain_method: str = "least-squares",
    *,
    equal_window: bool = True,
) -> "list[Settings]":
    """Read each `NAME` or `NAME:KEY=VALUE,...` into settings labelled by it; `shared` are settings of all of them.

    Without an `equal_window` each method has its own, unless `shared` sets one.

    >>> [entry.row for entry in parse_methods(["glue:preset=published", "ncc"], ["prepare.band_pass=true"])]
    ['glue:preset=published', 'ncc']
    """
    from engine.scripting import settings_of
    from engine.strain.base import STRAIN_METHODS

    common = parse_settings(shared)
    if common["method"] and len(set(texts)) > 1:
        raise ParameterError(f"--set {next(iter(common['method']))}: a method's parameter needs exactly one --method")
    usual = STRAIN_METHODS.get(strain_method).Params().as_dict() if equal_window else {}
    found = []
    for text in dict.fromkeys(texts):
        name, _, own = text.partition(":")
        groups = parse_settings(own.split(",") if own else [])
        if groups["strain"]:
            raise ParameterError(f"--method: {text!r}: all methods share the strain filter, see --set")
        chosen = settings_of(
            name,
            {**common["method"], **groups["method"]},
            prepare={**common["prepare"], **groups["prepare"]},
            strain_method=strain_method,
            strain={**usual, **common["strain"]},
        )
        found.append(replace(chosen, label=text))
    return found
