"""The two packages and their one arrow, and what must not be loaded without need; each in a fresh process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WALK = """
import importlib, pkgutil, sys
import engine
for module in pkgutil.walk_packages(engine.__path__, "engine."):
    importlib.import_module(module.name)
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(code: str, *arguments: str) -> set[str]:
    return set(run_python(code, *arguments).split())


def test_the_whole_engine_knows_neither_qt_nor_the_application() -> None:
    found = loaded(WALK)
    assert "engine" in found
    assert not found & {"PySide6", "pyqtgraph", "superqt", "app", "shiboken6"}


@pytest.mark.parametrize("arguments", [["info"], ["--help"]])
def test_commands_without_networks_load_no_torch_and_no_window(rf_file_anywhere: Path, arguments: list[str]) -> None:
    code = """
import sys
from app.cli import main
status = main(sys.argv[1:])
assert status == 0, status
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""
    files = [str(rf_file_anywhere)] if arguments == ["info"] else []
    found = set(run_python(code, *arguments, *files).rpartition("loaded:")[2].split())
    assert "typer" in found
    assert not found & {"torch", "PySide6", "pyqtgraph", "matplotlib", "skfem", "h5py"}


@pytest.fixture(name="rf_file_anywhere")
def fixture_rf_file_anywhere(tmp_path: Path) -> Path:
    import h5py
    import numpy as np

    path = tmp_path / "rf.h5"
    with h5py.File(path, "w") as file:
        file["rf"] = np.random.default_rng(0).standard_normal((2, 64, 8)).astype(np.float32)
        file.attrs.update(format="strainscope-rf", version=1, sampling_hz=40e6, center_hz=5e6, pitch_m=3e-4)
    return path


def test_types_and_metrics_are_light() -> None:
    found = loaded(
        "import sys, engine.types, engine.metrics.contrast, engine.readers, engine.export.table\n"
        "print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    assert not found & {"torch", "matplotlib", "PySide6"}


def test_figures_keep_no_global_state() -> None:
    found = loaded("import sys, engine.figures.save\nprint(' '.join(sys.modules))")
    assert "engine.figures.save" in found
    assert "matplotlib.pyplot" not in found


def test_no_circle_among_files() -> None:
    """Every file can be read after those that it imports, at its top, in functions, and for types alone."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("engine", "app")
        for path in (ROOT / package).rglob("*.py")
    }
    del files["engine"]  # the public names: nothing inside may need them
    imports = {name: imported(path, files) - {name} for name, path in files.items()}
    while done := {name for name, others in imports.items() if not others & imports.keys()}:
        imports = {name: others for name, others in imports.items() if name not in done}
    assert not {name: sorted(others & imports.keys()) for name, others in imports.items()}


def test_nothing_in_the_engine_uses_the_public_names() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "engine":
                assert {entry.name for entry in node.names} == {"__version__"}, path


def imported(path: Path, files: dict[str, Path]) -> set[str]:
    """Modules of this project that a file imports anywhere in it."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {entry.name for entry in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{entry.name}" for entry in node.names}
            names |= inner & files.keys() or {node.module}
    return names & files.keys()
