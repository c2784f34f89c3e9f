"""What a notebook shows of recordings, results, figures and tables: words, and their picture.

A notebook asks a value for `_repr_html_`. Pictures are made far above values in the chain, so they get theirs here.
"""

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from engine.export.table import MetricTable
from engine.figures.compose import compose
from engine.figures.content import FigureContent
from engine.figures.save import figure_bytes
from engine.preprocess.bmode import bmode_db
from engine.readers import Recording
from engine.reliability.frame import judge_result
from engine.types import Result, RFSequence

DPI = 100
DYNAMIC_RANGE_DB = 60.0
PIXELS_PER_MM = 8


def picture_of(content: FigureContent) -> str:
    """Draw a figure into HTML."""
    return _image(figure_bytes(content, "png", DPI))


def result_of(result: Result) -> str:
    """Say what a result is, and draw its best frame."""
    judged = judge_result(result)
    frame = result.deformed_frames[-1] if judged.best_frame is None else judged.best_frame
    words = "".join(f"<br>{escape(text)}" for text in judged.words)
    return f"<p>{escape(repr(result))}{words}</p>{picture_of(compose(result, frame))}"


def recording_of(recording: Recording | RFSequence) -> str:
    """Say what a recording is, and draw the B-mode of its first frame, unless frames have to be computed."""
    words = f"<p>{escape(repr(recording))}</p>"
    if isinstance(recording, Recording) and (recording.costly or recording.lacking()):
        return words
    sequence = recording.complete() if isinstance(recording, Recording) else recording
    if not sequence.has_rf:
        return words
    decibel = bmode_db(sequence.read_frame(0))
    grey = np.clip(255 * (1 + decibel / DYNAMIC_RANGE_DB), 0, 255).astype(np.uint8)
    rows, lines = sequence.shape[1:]
    millimetres = lines * sequence.geometry.pitch_m * 1e3, rows * sequence.geometry.axial_spacing_m * 1e3
    size = tuple(max(round(PIXELS_PER_MM * length), 1) for length in millimetres)
    stream = BytesIO()
    Image.fromarray(grey).resize((size[0], size[1])).save(stream, "png")
    return words + _image(stream.getvalue())


def table_of(table: MetricTable) -> str:
    """Write a table with a line for each frame."""
    if not table:
        return "<p>no frame</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in table[0])
    lines = ("".join(f"<td>{_cell(value)}</td>" for value in row.values()) for row in table)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))


def _image(png: bytes) -> str:
    return f'<img src="data:image/png;base64,{b64encode(png).decode()}">'


def show_in_notebooks() -> None:
    """Let notebooks show our values."""
    views: dict[type, Any] = {
        FigureContent: picture_of,
        MetricTable: table_of,
        RFSequence: recording_of,
        Recording: recording_of,
        Result: result_of,
    }
    for kind, view in views.items():
        kind._repr_html_ = view  # type: ignore[attr-defined]
