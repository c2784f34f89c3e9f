"""What `--json` prints is what the documentation says, key by key, under a version: the fixture `printed` compares."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from app.cli import COMMANDS, main

REGION = "0,8,1,2"
CALLS = {
    "estimate": ["estimate", "{rf}", "-o", "{out}", "--method", "ncc", "--frames", "1"],
    "metrics": ["metrics", "{result}", "--target", REGION],
    "info": ["info", "{rf}"],
    "methods": ["methods"],
    "pairs": ["pairs", "{rf}"],
    "doctor": ["doctor"],
    "batch": ["batch", "{rf}", "-o", "{folder}", "--method", "ncc", "--frames", "1", "--workers", "1"],
    "elasticity": ["elasticity", "{result}", "--reference", REGION, "--method", "strain-inverse"],
}
"""`run`, `simulate`, `train`, `adapt` and `agreement` take more to prepare: their own tests compare their keys."""
RESEARCH = {"evaluate", "compare-pairs", "elasticity-experiment"}


@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=pytest.mark.slow) if name == "batch" else name for name in CALLS],  # it has a worker
)
def test_keys_are_those_of_the_documentation(
    command: str, rf_file: Path, result_file: Path, tmp_path: Path, printed: Callable[[str], dict[str, Any]]
) -> None:
    paths = {"rf": rf_file, "result": result_file, "out": tmp_path / "out.h5", "folder": tmp_path / "out"}
    status = main([*(word.format(**paths) for word in CALLS[command]), "--json"])
    assert status == (2 if printed(command).get("problems") else 0)  # as a doctor may find some


def test_every_command_that_prints_json_is_documented(documented: dict[str, set[str]]) -> None:
    places = {name: place.split(":") for name, place in COMMANDS.items()}
    found = {name: getattr(import_module(module), function) for name, (module, function) in places.items()}
    with_json = {name for name, function in found.items() if "as_json" in inspect.signature(function).parameters}
    assert with_json == set(documented) | RESEARCH
