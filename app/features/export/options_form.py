"""The form of an export's options: made of their declaration, with the words of a dialog, and remembered."""

from dataclasses import fields
from typing import TypeVar

from PySide6.QtWidgets import QCheckBox, QFormLayout, QLabel

from app.forms import ParameterForm
from app.preferences import Preferences
from app.state.raster import COLORMAPS
from engine.errors import ParameterError
from engine.parameters import Parameters

Options = TypeVar("Options", bound=Parameters)

COLORS = "print_colormap"
LABELS = {
    "title": "Title",
    COLORS: "Colours",
    "width": "Width",
    "font_size_pt": "Text",
    "dpi": "Resolution",
    "first": "From frame",
    "last": "To frame",
    "rate_hz": "Frames a second",
    "speed": "Speed",
    "loops": "Loops of a GIF",
}
OF_ONE_FIGURE = ("title", "first", "last")
"""What belongs to the one recording that is open, and is not remembered."""


def options_form(values: Options, names: tuple[str, ...]) -> ParameterForm:
    """Return a form of some options; a check box says what it is for, the others have a short name beside them."""
    kind = type(values)
    form = ParameterForm(kind, only=names, choices={COLORS: {"": "As on screen", **COLORMAPS}}, closed=(COLORS,))
    form.show_values(values)
    layout = form.layout()
    assert isinstance(layout, QFormLayout)
    for info in kind.describe():
        editor = form.editors.get(info.name)
        if editor is None:
            continue
        label = layout.labelForField(editor)
        if isinstance(editor, QCheckBox):
            editor.setText(info.help)
        elif isinstance(label, QLabel):
            label.setText(LABELS[info.name])
            editor.setAccessibleName(LABELS[info.name])
    return form


def remembered(preferences: Preferences, kind: str, defaults: Options) -> Options:
    """Return the options that were chosen last for a kind of export; what is not valid any more is the default."""
    known = {entry.name for entry in fields(type(defaults))}
    kept = {name: value for name, value in preferences.export_choices.get(kind, {}).items() if name in known}
    try:
        return type(defaults)(**{**defaults.as_dict(), **kept})
    except ParameterError:
        return defaults


def remember(preferences: Preferences, kind: str, options: Parameters) -> None:
    """Keep what was chosen for the next export of the kind."""
    kept = {name: value for name, value in options.as_dict().items() if name not in OF_ONE_FIGURE}
    preferences.export_choices = {**preferences.export_choices, kind: kept}
