"""`strainscope info`: what a recording or a result holds, and where each geometry value comes from."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands._groups import grouped
from app.commands._output import echo, echo_columns, echo_json
from app.commands._shared import AsJson, Files, Opening, open_result
from engine.errors import ParameterError

if TYPE_CHECKING:
    from engine.readers.base import Recording

_EXAMPLES = {"sampling_hz": 40e6, "center_hz": 6e6, "pitch_m": 0.2e-3}
"""Values that show the unit in which an option is given, where the recording suggests none."""

Quality = Annotated[
    bool, typer.Option("--quality", help="Measure the noise floor of strain too, on the most still pair of frames.")
]

LABELS = {
    "sampling_hz": ("Sampling rate", 1e-6, "MHz"),
    "center_hz": ("Centre frequency", 1e-6, "MHz"),
    "sound_speed_m_s": ("Speed of sound", 1.0, "m/s"),
    "pitch_m": ("Line pitch", 1e3, "mm"),
    "start_depth_m": ("First sample at", 1e3, "mm"),
    "frame_rate_hz": ("Frame rate", 1.0, "Hz"),
}


@grouped
def info(files: Files, opening: Opening, quality: Quality = False, as_json: AsJson = False) -> None:
    """Show format, shape and geometry of a recording, and where each value comes from."""
    from engine.files.own_formats import is_result_file

    is_result = len(files) == 1 and is_result_file(files[0])
    if is_result and quality:
        raise ParameterError("--quality is measured on a recording, not on a result")
    facts = _result_facts(files[0]) if is_result else _facts(files, opening)
    if quality:
        facts["noise_floor"] = _noise_floor(files, opening)
    if as_json:
        echo_json(facts)
    else:
        _show(facts)


def _noise_floor(files: list[Path], opening: Opening) -> dict[str, Any]:
    from engine.noise_floor import noise_floor

    found = noise_floor(opening.sequence(files))
    return {**asdict(found), "words": found.words()}


def _facts(files: list[Path], opening: Opening) -> dict[str, Any]:
    from engine.readers.base import ASSUMED
    from engine.types import geometry_fields

    recording = opening.recording(files)
    suggested = recording.suggestions(opening.given)
    assumed = {**ASSUMED, **(suggested if opening.accept_suggested else {})}
    geometry = {name: _source(name, opening.given, recording.known, assumed, suggested) for name in geometry_fields()}
    for name, place in recording.found_at.items():
        if geometry[name]["source"] == "file":
            geometry[name]["found_at"] = place
    return {
        "format": recording.format,
        "files": [str(path) for path in recording.paths],
        "frames": recording.shape[0],
        "axial_samples": recording.shape[1],
        "lines": recording.shape[2],
        "axes": recording.axes,
        "axes_assumed": recording.axes_assumed,
        "variables": list(recording.variables),
        "truth": recording.truth is not None,
        "kind": recording.kind,
        "geometry": geometry,
        "sector": _sector(recording),
        "notes": list(recording.notes),
        **_advice(recording, opening, suggested),
    }


def _sector(recording: "Recording") -> dict[str, Any] | None:
    """How lines fan out, and who says so."""
    if recording.sector is None:
        return None
    return {
        "apex_radius_m": recording.sector.apex_radius_m,
        "angle_step_rad": recording.sector.angle_step_rad,
        "source": recording.sector_source,
    }


def _advice(recording: "Recording", opening: Opening, suggested: Mapping[str, float]) -> dict[str, Any]:
    """Whether the recording can be estimated as it is, and in one line what to do next."""
    lacking = recording.lacking(opening.given, accept_suggested=opening.accept_suggested)
    if not lacking:
        sure = "; its axes are assumed: look at them, and turn them with --axes" if recording.axes_assumed else ""
        return {"ready": True, "missing": [], "advice": f"ready for `strainscope estimate`{sure}"}
    words = ", ".join(LABELS[name][0].lower() for name in lacking)
    options = " ".join(f"{_option(name)} {_typed(name, suggested.get(name, _EXAMPLES[name]))}" for name in lacking)
    proposed = [name for name in lacking if name in suggested]
    taken = f", or take the suggested {' and '.join(LABELS[name][0].lower() for name in proposed)} with "
    also = f"{taken}--accept-suggested" if proposed else ""
    return {"ready": False, "missing": list(lacking), "advice": f"missing: {words}; give, for example, {options}{also}"}


def _typed(name: str, value: float) -> str:
    """Write a value in the unit of its option, with the exponent of the unit in which it is shown: 38.5e6, 0.2e-3."""
    scale = LABELS[name][1]
    return f"{value * scale:.4g}e{-round(math.log10(scale))}"


def _source(
    name: str,
    given: Mapping[str, float],
    known: Mapping[str, float],
    assumed: Mapping[str, float],
    suggested: Mapping[str, float],
) -> dict[str, Any]:
    for source, values in (("user", given), ("file", known), ("assumed", assumed)):
        if name in values:
            return {"value": values[name], "source": source}
    suggestion = {"suggested": suggested[name]} if name in suggested else {}
    return {"value": None, "source": "missing", **suggestion}


def _result_facts(path: Path) -> dict[str, Any]:
    from engine.accumulation import drift_words
    from engine.files.own_formats import RESULT
    from engine.types import geometry_fields

    result = open_result(path)
    drift = drift_words(result.frame(result.deformed_frames[-1]).displacement.report)
    values = {name: getattr(result.geometry, name) for name in geometry_fields()}
    sources = {name: getattr(result.geometry.sources, name) for name in values}
    return {
        "format": RESULT,
        "files": [str(path)],
        "frames": result.shape[0],
        "axial_samples": result.shape[1],
        "lines": result.shape[2],
        "reference_frame": result.reference_frame,
        "deformed_frames": list(result.deformed_frames),
        "geometry": {
            name: {"value": value, "source": sources[name] if value is not None else "missing"}
            for name, value in values.items()
        },
        "provenance": result.provenance,
        "notes": [f"Frame {result.deformed_frames[-1]}: {drift}"] if drift else [],
    }


def _show(facts: dict[str, Any]) -> None:
    files = facts["files"]
    echo(files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more")
    rows = [
        ["Format", facts["format"], ""],
        ["Shape", f"{facts['frames']} frames x {facts['axial_samples']} samples x {facts['lines']} lines", ""],
    ]
    if len(facts.get("variables", ())) > 1:
        rows.append(["Arrays", "; ".join(facts["variables"]), "choose with --variable"])
    if facts.get("axes_assumed"):
        rows.append(["Axes", facts["axes"], "assumed"])
    if facts.get("truth"):
        rows.append(["Truth", "displacement and strain of every frame", "file"])
    if "provenance" in facts:
        rows.append(["Method", facts["provenance"].method, ""])
        rows.append(["Reference", f"frame {facts['reference_frame']}", ""])
    if facts.get("sector"):
        sector = facts["sector"]
        fan = f"{math.degrees(sector['angle_step_rad']):.4g} deg a line from a radius of "
        rows.append(["Sector", f"{fan}{sector['apex_radius_m'] * 1e3:.4g} mm", sector["source"]])
    rows += [_geometry_row(name, entry) for name, entry in facts["geometry"].items()]
    echo_columns(rows, indent="  ")
    for note in facts["notes"]:
        echo(f"  Note: {note}")
    if "noise_floor" in facts:
        words = facts["noise_floor"]["words"]
        echo(f"  {words[0].upper()}{words[1:]}.")
    if "advice" in facts:
        echo(f"  {facts['advice'][0].upper()}{facts['advice'][1:]}.")


def _geometry_row(name: str, entry: dict[str, Any]) -> list[str]:
    label, scale, unit = LABELS[name]
    if entry["value"] is not None:
        return [label, f"{entry['value'] * scale:.6g} {unit}", _whence(entry)]
    option = _option(name)
    if "suggested" in entry:
        return [
            label,
            "-",
            f"not in the file; {entry['suggested'] * scale:.4g} {unit} suggested, give {option}",
        ]
    return [label, "-", f"not in the file; {'may' if name == 'frame_rate_hz' else 'must'} be given with {option}"]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whence(entry: Mapping[str, Any]) -> str:
    """Return the source of a value, and where in the file it stands."""
    return f"{entry['source']}, {entry['found_at']}" if "found_at" in entry else str(entry["source"])
