"""The numbers: metrics of the shown frame, linear and in dB, following every drag; a dash and the reason where none."""

from collections.abc import Mapping
from textwrap import wrap

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton
from superqt.utils import QSignalThrottler

from app.controllers.commands import Commands
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import FrameMeasurements, Regions, Role, Tool, ViewerState
from app.state.recording import averaged_words
from app.theme import THEME_CHANGES, Theme, icon, role_color
from engine.metrics.base import Measurement, metrics_shown
from engine.metrics.number_text import DASH, decibel_reason, decibel_text, interval_text, sigma_text, value_text
from engine.metrics.reasons import explain
from engine.metrics.size_ratio import longest_diameter_m
from engine.reliability.sigma import interval_words

BORDERS = {Role.TARGET: "solid", Role.BACKGROUND: "dashed", Role.LESION: "dotted"}
CINE_MS = 150
"""How often the numbers change in a cine."""
HEADS = ("", "Value", "\u00b1", "dB")
NEEDED = (Role.TARGET, Role.BACKGROUND)
UNDRAWN = {"not_drawn", "no_outline"}
"""Reasons that are no warning: the buttons say what can be drawn."""


class MeasurementsPanel(Panel):
    """Region buttons, a small table, and warnings below it."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self._metrics = metrics_shown("panel")
        self.values: dict[str, QLabel] = {}
        self.sigmas: dict[str, QLabel] = {}
        self.decibels: dict[str, QLabel] = {}
        self.buttons = {role: self._region_button(role) for role in Role}
        buttons = QHBoxLayout()
        for role in (Role.TARGET, Role.BACKGROUND):
            buttons.addWidget(self.buttons[role], 1)
        self.column.addLayout(buttons)
        self.column.addWidget(self.buttons[Role.LESION])
        self.frame = QLabel()
        self.frame.setObjectName("muted")
        self.frame.setWordWrap(True)
        self.column.addWidget(self.frame)
        self.column.addLayout(self._table())
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setObjectName("warning")
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.column.addWidget(self.words)
        self.mirror = QPushButton("Background at the target's depth")
        self.mirror.setToolTip("Put a background of the target's size beside it, at the same depth")
        self.mirror.clicked.connect(commands.regions.mirror_background)
        self.column.addWidget(self.mirror)
        self.column.addStretch(1)
        self._soon = QSignalThrottler(parent=self)
        self._soon.setTimeout(CINE_MS)
        self._soon.triggered.connect(self.refresh)
        state.measurements_changed.connect(self._changed)
        state.regions_changed.connect(self.refresh_regions)
        state.tool_changed.connect(self.refresh_regions)
        state.selection_changed.connect(self.refresh_regions)
        state.recording_changed.connect(self.refresh_regions)
        THEME_CHANGES.changed.connect(self.refresh_regions)
        self.refresh()
        self.refresh_regions()

    def _region_button(self, role: Role) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
        button.setText(f"{role.label} ({role.letter})")
        button.setAccessibleName(f"{role.label} region")
        button.setProperty("role", role.value)
        button.clicked.connect(self._region_pressed)
        return button

    def _table(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        for column, text in enumerate(HEADS):
            head = QLabel(text)
            head.setObjectName("muted")
            head.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(head, 0, column)
        width = self.fontMetrics().horizontalAdvance("\u2212888.8 %")
        for row, metric in enumerate(self._metrics, start=1):
            label = QLabel(metric.short)
            label.setToolTip(metric.help)
            value = self.values[metric.name] = _number(width, f"{metric.short}, value")
            sigma = self.sigmas[metric.name] = _number(0, f"{metric.short}, standard uncertainty")
            sigma.setText("")
            decibel = self.decibels[metric.name] = _number(width * 3 // 4, f"{metric.short}, decibel")
            for column, widget in enumerate((label, value, sigma, decibel)):
                grid.addWidget(widget, row, column)
        return grid

    @Slot()
    def _changed(self) -> None:
        """Show new numbers at once, but those of a cine only as fast as anybody reads them."""
        if self.state.playing:
            self._soon.throttle()
        else:
            self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the metrics of the shown frame."""
        measured = self.state.measurements
        values = {**measured.values, **self.state.other_measurements} if measured.values else {}
        for name in (metric.name for metric in self._metrics):
            entry = values.get(name)
            doubtful = entry is not None and entry.warning
            self.values[name].setText(f"! {value_text(entry)}" if doubtful else value_text(entry))
            self.sigmas[name].setText(sigma_text(entry))
            self.decibels[name].setText(decibel_text(name, entry))
            tip = self._tip(name, entry)
            for label in (self.values[name], self.sigmas[name]):
                label.setToolTip(tip)
            self.decibels[name].setToolTip(decibel_reason(name, entry) or tip)
        has_strain = bool(measured.values)
        of = (f"Frame {measured.frame}", measured.stage, averaged_words(measured.averaged), _used_words(measured))
        self.frame.setText(" \u00b7 ".join(filter(None, of)) if has_strain else "No strain in this frame")
        self.words.setText(self._remarks(measured.values) if has_strain else "")

    def as_text(self) -> str:
        """Return the table as lines of columns, under its heads, for the clipboard."""
        columns = (self.values, self.sigmas, self.decibels)
        rows = [[metric.short, *(column[metric.name].text() for column in columns)] for metric in self._metrics]
        return "\n".join("\t".join(row).rstrip() for row in (HEADS, *rows))

    def _tip(self, name: str, entry: Measurement | None) -> str:
        """Say what a value rests on, or why there is none."""
        if entry is None:
            return "No strain in this frame"
        if entry.reason == "no_outline":
            return f"{explain(entry.reason)}: press L, then drag over it".replace("the lesion", "The lesion", 1)
        if entry.reason:
            return explain(entry.reason)
        if name == "eb_area_ratio":
            return _size_words(self.state.regions, self.state.measurements.values)
        alone = name in self.state.other_measurements and self.state.measurements.averaged > 1
        rests_on = f"{entry.count} pixels, ddof {entry.ddof}{', of this frame alone, not averaged' if alone else ''}"
        run, ranged = self.state.run, interval_text(entry)
        whose = "\n".join(wrap(interval_words(run.settings.method))) if run and ranged else ""
        return "\n".join(filter(None, (entry.warning.capitalize(), ranged, rests_on, whose)))

    @Slot()
    def refresh_regions(self) -> None:
        """Show which regions exist and which is selected."""
        opened = self.state.recording is not None
        for role, button in self.buttons.items():
            drawn = self.state.regions.get(role) is not None
            active = self.state.tool is Tool(role.value)
            button.setEnabled(opened)
            button.setChecked(active or self.state.selection is role)
            button.setIcon(icon(role.value))
            button.setToolTip(_next_step(role, active=active, drawn=drawn, selected=self.state.selection is role))
            width = 2 if button.isChecked() else 1
            style = (
                f"QToolButton {{ border: {width}px {BORDERS[role]} "
                f"{role_color(role.letter).name() if opened else Theme.colors.border}; padding: {6 - width}px; }}"
            )
            if style != button.styleSheet():  # taking a style takes milliseconds, and a drag comes here at each step
                button.setStyleSheet(style)
        self.mirror.setEnabled(self.state.regions.target is not None)

    def _remarks(self, values: Mapping[str, Measurement]) -> str:
        """Warn of doubtful regions and give the reasons of missing numbers, each once."""
        lines = [str(warning) for warning in self.state.measurements.warnings]
        undrawn = [role.value for role in NEEDED if self.state.regions.get(role) is None]
        if undrawn:
            lines.append(f"Draw the {' and the '.join(undrawn)} to get all numbers.")
        said = {warning.split(": ")[-1] for warning in lines}
        for metric in self._metrics:
            reason = values[metric.name].reason if metric.name in values else ""
            if reason and reason not in UNDRAWN and explain(reason) not in said:
                said.add(explain(reason))
                lines.append(f"{metric.short}: {explain(reason)}")
            if metric.name in values and values[metric.name].warning:
                lines.append(f"{metric.short}: {values[metric.name].warning}")
        return "\n".join(line[0].upper() + line[1:] for line in lines)

    @Slot()
    def _region_pressed(self) -> None:
        role = Role(str(self.sender().property("role")))
        if self.state.tool is Tool(role.value):
            self.commands.regions.choose_tool(Tool.PAN)
        else:
            self.commands.regions.press_key(role)
        self.refresh_regions()


def _used_words(measured: FrameMeasurements) -> str:
    """Say from which quality on pixels count, and how many of each region do; nothing where all of them may."""
    if measured.above <= 0:
        return ""
    shares = [
        f"{entry.value:.0f} % of the {region}"
        for region in ("target", "background")
        if (entry := measured.values.get(f"used_{region}")) is not None and not entry.reason
    ]
    return f"quality above {measured.above:.2f}" + (f": {', '.join(shares)}" if shares else "")


def _next_step(role: Role, *, active: bool, drawn: bool, selected: bool) -> str:
    """Say what to do with a region now."""
    if active:
        return "Drag on an image to draw it, or press Return to put it into the middle"
    if selected:
        return f"Arrows move it, Alt + arrows resize it, [ and ] turn it; {role.letter} again draws it anew"
    if drawn:
        return f"Select it ({role.letter})"
    what = "Outline the same lesion as the B-mode shows it" if role is Role.LESION else "Draw it"
    return f"{what} ({role.letter})"


def _size_words(regions: Regions, values: Mapping[str, Measurement]) -> str:
    """Put both outlines' sizes, and the ratio of their largest diameters, into words."""
    target, lesion = regions.target, regions.lesion
    if target is None or lesion is None:
        return ""
    areas = f"{1e6 * target.area_m2:.1f} mm\u00b2 over {1e6 * lesion.area_m2:.1f} mm\u00b2"
    longest = f"{1e3 * longest_diameter_m(target):.1f} mm over {1e3 * longest_diameter_m(lesion):.1f} mm"
    ratio = value_text(values.get("eb_diameter_ratio"))
    return f"Areas: {areas}\nLargest diameters: {longest}, ratio {ratio}"


def _number(width: int, name: str) -> QLabel:
    label = QLabel(DASH)
    label.setMinimumWidth(width)
    label.setAlignment(Qt.AlignmentFlag.AlignRight)
    label.setAccessibleName(name)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


PANELS.register("measurements", PanelInfo("measurements", "Measurements", "right", MeasurementsPanel))
