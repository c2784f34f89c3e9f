"""What goes into an exported figure, with a preview."""

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.features.export.controller import FigureOptions
from app.widgets.fitting import fitting

PREVIEW_DELAY_MS = 150
CHECKS = {
    "bmode": "B-mode beside the strain",
    "ellipses": "Ellipses",
    "profile": "Profile line on the strain",
    "numbers": "Numbers under the figure",
    "caption": "Method and provenance as small print",
}


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
        checks: tuple[str, ...] = tuple(CHECKS),
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._picture: QPixmap | None = None
        self._defaults = defaults = defaults or FigureOptions()
        self.checks = {name: _check(CHECKS[name], getattr(defaults, name)) for name in checks}
        self.scale = QComboBox()
        self.scale.addItems(["Axes in mm", "Scale bar"])
        self.scale.setAccessibleName("Axes or scale bar")
        self.dpi = QSpinBox()
        self.dpi.setRange(50, 1200)
        self.dpi.setSingleStep(50)
        self.dpi.setValue(defaults.dpi)
        self.dpi.setSuffix(" dpi")
        self.dpi.setAccessibleName("Resolution")
        self.title = QLineEdit()
        self.title.setPlaceholderText("none")
        self.title.setAccessibleName("Title")
        self.preview = QLabel("Drawing\u2026")
        self.preview.setAccessibleName("Preview")
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setMinimumSize(QSize(300, 240))
        self.preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.preview.setStyleSheet("background: white; color: #555;")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PREVIEW_DELAY_MS)
        self._soon.timeout.connect(self._ask_preview)
        self._lay_out()
        for check in self.checks.values():
            check.toggled.connect(self._soon.start)
        self.scale.currentIndexChanged.connect(self._soon.start)
        self.title.textChanged.connect(self._soon.start)
        self.resize(fitting(QSize(860, 520), parent))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(9)
        for check in self.checks.values():
            form.addRow(check)
        form.addRow("Scale", self.scale)
        form.addRow("Resolution", self.dpi)
        form.addRow("Title", self.title)
        words = QLabel("PNG, PDF, SVG or TIFF: the name you give decides.")
        words.setObjectName("muted")
        words.setWordWrap(True)
        form.addRow(words)
        left = QWidget()
        left.setLayout(form)
        left.setMinimumWidth(left.sizeHint().width())
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(left, 0, Qt.AlignmentFlag.AlignTop)
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

    def options(self) -> FigureOptions:
        """Return what is chosen."""
        return replace(
            self._defaults,
            **{name: check.isChecked() for name, check in self.checks.items()},
            scale_bar=self.scale.currentIndex() == 1,
            title=self.title.text().strip(),
            dpi=self.dpi.value(),
        )

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


def _check(text: str, value: bool) -> QCheckBox:
    box = QCheckBox(text)
    box.setChecked(value)
    return box
