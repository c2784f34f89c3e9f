"""Keeps plots on the same part of the plane, and the whole image in sight until the user zooms or pans."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, QRectF, QTimer, Slot

from app.views.plot import ImagePlot


class LinkedPlots(QObject):
    """One zoom for plots of equal size; a change of that size keeps the whole image whole."""

    def __init__(self, plots: Sequence[ImagePlot], parent: QObject) -> None:
        super().__init__(parent)
        self._plots = tuple(plots)
        self._whole = True
        self._following = False
        self._refit = QTimer(self, singleShot=True, interval=0)
        self._refit.timeout.connect(self._fit_again)
        for plot in self._plots:
            plot.view_changed.connect(partial(self._follow, plot))
            plot.box.fit_requested.connect(self.fit)
            plot.box.sigRangeChangedManually.connect(self._zoomed)
            plot.box.sigResized.connect(self._resized)

    @Slot()
    def fit(self) -> None:
        """Show the whole image, now and whenever the plots change their size."""
        self._whole = True
        self._plots[0].fit()

    def _follow(self, leader: ImagePlot, view: QRectF) -> None:
        if self._following:
            return
        self._following = True
        try:
            for plot in self._plots:
                if plot is not leader:
                    plot.show_view(view)
        finally:
            self._following = False

    def _zoomed(self, *_axes: object) -> None:
        self._whole = False

    def _resized(self, *_box: object) -> None:
        """Wait until all plots have their new size."""
        if self._whole:
            self._refit.start()

    @Slot()
    def _fit_again(self) -> None:
        if self._whole:
            self._plots[0].fit()
