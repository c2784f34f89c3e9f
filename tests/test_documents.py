"""Every Python example in the documents runs, one after the other on each page, in an empty folder."""

import json
import re
from pathlib import Path

import pytest

from engine.estimators.base import ESTIMATORS
from engine.export.base import WRITERS
from engine.metrics.base import METRICS
from engine.readers.base import READERS
from engine.strain.base import STRAIN_METHODS

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", ROOT / "resources" / "guide" / "guide.md", *sorted((ROOT / "docs").glob("*.md"))]
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
