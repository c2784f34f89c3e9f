"""What goes into an exported figure, with a preview."""

from dataclasses import replace
from typing import cast

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.features.export.options_form import options_form
from app.widgets.fitting import fitting
from engine.figures.options import FigureOptions

PREVIEW_DELAY_MS = 150
CHECKS = ("bmode", "ellipses", "profile", "numbers", "caption", "intervals", "settings", "scale_bar")
PAGE = ("title", "width", "font_size_pt", "print_colormap", "dpi")


class FigureDialog(QDialog):
    """Left the choices, right the preview; `accepted` means: ask where to save it.

    `checks` are the choices that this kind of figure leaves; the others stay as in `defaults`.
    """

    preview_wanted = Signal(object)
    copy_wanted = Signal()

    def __init__(
        self,
        parent: QWidget | None = None,
        title: str = "Export a figure",
        defaults: FigureOptions | None = None,
        checks: tuple[str, ...] = CHECKS,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._picture: QPixmap | None = None
        self.form = options_form(defaults or FigureOptions(), (*checks, *PAGE))
        self.checks = {name: cast("QCheckBox", self.form.editors[name]) for name in checks}
        self.title = cast("QLineEdit", self.form.editors["title"])
        self.title.setPlaceholderText("none")
        self.preview = QLabel("Drawing\u2026")
        self.preview.setAccessibleName("Preview")
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setMinimumSize(QSize(300, 240))
        self.preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.preview.setStyleSheet("background: white; color: #555;")
        self._soon = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._soon.timeout.connect(self._ask_preview)
        self._lay_out()
        self.form.changed.connect(self._soon.start)
        self.title.textChanged.connect(self._soon.start)
        self.resize(fitting(QSize(920, 560), parent))

    def _lay_out(self) -> None:
        words = QLabel("PNG, PDF, SVG or TIFF: the name you give decides.")
        words.setObjectName("muted")
        words.setWordWrap(True)
        choices = QWidget()
        left = QVBoxLayout(choices)
        left.setContentsMargins(0, 0, 8, 0)
        left.addWidget(self.form)
        left.addWidget(words)
        left.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(choices)
        area.setMinimumWidth(choices.sizeHint().width() + area.verticalScrollBar().sizeHint().width())
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(area)
        row.addWidget(self.preview, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setText("Save as\u2026")
        save.setProperty("primary", True)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setToolTip("Copy the figure to the clipboard, as previewed")
        copy.clicked.connect(self.copy_wanted)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(14)
        column.addLayout(row, 1)
        column.addWidget(buttons)

    def _chosen(self) -> FigureOptions:
        chosen = self.form.values()
        assert isinstance(chosen, FigureOptions)
        return chosen

    def options(self) -> FigureOptions:
        """Return what is chosen."""
        return replace(self._chosen(), title=self.title.text().strip())

    def start(self) -> None:
        """Open, and ask for the first preview."""
        self.open()
        self._ask_preview()

    @Slot(bytes)
    def show_preview(self, png: bytes) -> None:
        """Show a drawn figure."""
        picture = QPixmap()
        picture.loadFromData(png)
        self._picture = picture
        self._fit_preview()

    def picture(self) -> QPixmap | None:
        """Return the previewed figure."""
        return self._picture

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the preview as large as there is room."""
        super().resizeEvent(event)
        self._fit_preview()

    def _fit_preview(self) -> None:
        if self._picture is None:
            return
        ratio = self.devicePixelRatioF()
        scaled = self._picture.scaled(
            self.preview.size() * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        scaled.setDevicePixelRatio(ratio)
        self.preview.setPixmap(scaled)

    @Slot()
    def _ask_preview(self) -> None:
        self.preview_wanted.emit(self.options())
