"""The one door to HDF5: nothing outside the file is read, and a file it cannot bear ends one child only."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import ReadError
from engine.files import hdf5_reading, reading_process
from engine.files.hdf5_reading import (
    dataset,
    inside,
    kept_open,
    names_at_root,
    nested,
    open_hdf5,
    root_attribute,
    small_array,
)
from engine.files.reading_process import PROCESS, ReadingEndedError, ReadingProcess

ROOT = Path(__file__).parents[3]
WRITERS = {"engine/export/result_file.py", "engine/export/zea_file.py"}


def endless(path: Path) -> Path:
    """A file whose heap of texts says that an object has no size: the library looks for the next one for ever."""
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "strainscope-rf"
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 48] = bytes(32)
    path.write_bytes(content)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(format="a", version=1, pair=[1.5, 2.5])
        file["group/numbers"] = np.arange(24, dtype=">i2").reshape(2, 3, 4)
        file["one"] = 7.5
        file["pairs"] = np.array([(1, 2), (3, 4)], dtype=[("real", "f4"), ("imag", "f4")])
    return path


def test_looks_and_reads_are_those_of_the_library(small: Path) -> None:
    with open_hdf5(small) as file:
        assert (file.attrs["format"], file.attrs["version"]) == ("a", 1)
        np.testing.assert_array_equal(file.attrs["pair"], [1.5, 2.5])
        assert sorted(file) == ["group", "one", "pairs"]
        numbers = dataset(small, file, "group/numbers")
        assert (numbers.shape, numbers.dtype, numbers.size) == ((2, 3, 4), np.dtype(">i2"), 24)
        expected = np.arange(24).reshape(2, 3, 4)
        for key in ((), 1, (1, 2), (slice(None), 1), (slice(None), slice(None), 3), slice(1, 2), (0, slice(1, 3))):
            np.testing.assert_array_equal(numbers[key], expected[key])
        assert small_array(small, file, "one").tolist() == [7.5]
        assert dataset(small, file, "pairs")[()]["imag"].tolist() == [2, 4]
        assert nested(small, file, "group")["numbers"].shape == (4, 3, 2)
        assert inside(small, file, "nothing/here") is None
        with pytest.raises(IndexError):
            numbers[2]


def test_what_was_looked_at_is_asked_for_once_until_the_file_is_let_go_or_written(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = PROCESS.ask
    monkeypatch.setattr(PROCESS, "ask", lambda request: asked.append(request["do"]) or ask(request))
    with kept_open():
        for _ in range(3):
            with open_hdf5(small) as file:
                assert inside(small, file, "one") is not None
        assert asked == ["look", "look"]
        with h5py.File(small, "a") as changed:
            changed["two"] = np.arange(1000)
        assert names_at_root(small) == ("group", "one", "pairs", "two")
    assert asked == ["look", "look", "close", "look", "close"]
    with open_hdf5(small) as file:
        numbers = dataset(small, file, "one")
    assert asked[5:] == ["look", "look", "close"]
    assert numbers[()] == 7.5  # one question: the file is closed with the answer
    assert asked[8:] == ["read"]


def test_a_link_of_any_kind_and_values_elsewhere_are_refused(small: Path, tmp_path: Path) -> None:
    path, secret = tmp_path / "links.h5", tmp_path / "secret.bin"
    secret.write_bytes(bytes(range(64)))
    with h5py.File(path, "w") as file:
        file["soft"] = h5py.SoftLink("/outer")
        file["outer"] = h5py.ExternalLink(str(small), "/one")
        file.create_dataset("stored", (8,), "f8", external=[(str(secret), 0, 64)])
        layout = h5py.VirtualLayout((2, 3, 4), "i2")
        layout[...] = h5py.VirtualSource(str(small), "group/numbers", (2, 3, 4))
        file.create_virtual_dataset("virtual", layout)
    with open_hdf5(path) as file:
        for name in ("soft", "outer"):
            with pytest.raises(ReadError, match="links are not followed"):
                inside(path, file, name)
        for name in ("stored", "virtual"):
            with pytest.raises(ReadError, match="in another file"):
                dataset(path, file, name)
            with pytest.raises(ReadError, match="in another file"):
                nested(path, file, name)
            with pytest.raises(ReadError, match="in another file"):
                inside(path, file, name)[()]


def test_a_file_that_never_ends_is_one_line_and_the_next_is_read(small: Path, tmp_path: Path) -> None:
    path = endless(tmp_path / "endless.h5")
    started = time.monotonic()
    with pytest.raises(ReadError, match=r"endless\.h5: damaged file: reading it comes to no end"), open_hdf5(path):
        pass
    assert time.monotonic() - started < 20  # of a loaded machine; the child gets 0.7 s of its processor
    with pytest.raises(ReadError, match="comes to no end"), open_hdf5(path):
        pass
    assert PROCESS._child is None  # nobody tries it again
    assert root_attribute(path, "format") is None
    assert root_attribute(small, "format") == "a"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_a_child_that_dies_is_one_line_and_another_comes(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root_attribute(small, "format") == "a"
    child = PROCESS._child
    assert child is not None
    send = reading_process._send

    def dying(to: "subprocess.Popen[bytes]", message: object) -> None:
        monkeypatch.setattr(reading_process, "_send", send)
        os.kill(child.pid, signal.SIGSEGV)
        child.wait()
        send(to, message)

    monkeypatch.setattr(reading_process, "_send", dying)
    monkeypatch.setattr(hdf5_reading, "_HOPELESS", {})
    with pytest.raises(ReadError, match="ended the process that read it"), open_hdf5(small):
        pass
    hdf5_reading._HOPELESS.clear()
    assert root_attribute(small, "format") == "a"


DEAF = "import sys, time; sys.stdin.buffer.read(4); time.sleep(60)"


def test_a_child_that_can_neither_answer_nor_be_ended_is_left_behind(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that waits for a network share that is gone: the system keeps it, and its pipes open."""
    deaf, program = tmp_path / "deaf.py", reading_process.PROGRAM
    deaf.write_text(DEAF)
    monkeypatch.setattr(reading_process, "PROGRAM", deaf)
    monkeypatch.setattr(reading_process, "SILENCE_S", 0.3)
    monkeypatch.setattr(reading_process, "ENDING_S", 0.1)
    process = ReadingProcess()
    process.start()
    child = process._child
    assert child is not None
    monkeypatch.setattr(child, "kill", lambda: None)
    started = time.monotonic()
    with pytest.raises(ReadingEndedError, match=r"longer than 0\.3 s"):
        process.ask({"do": "close"})
    assert time.monotonic() - started < 20  # of a loaded machine
    monkeypatch.setattr(reading_process, "SILENCE_S", 60.0)
    monkeypatch.setattr(reading_process, "PROGRAM", program)
    answer, _ = process.ask({"do": "look", "path": os.fsencode(small).hex(), "place": []})
    assert answer["kind"] == "group"
    process.close()
    os.kill(child.pid, signal.SIGTERM)
    child.wait()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX")
def test_a_fork_does_not_wait_for_a_thread_that_it_lacks(small: Path) -> None:
    code = """
import os, sys, threading, time
from pathlib import Path
from engine.files.hdf5_reading import PROCESS, root_attribute
held = threading.Event()
def hold():
    with PROCESS._lock:
        held.set()
        time.sleep(3600)
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(0 if root_attribute(Path(sys.argv[1]), "format") == "a" else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", code, str(small)], check=True, timeout=60)


def test_a_piece_that_would_fill_the_memory_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "pieces.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (2**28,), "u1", chunks=(2**28,), compression="gzip")
    with open_hdf5(path) as file, pytest.raises(ReadError, match="in pieces of 268435456 bytes"):
        dataset(path, file, "a")


def test_the_child_ends_with_its_client(small: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.files.hdf5_reading import PROCESS, root_attribute;"
        "root_attribute(Path(sys.argv[1]), 'format'); print(PROCESS._child.pid, flush=True); import os; os._exit(0)"
    )
    shown = subprocess.run([sys.executable, "-c", code, str(small)], capture_output=True, text=True, check=True).stdout
    until = time.monotonic() + 10
    while _runs(int(shown)):
        assert time.monotonic() < until
        time.sleep(0.05)


def _runs(process: int) -> bool:
    import psutil

    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


def test_nobody_else_touches_the_library() -> None:
    """h5py is imported below engine/files alone, and by two writers, which never open a file by themselves."""
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        if "h5py" not in text:
            continue
        tree = ast.parse(text)
        imports = any(_imports(node) for node in ast.walk(tree))
        assert not imports or name.startswith("engine/files/") or name in WRITERS, name
        opened = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "h5py.File"
        ]
        allowed = {"engine/files/hdf5_process.py", "engine/files/hdf5_writing.py"}
        assert not opened or name in allowed, name


def _imports(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(each.name.split(".")[0] == "h5py" for each in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "h5py"
