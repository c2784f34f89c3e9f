"""The names that scripts use: what they take, what they give, and how they say what was wrong."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import strainscope
from engine.errors import ParameterError, ReadError, StrainscopeError, WriteError
from engine.notebook import show_in_notebooks
from strainscope import Ellipse

TARGET = Ellipse.mm(-4.4, 14, 2.0, 2.0)
BACKGROUND = Ellipse.mm(4, 14, 2.0, 2.0)


@pytest.fixture(name="small", scope="module")
def fixture_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 0, 3 and 4 of the example around its lesion, 0.4 mm to the right of the middle."""
    sequence = strainscope.open_recording(strainscope.example()).complete()
    rf = np.stack([sequence.frame(index)[440:1000, 34:98] for index in (0, 3, 4)])
    geometry = replace(sequence.geometry, start_depth_m=440 * sequence.geometry.axial_spacing_m)
    path = tmp_path_factory.mktemp("small") / "small.h5"
    return strainscope.save(strainscope.RFSequence.from_array(rf, geometry), path)


@pytest.fixture(name="result", scope="module")
def fixture_result(small: Path) -> strainscope.Result:
    return strainscope.run(small, "ncc", window_m=3e-3)


def test_every_public_name_is_there() -> None:
    for name in strainscope.__all__:
        assert getattr(strainscope, name) is not None
    assert set(strainscope.__all__) <= set(dir(strainscope))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = strainscope.nothing


def test_a_recording_is_run_from_whatever_stands_for_it(small: Path, result: strainscope.Result) -> None:
    assert result.deformed_frames == (1, 2)
    assert result.provenance.parameters["method"]["window_m"] == 3e-3
    recording = strainscope.open_recording(str(small))
    for source in (recording, recording.complete(), [str(small)]):
        again = strainscope.run(source, "ncc", frames=2, window_m=3e-3)
        np.testing.assert_array_equal(again.frame(2).strain.axial, result.frame(2).strain.axial)


def test_a_run_into_a_file_gives_the_same(small: Path, result: strainscope.Result, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    written = strainscope.run(
        small,
        "ncc",
        frames=2,
        window_m=3e-3,
        output=tmp_path / "result.h5",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (1, 1)
    assert written.path == tmp_path / "result.h5"
    np.testing.assert_array_equal(written.frame(2).strain.axial, result.frame(2).strain.axial)
    assert strainscope.read_result(str(tmp_path / "result.h5")).provenance == written.provenance


def test_numbers_are_dictionaries_with_the_columns_of_the_table(result: strainscope.Result, tmp_path: Path) -> None:
    table = strainscope.measure(result, TARGET, BACKGROUND)
    assert [row["frame"] for row in table] == [1, 2]
    assert 2 < table[1]["strain_ratio"] < 3
    path = strainscope.save(table, tmp_path / "numbers.csv")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines[0].split(",") == list(table[0])
    assert float(lines[2].split(",")[list(table[1]).index("cnr")]) == pytest.approx(table[1]["cnr"], rel=1e-6)
    bare = strainscope.measure(result, frames=1)[0]
    assert math.isnan(bare["cnr"])
    assert "cnr=not_drawn" in bare["missing"]


def test_pandas_makes_a_data_frame_of_it(result: strainscope.Result) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(strainscope.measure(result, TARGET, BACKGROUND)).set_index("frame")
    assert frame.loc[2, "mean_target_percent"] > 0


def test_figures_and_results_are_saved_by_their_ending(small: Path, result: strainscope.Result, tmp_path: Path) -> None:
    drawn = strainscope.figure(result, 2, recording=small, target=TARGET, dpi=60, colormap="magma")
    assert drawn.bmode is not None
    for thing, name in ((drawn, "figure.png"), (result, "result.npz"), (result, "copy.h5")):
        assert strainscope.save(thing, str(tmp_path / name)).stat().st_size > 1000
    sequence = strainscope.open_recording(small).complete()
    strainscope.save(sequence, tmp_path / "recording.h5")
    again = strainscope.open_recording(tmp_path / "recording.h5").complete()
    assert again.shape == sequence.shape
    assert again.geometry.pitch_m == sequence.geometry.pitch_m


def test_mistakes_are_a_line_that_names_what_was_given(small: Path, result: strainscope.Result, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="unknown parameter windw_m; known: window_m"):
        strainscope.run(small, "ncc", windw_m=1)
    with pytest.raises(ParameterError, match=r"strain\.window_m: 2\.0 is outside"):
        strainscope.run(small, "ncc", strain={"window_m": 2})
    with pytest.raises(ParameterError, match=r"unknown parameter prepare\.filter"):
        strainscope.run(small, "ncc", prepare={"filter": True})
    with pytest.raises(StrainscopeError, match="no method is called 'nc'"):
        strainscope.run(small, "nc")
    with pytest.raises(ParameterError, match="frame 9 was not estimated; the result holds 1, 2"):
        strainscope.measure(result, frames=9)
    for frames in ("12", [1.5], object()):
        with pytest.raises(ParameterError, match="frames: expected a number or several, found"):
            strainscope.run(small, "ncc", frames=frames)
    assert strainscope.measure(result, frames=np.int64(2))[0]["frame"] == 2
    with pytest.raises(ParameterError, match="target: expected an Ellipse, found 'left'"):
        strainscope.measure(result, "left")
    with pytest.raises(ParameterError, match="background: expected an Ellipse, found 3"):
        strainscope.figure(result, background=3)
    with pytest.raises(ParameterError, match="expected a path or several, found 3"):
        strainscope.open_recording(3)
    with pytest.raises(ParameterError, match="no option is called colour"):
        strainscope.figure(result, colour="red")
    with pytest.raises(ParameterError, match="expected a result or its file, found Recording"):
        strainscope.measure(strainscope.open_recording(small))
    with pytest.raises(ReadError, match=r"nothing\.h5: no such file"):
        strainscope.open_recording("nothing.h5")
    with pytest.raises(ParameterError, match="save takes a result, a table, a figure or a recording, found int"):
        strainscope.save(3, tmp_path / "three.png")
    with pytest.raises(WriteError, match=r"a table ends in \.csv"):
        strainscope.save(strainscope.measure(result), tmp_path / "numbers.xlsx")
    with pytest.raises(WriteError, match="cannot write -: what is written needs the name of a file"):
        strainscope.run(small, "ncc", output="-")


def test_values_are_shown_in_a_line_and_in_a_notebook_with_their_picture(
    small: Path, result: strainscope.Result
) -> None:
    show_in_notebooks()
    sequence = strainscope.open_recording(small).complete()
    table = strainscope.measure(result, TARGET, BACKGROUND)
    estimate = result.frame(2)
    values = (sequence, result, estimate, estimate.strain, estimate.displacement, strainscope.figure(result))
    assert all(len(repr(value)) < 100 for value in values)
    assert repr(result) == "<Result of NCC, multi-level: frames 1 to 2 against 0, 560 samples x 64 lines>"
    recording = strainscope.open_recording(small)
    for value in (sequence, recording, result, strainscope.figure(result)):
        assert "data:image/png;base64," in value._repr_html_()
    assert "<th>cnr</th>" in table._repr_html_()
