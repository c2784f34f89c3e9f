"""The user guide in its own window: headings on the left, text and pictures on the right, a search below."""

import re
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, Slot
from PySide6.QtGui import QImage, QTextBlock, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
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
WIDEST_PICTURE_PX = 640
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
        self.headings = QListWidget()
        self.headings.setAccessibleName("Headings")
        self.headings.setMaximumWidth(210)
        self.text = GuideBrowser()
        self.text.setAccessibleName("Guide")
        self.text.setOpenLinks(False)
        self.text.setMarkdown(guide_text())
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search, Enter for the next place")
        self.search.setAccessibleName("Search the guide")
        self.search.setClearButtonEnabled(True)
        right = QVBoxLayout()
        right.addWidget(self.text, 1)
        right.addWidget(self.search)
        row = QHBoxLayout(self)
        row.addWidget(self.headings)
        row.addLayout(right, 1)
        self._fill()
        self.headings.currentItemChanged.connect(self._go)
        self.search.returnPressed.connect(self.find_next)

    def _fill(self) -> None:
        block = self.text.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() == 2:
                item = QListWidgetItem(block.text(), self.headings)
                item.setData(Qt.ItemDataRole.UserRole, block.blockNumber())
            block = block.next()

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
