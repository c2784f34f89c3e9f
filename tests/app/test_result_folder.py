import signal
import subprocess
import sys
from pathlib import Path

from app.state.result_folder import LOCK, PREFIX, ResultFolder, sweep

WINDOW = """
import sys, time
from pathlib import Path
from app.state.result_folder import ResultFolder
folder = ResultFolder(Path(sys.argv[1]))
(folder.path / "large.bin").write_bytes(b"x" * 1000)
print(folder.path, flush=True)
time.sleep(60)
"""


def test_a_closed_folder_is_gone(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    (folder.path / "run_1").mkdir()
    folder.close()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_window_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    mine = ResultFolder(tmp_path)
    other = tmp_path / f"{PREFIX}of-somebody"
    other.mkdir()
    (other / "notes.txt").write_text("no lock: not ours")
    program = subprocess.Popen([sys.executable, "-c", WINDOW, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    left = Path(program.stdout.readline().strip())
    assert sweep(tmp_path) == 0
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    assert (left / LOCK).exists()
    assert sweep(tmp_path) == 1
    assert not left.exists()
    assert mine.path.exists()
    assert (other / "notes.txt").exists()
    mine.close()
