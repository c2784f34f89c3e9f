"""What the user says about a recording's files: geometry that they do not hold, and how to read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.readers.base import ReadOptions


@dataclass(frozen=True)
class GeometryAnswer:
    """What the user answered: geometry in SI units, and which array with which axes."""

    values: Mapping[str, float] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)
