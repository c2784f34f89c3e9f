"""Geometry of a MATLAB recording, from whatever stands in the file, at any depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.readers.common.checks import positive
from engine.readers.common.named_values import NamedGeometry, geometry_of, scalars_in
from engine.readers.matlab_file.source import MatlabSource

RATE_BY_NAME = {"RfDataDouble": 40e6, "RfDataFilt": 40e6}
"""Public data sets whose files do not give the rate at which all of them were recorded: worth proposing."""
LARGEST_VECTOR = 2**20


@dataclass(frozen=True)
class Contents:
    """Numbers and vectors of a file by their paths in it."""

    scalars: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: MatlabSource) -> "Contents":
        """Collect them: those at the top, and those in structures and cells."""
        scalars: dict[str, Any] = {}
        vectors: dict[str, NDArray[Any]] = {}
        for name, each in source.variables.items():
            if each.is_struct or each.is_cell:
                value = source.value(name)
                scalars |= dict(scalars_in(value, name))
                vectors |= dict(_vectors_in(value, name))
            elif each.dtype is not None and each.count == 1:
                scalars[name] = source.value(name)
            elif each.dtype is not None and each.count == max(each.shape) <= LARGEST_VECTOR:
                vectors[name] = np.asarray(source.value(name)).reshape(-1)
        return cls(scalars, vectors)


def matlab_geometry(path: Path, contents: Contents, variable: str, member: str) -> NamedGeometry:
    """Collect the geometry that goes with an array; a value that is impossible is a ReadError."""
    values = contents.scalars
    geometry = geometry_of(path, values, member.rpartition(".")[0])
    if "FPS" in values and variable.startswith("b_data"):
        geometry.known["sampling_hz"] = positive(path, "FPS", values["FPS"]) * 1e6
        geometry.found_at["sampling_hz"] = "FPS"
        geometry.notes.append("sampling rate from FPS, which is in MHz in files of this kind")
    if variable in RATE_BY_NAME and "sampling_hz" not in geometry.known:
        rate = geometry.suggested["sampling_hz"] = RATE_BY_NAME[variable]
        geometry.notes.append(f"{variable} is recorded at {rate / 1e6:g} MHz in the known data sets")
    radius = next((place for place in values if place.endswith(".ProbeRadiusCm") and float(values[place]) > 0), None)
    if radius is not None:
        geometry.notes.append(
            f"its probe is curved ({radius} = {values[radius]:g}): give --angle-step-deg, --radius-mm"
        )
    return geometry


def _vectors_in(value: Any, path: str) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _vectors_in(each, f"{path}.{name}")
    elif isinstance(value, np.ndarray) and value.ndim == 1 and 1 < value.size <= LARGEST_VECTOR:
        yield path, value
