"""A list of names to choose from that takes the width of its place, however long the names are."""

from PySide6.QtWidgets import QComboBox, QSizePolicy

SHORTEST_CHARACTERS = 14
BESIDE_NAMES_PX = 32
"""Width of the open list beside its longest name: margins and a scroll bar."""


class NameBox(QComboBox):
    """Closed it may cut a name short; open it shows all of them whole."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(SHORTEST_CHARACTERS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def showPopup(self) -> None:
        """Open the list."""
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + BESIDE_NAMES_PX)
        super().showPopup()
