"""The user guide: it opens beside the window, its pictures exist, headings and search lead somewhere."""

import re

from PySide6.QtCore import QUrl
from PySide6.QtGui import QImage, QTextDocument

from app.features.help.guide import FOLDER, PAGES, WIDEST_PICTURE_PX, GuideWindow, guide_text, page_text, page_title
from app.window.main_window import MainWindow
from engine.metrics.base import METRICS


def test_the_guide_opens_and_finds(window: MainWindow) -> None:
    window.actions_by_name["guide"].trigger()
    guide = window.findChild(GuideWindow)
    assert isinstance(guide, GuideWindow)
    assert guide.isVisible()
    assert not guide.isModal()
    assert guide.headings.count() >= 6
    guide.search.setText("kPa")
    guide.find_next()
    assert guide.text.textCursor().selectedText() == "kPa"
    guide.headings.setCurrentRow(3)
    assert guide.text.textCursor().block().text() == guide.headings.item(3).text()
    guide.close()


def test_every_picture_is_there_and_fits(window: MainWindow) -> None:
    names = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (FOLDER / "guide.md").read_text(encoding="utf-8"))
    assert names
    guide = GuideWindow(window)
    for name in names:
        picture = guide.text.loadResource(QTextDocument.ResourceType.ImageResource.value, QUrl(name))
        assert isinstance(picture, QImage)
        assert 0 < picture.width() <= WIDEST_PICTURE_PX


def test_every_page_is_there_and_links_lead_to_others(window: MainWindow) -> None:
    guide = GuideWindow(window)
    assert {page_title(name) for name in PAGES} == {guide.pages.itemText(k) for k in range(guide.pages.count())}
    links = {link for name in PAGES for link in re.findall(r"\]\(([a-z-]+\.md)\)", page_text(name))}
    assert "limits.md" in links
    guide.text.anchorClicked.emit(QUrl("limits.md"))
    assert guide.pages.currentData() == "limits"
    assert "No force is measured" in guide.text.toPlainText()
    guide.text.anchorClicked.emit(QUrl("http://example.com/limits"))
    assert guide.pages.currentData() == "limits"


def test_nothing_outside_the_guide_is_loaded(window: MainWindow) -> None:
    guide = GuideWindow(window)
    kind = QTextDocument.ResourceType.ImageResource.value
    for name in ("../screenshots/window-dark.png", "http://example.com/x.png", "no-such.png"):
        loaded = guide.text.loadResource(kind, QUrl(name))
        assert loaded is None or loaded.isNull()


def test_the_table_of_numbers_comes_from_the_metrics() -> None:
    text = guide_text()
    assert "<!-- metrics" not in text
    for name in METRICS.names():
        metric = METRICS.get(name)
        assert (f"| {metric.short} | {metric.help} |" in text) is ("truth" not in metric.needs)
