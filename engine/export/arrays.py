"""A result's maps for other programs: MATLAB (.mat, version 5) and NumPy (.npz), with axes, geometry and provenance.

Arrays are float32 in the order (frame, axial, lateral): `axial_displacement_m`, `lateral_displacement_m`,
`axial_strain` (negative in compression), `quality`, `lateral_strain`, `shear_strain` and, where it is known,
`lateral_strain_sigma`. Beside them: `depth_m` (H,), `lateral_m` (W,),
`deformed_frame` (T,) counted from 0, `reference_frame`, and the structs `geometry` and `provenance`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from engine.errors import WriteError
from engine.export.base import WRITERS, Export, Writer
from engine.files.atomic import atomic_path
from engine.maps.components import components
from engine.types import Result

FORMATS = (".mat", ".npz")
LARGEST_MATLAB_BYTES = 2**31 - 2**16
"""MATLAB's version 5 files end at 2 GiB a variable."""


def save_arrays(result: Result, path: Path) -> None:
    """Write all estimated frames; the suffix decides the format."""
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise WriteError(f"cannot write {path}: arrays go into {' or '.join(FORMATS)}")
    if kind == ".mat" and 4 * int(np.prod(result.shape)) > LARGEST_MATLAB_BYTES:
        raise WriteError(f"cannot write {path}: a MATLAB file holds 2 GiB a variable; choose fewer frames or .npz")
    content = _content(result)
    with atomic_path(path) as temporary:
        if kind == ".mat":
            from scipy.io import savemat

            savemat(str(temporary), content, appendmat=False, do_compression=True, oned_as="column")
        else:
            text = {name: np.array(json.dumps(content.pop(name))) for name in ("geometry", "provenance")}
            with temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **content, **text)


@WRITERS.entry
class ArraysWriter(Writer):
    """All maps for MATLAB or NumPy."""

    name = "arrays"
    title = "Arrays"
    help = "Displacement, strain and quality with axes in metres, for MATLAB or NumPy"
    extensions: ClassVar = {".mat": "MATLAB", ".npz": "NumPy"}
    file_name = "strain.mat"

    def write(self, export: Export, path: Path) -> None:
        """Write all estimated frames; the suffix decides the format."""
        save_arrays(export.needed_result(), path)


def _content(result: Result) -> dict[str, Any]:
    frames = [result.read_frame(row) for row in range(result.shape[0])]
    others = [components(frame, result.provenance.method) for frame in frames]
    geometry, provenance = result.geometry, result.provenance
    _, rows, lines = result.shape
    shape = asdict(geometry)
    return {
        "axial_displacement_m": np.stack([frame.displacement.axial_m for frame in frames]),
        "lateral_displacement_m": np.stack([frame.displacement.lateral_m for frame in frames]),
        "axial_strain": np.stack([frame.strain.axial for frame in frames]),
        "quality": np.stack([frame.quality for frame in frames]),
        **{name: np.stack([maps[name] for maps in others]) for name in set.intersection(*map(set, others))},
        "strain_window_m": frames[0].strain.window_m,
        "lateral_window_m": frames[0].strain.lateral_window_m,
        "strain_measure": frames[0].strain.measure,
        "depth_m": geometry.depths_m(rows),
        "lateral_m": geometry.laterals_m(lines),
        "deformed_frame": np.array(result.deformed_frames),
        "reference_frame": np.array([frame.reference_frame for frame in frames]),
        "geometry": {name: value for name, value in shape.items() if isinstance(value, int | float)},
        "provenance": {
            "method": provenance.method,
            "parameters": json.dumps(provenance.parameters, default=str),
            "weights_sha256": provenance.weights_sha256,
            "program_version": provenance.program_version,
            "input_sha256": provenance.input_sha256,
        },
    }
