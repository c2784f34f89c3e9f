"""What `--json` prints is what the documentation says, key by key, under a version."""

import json
import re
from pathlib import Path

import pytest

from app.cli import main
from app.commands._output import SCHEMA_VERSION

PAGE = Path(__file__).parent.parent.parent / "docs" / "json.md"
REGION = "0,8,1,2"
COMMANDS = {
    "estimate": ["estimate", "{rf}", "-o", "{out}", "--method", "ncc", "--frames", "1"],
    "metrics": ["metrics", "{result}", "--target", REGION],
    "info": ["info", "{rf}"],
    "methods": ["methods"],
    "doctor": ["doctor"],
    "batch": ["batch", "{rf}", "-o", "{folder}", "--method", "ncc", "--frames", "1", "--workers", "1"],
    "elasticity": ["elasticity", "{result}", "--reference", REGION, "--method", "strain-inverse"],
}


def documented() -> dict[str, set[str]]:
    """Keys of each command: those of the tables' first column."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        section.split("\n")[0]: {
            key
            for line in section.splitlines()
            if line.startswith("| `")
            for key in re.findall(r"`(\w+)`", line.split("|")[1])
        }
        for section in sections
    }


@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=pytest.mark.slow) if name == "batch" else name for name in COMMANDS],  # it has a worker
)
def test_keys_are_those_of_the_documentation(
    command: str, rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {"rf": rf_file, "result": result_file, "out": tmp_path / "out.h5", "folder": tmp_path / "out"}
    assert main([*(word.format(**paths) for word in COMMANDS[command]), "--json"]) in {0, 2}
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("schema_version") == SCHEMA_VERSION == 1
    assert set(printed) == documented()[command]
