"""A few damaged files of every kind, the same ones each time: each opens or is one line."""

import subprocess
import sys
from pathlib import Path


def test_no_damaged_file_is_more_than_one_line(tmp_path: Path) -> None:
    call = [sys.executable, str(Path(__file__).with_name("fuzz.py")), "--mutate", "--files", "12", "--found"]
    done = subprocess.run([*call, str(tmp_path / "found")], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("12 files") == len(done.stdout.splitlines()) == 17
    assert not (tmp_path / "found").exists()
