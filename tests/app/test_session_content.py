"""What a window holds survives the way through a session file, whatever the values; wrong ones are named."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.controllers.files import OpenedFile
from app.features.sessions.content import Available, capture, plan, source_of
from app.features.sessions.file import SavedSource, SessionError, load_session, save_session
from app.state import Display, MethodInfo, OpenRecording, Regions, StrainMethodInfo, ViewerState
from app.state.raster import COLORMAPS
from engine.estimators.base import ESTIMATORS
from engine.parameters import ParameterInfo, Parameters
from engine.pipeline import Preparation, Settings
from engine.readers.base import Recording
from engine.strain.base import STRAIN_METHODS
from engine.types import Ellipse, Geometry, RFSequence

FRAMES = 5
GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)
AVAILABLE = Available(
    tuple(MethodInfo(entry.name, entry.title, entry.kind, entry.Params) for entry in ESTIMATORS),
    tuple(StrainMethodInfo(entry.name, entry.title, entry.Params) for entry in STRAIN_METHODS),
    {},
)
NUMBERS = st.floats(-0.1, 0.1)
SIZES = st.floats(1e-4, 0.05)
ELLIPSES = st.builds(Ellipse, NUMBERS, NUMBERS, SIZES, SIZES, st.floats(-180, 180))


def values_of(info: ParameterInfo) -> st.SearchStrategy[Any]:
    """Any value that a parameter allows."""
    if info.choices:
        return st.sampled_from(info.choices)
    if info.kind is bool:
        return st.booleans()
    if info.kind is str:
        return st.text(st.characters(codec="utf-8"), max_size=8)
    low = -1e3 if info.minimum is None else info.minimum
    high = low + 1e3 if info.maximum is None else info.maximum
    return st.integers(round(low), round(high)) if info.kind is int else st.floats(low, high)


def any_of(kind: type[Parameters], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{**{info.name: values_of(info) for info in kind.describe()}, **fixed})


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    method, strain_method = draw(st.sampled_from(AVAILABLE.methods)), draw(st.sampled_from(AVAILABLE.strain_methods))
    return Settings(
        method.name,
        draw(any_of(method.params)),
        draw(st.integers(0, FRAMES - 1)),
        preparation=draw(any_of(Preparation)),
        strain_method=strain_method.name,
        strain_parameters=draw(any_of(strain_method.params)),
    )


@pytest.fixture(scope="module", name="state")
def fixture_state() -> Iterator[ViewerState]:
    state = ViewerState()
    sequence = RFSequence.from_array(np.zeros((FRAMES, 8, 8), np.float32), GEOMETRY)
    state.set_recording(sequence, "key")
    yield state
    state.close()


@given(
    chosen=any_settings(),
    display=any_of(Display, colormap=st.sampled_from(tuple(COLORMAPS))),
    regions=st.builds(Regions, **{entry.name: st.none() | ELLIPSES for entry in fields(Regions)}),
    frame=st.integers(0, FRAMES - 1),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everything_comes_back(
    state: ViewerState, tmp_path: Path, chosen: Settings, display: Display, regions: Regions, frame: int
) -> None:
    state.set_settings(chosen)
    state.set_display(display)
    state.set_regions(regions)
    state.set_frame(frame)
    path = tmp_path / "any.strainscope"
    save_session(capture(state, SavedSource(paths=["/nowhere/one.h5"], key="key"), {}), path)
    wanted = plan(load_session(path), AVAILABLE)
    assert (wanted.settings, wanted.display, wanted.regions, wanted.frame) == (chosen, display, regions, frame)
    assert wanted.answer is None


@pytest.mark.parametrize(("name", "saved"), [("Größe 1.h5", True), ("bad\udcff.h5", False)])
def test_a_name_that_is_no_text_cannot_be_saved(name: str, saved: bool) -> None:
    sequence = replace(RFSequence.from_array(np.zeros((2, 8, 8), np.float32), GEOMETRY), paths=(Path("/a") / name,))
    recording = Recording((2, 8, 8), {}, lambda _frame: sequence.frame(0), sequence.paths, "memory")
    opened = OpenedFile(sequence.paths, "key", recording, None, {}, Regions())
    found = source_of(OpenRecording(1, sequence, "key"), opened)
    assert (found is not None) == saved
    assert source_of(OpenRecording(1, sequence, "another"), opened) is None
    assert source_of(OpenRecording(1, replace(sequence, paths=()), "key"), opened) is None


def test_weights_on_another_computer_are_refused(state: ViewerState) -> None:
    """Looking for them would tell that computer who looks."""
    network = next(entry for entry in AVAILABLE.methods if entry.name == "usse-net")
    state.set_settings(Settings(network.name, network.params(weights="\\\\server\\share\\w.safetensors")))
    session = capture(state, SavedSource(paths=["/nowhere/one.h5"], key="key"), {})
    with pytest.raises(SessionError, match="another computer"):
        plan(session, AVAILABLE)
