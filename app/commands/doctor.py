"""`strainscope doctor`: versions, device, window, folders and plug-ins, and what is wrong with them."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.commands._output import echo, echo_columns, echo_json
from app.commands._shared import AsJson
from engine.errors import StrainscopeError

LIBRARIES = ("torch", "numpy", "scipy", "h5py", "matplotlib", "PySide6-Essentials", "pyqtgraph")
EXTRAS = {
    "distributed": "cluster: Dask, for `batch --scheduler`",
    "hdf5plugin": "formats: Blosc and its kin inside HDF5",
    "pandas": "data frames of measured numbers",
}
SOME_WRONG = 2


def doctor(as_json: AsJson = False) -> int:
    """Say what runs here, where things are kept, and what is wrong; exit status 2 if something is."""
    import strainscope

    facts: dict[str, Any] = {
        "versions": _versions(),
        "place": str(Path(strainscope.__file__).parent),
        "device": _device(),
        "window": _window(),
        "fonts": _fonts(),
        "film": _film(),
        "folders": _folders(),
        "plugins": _plugins(),
        "methods_that_cannot_run": _unavailable(),
    }
    facts["problems"] = problems = list(_problems(facts))
    if as_json:
        echo_json(facts)
    else:
        _show(facts)
    return SOME_WRONG if problems else 0


def _versions() -> dict[str, str]:
    from engine import __version__

    found = {"strainscope": __version__, "Python": platform.python_version(), "system": platform.platform()}
    for name in (*LIBRARIES, *EXTRAS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = f"not installed ({EXTRAS[name]})" if name in EXTRAS else ""
    return found


def _device() -> dict[str, Any]:
    import torch

    from engine.device import accelerator_name

    return {"chosen": accelerator_name() or "CPU", "threads": torch.get_num_threads(), "cuda_build": torch.version.cuda}


def _window() -> dict[str, str]:
    """Whether a window can open here; on a computer without a display none can, which is no fault."""
    from app.commands.window import require_display

    told = {"platform": os.environ.get("QT_QPA_PLATFORM", ""), "problem": "", "note": ""}
    shown = not sys.platform.startswith("linux") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
    try:
        import PySide6.QtGui  # noqa: F401 - whether its libraries load

        require_display()
    except (StrainscopeError, ImportError) as error:
        told["problem" if shown else "note"] = str(error)
    return told


def _fonts() -> dict[str, str]:
    from matplotlib.font_manager import findfont

    from engine.figures.page import FONT

    try:
        return {"figures": findfont(FONT, fallback_to_default=False), "problem": ""}
    except ValueError as error:
        return {"figures": "", "problem": str(error)}


def _film() -> dict[str, str]:
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return {"encoder": get_ffmpeg_exe(), "problem": ""}
    except RuntimeError as error:
        return {"encoder": "", "problem": str(error)}


def _folders() -> dict[str, dict[str, Any]]:
    from app.places import results_folder, workspace_folder
    from app.preferences import preferences_path
    from engine.failures import log_path
    from engine.networks.weights import user_folder

    places = {
        "workspaces": workspace_folder(),
        "results": results_folder(),
        "weights": user_folder(),
        "preferences": preferences_path().parent,
        "log": log_path().parent,
    }
    return {name: {"path": str(path), "problem": _writable(path)} for name, path in places.items()}


def _writable(path: Path) -> str:
    """Say why nothing can be written there; the folder itself need not exist yet."""
    with suppress(OSError):
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        if there.is_dir() and os.access(there, os.W_OK):
            return ""
    return "cannot be written to"


def _plugins() -> list[dict[str, Any]]:
    from dataclasses import asdict

    from engine.estimators.base import ESTIMATORS
    from engine.export.base import WRITERS
    from engine.metrics.base import METRICS
    from engine.readers.base import READERS
    from engine.strain.base import STRAIN_METHODS

    return [
        asdict(entry) for kind in (READERS, ESTIMATORS, STRAIN_METHODS, METRICS, WRITERS) for entry in kind.plugins()
    ]


def _unavailable() -> dict[str, str]:
    from engine.methods import methods

    listed = methods()
    cannot = {entry["name"]: entry["reason"] for entry in (*listed["methods"], *listed["strain"]) if entry["reason"]}
    return {**cannot, **listed["failures"]}


def _problems(facts: dict[str, Any]) -> Iterator[str]:
    missing = [name for name in LIBRARIES if not facts["versions"][name]]
    if missing:
        yield f"not installed: {', '.join(missing)}"
    for kind in ("window", "fonts", "film"):
        if facts[kind]["problem"]:
            yield f"{kind}: {facts[kind]['problem']}"
    for name, folder in facts["folders"].items():
        if folder["problem"]:
            yield f"folder of {name}, {folder['path']}: {folder['problem']}"
    for plugin in facts["plugins"]:
        if plugin["problem"]:
            yield f"plug-in {plugin['name']} of {plugin['source']}: {plugin['problem']}"
    for name, reason in facts["methods_that_cannot_run"].items():
        yield f"{name} cannot run: {reason}"


def _show(facts: dict[str, Any]) -> None:
    device, window = facts["device"], facts["window"]
    rows = [[name, found] for name, found in facts["versions"].items()]
    rows += [["installed in", facts["place"]], ["device", f"{device['chosen']}, {device['threads']} threads"]]
    rows += [["window", window["note"] or window["problem"] or f"can open ({window['platform'] or 'usual platform'})"]]
    rows += [["font", facts["fonts"]["figures"]], ["film encoder", facts["film"]["encoder"]]]
    rows += [[f"{name} in", folder["path"]] for name, folder in facts["folders"].items()]
    for plugin in facts["plugins"]:
        told = plugin["problem"] or ", ".join(plugin["entries"])
        rows.append([f"plug-in {plugin['name']}", f"{plugin['source']}, {plugin['group']}: {told}"])
    echo_columns(rows)
    echo()
    for line in facts["problems"]:
        echo(f"Problem: {line}")
    echo("Nothing is wrong." if not facts["problems"] else f"Problems: {len(facts['problems'])}.")
