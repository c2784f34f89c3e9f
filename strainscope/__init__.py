"""Strainscope: see and measure strain in raw ultrasound recordings.

>>> import strainscope
>>> sequence = strainscope.open_recording("recording.h5").complete()  # doctest: +SKIP
>>> for estimate in strainscope.run(sequence, strainscope.Settings("ncc")):  # doctest: +SKIP
...     print(strainscope.measure(estimate.strain, target=strainscope.Ellipse(0, 0.02, 4e-3, 4e-3)))

The program's packages are `engine`, `app` and `resources`. Importing `strainscope` puts the folder that holds them
first on the search path, so that they are found wherever the program is installed, and before files of these names
beside a script. What is offered here is stable; the rest is in `engine`, whose docstring says where.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import *  # noqa: F403 - the names that `__getattr__` gives

_PACKAGES = ("engine", "app", "resources")
_HERE = Path(__file__).resolve().parent


def _find_packages() -> None:
    """Put the folder of the packages first: this one where the program is installed, the one above in its source."""
    home = next((str(folder) for folder in (_HERE, _HERE.parent) if (folder / "engine").is_dir()), None)
    if home is None:
        return  # a frozen program finds them by itself
    for name in _PACKAGES:
        found = getattr(sys.modules.get(name), "__file__", None)
        if found is not None and str(Path(found).resolve().parent.parent) != home:
            raise ImportError(f"{found} was imported as {name!r} before strainscope: import strainscope first")
    if home in sys.path:
        sys.path.remove(home)
    sys.path.insert(0, home)


_find_packages()

import engine  # noqa: E402 - found now

__all__ = engine.__all__
__version__ = engine.__version__


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(engine, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
