"""Light and dark: palette, style sheet, colours of what is drawn, and icons tinted to match."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

ThemeName = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Colors:
    """Every colour of one theme; outlines of regions differ in dash as well, never in colour alone."""

    window: str
    panel: str
    field: str
    raised: str
    border: str
    outline: str
    """Of what can be typed into or ticked; told from its surroundings at 3 : 1."""
    text: str
    muted: str
    disabled: str
    accent: str
    accent_text: str
    warning: str
    plot: str
    grid: str
    target: str = "#ff9d2e"
    background: str = "#37c8ff"
    lesion: str = "#ff7bd5"


DARK = Colors(
    window="#1b1e23",
    panel="#22262c",
    field="#181b1f",
    raised="#2e333b",
    border="#3a404a",
    outline="#6a7482",
    text="#e3e6ea",
    muted="#9aa3af",
    disabled="#646c78",
    accent="#4c9be8",
    accent_text="#0d1117",
    warning="#f0b454",
    plot="#14161a",
    grid="#343a43",
)
LIGHT = Colors(
    window="#eef0f3",
    panel="#f8f9fa",
    field="#ffffff",
    raised="#ffffff",
    border="#ccd2da",
    outline="#858e99",
    text="#1d2329",
    muted="#5a6572",
    disabled="#a3abb5",
    accent="#1766b5",
    accent_text="#ffffff",
    warning="#9a5b00",
    plot="#ffffff",
    grid="#dde2e8",
)

_SHEET = """
QToolTip {{ color: {text}; background: {raised}; border: 1px solid {border}; padding: 4px; }}
QMainWindow::separator {{ background: {window}; width: 5px; height: 5px; }}
QMainWindow::separator:hover {{ background: {accent}; }}
QDockWidget {{ font-weight: 600; color: {text}; }}
QDockWidget::title {{ background: {window}; padding: 7px 10px 5px 10px; text-align: left; }}
QToolBar {{ background: {panel}; border: 0; border-bottom: 1px solid {border}; padding: 4px 6px; spacing: 3px; }}
QToolBar::separator {{ background: {border}; width: 1px; margin: 5px 6px; }}
QToolButton {{ color: {text}; border: 1px solid transparent; border-radius: 4px; padding: 4px 7px; }}
QToolButton:hover {{ background: {raised}; border-color: {border}; }}
QToolButton:checked {{ background: {field}; border-color: {accent}; color: {text}; }}
QToolButton:focus {{ border-color: {accent}; }}
QToolButton:disabled {{ color: {disabled}; }}
QMenuBar {{ background: {panel}; border-bottom: 1px solid {border}; }}
QMenuBar::item {{ padding: 5px 9px; background: transparent; }}
QMenuBar::item:selected {{ background: {raised}; }}
QMenu {{ background: {panel}; border: 1px solid {border}; padding: 4px; }}
QMenu::item {{ padding: 5px 26px 5px 22px; border-radius: 3px; }}
QMenu::item:selected {{ background: {accent}; color: {accent_text}; }}
QMenu::item:disabled {{ color: {disabled}; }}
QMenu::separator {{ height: 1px; background: {border}; margin: 4px 8px; }}
QStatusBar {{ background: {panel}; border-top: 1px solid {border}; color: {muted}; }}
QStatusBar::item {{ border: 0; }}
QStatusBar > QLabel {{ padding-left: 8px; }}
QPushButton {{ background: {raised}; border: 1px solid {border}; border-radius: 4px; padding: 5px 12px; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:checked {{ background: {field}; border-color: {accent}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {disabled}; background: {panel}; }}
QPushButton[primary="true"] {{ background: {accent}; color: {accent_text}; border-color: {accent}; font-weight: 600; }}
QPushButton[primary="true"]:disabled {{ background: {panel}; color: {disabled}; border-color: {border}; }}
QComboBox QAbstractItemView {{ background: {panel}; border: 1px solid {border}; outline: 0; padding: 2px;
    selection-background-color: {accent}; selection-color: {accent_text}; }}
QTableWidget, QTableView, QTreeView, QListView, QPlainTextEdit, QTextBrowser {{
    background: {field}; border: 1px solid {border}; border-radius: 4px; gridline-color: {grid};
    selection-background-color: {accent}; selection-color: {accent_text}; }}
QAbstractScrollArea::corner {{ background: {panel}; border: 0; }}
QToolButton#qt_toolbar_ext_button, QTabBar QToolButton {{ padding: 0; }}
QTabBar QToolButton {{ background: {raised}; border-color: {border}; border-radius: 0; }}
QToolButton#qt_toolbar_ext_button {{ background: {muted}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QTabBar::tab {{ background: {window}; color: {muted}; padding: 6px 9px; border: 0; font-weight: 600; }}
QTabBar::tab:selected {{ background: {panel}; color: {text}; }}
QTabBar::tab:hover {{ color: {text}; }}
QHeaderView::section {{ background: {panel}; color: {muted}; border: 0; border-bottom: 1px solid {border};
    padding: 4px 6px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: {panel}; border: 0; }}
QDialog QScrollArea, QDialog QScrollArea > QWidget > QWidget {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {border}; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QProgressBar {{ background: {field}; border: 1px solid {border}; border-radius: 4px; text-align: center;
    color: {text}; min-height: 16px; max-height: 16px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 3px; }}
QSlider::groove:horizontal {{ height: 4px; background: {border}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ background: {text}; width: 13px; height: 13px; margin: -5px 0; border-radius: 6px; }}
QSlider::handle:horizontal:focus {{ background: {accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {border}; }}
QSlider::handle:horizontal:disabled {{ background: {disabled}; }}
QLabel:disabled, QCheckBox:disabled {{ color: {disabled}; }}
#panel {{ background: {panel}; }}
#muted {{ color: {muted}; }}
#badge {{ background: {raised}; color: {text}; border: 1px solid {border}; border-radius: 3px; padding: 1px 6px; }}
#banner {{ background: {window}; color: {warning}; border: 1px solid {warning}; padding: 3px 8px; font-weight: 600; }}
#message {{ background: {window}; color: {muted}; border-radius: 3px; padding: 4px 8px; }}
#heading {{ font-weight: 600; }}
#paneTitle {{ font-weight: 600; font-size: 11pt; }}
#warning {{ color: {warning}; }}
#emptyTitle {{ font-size: 17pt; font-weight: 600; }}
#emptyText {{ font-size: 11pt; color: {muted}; }}
"""


OUTLINED = ("QCheckBox", "QAbstractSpinBox", "QLineEdit", "QComboBox")
"""Controls whose edge must be seen: an empty box on a dark ground is lost else."""
FUSION_OUTLINE = 140
"""Fusion draws the edge of a control in the window's colour, darkened by this many percent."""


class Theme:
    """The theme in force; widgets that paint ask it for colours each time they paint."""

    name: ThemeName = "system"
    colors: Colors = DARK


class ThemeChanges(QObject):
    """Tells of another theme; what keeps colours of its own takes them anew."""

    changed = Signal()


THEME_CHANGES = ThemeChanges()


def apply_theme(application: QApplication, name: ThemeName) -> None:
    """Dress the whole application; `system` follows the desktop."""
    dark = name == "dark"
    if name == "system":
        dark = QGuiApplication.styleHints().colorScheme() is not Qt.ColorScheme.Light
    Theme.name = name
    Theme.colors = DARK if dark else LIGHT
    application.setStyle("Fusion")
    palette = _palette(Theme.colors)
    application.setPalette(palette)
    for kind in OUTLINED:
        application.setPalette(_outlined(palette), kind)  # type: ignore[arg-type]  # declared as bytes, takes str
    font = application.font()
    font.setPointSizeF(10)
    application.setFont(font)
    application.setStyleSheet(_SHEET.format(**vars(Theme.colors)))
    THEME_CHANGES.changed.emit()


def program_icon() -> QPixmap:
    """Picture of the program for the task bar."""
    return _render((files("resources") / "icons" / "strainscope.svg").read_text(encoding="utf-8"), 128)


def role_color(letter: str) -> QColor:
    """Colour of a region's outline from its letter."""
    colors = Theme.colors
    return QColor({"T": colors.target, "B": colors.background, "L": colors.lesion}[letter])


def icon(name: str) -> QIcon:
    """Icon from the resources in the colour of the text, grey where disabled."""
    return _icon(name, Theme.colors.text, Theme.colors.disabled)


@lru_cache(maxsize=128)
def _icon(name: str, normal: str, disabled: str) -> QIcon:
    source = (files("resources") / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    result = QIcon()
    for mode, color in ((QIcon.Mode.Normal, normal), (QIcon.Mode.Disabled, disabled)):
        for size in (20, 40, 60):
            result.addPixmap(_render(source.replace("currentColor", color), size), mode)
    return result


def _render(svg: str, size: int) -> QPixmap:
    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter)
    painter.end()
    return pixmap


def _outlined(palette: QPalette) -> QPalette:
    """Return the palette of controls whose edges Fusion would else draw darker than a dark window."""
    palette, colors = QPalette(palette), Theme.colors
    palette.setColor(QPalette.ColorRole.Window, QColor(colors.outline).lighter(FUSION_OUTLINE))
    faint = QColor(colors.border).lighter(FUSION_OUTLINE)
    palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Window, faint)
    return palette


def _palette(colors: Colors) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colors.window,
        QPalette.ColorRole.WindowText: colors.text,
        QPalette.ColorRole.Base: colors.field,
        QPalette.ColorRole.AlternateBase: colors.panel,
        QPalette.ColorRole.Text: colors.text,
        QPalette.ColorRole.Button: colors.raised,
        QPalette.ColorRole.ButtonText: colors.text,
        QPalette.ColorRole.BrightText: colors.warning,
        QPalette.ColorRole.Highlight: colors.accent,
        QPalette.ColorRole.HighlightedText: colors.accent_text,
        QPalette.ColorRole.ToolTipBase: colors.raised,
        QPalette.ColorRole.ToolTipText: colors.text,
        QPalette.ColorRole.PlaceholderText: colors.muted,
        QPalette.ColorRole.Link: colors.accent,
        QPalette.ColorRole.Mid: colors.border,
    }
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colors.disabled))
    return palette
