"""A bar that offers what a crash left behind; it asks nothing that has to be answered."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton


class RecoveryBar(QFrame):
    """One sentence and two buttons; hidden as long as there is nothing to offer."""

    recover_requested = Signal()
    discard_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("recovery")
        self.words = QLabel()
        self.words.setAccessibleName("Session that was not closed")
        self.recover = QPushButton("Recover it")
        self.recover.setToolTip("Open the session as it was last kept")
        self.recover.clicked.connect(self.recover_requested)
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Delete what was kept of this session; the recording itself stays")
        self.discard.clicked.connect(self.discard_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 14, 8)
        row.setSpacing(12)
        row.addStretch(1)
        row.addWidget(self.words)
        row.addWidget(self.recover)
        row.addWidget(self.discard)
        row.addStretch(1)
        self.hide()

    def offer(self, words: str) -> None:
        """Show the offer; without words there is none."""
        self.words.setText(words)
        self.setVisible(bool(words))
