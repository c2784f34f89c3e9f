"""Session files: what is written is read back, and everything that is not a session is one line that says why."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.features.sessions.file import (
    LARGEST,
    MOST_BYTES,
    SavedEllipse,
    SavedSettings,
    SavedSource,
    Session,
    SessionError,
    candidates,
    is_session,
    load_session,
    save_session,
    share,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-9, max_value=1e9)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = TEXTS.filter(bool)
WHOLES = st.integers(-LARGEST, LARGEST)
VALUES = st.booleans() | WHOLES | FLOATS | TEXTS
SETTINGS = st.dictionaries(TEXTS, VALUES, max_size=3)
ELLIPSES = st.builds(
    SavedEllipse,
    lateral_m=FLOATS, depth_m=FLOATS, semi_lateral_m=POSITIVE, semi_axial_m=POSITIVE, angle_deg=FLOATS,
)  # fmt: skip
SESSIONS = st.builds(
    Session,
    program_version=TEXTS,
    source=st.builds(
        SavedSource,
        paths=st.lists(NAMES, min_size=1, max_size=3),
        relative=st.just([]),
        key=NAMES,
        geometry=st.none() | st.dictionaries(TEXTS, FLOATS, max_size=3),
        variable=st.none() | TEXTS,
        axes=st.none() | TEXTS,
    ),
    settings=st.builds(
        SavedSettings,
        method=NAMES,
        parameters=st.none() | SETTINGS,
        strain_method=NAMES,
        strain_parameters=st.none() | SETTINGS,
        preparation=SETTINGS,
        reference=st.integers(0, LARGEST),
    ),
    regions=st.dictionaries(TEXTS, ELLIPSES, max_size=2),
    display=SETTINGS,
    frame=st.integers(0, LARGEST),
    parts=st.dictionaries(TEXTS, st.dictionaries(TEXTS, st.none() | VALUES | SETTINGS | st.lists(VALUES, max_size=3))),
    saved_as=st.none() | TEXTS,
)


def smallest() -> dict[str, Any]:
    """The least that a session file may hold."""
    return {
        "format": "strainscope-session",
        "version": 1,
        "source": {"paths": ["/nowhere/one.h5"], "key": "k"},
        "settings": {"method": "ncc", "strain_method": "least-squares"},
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "one.strainscope"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@given(session=SESSIONS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "any.strainscope"
    save_session(session, path)
    found = load_session(path)
    assert found.model_copy(update={"source": session.source}) == session
    assert found.source.model_copy(update={"relative": []}) == session.source
    types = [{name: type(value) for name, value in one.display.items()} for one in (found, session)]
    assert types[0] == types[1]  # 1, 1.0 and True are equal, and not the same


@given(content=st.binary(max_size=200) | st.recursive(st.none() | VALUES, lambda c: st.lists(c, max_size=3)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_else_is_one_clear_line(content: object, tmp_path: Path) -> None:
    path = tmp_path / "any.strainscope"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(SessionError, match=r"any\.strainscope: not a session") as caught:
        load_session(path)
    assert "\n" not in str(caught.value)


def test_every_cut_of_a_session_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, smallest())
    whole = path.read_bytes()
    assert load_session(path).settings.method == "ncc"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SessionError, match="not a session"):
            load_session(path)


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("version", 2, "version 2"),
        ("version", "1", "version '1'"),
        ("version", None, "version None"),
        ("format", "strainscope-rf", "format"),
        ("frame", -1, "frame"),
        ("frame", 1.5, "frame"),
        ("frame", True, "frame"),
        ("surprise", 1, "surprise is unknown"),
        ("source.surprise", 1, r"source\.surprise is unknown"),
        ("source", None, "source"),
        ("source.paths", [], r"source\.paths"),
        ("source.paths", [1], r"source\.paths"),
        ("source.key", "", r"source\.key"),
        ("source.geometry", {"pitch_m": "wide"}, r"source\.geometry\.pitch_m"),
        ("source.geometry", {"pitch_m": float("inf")}, r"source\.geometry\.pitch_m"),
        ("settings.method", 3, r"settings\.method"),
        ("settings.parameters", {"window_m": [1]}, r"settings\.parameters\.window_m"),
        ("settings.parameters", {"window_m": float("nan")}, r"settings\.parameters\.window_m"),
        ("settings.parameters", {"window_m": 10**400}, r"settings\.parameters\.window_m"),
        ("settings.reference", -1, r"settings\.reference"),
        ("regions", {"target": {"lateral_m": 0.0}}, r"regions\.target"),
        ("regions", {"target": [0.0, 0.0, 0.0, 0.0]}, r"regions\.target"),
        ("parts", {"map": {"kind": {"a": {"b": {"c": 1}}}}}, r"parts\.map\.kind"),
        ("display", {"colormap": None}, r"display\.colormap"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, place: str, value: object, named: str) -> None:
    content: Any = smallest()
    *inner, last = place.split(".")
    entry = content
    for name in inner:
        entry = entry[name]
    entry[last] = value
    with pytest.raises(SessionError, match=named) as caught:
        load_session(written(tmp_path, content))
    assert "one.strainscope" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.strainscope"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SessionError, match="larger than 16 MiB"):
        load_session(path)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.strainscope"
    path.write_text("[" * 200_000)
    with pytest.raises(SessionError, match="not a session"):
        load_session(path)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.strainscope"):
        with pytest.raises(SessionError, match="no such session"):
            load_session(path)


def test_a_session_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = written(tmp_path, smallest())
    session = load_session(path)
    with pytest.raises(SessionError, match="not saved"):
        save_session(session, tmp_path / "nowhere" / "one.strainscope")
    path.with_name("folder.strainscope").mkdir()
    with pytest.raises(SessionError, match="not saved"):
        save_session(session, path.with_name("folder.strainscope"))
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["one.strainscope"]


def session_beside(folder: Path, recording: Path) -> Session:
    save_session(
        Session(
            source=SavedSource(paths=[str(recording)], key="k"),
            settings=SavedSettings(method="ncc", strain_method="least-squares"),
        ),
        folder / "one.strainscope",
    )
    return load_session(folder / "one.strainscope")


def test_the_recording_is_looked_for_beside_the_session_first(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "one.h5").write_bytes(b"1")
    session = session_beside(old, old / "one.h5")
    assert session.source.relative == ["one.h5"]
    assert candidates(session.source, old) == [(old / "one.h5",)]
    new.mkdir()
    assert candidates(session.source, new) == [(old / "one.h5",)]  # the session alone was moved
    (new / "one.h5").write_bytes(b"1")
    assert candidates(session.source, new) == [(new / "one.h5",), (old / "one.h5",)]
    (old / "one.h5").unlink()
    assert candidates(session.source, new) == [(new / "one.h5",)]  # both were moved
    (new / "one.h5").unlink()
    assert candidates(session.source, new) == []


def test_another_computer_is_not_asked_without_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Path, "is_file", lambda path: bool(asked.append(str(path))) or True)
    source = SavedSource(paths=["//server/share/one.h5"], key="k")
    assert candidates(source, tmp_path) == []
    assert asked == []
    assert len(candidates(source, tmp_path, frozenset(source.paths))) == 1
    assert len(candidates(source, Path("//server/share/sessions"))) == 1
    assert candidates(source, Path("//other/share/sessions")) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("\\\\Server\\Share\\one.h5", "\\\\server\\share"),
        ("//server/share/one.h5", "\\\\server\\share"),
        ("C:\\data\\one.h5", ""),
        ("/data/one.h5", ""),
        ("one.h5", ""),
        ("", ""),
    ],
)
def test_shares_of_other_computers_are_recognised(path: str, expected: str) -> None:
    assert share(path) == expected


def test_a_session_is_known_by_its_extension() -> None:
    assert is_session(Path("a/ONE.StrainScope"))
    assert not is_session(Path("a/strainscope"))
