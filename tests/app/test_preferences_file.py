"""Preferences where nothing can be written: the window closes all the same."""

from pathlib import Path

from app.preferences import Preferences, load_preferences, save_preferences


def test_a_file_in_the_place_of_the_folder_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file")
    path = tmp_path / "config" / "preferences.json"
    save_preferences(Preferences(theme="light"), path)
    assert load_preferences(path).model_dump() == Preferences().model_dump()
    assert (tmp_path / "config").read_text() == "a file"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "preferences.json"
    save_preferences(Preferences(theme="light"), path)
    assert load_preferences(path).theme == "light"


def test_two_windows_keep_what_each_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    first, second = load_preferences(path), load_preferences(path)
    save_preferences(first, path)
    first.theme, second.method = "light", "ncc"
    save_preferences(first, path)
    second.take_as_saved()
    second.speed = 2.0
    save_preferences(second, path)
    kept = load_preferences(path)
    assert (kept.theme, kept.speed) == ("light", 2.0)


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    path.write_text('{"theme": "li')
    preferences = load_preferences(path)
    preferences.theme = "light"
    save_preferences(preferences, path)
    assert load_preferences(path).theme == "light"
    assert (tmp_path / "preferences.json.damaged").read_text() == '{"theme": "li'
