"""The guide and the other pages in a window of their own: headings left, text and pictures right, a search below."""

import re
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, Slot
from PySide6.QtGui import QImage, QTextBlock, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

import resources
from app.widgets.fitting import fitting
from engine.export.base import markdown_table as formats_table
from engine.maps.base import markdown_table as maps_table
from engine.metrics.base import metrics_shown

FOLDER = Path(resources.__file__).parent / "guide"
PAGES_FOLDER = FOLDER.parent.parent / "docs"
PAGES = (
    "guide",
    "first-recording",
    "strain-imaging",
    "recording-well",
    "choose-a-method",
    "numbers",
    "reliability",
    "limits",
    "formats",
    "command-line",
    "scripting",
    "own-data",
    "extending",
    "questions",
    "glossary",
    "cite",
    "licences",
)
"""Pages of the documentation that the window shows too, the guide first; the others are those of the site."""

WIDEST_PICTURE_PX = 640
LIST_PX = 210
EXPORTS_PLACE = re.compile("<!-- exports.*-->")
MAPS_PLACE = re.compile("<!-- maps.*-->")
METRICS_PLACE = re.compile("<!-- metrics.*-->")


def guide_text() -> str:
    """Return the guide as Markdown, with the tables of metrics, maps and formats made from their registries."""
    rows = [f"| {entry.short} | {entry.help} |" for entry in metrics_shown() if "truth" not in entry.needs]
    text = (FOLDER / "guide.md").read_text(encoding="utf-8")
    text = EXPORTS_PLACE.sub(formats_table(), text)
    text = MAPS_PLACE.sub(maps_table(), text)
    return METRICS_PLACE.sub("\n".join(("| | |", "|---|---|", *rows)), text)


def page_text(name: str) -> str:
    """Return a page as Markdown."""
    return guide_text() if name == PAGES[0] else (PAGES_FOLDER / f"{name}.md").read_text(encoding="utf-8")


def page_title(name: str) -> str:
    """Return the heading of a page."""
    return page_text(name).partition("\n")[0].lstrip("# ")


class GuideBrowser(QTextBrowser):
    """Shows the Markdown text with its pictures at a readable width."""

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Give a picture of the guide, no wider than a column; anything outside the guide's folder is not loaded."""
        path = (FOLDER / (name if isinstance(name, str) else name.toString())).resolve()
        if kind != QTextDocument.ResourceType.ImageResource.value or FOLDER.resolve() not in path.parents:
            return None
        picture = QImage(str(path))
        if picture.width() > WIDEST_PICTURE_PX:
            picture = picture.scaledToWidth(WIDEST_PICTURE_PX, Qt.TransformationMode.SmoothTransformation)
        return picture


class GuideWindow(QDialog):
    """Non-modal, so that the guide can be read while the window is used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Strainscope guide")
        self.resize(fitting(QSize(960, 720), parent))
        self.pages = QComboBox()
        self.pages.setAccessibleName("Page")
        for name in PAGES:
            self.pages.addItem(page_title(name), name)
        self.headings = QListWidget()
        self.headings.setAccessibleName("Headings")
        for widget in (self.pages, self.headings):  # as wide as the longest title
            widget.setMaximumWidth(max(LIST_PX, self.pages.minimumSizeHint().width()))
        self.text = GuideBrowser()
        self.text.setAccessibleName("Guide")
        self.text.setOpenLinks(False)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search, Enter for the next place")
        self.search.setAccessibleName("Search the guide")
        self.search.setClearButtonEnabled(True)
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(self.pages)
        left.addWidget(self.headings, 1)
        right.addWidget(self.text, 1)
        right.addWidget(self.search)
        row = QHBoxLayout(self)
        row.addLayout(left)
        row.addLayout(right, 1)
        self._show_page()
        self.pages.currentIndexChanged.connect(self._show_page)
        self.headings.currentItemChanged.connect(self._go)
        self.text.anchorClicked.connect(self._follow)
        self.search.returnPressed.connect(self.find_next)

    @Slot()
    def _show_page(self) -> None:
        self.text.setMarkdown(page_text(self.pages.currentData()))
        self.headings.clear()
        block = self.text.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() == 2:
                item = QListWidgetItem(block.text(), self.headings)
                item.setData(Qt.ItemDataRole.UserRole, block.blockNumber())
            block = block.next()

    @Slot(QUrl)
    def _follow(self, link: QUrl) -> None:
        """Go to another page; what leads elsewhere is for the site."""
        place = self.pages.findData(link.path().removesuffix(".md"))
        if place >= 0:
            self.pages.setCurrentIndex(place)

    @Slot()
    def find_next(self) -> None:
        """Go to the next place with the searched words, from the top again after the last."""
        words = self.search.text()
        if words and not self.text.find(words):
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.text.find(words)

    def _go(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        block: QTextBlock = self.text.document().findBlockByNumber(item.data(Qt.ItemDataRole.UserRole))
        self.text.moveCursor(QTextCursor.MoveOperation.End)  # so that the heading then stands at the top
        self.text.setTextCursor(QTextCursor(block))
        self.text.ensureCursorVisible()
