"""Two processes that write one small file at once lose nothing, and nobody ever reads a half of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import WriteError
from engine.files import shared_json
from engine.files.shared_json import locked, merge_json, read_json

WRITER = """
import sys
from pathlib import Path
from engine.files.shared_json import merge_json
for number in range(60):
    merge_json(Path(sys.argv[1]), {f"{sys.argv[2]}{number}": number})
"""


def test_no_answer_of_two_writers_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "geometry.json"
    calls = [[sys.executable, "-c", WRITER, str(path), name] for name in "ab"]
    running = [subprocess.Popen(call) for call in calls]
    while any(process.poll() is None for process in running):
        if path.exists():
            json.loads(path.read_text(encoding="utf-8"))
    assert [process.wait() for process in running] == [0, 0]
    assert read_json(path) == {f"{name}{number}": number for name in "ab" for number in range(60)}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["geometry.json", "geometry.json.lock"]


def test_the_oldest_keys_go_first(tmp_path: Path) -> None:
    for name in ("a", "b", "a", "c"):
        merge_json(tmp_path / "f.json", {name: 1}, most=2)
    assert list(read_json(tmp_path / "f.json")) == ["a", "c"]


def test_a_lock_that_is_never_given_back_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_json, "PATIENCE_S", 0.05)
    with locked(tmp_path / "f.json"), pytest.raises(WriteError, match=r"f\.json\.lock"):
        merge_json(tmp_path / "f.json", {"a": 1})
