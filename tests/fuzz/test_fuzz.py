"""A few damaged files of every kind, the same ones each time: each opens or is one line."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILES = 12


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    place = Path(__file__).with_name("fuzz.py")
    spec = importlib.util.spec_from_file_location("fuzz_of_files", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_no_damaged_file_is_more_than_one_line(tmp_path: Path, fuzz: ModuleType) -> None:
    for name, make in fuzz.SEEDS.items():
        (tmp_path / name / "seeds").mkdir(parents=True)
        make(tmp_path / name / "seeds")
        target = fuzz.Target(name, tmp_path / name, tmp_path / "found")
        for number in range(FILES):
            draw = random.Random(f"{name}/{number}")
            seed = draw.choice(sorted(target.seeds))
            target.try_file(seed, fuzz.mutated(draw, target.seeds[seed]))
        assert target.counts["opened"] + target.counts["refused"] == target.counts["files"] == FILES, target.counts
        assert set(target.counts) == {"files", "opened", "refused"}
    assert not (tmp_path / "found").exists()
