import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

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


class Thing:
    """What the plug-ins below should file."""

    name: str
    title: str


PLUGINS = {
    "good": "from plug_base import THINGS, Good\nTHINGS.entry(Good)",
    "broken": "from plug_base import THINGS, Other\nTHINGS.entry(Other)\nraise RuntimeError('no licence')",
    "twice": "from plug_base import THINGS, Good\nTHINGS.entry(Good)",
    "empty": "",
    "stranger": "from plug_base import THINGS\nTHINGS.register('stranger', object())",
    "untitled": "from plug_base import THINGS, Untitled\nTHINGS.entry(Untitled)",
}


def test_a_plug_in_that_fails_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry point files what it can; the broken ones are listed with their reason, and leave nothing behind."""
    things: Registry[Thing] = Registry("thing", "nowhere", (), base=Thing, plugins="strainscope.things")
    good = type("Good", (Thing,), {"name": "good", "title": "Good"})
    base = ModuleType("plug_base")
    vars(base).update(
        THINGS=things,
        Good=good,
        Other=type("Other", (Thing,), {"name": "other", "title": "Other"}),
        Untitled=type("Untitled", (Thing,), {"name": "untitled"}),
    )
    monkeypatch.setitem(sys.modules, "plug_base", base)
    info = tmp_path / "plugs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugs\nVersion: 1.2\n")
    points = [f"{name} = plug_{name}" for name in PLUGINS] + ["gone = plug_gone", "class = plug_class:Third"]
    (info / "entry_points.txt").write_text("[strainscope.things]\n" + "\n".join(points) + "\n")
    for name, code in PLUGINS.items():
        (tmp_path / f"plug_{name}.py").write_text(code)
    (tmp_path / "plug_class.py").write_text("from plug_base import Good\nclass Third(Good):\n    name = 'third'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert things.names() == ("good", "third")
    told = {plugin.name: plugin for plugin in things.plugins()}
    assert told["good"].entries == ("good",)
    assert told["good"].source == "plugs 1.2"
    assert told["class"].entries == ("third",)
    problems = {name: plugin.problem for name, plugin in told.items() if plugin.problem}
    assert problems == {
        "broken": "RuntimeError: no licence",
        "twice": "ValueError: thing 'good' is registered twice",
        "empty": "it files no entry",
        "stranger": "TypeError: stranger is no Thing",
        "untitled": "TypeError: untitled lacks title",
        "gone": "ModuleNotFoundError: No module named 'plug_gone'",
    }
    assert things.has_failed("third", ValueError("in use"))
    assert things.plugins()[-1].problem == "third: ValueError: in use"
    assert not things.has_failed("ours", ValueError())
