"""How a workspace keeps the settings of a run, and how these become settings again in a window with its methods."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError

from app.state.runs import MethodInfo, StrainMethodInfo
from app.state.workspace import Kept, WorkspaceError, first_problem
from engine.errors import StrainscopeError
from engine.parameters import Parameters
from engine.pipeline import Preparation, Settings
from engine.strain.base import read_in
from engine.types import Result

Value = bool | int | float | str
Info = TypeVar("Info", MethodInfo, StrainMethodInfo)


class KeptSettings(Kept):
    """Everything that decides a result, by names; without a method's name, the one chosen last with its defaults."""

    method: str = ""
    parameters: dict[str, Value] = Field(default_factory=dict)
    strain_method: str = Settings(method="").strain_method
    strain_parameters: dict[str, Value] = Field(default_factory=dict)
    preparation: Preparation = Field(default_factory=Preparation)
    reference: int = Field(default=0, ge=0)
    frames: tuple[int, ...] | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take down settings."""
        return cls(
            method=settings.method,
            parameters=_values(settings.parameters),
            strain_method=settings.strain_method,
            strain_parameters=_values(settings.strain_parameters),
            preparation=settings.preparation,
            reference=settings.reference,
            frames=settings.frames,
        )

    def settings(
        self, last: str, methods: Sequence[MethodInfo], strain_methods: Sequence[StrainMethodInfo], count: int
    ) -> Settings:
        """Return settings for a recording of `count` frames; what is not to be had here is a WorkspaceError.

        `last` is the method chosen last. Frames that the recording does not have are left out.
        """
        method = _find("method", self.method or last, methods)
        strain_method = _find("strain filter", self.strain_method, strain_methods)
        frames = None if self.frames is None else tuple(frame for frame in self.frames if 0 <= frame < count)
        return Settings(
            method=method.name,
            parameters=_build(method.name, method.params, self.parameters),
            reference=self.reference if self.reference < count else 0,
            frames=frames or None,
            preparation=self.preparation,
            strain_method=strain_method.name,
            strain_parameters=_build(strain_method.name, strain_method.params, self.strain_parameters)
            if self.strain_parameters
            else read_in(strain_method.params, method.strain_window_m),
        )


def settings_of_result(
    result: Result, methods: Sequence[MethodInfo], strain_methods: Sequence[StrainMethodInfo], count: int
) -> tuple[Settings, str]:
    """Return the settings that a result was made with, and in words why it cannot be made again here, if so."""
    made = result.provenance
    everything = {frame for frame in range(count) if frame != result.reference_frame}
    frames = None if set(result.deformed_frames) == everything else result.deformed_frames
    try:
        kept = KeptSettings.model_validate(
            {
                "method": made.method,
                "parameters": made.parameters.get("method", {}),
                "strain_method": made.parameters.get("strain_method", KeptSettings().strain_method),
                "strain_parameters": made.parameters.get("strain", {}),
                "preparation": made.parameters.get("preparation", {}),
                "reference": result.reference_frame,
                "frames": frames,
            }
        )
        return kept.settings(made.method, methods, strain_methods, count), ""
    except (ValidationError, StrainscopeError) as error:
        why = first_problem(error) if isinstance(error, ValidationError) else str(error)
        settings = Settings(made.method, reference=result.reference_frame, frames=frames)
        return settings, f"This result can be shown but not made again here: {why}."


def _values(parameters: Parameters | None) -> dict[str, Value]:
    return {} if parameters is None else dict(parameters.as_dict())


def _find(what: str, name: str, known: Sequence[Info]) -> Info:
    found = next((entry for entry in known if entry.name == name), None)
    if found is None:
        names = ", ".join(entry.name for entry in known)
        raise WorkspaceError(f"there is no {what} {name!r} in this program; there are: {names}")
    if found.unavailable:
        raise WorkspaceError(f"the {what} {name} cannot run here: {found.unavailable}")
    return found


def _build(method: str, kind: type[Parameters], values: Mapping[str, Any]) -> Parameters:
    known = [info.name for info in kind.describe()]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise WorkspaceError(f"{method} has no parameter {unknown[0]}; it has: {', '.join(known) or 'none'}")
    try:
        return kind(**values)
    except StrainscopeError as error:
        raise WorkspaceError(f"parameters of {method}: {error}") from error
