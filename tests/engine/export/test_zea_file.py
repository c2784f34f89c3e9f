"""zea files: the layout that its documentation fixes, and our own reader reads the recording back."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import CancelledError, ParameterError, WriteError
from engine.export.zea_file import CUSTOM, DATA, save_zea
from engine.readers import open_recording
from engine.types import (
    Displacement,
    FrameEstimate,
    Geometry,
    GeometrySources,
    Provenance,
    Result,
    RFSequence,
    Sector,
    Strain,
)

SOURCES = GeometrySources("file", "user", "file", "file", "file", "file")
GEOMETRY = Geometry(40e6, 5e6, 1480.0, 0.3e-3, start_depth_m=2e-3, frame_rate_hz=25.0, sources=SOURCES)
SHAPE = (120, 20)
RF = np.random.default_rng(0).standard_normal((4, *SHAPE)).astype(np.float32)


def estimate(row: int) -> FrameEstimate:
    ones = np.ones(SHAPE, np.float32)
    strain = -0.01 * (row + 1) * ones
    strain[:5] = np.nan
    return FrameEstimate(
        0, row + 1, Displacement(1e-6 * ones, -2e-6 * ones, GEOMETRY), Strain(strain, GEOMETRY, 2e-3), 0.5 * ones
    )


SEQUENCE = RFSequence.from_array(RF, GEOMETRY)
RESULT = Result((2, *SHAPE), GEOMETRY, 0, (1, 2), Provenance("ncc", {"lines": 3}, "", "0.1.0", "cd" * 32), estimate)


@pytest.fixture(name="written")
def fixture_written(tmp_path: Path) -> Path:
    path = tmp_path / "arm.hdf5"
    save_zea(path, SEQUENCE, RESULT)
    return path


def test_the_recording_returns_bit_by_bit_with_its_geometry(written: Path) -> None:
    recording = open_recording([written])
    assert recording.format == "zea beamformed data"
    assert recording.missing() == ()
    sequence = recording.complete()
    assert sequence.shape == RF.shape
    for frame in range(4):
        np.testing.assert_array_equal(sequence.frame(frame), RF[frame])
    found = sequence.geometry
    for name in ("sampling_hz", "center_hz", "sound_speed_m_s", "pitch_m", "start_depth_m", "frame_rate_hz"):
        assert getattr(found, name) == getattr(GEOMETRY, name), name


def test_an_assumed_value_is_not_read_back_as_known(tmp_path: Path) -> None:
    assumed = replace(GEOMETRY, sources=replace(SOURCES, center_hz="assumed"))
    save_zea(tmp_path / "a.hdf5", RFSequence.from_array(RF, assumed), None)
    assert open_recording([tmp_path / "a.hdf5"]).missing() == ("center_hz",)


def test_maps_lie_as_the_layout_asks(written: Path) -> None:
    with h5py.File(written) as file:
        assert file.attrs["zea_version"] == "0.1.8"
        data = file[DATA]
        for name, group in data.items():
            values, places = group["values"], group["coordinates"]
            assert values.dtype == np.float32, name
            assert values.shape[:3] == RF.shape, name
            assert places.shape == (*SHAPE, 3), name
            assert {"unit", "description"} <= set(values.attrs), name
        assert data["beamformed_data/values"].shape == (*RF.shape, 1)
        assert data["beamformed_data/labels"].asstr()[0] == "RF"
        image = data["image/values"][:]
        assert np.isfinite(image).all()
        assert image.max() <= 0
        strain = data["strain_percentage_map"]
        assert strain["unit"].asstr()[()] == "%"
        assert strain["values"][2, 50, 5] == pytest.approx(-2.0)
        assert np.isnan(strain["values"][0]).all()
        assert np.isnan(strain["values"][3]).all()
        assert np.isnan(strain["values"][1, :5]).all()
        place = data["quality/coordinates"][10, 3]
    wanted = GEOMETRY.laterals_m(20)[3], 0.0, GEOMETRY.depths_m(120)[10]
    assert place == pytest.approx(wanted, abs=1e-8)


def test_what_has_no_place_stands_beside_it(written: Path) -> None:
    with h5py.File(written) as file:
        own = file[CUSTOM]
        assert list(own["reference_frame"]) == [-1, 0, 0, -1]
        assert list(own["recorded_frame"]) == [0, 1, 2, 3]
        assert own["method"].asstr()[()] == "ncc"
        assert own["input_sha256"].asstr()[()] == "cd" * 32
        assert own["center_hz_source"].asstr()[()] == "user"
        assert own["sampling_hz"].attrs["unit"] == "Hz"
        assert own["sound_speed_m_s"].attrs["unit"] == "m/s"
        assert own["pitch_m"].attrs["unit"] == "m"
        assert "scan" not in file["tracks/track_0"]


def test_a_result_alone_has_its_own_frames(tmp_path: Path) -> None:
    save_zea(tmp_path / "r.h5", None, RESULT)
    with h5py.File(tmp_path / "r.h5") as file:
        assert file[f"{DATA}/strain_percentage_map/values"].shape == (2, *SHAPE)
        assert "beamformed_data" not in file[DATA]
        assert list(file[f"{CUSTOM}/recorded_frame"]) == [1, 2]


def test_fanned_lines_lie_where_they_truly_do(tmp_path: Path) -> None:
    fan = replace(GEOMETRY, sector=Sector(40e-3, 0.02))
    save_zea(tmp_path / "fan.hdf5", RFSequence.from_array(RF, fan), None)
    with h5py.File(tmp_path / "fan.hdf5") as file:
        places = file[f"{DATA}/image/coordinates"][:].astype(float)
    radius = np.hypot(places[..., 0], places[..., 2] + 40e-3)
    np.testing.assert_allclose(radius - 40e-3, np.broadcast_to(fan.depths_m(120)[:, None], SHAPE), atol=1e-7)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"\.hdf5 or \.h5"):
        save_zea(tmp_path / "a.mat", SEQUENCE, RESULT)
    with pytest.raises(ParameterError, match="recording, a result, or both"):
        save_zea(tmp_path / "a.h5", None, None)
    with pytest.raises(ParameterError, match="does not belong"):
        save_zea(tmp_path / "a.h5", RFSequence.from_array(RF[:, :100], GEOMETRY), RESULT)
    with pytest.raises(CancelledError):
        save_zea(tmp_path / "a.h5", SEQUENCE, RESULT, cancelled=lambda: True)
    assert not list(tmp_path.iterdir())


def test_progress_counts_frames(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    save_zea(tmp_path / "a.h5", SEQUENCE, None, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
