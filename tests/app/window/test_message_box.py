"""An error is read whole: its text wraps inside the box, whatever a file is called."""

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

from app.widgets.message_box import WrappingMessageBox
from app.window.main_window import MainWindow

TEXTS = (
    "notes.txt: is of no format that is known here; supported are Strainscope HDF5, MetaImage, MATLAB, NumPy, UFF, "
    "PICMUS, zea, URX, Verasonics, MUST, NIfTI, Clarius, Siemens, Vevo and Ultrasonix",
    "patient_0123456789_left-forearm_2026-11-29_acquisition-07_raw_rf_compression-test-number-3-of-9.mhd: truncated",
    "x" * 250 + ".h5: is damaged",
    "Short.",
)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("text", TEXTS)
def test_an_error_shows_all_of_its_text(window: MainWindow, text: str, theme: str) -> None:
    window.set_theme(theme)  # type: ignore[arg-type]
    window.show_error(text)
    QApplication.processEvents()
    box = window.findChild(QMessageBox)
    assert isinstance(box, WrappingMessageBox)
    assert box.plain_text() == text
    label = box.findChild(QLabel, "qt_msgbox_label")
    assert isinstance(label, QLabel)

    needed = label.fontMetrics().boundingRect(0, 0, label.width(), 10_000, 0x1000, label.text())  # TextWordWrap
    assert needed.width() <= label.width()
    assert needed.height() <= label.height()
    assert box.width() <= 800
    assert box.rect().contains(label.mapTo(box, label.rect().bottomRight()))
    window.show_error(text)
    assert len(window.findChildren(QMessageBox)) == 1  # said once
    box.close()
