"""What the documentation site takes from elsewhere, so that nothing is said twice; MkDocs calls these functions.

The guide of the window, the scores of the weights and the changelog become pages. Their links into the repository,
which the site does not hold, become plain words.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import strainscope  # noqa: F401 - finds the packages of the program
from app.features.help.guide import guide_text

ROOT = Path(__file__).resolve().parent.parent
RESOURCES = ROOT / "resources"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)[^)]*\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


PAGES = {
    "guide.md": RESOURCES / "guide" / "guide.md",
    "weights.md": RESOURCES / "weights" / "README.md",
    "papers.md": RESOURCES / "papers.md",
    "changelog.md": ROOT / "CHANGELOG.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add pages and pictures that lie outside `docs/`."""
    for name, source in PAGES.items():
        text = guide_text() if name == "guide.md" else source.read_text(encoding="utf-8")
        text = LINK.sub(r"\1", text)
        for _, picture in PICTURE.findall(text):
            _add(files, config, picture, source.parent / picture)
        files.append(File.generated(config, name, content=text))
    _add(files, config, "images/strainscope.svg", RESOURCES / "icons" / "strainscope.svg")
    return files


def _add(files: Files, config: Any, name: str, source: Path) -> None:
    if files.get_file_from_path(name) is None:
        files.append(File.generated(config, name, content=source.read_bytes()))
