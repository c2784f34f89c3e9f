"""Figures for a paper: B-mode and strain side by side in mm, ellipses, colour bar and numbers, at any resolution.

Drawn with matplotlib's object interface; the format follows the suffix: PNG, PDF, SVG or TIFF. The same content gives
the same file, byte for byte; no date goes into it. Fonts in PDF are embedded as TrueType, so that text stays text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError, WriteError
from engine.figures.words import provenance_text
from engine.files.atomic import atomic_path
from engine.metrics.base import Measurement
from engine.metrics.profile import ProfileLine
from engine.quantity import COMPRESSIVE, Quantity
from engine.types import Ellipse, Geometry, Map, Provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = {".png": "png", ".pdf": "pdf", ".svg": "svg", ".tif": "tiff", ".tiff": "tiff"}
SMALLEST_DPI, LARGEST_DPI = 50, 1200

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "text.parse_math": False,  # a $ in a title is a $
    "axes.linewidth": 0.6,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "strainscope",
}


@dataclass(frozen=True)
class StrainPanel:
    """One map (H, W) as it is stored, strain negative in compression, under a title, with its numbers if any."""

    title: str
    strain: Map
    metrics: Mapping[str, Measurement] = field(default_factory=dict)


@dataclass(frozen=True)
class FigureContent:
    """All that a figure shows; `limits` of the `quantity` as shown, None for limits that fit the maps.

    Without `bmode_db` only strain is shown. With `scale_bar` a bar of some mm stands in place of the axes. `caption`
    prints the provenance below the figure; it is in the file's metadata in any case. `notes` say why a number
    is missing and what grey means; `remarks` are lines below the maps, such as how strain is normalised.
    `compared_with` is where the second of two compared maps comes from. `lesion` is the lesion's outline on the B-mode,
    `profile` a line that is drawn on the strain.
    """

    strain: tuple[StrainPanel, ...]
    geometry: Geometry
    bmode_db: Map | None = None
    target: Ellipse | None = None
    background: Ellipse | None = None
    limits: tuple[float, float] | None = None
    colormap: str = "viridis"
    dynamic_range_db: float = 60.0
    title: str = ""
    scale_bar: bool = False
    caption: bool = False
    provenance: Provenance | None = None
    quantity: Quantity = COMPRESSIVE
    notes: bool = True
    remarks: tuple[str, ...] = ()
    compared_with: Provenance | None = None
    lesion: Ellipse | None = None
    profile: ProfileLine | None = None

    def __post_init__(self) -> None:
        shapes = {panel.strain.shape for panel in self.strain} | (
            set() if self.bmode_db is None else {self.bmode_db.shape}
        )
        if len(shapes) != 1:
            raise ParameterError(f"a figure needs maps of one shape, found {sorted(shapes) or 'none'}")
        if not self.dynamic_range_db > 0:
            raise ParameterError(f"dynamic range must be positive, found {self.dynamic_range_db:g} dB")
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ParameterError("the lower limit of strain must be below the upper one")


def save_figure(content: FigureContent, path: Path, dpi: float = 300) -> None:
    """Draw `content` into a file, whole or not at all; `dpi` counts for pixels, also those inside PDF and SVG.

    >>> content = FigureContent((StrainPanel("Strain", estimate.strain.axial),), geometry)  # doctest: +SKIP
    >>> save_figure(content, Path("figure.pdf"))  # doctest: +SKIP
    """
    from engine.figures.layout import draw

    save_drawing(content, path, dpi, draw)


def save_drawing(content: FigureContent, path: Path, dpi: float, draw: "Callable[[FigureContent], Figure]") -> None:
    """Draw `content` in the way of `draw` and write it with its provenance, whole or not at all."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise WriteError(f"cannot write {path}: a figure ends in {', '.join(FORMATS)}")
    _check_dpi(dpi)
    from matplotlib import style

    drawing = BytesIO()  # the encoder of TIFF writes to files in a way that hides why it cannot
    with style.context(["default", _STYLE]):
        draw(content).savefig(drawing, format=kind, dpi=dpi, facecolor="white", **_metadata(content, kind))
    with atomic_path(path) as temporary:
        temporary.write_bytes(drawing.getbuffer())


def drawn(content: FigureContent, dpi: float) -> NDArray[np.uint8]:
    """Draw `content` into an array (H, W, 3), for a movie."""
    _check_dpi(dpi)
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from engine.figures.layout import draw

    with style.context(["default", _STYLE]):
        figure = draw(content)
        figure.set_dpi(dpi)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels: NDArray[np.uint8] = np.array(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return pixels[..., :3]


def _check_dpi(dpi: float) -> None:
    if not SMALLEST_DPI <= dpi <= LARGEST_DPI:
        raise ParameterError(f"dpi must lie between {SMALLEST_DPI} and {LARGEST_DPI}, found {dpi:g}")


def suggest_limits(*maps: Map, quantity: Quantity = COMPRESSIVE) -> tuple[float, float]:
    """Limits of the quantity as shown that hold nearly all of the maps, at two significant digits.

    They start at zero when most values are positive, and are symmetric about zero when about as many are negative.
    """
    values = np.concatenate([quantity.shown(entry[np.isfinite(entry)]) for entry in maps])
    low, high = np.percentile(values, [2, 98]) if values.size else (0.0, 1.0)
    reach = _round_up(max(abs(low), abs(high)))
    if low >= -0.5 * high and not quantity.symmetric:
        return 0.0, reach
    if high <= -0.5 * low and not quantity.symmetric:
        return -reach, 0.0
    return -reach, reach


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.ceil(value / step - 1e-9) * step:.3g}")


def _metadata(content: FigureContent, kind: str) -> dict[str, Any]:
    """Title and provenance in the way each format keeps them, without any date."""
    program = f"strainscope {content.provenance.program_version}" if content.provenance else "strainscope"
    title, text = content.title or content.quantity.label, provenance_text(content)
    if kind == "png":
        return {"metadata": {"Title": title, "Description": text, "Software": program}}
    if kind == "pdf":
        return {"metadata": {"Title": title, "Subject": text, "Creator": program, "CreationDate": None}}
    if kind == "svg":
        return {"metadata": {"Title": title, "Description": text, "Creator": program, "Date": None}}
    return {"pil_kwargs": {"compression": "tiff_lzw", "description": f"{title}; {text}", "software": program}}
