"""Choice of the compute device, with a line that says what it means on this machine."""

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from app.state import ViewerState
from app.state.device import DeviceState

DEVICES = {"auto": "Automatic", "cpu": "CPU", "cuda": "GPU (CUDA)"}
NO_CUDA = "This machine has no CUDA device"


class DeviceChooser(QWidget):
    """A box of three entries; the GPU's is grey where there is none."""

    def __init__(self, state: ViewerState) -> None:
        super().__init__()
        self._device = state.slice(DeviceState)
        self.box = QComboBox()
        self.box.setAccessibleName("Compute device")
        self.box.setToolTip("Where displacement is computed; the result is the same but for rounding")
        for name, text in DEVICES.items():
            self.box.addItem(text, name)
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box)
        column.addWidget(self.words)
        self.box.currentIndexChanged.connect(self._chosen)
        self._device.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show what is chosen and what it means."""
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(self.box.findData(self._device.chosen))
        model = self.box.model()
        assert isinstance(model, QStandardItemModel)
        cuda = model.item(self.box.findData("cuda"))
        cuda.setEnabled(self._device.accelerator != "")
        cuda.setToolTip(NO_CUDA if self._device.accelerator == "" else "")
        self.words.setText(self._device.words())

    @Slot()
    def _chosen(self) -> None:
        self._device.choose(self.box.currentData())
