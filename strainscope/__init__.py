"""Strainscope: see and measure strain in raw ultrasound recordings.

>>> import strainscope
>>> from strainscope import Ellipse
>>> result = strainscope.run("recording.h5", "ncc")  # doctest: +SKIP
>>> strainscope.measure(result, target=Ellipse.mm(-4, 14, 3, 2.5))  # doctest: +SKIP
>>> strainscope.save(strainscope.figure(result, 4), "figure.pdf")  # doctest: +SKIP

The program's packages are `engine`, `app` and `resources`. Importing `strainscope` puts the folder that holds them
first on the search path, so that they are found wherever the program is installed, and before files of these names
beside a script. What is offered here is stable; the rest is in `engine`, whose docstring says where.
"""

import os.path
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import __version__
    from engine.errors import StrainscopeError
    from engine.methods import methods
    from engine.readers import ReadOptions, open_recording
    from engine.scripting import example, figure, measure, read_result, run, save
    from engine.types import Ellipse, Geometry, Result, RFSequence

_PACKAGES = ("engine", "app", "resources")
_HERE = os.path.dirname(os.path.realpath(__file__))


def _find_packages() -> None:
    """Put the folder of the packages first: this one where the program is installed, the one above in its source."""
    places = (_HERE, os.path.dirname(_HERE))
    home = next((folder for folder in places if os.path.isdir(os.path.join(folder, "engine"))), None)
    if home is None:
        return  # a frozen program finds them by itself
    for name in _PACKAGES:
        found = getattr(sys.modules.get(name), "__file__", None)
        if found is not None and os.path.dirname(os.path.dirname(os.path.realpath(found))) != home:
            raise ImportError(f"{found} was imported as {name!r} before strainscope: import strainscope first")
    if home in sys.path:
        sys.path.remove(home)
    sys.path.insert(0, home)


_find_packages()

__all__ = [
    "Ellipse",
    "Geometry",
    "RFSequence",
    "ReadOptions",
    "Result",
    "StrainscopeError",
    "__version__",
    "example",
    "figure",
    "measure",
    "methods",
    "open_recording",
    "read_result",
    "run",
    "save",
]
_PLACES = {
    "engine": ("__version__",),
    "engine.errors": ("StrainscopeError",),
    "engine.methods": ("methods",),
    "engine.readers": ("ReadOptions", "open_recording"),
    "engine.scripting": ("example", "figure", "measure", "read_result", "run", "save"),
    "engine.types": ("Ellipse", "Geometry", "RFSequence", "Result"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562), so that `import strainscope` costs nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_MODULES[name]), name)
    if name in {"open_recording", "read_result", "run"}:
        import_module("engine.notebook").show_in_notebooks()
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
