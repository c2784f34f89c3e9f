"""The package `strainscope`: what it offers, and that it works as installed, whatever lies beside a script."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "resources" / "examples" / "demo.h5"

SCRIPT = """
import strainscope, app.cli, engine, resources
print(*(module.__file__ for module in (strainscope, app.cli, engine, resources)), sep="\\n")
"""

DEMO = """
import sys
import strainscope
from app.commands.window import demo
from app.window.main_window import MainWindow
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

application = QApplication(["strainscope"])

def look():
    for window in application.topLevelWidgets():
        if isinstance(window, MainWindow) and window.state.run is not None and window.state.run.store.frames():
            window.close()

timer = QTimer()
timer.timeout.connect(look)
timer.start(200)
sys.exit(demo("cpu"))
"""


def run(arguments: list[str], folder: Path, home: Path, **variables: str) -> str:
    """Run Python in a folder, with the program found in `home`."""
    environment = {**os.environ, "PYTHONPATH": str(home), "QT_QPA_PLATFORM": "offscreen", **variables}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(name="hostile")
def fixture_hostile(tmp_path: Path) -> Path:
    """A folder with files and folders called as the program's packages are."""
    for name in ("app", "engine"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "__init__.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def test_files_beside_a_script_do_not_matter(hostile: Path) -> None:
    places = run(["script.py"], hostile, ROOT).split()
    assert all(ROOT in Path(place).parents for place in places)
    assert run(["-m", "strainscope", "--version"], hostile, ROOT).startswith("strainscope ")


def test_another_engine_that_came_first_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text("")
    code = "import engine\ntry:\n    import strainscope\nexcept ImportError as error:\n    print(error)"
    said = run(["-c", code], tmp_path, ROOT)
    assert said.strip().endswith("was imported as 'engine' before strainscope: import strainscope first")


def test_importing_the_package_is_light() -> None:
    code = "import sys, strainscope; print(sorted({'numpy', 'torch', 'PySide6', 'matplotlib'} & set(sys.modules)))"
    assert run(["-c", code], ROOT, ROOT).strip() == "[]"


@pytest.fixture(name="installed", scope="module")
def fixture_installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built wheel in it, installed without what it depends on, which is there."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
        assert sorted(name.partition("-")[0] for name in top) == ["strainscope", "strainscope"]
        assert sum(name.endswith(".dist-info") for name in top) == 1
        archive.extractall(folder / "site")  # which is what installing a pure wheel does
    return folder / "site"


@pytest.mark.slow
def test_the_wheel_works_elsewhere(installed: Path, hostile: Path) -> None:
    places = run(["script.py"], hostile, installed).split()
    assert all(installed / "strainscope" in Path(place).parents for place in places)
    assert (installed / "strainscope" / "docs" / "index.md").is_file()  # for Help
    call = ["-m", "strainscope"]
    assert "10 frames" in run([*call, "info", str(EXAMPLE)], hostile, installed)
    run([*call, "estimate", str(EXAMPLE), "-o", "result.h5", "--method", "ncc", "--frames", "4"], hostile, installed)
    run([*call, "figure", "result.h5", "-o", "figure.png", "--rf", str(EXAMPLE)], hostile, installed)
    assert (hostile / "figure.png").stat().st_size > 10_000
    batch = ["batch", str(EXAMPLE), "-o", "results", "--method", "ncc", "--frames", "4", "--workers", "1"]
    run([*call, *batch], hostile, installed)  # in a process of its own, which is spawned
    assert list((hostile / "results").glob("*.h5"))


TYPED = """
import strainscope
from strainscope import Ellipse

result = strainscope.run("recording.h5", "ncc", frames=4)
reveal_type(result)
reveal_type(strainscope.open_recording("recording.h5").complete())
print(strainscope.measure(result, target=Ellipse.mm(-4, 14, 3, 2.5))[0]["cnr"] / 2)
strainscope.measure(3)
result.nothing
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_type_checkers_know_the_installed_package(installed: Path, hostile: Path) -> None:
    (hostile / "typed.py").write_text(TYPED)
    options = ["--strict", "--ignore-missing-imports", "--follow-imports=silent", "--cache-dir=cache", "typed.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options],
        cwd=hostile,
        env={**os.environ, "MYPYPATH": str(installed), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.partition("typed.py:")[2] for line in done.stdout.splitlines()]
    assert said[0] == '6: note: Revealed type is "strainscope.engine.types.Result"'
    assert said[1] == '7: note: Revealed type is "strainscope.engine.types.RFSequence"'
    assert [re.sub(r" error: .*(\[.*\])", r"\1", line) for line in said[2:-1]] == ["9:[arg-type]", "10:[attr-defined]"]


@pytest.mark.slow
def test_the_engine_is_imported_once_under_its_own_name(installed: Path, tmp_path: Path) -> None:
    code = "import strainscope\ntry:\n    import strainscope.engine\nexcept ImportError as error:\n    print(error)"
    said = run(["-c", code], tmp_path, installed)
    assert said == "strainscope.engine is called engine: import strainscope, then engine\n"


@pytest.mark.slow
def test_the_demo_of_the_wheel_opens_and_estimates(installed: Path, hostile: Path) -> None:
    (hostile / "demo.py").write_text(DEMO)
    home = str(hostile / "home")
    run(["demo.py"], hostile, installed, HOME=home, XDG_CACHE_HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home)
