"""Which map is shown, and the relative modulus: method, its parameters, compute, what came out."""

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtGui import QShowEvent, QStandardItemModel
from PySide6.QtWidgets import QFormLayout, QLabel, QPushButton, QWidget

from app.controllers.commands import Commands
from app.features.maps.controller import MapsController
from app.forms import ParameterForm
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import ViewerState
from app.state.maps import MapState
from app.widgets.name_box import NameBox
from engine.elasticity.base import range_words
from engine.maps.base import MAPS
from engine.metrics.map_values import map_metrics
from engine.metrics.number_text import DASH, three_figures
from engine.metrics.reasons import explain


class MapsPanel(Panel):
    """A choice of maps above the elasticity method's form."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self._maps = state.slice(MapState)
        self._controller = commands.part(MapsController)
        self.kind = NameBox()
        self.kind.setAccessibleName("Shown map")
        for entry in MAPS:
            self.kind.addItem(entry.title, entry.name)
        self.why = _words("muted")
        self.numbers = _words("")
        self.method = NameBox()
        self.method.setAccessibleName("Elasticity method")
        self.form: QWidget = QWidget()
        self.compute = QPushButton("Compute relative modulus")
        self.progress = _words("muted")
        self.ratio = _words("heading")
        self.warning = _words("muted")
        self._lay_out()
        self.kind.currentIndexChanged.connect(self._kind_chosen)
        self.method.currentIndexChanged.connect(self._method_chosen)
        self._maps.methods_changed.connect(self._list)
        for signal in (self._maps.map_changed, state.regions_changed):
            signal.connect(self._measure)
        self.compute.clicked.connect(self._controller.compute)
        for signal in (
            self._maps.kind_changed, self._maps.modulus_changed, state.picture_changed, state.regions_changed,
            state.runs_changed,
        ):  # fmt: skip
            signal.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Show", self.kind)
        self.column.addLayout(form)
        self.column.addWidget(self.why)
        self.column.addWidget(self.numbers)
        heading = QLabel("Relative modulus")
        heading.setObjectName("heading")
        self.column.addWidget(heading)
        self.column.addWidget(self.method)
        self.column.addWidget(self.form)
        self.column.addWidget(self.compute)
        self.column.addWidget(self.progress)
        self.column.addWidget(self.ratio)
        self.column.addWidget(self.warning)
        self.column.addStretch(1)

    def showEvent(self, event: QShowEvent) -> None:
        """Fetch the elasticity methods when the panel is first seen: they are slow to load."""
        super().showEvent(event)
        self._controller.load()

    @Slot()
    def refresh(self) -> None:
        """Show choice, progress and ratio."""
        maps = self._maps
        model = self.kind.model()
        assert isinstance(model, QStandardItemModel)
        for row, entry in enumerate(MAPS):
            reason = maps.unavailable(entry.name)
            model.item(row).setEnabled(not reason or entry.name == maps.kind)
            model.item(row).setToolTip(reason or f"{entry.help}: {entry.formula}")
        for box, value in ((self.kind, maps.kind), (self.method, maps.method)):
            with QSignalBlocker(box):
                box.setCurrentIndex(box.findData(value))
        self.why.setText(maps.unavailable(maps.kind))
        self.why.setVisible(bool(self.why.text()))
        reason = self._controller.cannot_compute()
        self.compute.setEnabled(not reason and not self._controller.is_running())
        self.compute.setToolTip(reason or "Relative Young's modulus of the shown frame; the background's median is 1")
        self.progress.setText(maps.progress or reason)
        self.ratio.setText(self._ratio_text())
        ratio = maps.ratio()
        self.ratio.setToolTip("" if ratio is None or ratio.reason else range_words(ratio))
        self.warning.setText("" if ratio is None else ratio.warning)
        self.warning.setVisible(bool(self.warning.text()))

    @Slot()
    def _measure(self) -> None:
        """Write mean and standard deviation of the shown map under each region."""
        shown, recording = self._maps.map, self.state.recording
        lines = []
        if shown is not None and recording is not None:
            picture, regions = self.state.picture, self.state.regions
            regions = regions if picture is None else picture.under(regions)
            geometry, (values, quantity) = recording.sequence.geometry, self._maps.measured()
            known = shown.values if values is None else values
            found = map_metrics(known, quantity, geometry, regions.target, regions.background)
            for region in ("target", "background"):
                mean, deviation = (found[f"map_{part}_{region}"] for part in ("mean", "std"))
                if not mean.reason:
                    spread = f"{three_figures(mean.value)} \N{PLUS-MINUS SIGN} {three_figures(deviation.value)}"
                    lines.append(f"{region.capitalize()}: {spread} {quantity.unit}".rstrip())
        if shown is not None and shown.removed:
            lines.append(f"Rigid motion removed: {shown.removed}")
        self.numbers.setText("\n".join(lines))
        self.numbers.setToolTip("Mean and standard deviation of the shown map under the region")
        self.numbers.setVisible(bool(lines))

    def _ratio_text(self) -> str:
        ratio = self._maps.ratio()
        if ratio is None:
            return ""
        if ratio.reason:
            return f"Modulus ratio {DASH} (target: {explain(ratio.reason)})"
        spread = f" ({three_figures(ratio.low)} to {three_figures(ratio.high)})" if ratio.range_kind else ""
        return f"Modulus ratio, target / background: {three_figures(ratio.value)}{spread}"

    @Slot()
    def _kind_chosen(self) -> None:
        self._maps.choose(self.kind.currentData())

    @Slot()
    def _list(self) -> None:
        with QSignalBlocker(self.method):
            self.method.clear()
            for entry in self._maps.methods:
                self.method.addItem(entry.title, entry.name)
            self.method.setCurrentIndex(self.method.findData(self._maps.method))
        self._make_form()

    @Slot()
    def _method_chosen(self) -> None:
        self._controller.choose_method(self.method.currentData())
        self._make_form()

    def _make_form(self) -> None:
        kind = next(entry.params for entry in self._maps.methods if entry.name == self.method.currentData())
        form = ParameterForm(kind)
        if type(self._maps.parameters) is kind:
            form.show_values(self._maps.parameters)
        form.changed.connect(self._controller.set_parameters)
        self.column.replaceWidget(self.form, form)
        self.form.deleteLater()
        self.form = form


def _words(style: str) -> QLabel:
    label = QLabel()
    label.setObjectName(style)
    label.setWordWrap(True)
    return label


PANELS.register("maps", PanelInfo("maps", "Maps", "left", MapsPanel, beside="display"))
