"""Write a figure: PNG, PDF, SVG or TIFF by the suffix, whole or not at all, with where it comes from in its metadata.

Drawn with matplotlib's object interface. The same content gives the same file, byte for byte; no date goes into it.
Text stays text: fonts in PDF are embedded as TrueType, SVG names them.
"""

import json
import threading
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError, WriteError
from engine.figures.content import FigureContent
from engine.figures.options import LARGEST_DPI, SMALLEST_DPI
from engine.files.atomic import atomic_path, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure

    Draw = Callable[[FigureContent], Figure]

_DRAWING = threading.Lock()
FORMATS = {".png": "png", ".pdf": "pdf", ".svg": "svg", ".tif": "tiff", ".tiff": "tiff"}


def save_figure(content: FigureContent, path: Path, dpi: float | None = None) -> None:
    """Draw a figure into a file, with where it comes from in its metadata.

    Parameters
    ----------
    content
        What `compose` gives.
    path
        `.png`, `.pdf`, `.svg`, `.tif` or `.tiff`; the file appears when it is complete.
    dpi
        Pixels per inch, also of the pictures inside PDF and SVG; None takes that of the content's options.

    Raises
    ------
    WriteError
        The suffix is another, or the file cannot be written.
    ParameterError
        The resolution is out of range.

    >>> save_figure(compose(result, 3), Path("figure.pdf"))  # doctest: +SKIP
    """
    from engine.figures.draw import draw

    _save(content, path, dpi, draw)


def save_sheet(content: FigureContent, path: Path, dpi: float | None = None) -> None:
    """Draw every strain panel small, in rows, under the same limits.

    Parameters
    ----------
    content
        What `compose_sheet` gives.
    path, dpi
        As for `save_figure`.

    Raises
    ------
    WriteError
        The file cannot be written; one that was there stays.
    """
    from engine.figures.draw_sheet import draw_sheet

    _save(content, path, dpi, draw_sheet)


@contextmanager
def _styled(content: FigureContent) -> "Iterator[None]":
    """Draw under our settings alone: matplotlib has one set for all threads, so only one of them draws at a time."""
    from matplotlib import style

    from engine.figures.page import font_style

    with _DRAWING, style.context(["default", font_style(content.options.font_size_pt)]):
        yield


def drawn(content: FigureContent, dpi: float) -> NDArray[np.uint8]:
    """Draw `content` into an array (H, W, 3), for a movie."""
    _check_dpi(dpi)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from engine.figures.draw import draw

    with _styled(content):
        figure = draw(content)
        figure.set_dpi(dpi)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels: NDArray[np.uint8] = np.array(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(pixels[..., :3])


def figure_bytes(content: FigureContent, kind: str, dpi: float, draw: "Draw | None" = None) -> bytes:
    """Draw `content` as `png`, `pdf`, `svg` or `tiff`."""
    if draw is None:
        from engine.figures.draw import draw as draw_figure

        draw = draw_figure
    _check_dpi(dpi)
    drawing = BytesIO()  # the encoder of TIFF writes to files in a way that hides why it cannot
    with _styled(content):
        draw(content).savefig(drawing, format=kind, dpi=dpi, facecolor="white", **_metadata(content, kind))
    return drawing.getvalue()


def _save(content: FigureContent, path: Path, dpi: float | None, draw: "Draw") -> None:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise WriteError(f"cannot write {path}: a figure ends in {', '.join(FORMATS)}")
    drawing = figure_bytes(content, kind, content.options.dpi if dpi is None else dpi, draw)
    with atomic_path(path) as temporary:
        temporary.write_bytes(drawing)
    if content.options.settings:
        write_text(path.with_suffix(".json"), settings_text(content))


def settings_text(content: FigureContent) -> str:
    """Write all settings of a figure as JSON: of each map where it comes from, and how it is shown."""
    maps = [{"title": panel.title, "source": panel.source and asdict(panel.source)} for panel in content.strain]
    scale = {
        "quantity": content.scale.quantity.name,
        "limits": content.limits(),
        "colormap": content.scale.colormap,
    }
    marks = {name: value and asdict(value) for name, value in vars(content.marks).items()}
    told = {"maps": maps, "scale": scale, "marks": marks, "options": content.options.as_dict()}
    return json.dumps(told, indent=1, sort_keys=True, default=str) + "\n"


def _check_dpi(dpi: float) -> None:
    if not SMALLEST_DPI <= dpi <= LARGEST_DPI:
        raise ParameterError(f"dpi must lie between {SMALLEST_DPI} and {LARGEST_DPI}, found {dpi:g}")


def _metadata(content: FigureContent, kind: str) -> dict[str, Any]:
    """Title and provenance in the way each format keeps them, without any date."""
    from engine.figures.words import provenance_text

    source = content.strain[0].source
    program = f"strainscope {source.program_version}" if source else "strainscope"
    title, text = content.options.title or content.scale.quantity.label, provenance_text(content)
    if kind == "png":
        return {"metadata": {"Title": title, "Description": text, "Software": program}}
    if kind == "pdf":
        return {"metadata": {"Title": title, "Subject": text, "Creator": program, "CreationDate": None}}
    if kind == "svg":
        return {"metadata": {"Title": title, "Description": text, "Creator": program, "Date": None}}
    return {"pil_kwargs": {"compression": "tiff_lzw", "description": f"{title}; {text}", "software": program}}
