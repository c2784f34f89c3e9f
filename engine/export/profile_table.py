"""A profile as CSV: a map and B-mode level along a line, with where they come from as comment lines on top."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.as_shown import noted
from engine.export.table import MILLI, cell, csv_head, provenance_lines
from engine.following import DeformedShape
from engine.maps.base import other_map
from engine.maps.reading import ReadMap, map_reader, measured_map
from engine.metrics.profile import ProfileLine, profile
from engine.quantity import AXIAL_STRAIN, COMPRESSIVE, Quantity
from engine.strain.persistence import averaged_frames
from engine.types import Map, Provenance, Result

Values = NDArray[np.float64]
Bmode = tuple[int, Map]


def profile_text(
    line: ProfileLine,
    distances_m: Values,
    values: Values | None,
    bmode_db: Values,
    provenance: Provenance,
    facts: Mapping[str, str] | None = None,
    quantity: Quantity = COMPRESSIVE,
) -> str:
    """Write a profile as text: comment lines, a header, and a line for each of the N points.

    `values` (N,) are of a map as it is stored and written in the unit of the `quantity`, strain in per cent with
    compression positive, as every table does; `bmode_db` (N,). What is NaN is empty. `facts` are further comments,
    such as the frame.
    """
    lateral, depth = line.at(distances_m)
    title = "compressive_strain_percent" if quantity is COMPRESSIVE else quantity.column
    columns = {
        "distance_mm": MILLI * distances_m,
        "lateral_mm": MILLI * np.asarray(lateral),
        "depth_mm": MILLI * np.asarray(depth),
        **({} if values is None else {title: quantity.factor * values}),
        "bmode_db": bmode_db,
    }
    ends = (line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m)
    words = "{:.6g} {:.6g} to {:.6g} {:.6g} mm (lateral depth)".format(*(MILLI * end for end in ends))
    comments = [*provenance_lines(provenance), *(facts or {}).items(), ("line", words)]
    sign = {} if quantity is COMPRESSIVE else {"sign": f"as shown, {quantity.label}"}
    lines = [*csv_head(comments, **sign), ",".join(columns)]
    lines += [",".join(cell(float(value)) for value in row) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"


def profile_of(
    result: Result,
    frame: int,
    line: ProfileLine,
    persistence: int = 1,
    bmode: Bmode | None = None,
    quality: float = 0.0,
    *,
    drawn: str = AXIAL_STRAIN,
    read_map: ReadMap | None = None,
    deformed: bool = False,
) -> str:
    """Write the profile of one frame of a result, averaged as the table's strain is, as text.

    Pixels below `quality` do not count. `drawn` is the map; `read_map` reads one that needs more than the result. The
    line lies on the reference's grid, or on the map in `deformed` shape.
    `bmode` is the number of a frame and its B-mode (H, W) in dB; without it that column is empty.
    """
    other = other_map(drawn)
    read_map = read_map if other is None or read_map is not None else map_reader(result, drawn)
    found = averaged_frames(result, persistence)(frame)
    distances = line.distances_m(result.geometry)
    number, levels = (None, np.full(distances.shape, np.nan))
    if bmode is not None:
        number, levels = bmode[0], profile(bmode[1], result.geometry, line)
    facts = {
        "frame": str(frame),
        "reference_frame": str(found.reference),
        **({} if number is None else {"bmode_frame": str(number)}),
        **({"averaged_frames": " ".join(map(str, found.averaged))} if len(found.averaged) > 1 and not other else {}),
    }
    shown = measured_map(found, read_map, quality)
    shown = DeformedShape(result.frame(frame).displacement).shown(shown) if deformed else shown
    values = profile(shown, result.geometry, line)
    source = noted(result.provenance, measured_above=quality, deformed=deformed)
    return profile_text(line, distances, values, levels, source, facts, other.quantity if other else COMPRESSIVE)
