"""Where is computed: what the user chose, and what this machine has."""

from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.state.viewer import ViewerState

DeviceChoice = Literal["auto", "cpu", "cuda"]


class DeviceState(QObject):
    """The device chosen for the next run; `accelerator` is the GPU's name, empty without one, None until looked for."""

    changed = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self.chosen: DeviceChoice = "auto"
        self.accelerator: str | None = None

    def choose(self, name: DeviceChoice) -> None:
        """Choose the device of the next run."""
        if name != self.chosen:
            self.chosen = name
            self.changed.emit()

    def set_accelerator(self, name: str) -> None:
        """Say which GPU was found."""
        if name != self.accelerator:
            self.accelerator = name
            self.changed.emit()

    def words(self) -> str:
        """Say in one sentence where the next run will compute."""
        if self.accelerator is None:
            return "Looking for a GPU\u2026"
        if not self.accelerator:
            if self.chosen == "cuda":
                return "This machine has no CUDA device: choose Automatic or CPU."
            return "Computes on the CPU: this machine has no CUDA device."
        if self.chosen == "cpu":
            return f"Computes on the CPU, not on the {self.accelerator}."
        return f"Computes on the {self.accelerator}."
