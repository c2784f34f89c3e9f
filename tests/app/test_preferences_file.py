"""Preferences where nothing can be written: the window closes all the same."""

from pathlib import Path

from app.preferences import Preferences, load_preferences, save_preferences


def test_a_file_in_the_place_of_the_folder_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file")
    path = tmp_path / "config" / "preferences.json"
    save_preferences(Preferences(theme="light"), path)
    assert load_preferences(path) == Preferences()
    assert (tmp_path / "config").read_text() == "a file"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "preferences.json"
    save_preferences(Preferences(theme="light"), path)
    assert load_preferences(path).theme == "light"
