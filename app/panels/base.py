"""What every panel is: a dock's title, its side, and a widget built from state and commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.controllers.commands import Commands
from app.state import ViewerState
from engine.registry import Registry

Area = Literal["left", "right", "bottom"]


@dataclass(frozen=True)
class PanelInfo:
    """One dock.

    `stretch` says that it takes what height there is; others scroll. `beside` names the panel whose place it shares
    as a tab. One with `shown` False is opened from the View menu.
    """

    name: str
    title: str
    area: Area
    build: Callable[[ViewerState, Commands], QWidget]
    stretch: bool = False
    beside: str = ""
    shown: bool = True


PANELS: Registry[PanelInfo] = Registry(
    "panel",
    "app",
    (
        "panels.method",
        "panels.recording",
        "panels.display",
        "features.maps.panel",
        "panels.measurements",
        "panels.graphs",
        "panels.histogram",
        "features.profile.panel",
        "features.log.panel",
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


def scrolled(widget: QWidget) -> QScrollArea:
    """Let a panel be lower than its content; it is never narrower, or its right edge would be cut off."""
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setMinimumWidth(widget.minimumSizeHint().width() + area.verticalScrollBar().sizeHint().width())
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
