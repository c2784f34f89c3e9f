"""Regions kept by name for other recordings: a JSON file beside the preferences, lengths in millimetres."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from app.preferences import preferences_path
from app.state import Regions
from engine.errors import StrainscopeError
from engine.files.atomic import write_text
from engine.files.shared_json import locked
from engine.types import Ellipse

MOST_BYTES = 1 << 20
MILLI = 1e3


class TemplateError(StrainscopeError):
    """Templates that cannot be read or kept."""


class SavedEllipse(BaseModel):
    """An ellipse in millimetres and degrees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lateral_mm: FiniteFloat
    depth_mm: FiniteFloat
    semi_lateral_mm: FiniteFloat = Field(gt=0)
    semi_axial_mm: FiniteFloat = Field(gt=0)
    angle_deg: FiniteFloat = 0.0


class TemplateFile(BaseModel):
    """All templates: name, then role, then ellipse."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["strainscope-regions"] = "strainscope-regions"
    version: Literal[1] = 1
    templates: dict[str, dict[Literal["target", "background", "lesion"], SavedEllipse]] = Field(default_factory=dict)


def templates_path() -> Path:
    """Return the place of the templates: beside the preferences."""
    return preferences_path().with_name("regions.json")


def load_templates(path: Path | None = None) -> dict[str, Regions]:
    """Read all templates by name; none where there is no file. A file that is no such file is one TemplateError."""
    path = path or templates_path()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TemplateError(f"{path}: no region templates: the file is larger than 1 MiB")
        content = TemplateFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TemplateError(f"{path}: the region templates cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise TemplateError(f"{path}: not valid region templates: {field}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"{path}: no region templates: the file is no JSON text") from error
    return {name: _regions(saved) for name, saved in content.templates.items()}


def save_template(name: str, regions: Regions, path: Path | None = None) -> None:
    """Keep regions under a name, in place of what was kept under it."""
    name = " ".join(name.split())
    if not name:
        raise TemplateError("a template needs a name")
    if regions == Regions():
        raise TemplateError("there is no region to keep: draw one first")
    _change(lambda kept: {**kept, name: regions}, path)


def delete_template(name: str, path: Path | None = None) -> None:
    """Forget what is kept under a name."""
    if name in load_templates(path):
        _change(lambda kept: {other: regions for other, regions in kept.items() if other != name}, path)


def fitted(ellipse: Ellipse, edges_m: tuple[float, float, float, float]) -> Ellipse:
    """Shift an ellipse into an image (left, top, width, height), and make one smaller that is larger than the image."""
    left, top, width, height = edges_m
    half_width, half_height = ellipse.reach_m
    factor = min(1.0, width / (2 * half_width), height / (2 * half_height))
    half_width, half_height = factor * half_width, factor * half_height
    return replace(
        ellipse,
        lateral_m=min(max(ellipse.lateral_m, left + half_width), left + width - half_width),
        depth_m=min(max(ellipse.depth_m, top + half_height), top + height - half_height),
        semi_lateral_m=factor * ellipse.semi_lateral_m,
        semi_axial_m=factor * ellipse.semi_axial_m,
    )


def _change(change: Callable[[dict[str, Regions]], dict[str, Regions]], path: Path | None) -> None:
    """Change what the file holds now, which another window may have written just before."""
    path = path or templates_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TemplateError(f"{path}: the region templates cannot be kept: {error.strerror or error}") from error
    with locked(path):
        changed = change(load_templates(path))
        saved = {name: _saved(entry) for name, entry in changed.items()}
        content = TemplateFile.model_validate({"templates": saved})
        write_text(path, content.model_dump_json(indent=1))


def _saved(regions: Regions) -> dict[str, SavedEllipse]:
    drawn = {entry.name: getattr(regions, entry.name) for entry in fields(Regions)}
    return {role: _saved_ellipse(ellipse) for role, ellipse in drawn.items() if ellipse is not None}


def _saved_ellipse(ellipse: Ellipse) -> SavedEllipse:
    lengths = (ellipse.lateral_m, ellipse.depth_m, ellipse.semi_lateral_m, ellipse.semi_axial_m)
    lateral, depth, semi_lateral, semi_axial = (round(MILLI * length, 6) for length in lengths)
    return SavedEllipse(
        lateral_mm=lateral,
        depth_mm=depth,
        semi_lateral_mm=semi_lateral,
        semi_axial_mm=semi_axial,
        angle_deg=ellipse.angle_deg,
    )


def _regions(saved: dict[Literal["target", "background", "lesion"], SavedEllipse]) -> Regions:
    found = {role: _ellipse(entry) for role, entry in saved.items()}
    return Regions(**found)


def _ellipse(saved: SavedEllipse) -> Ellipse:
    return Ellipse(
        lateral_m=saved.lateral_mm / MILLI,
        depth_m=saved.depth_mm / MILLI,
        semi_lateral_m=saved.semi_lateral_mm / MILLI,
        semi_axial_m=saved.semi_axial_mm / MILLI,
        angle_deg=saved.angle_deg,
    )
