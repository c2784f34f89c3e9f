"""Damaged files of every kind, the same ones each time, a minute of them in all: each opens or is one line."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILES = 300


def _loaded() -> ModuleType:
    place = Path(__file__).with_name("fuzz.py")
    spec = importlib.util.spec_from_file_location("fuzz_of_files", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


FUZZ = _loaded()


@pytest.mark.parametrize("name", FUZZ.SEEDS)
def test_no_damaged_file_is_more_than_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    FUZZ.SEEDS[name](tmp_path / "seeds")
    target = FUZZ.Target(name, tmp_path, tmp_path / "found")
    for number in range(FILES):
        draw = random.Random(f"{name}/{number}")
        seed = draw.choice(sorted(target.seeds))
        target.try_file(seed, FUZZ.mutated(draw, target.seeds[seed]))
    assert target.counts["opened"] + target.counts["refused"] == target.counts["files"] == FILES, target.counts
    assert set(target.counts) == {"files", "opened", "refused"}
    assert not (tmp_path / "found").exists()
