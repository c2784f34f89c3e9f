import sys
from importlib import import_module
from pathlib import Path

import pytest

from engine.errors import MethodError
from engine.registry import Registry


def test_entries_come_back_in_order() -> None:
    registry: Registry[int] = Registry("number", "nowhere", ())
    registry.register("two", 2)
    registry.register("one", 1)
    assert registry.names() == ("two", "one")
    assert list(registry) == [2, 1]
    assert registry.get("one") == 1


def test_a_name_is_given_once() -> None:
    registry: Registry[int] = Registry("number", "nowhere", ())
    registry.register("one", 1)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("one", 2)


def test_an_unknown_name_lists_the_known_ones() -> None:
    registry: Registry[int] = Registry("number", "nowhere", ())
    registry.register("one", 1)
    with pytest.raises(MethodError, match="no number is called 'three'; there are: one"):
        registry.get("three")


def test_a_decorator_files_an_instance() -> None:
    registry: Registry[object] = Registry("thing", "nowhere", ())

    @registry.entry
    class Thing:
        name = "thing"

    assert isinstance(registry.get("thing"), Thing)


def test_a_module_that_does_not_import_is_kept_with_its_reason(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "shelf_of_things"
    package.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "good.py").write_text("LOADED = True\n", "utf-8")
    (package / "bad.py").write_text("import a_vendor_library_nobody_has\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[int] = Registry("thing", "shelf_of_things", ("bad", "good"))
    failures = registry.failures()
    assert list(failures) == ["bad"]
    assert "a_vendor_library_nobody_has" in failures["bad"]
    assert "shelf_of_things.good" in sys.modules


def test_the_order_is_that_of_the_modules_whichever_was_imported_first(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "shelf_in_order"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from engine.registry import Registry\nTHINGS = Registry('thing', 'shelf_in_order', ('first', 'second'))\n",
        "utf-8",
    )
    for name, before in (("first", "import shelf_in_order.second\n"), ("second", "")):
        (package / f"{name}.py").write_text(
            f"{before}from shelf_in_order import THINGS\n\n@THINGS.entry\nclass Thing:\n    name = {name!r}\n", "utf-8"
        )
    monkeypatch.syspath_prepend(tmp_path)
    assert import_module("shelf_in_order").THINGS.names() == ("first", "second")
    for name in ("shelf_in_order", "shelf_in_order.first", "shelf_in_order.second"):
        monkeypatch.delitem(sys.modules, name)
