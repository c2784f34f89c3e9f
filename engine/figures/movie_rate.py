"""How fast a movie plays: at the recording's own rate where it can, otherwise in slow or fast motion, and saying so.

A GIF counts its delays in hundredths of a second, and players take less than two of them as ten. So each frame of a GIF
begins at the hundredth nearest to its own time, whatever the rate, and what would follow within two is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TypeVar

from engine.errors import ParameterError

SLOWEST_HZ, FASTEST_HZ = 0.1, 120.0
"""Frames a second that players show."""

SLOW_MOTION_HZ = 25.0
"""Rate at which recordings play that are too fast to be seen; every frame is shown."""

USUAL_HZ = 10.0
"""Rate of recordings that do not say theirs, or that are slower than any movie."""

TICK_S = 0.01
SHORTEST_TICKS = 2

T = TypeVar("T")


@dataclass(frozen=True)
class MovieRate:
    """Frames a second of a movie, and how that compares with the recording, in words; empty at its own rate."""

    hz: float
    words: str = ""


def movie_rate(recording_hz: float | None, frames: Sequence[int], asked_hz: float | None = None) -> MovieRate:
    """Choose the rate of a movie of `frames`: as asked for, else the recording's, else one at which they can be seen.

    Of a recording in which every n-th frame was estimated, the rate is an n-th. A rate asked for beyond 0.1 to 120
    frames/s is a ParameterError.
    """
    if recording_hz is not None and len(frames) > 1:
        recording_hz /= median(later - earlier for earlier, later in pairwise(sorted(frames)))
    if asked_hz is not None:
        check_rate(asked_hz)
        rate_hz = asked_hz
    elif recording_hz is None or recording_hz < SLOWEST_HZ:
        rate_hz = USUAL_HZ
    else:
        rate_hz = recording_hz if recording_hz <= FASTEST_HZ else SLOW_MOTION_HZ
    return MovieRate(rate_hz, _motion_words(recording_hz, rate_hz))


def check_rate(rate_hz: float) -> None:
    """Raise a ParameterError for a rate at which no player plays."""
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise ParameterError(f"a movie plays {SLOWEST_HZ:g} to {FASTEST_HZ:g} frames/s, found {rate_hz:g}")


def gif_frames(entries: Iterable[T], rate_hz: float) -> Iterator[tuple[T, int]]:
    """Yield the entries that a GIF shows, each with its delay in milliseconds, a multiple of 10 and at least 20.

    Entry k belongs at k / rate. No entry begins more than half a hundredth of a second off its time, and the whole
    lasts as long as all entries do, to within a frame.
    """
    shown: tuple[T, int] | None = None
    for number, entry in enumerate(entries):
        tick = _tick(number, rate_hz)
        if shown is None:
            shown = entry, tick
        elif tick - shown[1] >= SHORTEST_TICKS:
            yield shown[0], _milliseconds(tick - shown[1])
            shown = entry, tick
    if shown is not None:
        yield shown[0], _milliseconds(max(_tick(1, rate_hz), SHORTEST_TICKS))


def _tick(number: int, rate_hz: float) -> int:
    return round(number / (rate_hz * TICK_S))


def _milliseconds(ticks: int) -> int:
    return round(1000 * TICK_S) * ticks


def _motion_words(recording_hz: float | None, rate_hz: float) -> str:
    """Say how much slower or faster than life a movie plays; nothing where the recording's rate is not known."""
    if recording_hz is None or recording_hz == rate_hz:
        return ""
    slower = recording_hz > rate_hz
    factor = recording_hz / rate_hz if slower else rate_hz / recording_hz
    kind, compared = ("Slow", "slower") if slower else ("Fast", "faster")
    return f"{kind} motion, {factor:.3g} times {compared}: {recording_hz:.4g} frames/s, shown {rate_hz:.4g} a second."
