import os
from pathlib import Path

import pytest

from engine.errors import WriteError
from engine.files import atomic
from engine.files.atomic import atomic_path, discard_unfinished, sweep, temporary_beside, write_text


def test_a_clean_exit_replaces_the_target(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_text_ends_its_lines_alike_everywhere_or_is_one_error(tmp_path: Path) -> None:
    write_text(tmp_path / "table.csv", "µ\nb\n")
    assert (tmp_path / "table.csv").read_bytes() == "µ\nb\n".encode()
    with pytest.raises(WriteError, match="does not exist"):
        write_text(tmp_path / "absent" / "table.csv", "")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_target_and_no_litter(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    with atomic_path(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_what_cannot_be_a_target_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    targets = {"folder": "folder", "absent/table.csv": "does not exist", "pipe": "not an ordinary file"}
    for name, words in targets.items():
        with pytest.raises(WriteError, match=words) as caught, atomic_path(tmp_path / name):
            pytest.fail("must not be reached")
        assert "\n" not in str(caught.value)


def test_a_full_disk_is_a_write_error(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    with pytest.raises(WriteError, match="No space left"), atomic_path(target):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_the_file_has_ordinary_permissions(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "table.csv") as temporary:
        temporary.write_text("new")
    plain = tmp_path / "plain.csv"
    plain.write_text("new")
    assert (tmp_path / "table.csv").stat().st_mode == plain.stat().st_mode


def test_what_dead_processes_left_is_swept_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_SWEPT", set())
    gone = 2**22 + 1  # beyond the numbers that systems give to processes
    old, running = (tmp_path / f".a.h5.{writer}-0123abcd.part" for writer in (gone, os.getpid()))
    new, other = tmp_path / f".b.h5.{gone}-0123abcd.part", tmp_path / ".theirs.part"
    for path in (old, running, new, other):
        path.touch()
        if path != new:
            os.utime(path, (1.0, 1.0))
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([running, new, other])


def test_an_end_at_once_leaves_nothing_half_written(tmp_path: Path) -> None:
    temporary_beside(tmp_path / "a.h5").temporary.write_text("half")
    discard_unfinished()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "ä" * 125 + ".csv"])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == [name]
