"""Contact sheets and arrays for other programs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from engine.errors import WriteError
from engine.export.arrays import save_arrays
from engine.figures.content import ColorScale, FigureContent, StrainPanel
from engine.figures.draw_sheet import evenly, rows_and_columns
from engine.figures.save import save_sheet
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Result, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3, start_depth_m=2e-3)
SHAPE = (200, 30)


def estimate(row: int) -> FrameEstimate:
    """Everything in frame k is k, on its own scale."""
    number = row + 1
    ones = np.ones(SHAPE, np.float32)
    displacement = Displacement(1e-6 * number * ones, -1e-6 * number * ones, GEOMETRY)
    return FrameEstimate(0, number, displacement, Strain(-1e-3 * number * ones, GEOMETRY, 2e-3), 0.1 * number * ones)


RESULT = Result((3, *SHAPE), GEOMETRY, 0, (1, 2, 3), Provenance("ncc", {"lines": 3}, "", "0.1.0", "cd" * 32), estimate)


def test_a_sheet_grows_by_rows(tmp_path: Path) -> None:
    panels = tuple(StrainPanel(f"frame {row}", estimate(row).strain.axial) for row in range(3))
    content = FigureContent(panels, GEOMETRY, scale=ColorScale(limits=(0.0, 1.0)))
    many = replace(content, strain=panels * 20)
    for name, entry in (("few", content), ("many", many)):
        save_sheet(entry, tmp_path / f"{name}.png", dpi=50)
    heights = []
    for name in ("few", "many"):
        with Image.open(tmp_path / f"{name}.png") as image:
            heights.append(image.height)
    assert rows_and_columns(60, 30 * 0.3 / (200 * 1e3 * GEOMETRY.axial_spacing_m)) == (60, 1)
    assert 15 < heights[1] / heights[0] < 20


def test_frames_are_spread_evenly() -> None:
    assert evenly((1, 2, 3), 5) == (1, 2, 3)
    assert evenly(tuple(range(1, 101)), 3) == (1, 51, 100)
    assert evenly((4, 5), 1) == (5,)


def test_matlab_reads_everything_back(tmp_path: Path) -> None:
    save_arrays(RESULT, tmp_path / "result.mat")
    found = loadmat(tmp_path / "result.mat", simplify_cells=True)
    assert found["axial_strain"].shape == RESULT.shape
    assert found["axial_strain"][2, 0, 0] == pytest.approx(-3e-3)
    assert found["lateral_displacement_m"][1, 5, 5] == pytest.approx(-2e-6)
    assert np.allclose(found["depth_m"], GEOMETRY.depths_m(SHAPE[0]))
    assert np.allclose(found["lateral_m"], GEOMETRY.laterals_m(SHAPE[1]))
    assert list(found["deformed_frame"]) == [1, 2, 3]
    assert found["geometry"]["sampling_hz"] == GEOMETRY.sampling_hz
    assert found["provenance"]["input_sha256"] == "cd" * 32
    assert json.loads(found["provenance"]["parameters"]) == {"lines": 3}


def test_numpy_reads_everything_back_without_pickle(tmp_path: Path) -> None:
    save_arrays(RESULT, tmp_path / "result.npz")
    with np.load(tmp_path / "result.npz", allow_pickle=False) as found:
        assert found["quality"][2, 0, 0] == pytest.approx(0.3)
        assert json.loads(str(found["provenance"]))["method"] == "ncc"
        assert json.loads(str(found["geometry"]))["pitch_m"] == GEOMETRY.pitch_m


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"\.mat or \.npz"):
        save_arrays(RESULT, tmp_path / "result.xls")
    with pytest.raises(WriteError, match="2 GiB"):
        save_arrays(replace(RESULT, shape=(2000, 4096, 512)), tmp_path / "result.mat")
    assert not list(tmp_path.iterdir())
