"""The files that tell a Linux desktop what a workspace is: they parse, agree with each other and with the program."""

import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from configparser import ConfigParser
from pathlib import Path

import pytest

import resources
from app.cli import COMMANDS
from app.state.workspace_file import EXTENSION

RESOURCES = Path(resources.__file__).parent
FOLDER = RESOURCES / "desktop"
MIME = "{http://www.freedesktop.org/standards/shared-mime-info}"


@pytest.fixture(name="entry")
def fixture_entry() -> dict[str, str]:
    """The keys of the desktop entry; every line of it is a key, a group or a comment."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are told apart by case
    parser.read_string((FOLDER / "strainscope.desktop").read_text(encoding="utf-8"))
    assert parser.sections() == ["Desktop Entry"]
    return dict(parser["Desktop Entry"])


@pytest.fixture(name="mime")
def fixture_mime() -> ET.Element:
    """The one type that the MIME file declares."""
    root = ET.parse(FOLDER / "strainscope.xml").getroot()
    assert root.tag == f"{MIME}mime-info"
    (kind,) = root.findall(f"{MIME}mime-type")
    return kind


def test_the_entry_starts_the_program_with_the_files(entry: dict[str, str]) -> None:
    project = tomllib.loads((RESOURCES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    program, command, files = entry["Exec"].split()
    assert program in project["scripts"]
    assert command in COMMANDS
    assert files == "%F"  # several files are one sequence
    assert (entry["Type"], entry["Terminal"]) == ("Application", "false")
    assert all(entry[key].endswith(";") for key in ("Categories", "Keywords", "MimeType"))


def test_the_icon_is_in_the_box_under_its_name(entry: dict[str, str], mime: ET.Element) -> None:
    assert (RESOURCES / "icons" / f"{entry['Icon']}.svg").is_file()
    icon = mime.find(f"{MIME}icon")
    assert icon is not None
    assert icon.get("name") == entry["Icon"]


def test_the_window_belongs_to_the_entry(entry: dict[str, str]) -> None:
    """A desktop finds a window's entry by the name that the window gives."""
    text = (RESOURCES.parent / "app" / "commands" / "window.py").read_text(encoding="utf-8")
    assert f'setDesktopFileName("{entry["StartupWMClass"]}")' in text
    assert (FOLDER / f"{entry['StartupWMClass']}.desktop").is_file()


def test_both_files_name_the_type_of_workspaces(entry: dict[str, str], mime: ET.Element) -> None:
    assert entry["MimeType"] == f"{mime.get('type')};"
    assert [glob.get("pattern") for glob in mime.findall(f"{MIME}glob")] == [f"*{EXTENSION}"]


@pytest.mark.skipif(shutil.which("update-mime-database") is None, reason="shared-mime-info is not installed")
def test_the_system_learns_the_type(tmp_path: Path, mime: ET.Element) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(FOLDER / "strainscope.xml", packages)
    subprocess.run(["update-mime-database", str(tmp_path)], check=True, capture_output=True)
    globs = (tmp_path / "globs2").read_text(encoding="utf-8").splitlines()
    assert f"50:{mime.get('type')}:*{EXTENSION}" in globs
