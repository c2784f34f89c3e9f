"""What every panel is: a dock's title, its side, and a widget built from state and commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QSize, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget
from superqt.utils import QSignalThrottler

from app.controllers.commands import Commands
from app.state import ViewerState
from engine.registry import Registry

Area = Literal["left", "right", "bottom"]


@dataclass(frozen=True)
class PanelInfo:
    """One dock.

    `beside` names the panel whose place it shares
    as a tab. One with `shown` False is opened from the View menu.
    """

    name: str
    title: str
    area: Area
    build: Callable[[ViewerState, Commands], QWidget]
    beside: str = ""
    shown: bool = True


REDRAW_MS = 40
"""While a cine plays, a line is dragged or frames come in, a panel is drawn at most this often."""

WIDEST_PX = 250
"""Width that a panel may ask of the window; what needs more scrolls sideways."""
LOWEST_PX = 90

PANELS: Registry[PanelInfo] = Registry(
    "panel",
    "app",
    (
        "panels.method",
        "panels.recording",
        "panels.display",
        "features.maps.panel",
        "panels.measurements",
        "panels.region",
        "panels.graphs",
        "panels.histogram",
        "features.profile.panel",
        "features.log.panel",
        "features.results.panel",
    ),
)


class Panel(QFrame):
    """A column of widgets with the margins all panels share."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.state = state
        self.commands = commands
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(10, 8, 10, 10)
        self.column.setSpacing(7)


class DrawnPanel(Panel):
    """A panel with a drawing and words below it, drawn anew soon after changes, and only while it is seen."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self._redraw = QSignalThrottler(QSignalThrottler.EmissionPolicy.Trailing, self)
        self._redraw.setTimeout(REDRAW_MS)
        self._redraw.triggered.connect(self.refresh)

    def refresh(self) -> None:
        """Draw what is there now."""
        raise NotImplementedError

    @Slot()
    def refresh_soon(self) -> None:
        """Draw several changes together."""
        if self.isVisible():
            self._redraw.throttle()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while the panel was hidden."""
        super().showEvent(event)
        self.refresh()


class PanelArea(QScrollArea):
    """Holds a panel, which may be lower than its content, and is as wide as that now needs, as far as there is room."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        self._wanted = QSize(), QSize()
        self.setWidget(panel)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)

    def minimumSizeHint(self) -> QSize:
        """Return the width of what is shown now, with the bar that scrolls it."""
        content = self._panel.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(min(content, WIDEST_PX), LOWEST_PX)

    def sizeHint(self) -> QSize:
        """Return what the panel would like."""
        return self._panel.sizeHint().expandedTo(self.minimumSizeHint())

    def event(self, event: QEvent) -> bool:
        """Ask for another size when a section is opened, a form is made anew or words change what is needed.

        Numbers that change with every step of a drag leave it alike, and laying out the window takes milliseconds.
        """
        if event.type() == QEvent.Type.LayoutRequest:
            wanted = self.minimumSizeHint(), self.sizeHint()
            if wanted != self._wanted:
                self._wanted = wanted
                self.updateGeometry()
        return bool(super().event(event))
