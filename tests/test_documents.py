"""Every Python example in the documents runs, one after the other on each page, in an empty folder."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from app.application import build
from app.cli import GROUPS
from engine.estimators.base import ESTIMATORS
from engine.export.base import WRITERS
from engine.metrics.base import METRICS
from engine.readers.base import READERS
from engine.strain.base import STRAIN_METHODS

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", ROOT / "resources" / "guide" / "guide.md", *sorted((ROOT / "docs").glob("*.md"))]
CALL = re.compile(r"^(?:    )?(strainscope [^\n]+)$", flags=re.MULTILINE)
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for registry in (READERS, ESTIMATORS, STRAIN_METHODS, METRICS, WRITERS):
        registry.discover()
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))  # what a page files stays on it
    names: dict[str, object] = {}
    for code in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(code, page.name, "exec"), names)


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    book = json.loads((ROOT / "docs" / "first-notebook.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    shown = 0
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            *before, last = cell["source"]
            exec("".join(before), names)
            shown += hasattr(eval(last, names), "_repr_html_")
    assert shown == 4


def test_every_command_line_in_the_documents_can_be_said() -> None:
    """Commands and options exist as they are written; what follows two blanks is a remark."""
    program = typer.main.get_command(build(GROUPS, "strainscope"))
    seen = set()
    for page in PAGES:
        for line in CALL.findall(page.read_text(encoding="utf-8")):
            name, *arguments = shlex.split(re.split(r"  +", line.rstrip("\\"))[0])[1:]
            if name.startswith("--") or name == "COMMAND":
                continue
            seen.add(name)
            program.commands[name].make_context(name, arguments, resilient_parsing=False)
    assert {"example", "info", "estimate", "metrics", "figure", "batch", "run", "train", "adapt", "doctor"} <= seen
