"""Which frame each one is compared with, and how that is written: one text for command line, window and files.

    fixed              every frame with the one reference
    sliding            every frame with the one before it
    lag 5              every frame with the fifth before it
    sliding added up   the motion of such steps, or of `lag 5 added up`, added up from the one reference on
    0-5, 2-7           these pairs alone, each reference and deformed frame; also (0, 5), (2, 7)

Each frame is deformed in one pair at most.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from engine.errors import ParameterError
from engine.frames import frame_words

_PAIR = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)|(\d+)\s*-\s*(\d+)")
_LAG = re.compile(r"lag\s*(\d+)")
ADDED = "added up"
FORMS = f"fixed, sliding, 'lag 5', 'sliding {ADDED}', or pairs such as 0-5, 2-7"


@dataclass(frozen=True)
class Pairing:
    """A fixed reference, a lag of so many frames, whose steps may be `added` up, or (reference, deformed) pairs."""

    lag: int = 0
    listed: tuple[tuple[int, int], ...] = ()
    added: bool = False

    @property
    def fixed(self) -> bool:
        """Say whether every frame is compared with the one reference itself."""
        return self.lag == 0 and not self.listed

    @property
    def one_reference(self) -> bool:
        """Say whether the strain of all frames lies on the grid of one reference."""
        return self.fixed or self.added

    @property
    def text(self) -> str:
        """Write it as it is typed."""
        if self.listed:
            return ", ".join(f"{reference}-{deformed}" for reference, deformed in self.listed)
        words = "fixed" if self.lag == 0 else "sliding" if self.lag == 1 else f"lag {self.lag}"
        return f"{words} {ADDED}" if self.added else words

    def reference_of(self, frame: int, fixed: int) -> int | None:
        """Return the frame on whose grid a frame's strain lies, where the one reference is `fixed`; None without one.

        >>> parse_pairing("lag 5").reference_of(7, 0), parse_pairing("0-5, 2-7").reference_of(7, 0)
        (2, 2)
        """
        if self.listed:
            return {deformed: reference for reference, deformed in self.listed}.get(frame)
        if self.added:
            return fixed if frame > fixed and (frame - fixed) % self.lag == 0 else None
        reference = fixed if self.lag == 0 else frame - self.lag
        return reference if reference >= 0 and reference != frame else None

    def references(self, frames: Iterable[int], fixed: int) -> dict[int, int]:
        """Return which frame each of the frames is compared with, where the one reference is `fixed`."""
        found = {frame: self.reference_of(frame, fixed) for frame in frames}
        return {frame: reference for frame, reference in found.items() if reference is not None}

    def frames(self, total: int, fixed: int) -> tuple[int, ...]:
        """Return the frames of a recording of `total` that have a reference; a pair beyond it is a ParameterError."""
        beyond = [frame for pair in self.listed for frame in pair if frame >= total]
        if beyond:
            raise ParameterError(f"pairs: frame {beyond[0]} does not exist, there are {total}")
        return tuple(frame for frame in range(total) if self.reference_of(frame, fixed) is not None)


@lru_cache(maxsize=64)
def parse_pairing(text: str) -> Pairing:
    """Read a pairing from its text.

    Parameters
    ----------
    text
        `fixed`, `sliding`, `lag 3`, a list such as `(0, 5), (2, 7)`, or one of these with ` added`.

    Returns
    -------
    Pairing
        Which frame is compared with which.

    Raises
    ------
    ParameterError
        A text of another form, or a frame that is deformed twice.

    >>> parse_pairing("(0, 5), (2, 7)").text
    '0-5, 2-7'
    """
    words = text.strip().lower()
    if words == "fixed":
        return Pairing()
    added, step = words.endswith(ADDED), words.removesuffix(ADDED).strip()
    lag = _LAG.fullmatch("lag 1" if step == "sliding" else step)
    if lag is not None and int(lag[1]) > 0:
        return Pairing(lag=int(lag[1]), added=added)
    listed = tuple((int(found[1] or found[3]), int(found[2] or found[4])) for found in _PAIR.finditer(words))
    if not listed or _PAIR.sub("", words).strip(" ,;"):
        raise ParameterError(f"pairs: {text!r} is not {FORMS}")
    seen: set[int] = set()
    for reference, deformed in listed:
        if reference == deformed:
            raise ParameterError(f"pairs: frame {deformed} cannot be compared with itself")
        if deformed in seen:
            raise ParameterError(f"pairs: {frame_words(deformed)} is the deformed one of two pairs")
        seen.add(deformed)
    return Pairing(listed=listed)
