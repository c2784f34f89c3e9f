"""Workspace files: what is written is read back, and everything that is no workspace is one line that says why."""

import json
from pathlib import Path

import pytest

from app.state.geometry_answer import GeometryAnswer
from app.state.workspace import WorkspaceError
from app.state.workspace_file import (
    MOST_BYTES,
    KeptGeometry,
    Workspace,
    foreign_weights,
    load_workspace,
    places,
    save_workspace,
    seen_from,
    share,
)
from app.state.workspace_store import WorkspaceStore
from engine.readers.base import ReadOptions

KEY = "ab" * 32
ANSWER = GeometryAnswer({"pitch_m": 0.3e-3}, ReadOptions(axes="laf"))
WHOLE = Workspace(
    program_version="0.1.0",
    key=KEY,
    paths=("/data/one.mhd",),
    geometry=KeptGeometry.of(ANSWER),
    parts={"regions": {"target": None}, "frame": {"frame": 3}},
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    save_workspace(WHOLE, tmp_path / "a.strainscope")
    found = load_workspace(tmp_path / "a.strainscope")
    assert found == WHOLE
    assert found.geometry is not None
    assert found.geometry.answer() == ANSWER


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged, cut short"),
        (b"\xff\xfe", "damaged, cut short"),
        (b"[" * 100_000, "damaged, cut short"),
        (b"[]", "does not say that its format"),
        (b'{"format": "strainscope-workspace", "version": 3}', "version 3"),
        (b'{"format": "strainscope-workspace", "version": true}', "version True"),
        (b'{"format": "strainscope-workspace", "version": 2}', "key: Field required"),
        (b'{"format": "strainscope-workspace", "version": 2, "key": "a", "x": 1}', "x is unknown"),
        (b'{"format": "strainscope-session", "version": 2}', "does not say that its format"),
        (b" " * (MOST_BYTES + 1), "larger than 16 MiB"),
    ],
)
def test_what_is_no_workspace_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.strainscope"
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match=words) as caught:
        load_workspace(path)
    assert "bad.strainscope" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [{"nonsense_m": 1.0}, {"pitch_m": -1.0}])
def test_impossible_geometry_is_one_line(values: dict[str, float]) -> None:
    with pytest.raises(WorkspaceError, match="geometry"):
        KeptGeometry(values=values).answer()


def test_the_recording_is_looked_for_beside_the_file_first(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
        (folder / "one.h5").touch()
    workspace = seen_from(WHOLE.model_copy(update={"paths": (str(before / "one.h5"),)}), before)
    assert places(workspace, after) == [(after / "one.h5",), (before / "one.h5",)]
    (before / "one.h5").unlink()
    assert places(workspace, after) == [(after / "one.h5",)]


def test_no_other_computer_is_asked_unless_the_file_comes_from_there() -> None:
    assert share(r"\\server\share\one.h5") == r"\\server\share"
    assert places(WHOLE.model_copy(update={"paths": (r"\\server\share\one.h5",)}), Path("/data")) == []
    settings = {"method": "usse-net", "parameters": {"weights": r"\\server\share\w.safetensors"}}
    assert foreign_weights({"settings": settings}) == foreign_weights({"comparison": {"other": settings}})
    assert foreign_weights({"settings": settings}).startswith(r"\\server")
    assert foreign_weights({"settings": {"method": "ncc"}, "comparison": {"other": None}}) == ""


def test_the_store_gives_what_was_put_before_and_after_it_is_written(tmp_path: Path) -> None:
    store = WorkspaceStore(tmp_path / "kept")
    store.put(WHOLE)
    assert store.get(KEY) == WHOLE
    assert not store.folder.exists()
    store.write(KEY)
    other = WorkspaceStore(store.folder)
    assert other.get(KEY) == WHOLE
    assert other.size() > 100
    store.remember(KEY, ANSWER)
    assert other.recall(KEY) == ANSWER
    assert other.recall("other") is None
    other.clear()
    assert list(store.folder.iterdir()) == []


def test_a_damaged_file_counts_as_nothing_and_is_written_anew(tmp_path: Path) -> None:
    store = WorkspaceStore(tmp_path)
    (tmp_path / f"{KEY}.json").write_text(json.dumps({"format": "strainscope-workspace"}), encoding="utf-8")
    (tmp_path / f"{KEY}.geometry.json").write_text('{"values": {"pitch_m": -1}}', encoding="utf-8")
    assert store.get(KEY) is None
    assert store.recall(KEY) is None
    store.put(WHOLE)
    store.write(KEY)
    assert WorkspaceStore(tmp_path).get(KEY) == WHOLE


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = WorkspaceStore(tmp_path / "file" / "kept")
    store.put(WHOLE)
    with pytest.raises(WorkspaceError, match="cannot be made"):
        store.write(KEY)
    store.remember(KEY, ANSWER)
    assert store.recall(KEY) == ANSWER
