"""The engine of Strainscope: from RF recordings to strain, metrics and exports, without Qt.

Reading order, which is the order of the signal chain:

1. `engine.readers` - RF file to `RFSequence`
2. `engine.preprocess` - `RFSequence` to `FramePair` (filters, B-mode, bulk alignment)
3. `engine.estimators` - `FramePair` to `Displacement`
4. `engine.strain` - `Displacement` to `Strain`; `engine.quality` - the local correlation behind it
5. `engine.metrics` - `Strain` and `Ellipse` regions to numbers
6. `engine.elasticity` - `Strain` to relative Young's modulus
7. `engine.export` - results to files; `engine.figures` - results to pictures

`engine.types` states every axis, unit and sign; `engine.pipeline` is the whole chain on one screen.
`engine.simulation`, `engine.losses`, `engine.networks` and `engine.training` make and train the networks.

What a script needs is here, and imported when it is first used:

>>> sequence = open_recording("recording.h5").complete()  # doctest: +SKIP
>>> for estimate in run(sequence, Settings("ncc")):  # doctest: +SKIP
...     print(estimate.deformed_frame, measure(estimate.strain, target=Ellipse(0, 0.02, 4e-3, 4e-3))["snr_target"])
>>> save_figure(figure(read_result(Path("result.h5")), 1), Path("figure.pdf"))  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING

from engine.waiting import wait_passively

if TYPE_CHECKING:
    from engine.device import choose_device
    from engine.errors import StrainscopeError
    from engine.export.result_file import ResultWriter, read_result
    from engine.export.table import measure_frames, write_table
    from engine.figures.compose import compose as figure
    from engine.figures.save import save_figure
    from engine.metrics.contrast import strain_metrics as measure
    from engine.pipeline import Preparation, Settings, run
    from engine.readers import ReadOptions, open_recording
    from engine.simulation.recording import simulate
    from engine.types import Ellipse, Geometry, RFSequence

__all__ = [
    "Ellipse",
    "Geometry",
    "Preparation",
    "RFSequence",
    "ReadOptions",
    "ResultWriter",
    "Settings",
    "StrainscopeError",
    "choose_device",
    "figure",
    "measure",
    "measure_frames",
    "open_recording",
    "read_result",
    "run",
    "save_figure",
    "simulate",
    "write_table",
]

wait_passively()

__version__ = "0.1.0"

_PLACES = {
    "engine.device": ("choose_device",),
    "engine.errors": ("StrainscopeError",),
    "engine.export.result_file": ("ResultWriter", "read_result"),
    "engine.export.table": ("measure_frames", "write_table"),
    "engine.figures.compose": ("figure",),
    "engine.figures.save": ("save_figure",),
    "engine.metrics.contrast": ("measure",),
    "engine.pipeline": ("Preparation", "Settings", "run"),
    "engine.readers": ("ReadOptions", "open_recording"),
    "engine.simulation.recording": ("simulate",),
    "engine.types": ("Ellipse", "Geometry", "RFSequence"),
}
_SOURCES = {name: module for module, names in _PLACES.items() for name in names}
_ORIGINAL = {"figure": "compose", "measure": "strain_metrics"}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562), so that `import engine` costs nothing."""
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_SOURCES[name]), _ORIGINAL.get(name, name))
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
