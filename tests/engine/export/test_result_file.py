from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import CancelledError, ReadError, WriteError
from engine.export.result_file import MAPS, ResultWriter, read_result
from engine.files.own_formats import is_result_file
from engine.types import Displacement, FrameEstimate, Geometry, GeometrySources, Provenance, Sector, Sigma, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3, 1e-3, 23.0, GeometrySources(sampling_hz="user", pitch_m="file"))
PROVENANCE = Provenance("ncc", {"method": {"levels": 3}, "strain": {"window_m": 2e-3}}, "", "0.1.0", "ab" * 32)
SHAPE = (4, 30, 12)


def estimate(frame: int, reference: int = 0) -> FrameEstimate:
    random = np.random.default_rng(frame)
    maps = [random.standard_normal(SHAPE[1:]).astype(np.float32) for _ in MAPS]
    maps[2][:3] = np.nan
    return FrameEstimate(
        reference, frame, Displacement(maps[0], maps[1], GEOMETRY), Strain(maps[2], GEOMETRY, 2e-3), maps[3]
    )


def write(path: Path, frames: tuple[int, ...] = (1, 2, 3)) -> Path:
    with ResultWriter(path, SHAPE, GEOMETRY, 0, frames, PROVENANCE) as writer:
        for frame in frames:
            writer.append(estimate(frame))
    return path


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    result = read_result(write(tmp_path / "r.h5"))
    assert result.shape == (3, 30, 12)
    assert result.geometry == GEOMETRY
    assert result.provenance == PROVENANCE
    assert (result.reference_frame, result.deformed_frames) == (0, (1, 2, 3))
    found, wanted = result.read_frame(1), estimate(2)
    assert (found.reference_frame, found.deformed_frame, found.strain.window_m) == (0, 2, 2e-3)
    np.testing.assert_array_equal(found.displacement.axial_m, wanted.displacement.axial_m)
    np.testing.assert_array_equal(found.displacement.lateral_m, wanted.displacement.lateral_m)
    np.testing.assert_array_equal(found.strain.axial, wanted.strain.axial)
    np.testing.assert_array_equal(found.quality, wanted.quality)


def test_uncertainties_come_back_beside_their_maps(tmp_path: Path) -> None:
    maps = [np.full(SHAPE[1:], value, np.float32) for value in (1e-4, 2e-7, 3e-6)]
    with ResultWriter(tmp_path / "r.h5", SHAPE, GEOMETRY, 0, (1, 2), PROVENANCE) as writer:
        for frame in (2, 1):
            writer.append(replace(estimate(frame), sigma=Sigma(*maps)))
    with h5py.File(tmp_path / "r.h5") as file:
        names = ("axial_strain_sigma", "axial_displacement_sigma_m", "lateral_displacement_sigma_m")
        for name, values in zip(names, maps, strict=True):
            np.testing.assert_array_equal(file[name][1], values)
    sigma = read_result(tmp_path / "r.h5").read_frame(0).sigma
    assert sigma is not None
    np.testing.assert_array_equal(sigma.axial_displacement_m, maps[1])
    assert read_result(write(tmp_path / "old.h5")).read_frame(0).sigma is None


def test_lines_that_fan_out_stay_so(tmp_path: Path) -> None:
    geometry = replace(GEOMETRY, sector=Sector(40e-3, 0.005, 0.1))
    with ResultWriter(tmp_path / "r.h5", SHAPE, geometry, 0, (1,), PROVENANCE) as writer:
        writer.append(estimate(1))
    assert read_result(tmp_path / "r.h5").geometry == geometry


def test_the_layout_is_the_published_one(tmp_path: Path) -> None:
    with h5py.File(write(tmp_path / "r.h5"), "r") as file:
        assert set(file) == {*MAPS, "deformed_frame", "lateral_strain", "shear_strain"}
        assert (file.attrs["lateral_window_m"], file.attrs["strain_measure"]) == (4e-3, "infinitesimal")
        assert file.attrs["format"] == "strainscope-result"
        assert file.attrs["version"] == 1
        assert file.attrs["pitch_m"] == 0.2e-3
        assert file.attrs["sampling_hz_source"] == "user"
        assert file.attrs["center_hz_source"] == "assumed"
        assert all(file[name].dtype == np.float32 and file[name].shape == (3, 30, 12) for name in MAPS)


def test_frames_that_arrive_backwards_are_filed_in_order(tmp_path: Path) -> None:
    with ResultWriter(tmp_path / "r.h5", SHAPE, GEOMETRY, 2, (3, 1, 0), PROVENANCE) as writer:
        for frame in (3, 1, 0):
            writer.append(estimate(frame, 2))
    result = read_result(tmp_path / "r.h5")
    assert result.deformed_frames == (0, 1, 3)
    np.testing.assert_array_equal(result.read_frame(0).quality, estimate(0, 2).quality)


def test_sliding_references_are_kept(tmp_path: Path) -> None:
    with ResultWriter(tmp_path / "r.h5", SHAPE, GEOMETRY, 0, (1, 2), PROVENANCE) as writer:
        writer.append(estimate(1, 0))
        writer.append(estimate(2, 1))
    result = read_result(tmp_path / "r.h5")
    assert [result.read_frame(row).reference_frame for row in (0, 1)] == [0, 1]


def test_a_cancelled_run_leaves_the_old_result_and_no_litter(tmp_path: Path) -> None:
    path = write(tmp_path / "r.h5", (1,))

    def run() -> None:
        with ResultWriter(path, SHAPE, GEOMETRY, 0, (1, 2), PROVENANCE) as writer:
            writer.append(estimate(1))
            raise CancelledError("cancelled")

    with pytest.raises(CancelledError):
        run()
    assert read_result(path).deformed_frames == (1,)
    assert list(tmp_path.iterdir()) == [path]


def test_a_frame_that_never_came_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    with (
        pytest.raises(WriteError, match="frame 2 was not estimated"),
        ResultWriter(path, SHAPE, GEOMETRY, 0, (1, 2), PROVENANCE) as writer,
    ):
        writer.append(estimate(1))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_as_target_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="folder"), ResultWriter(tmp_path, SHAPE, GEOMETRY, 0, (1,), PROVENANCE):
        pytest.fail("must not be reached")


def test_a_frame_out_of_range_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="estimate 3 does not exist"):
        read_result(write(tmp_path / "r.h5")).read_frame(3)


def drop(name: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__delitem__(name)


def attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


def reshaped(file: h5py.File) -> None:
    del file["quality"]
    file["quality"] = np.zeros((3, 30, 11), np.float32)


def doubled(file: h5py.File) -> None:
    del file["axial_strain"]
    file["axial_strain"] = np.zeros((3, 30, 12))


def external(file: h5py.File) -> None:
    del file["quality"]
    file["quality"] = h5py.ExternalLink("elsewhere.h5", "/quality")


def soft(file: h5py.File) -> None:
    del file["quality"]
    file["quality"] = h5py.SoftLink("/axial_strain")


def repeated(file: h5py.File) -> None:
    file["deformed_frame"][:] = [1, 1, 2]


def virtual(file: h5py.File) -> None:
    del file["quality"]
    layout = h5py.VirtualLayout((3, 30, 12), np.float32)
    layout[:] = h5py.VirtualSource("elsewhere.h5", "quality", (3, 30, 12))
    file.create_virtual_dataset("quality", layout)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop("quality"), "quality is missing"),
        (drop("deformed_frame"), "deformed_frame is missing"),
        (attribute("format", "something"), "format is something"),
        (attribute("format", "strainscope-rf"), "holds RF"),
        (attribute("version", 2), "version 2"),
        (attribute("version", "two"), "version must be one number"),
        (attribute("pitch_m", -1.0), "pitch_m must be positive"),
        (attribute("pitch_m", np.nan), "pitch_m must be finite"),
        (attribute("center_hz", 30e6), "center_hz"),
        (attribute("center_hz_source", "oracle"), "oracle"),
        (attribute("parameters", "{not json"), "parameters is not a JSON object"),
        (attribute("method", 3), "attribute method"),
        (attribute("reference_frame", 0.5), "whole number"),
        (reshaped, "shape"),
        (doubled, "float64"),
        (external, "links are not followed"),
        (soft, "links are not followed"),
        (virtual, "another file"),
        (repeated, "repeated"),
    ],
)
def test_anything_wrong_in_the_file_is_one_read_error(
    tmp_path: Path, damage: Callable[[h5py.File], None], words: str
) -> None:
    path = write(tmp_path / "r.h5")
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(ReadError, match=words) as caught:
        read_result(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_result_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no HDF5 at all")
    whole = write(tmp_path / "r.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.h5").write_bytes(b"")
    for name in ("text.h5", "cut.h5", "empty.h5"):
        assert not is_result_file(tmp_path / name)
        with pytest.raises(ReadError, match=r"not a result file|damaged"):
            read_result(tmp_path / name)
    for absent in (tmp_path, tmp_path / "absent.h5", tmp_path / ("long" * 2000)):
        assert not is_result_file(absent)
        with pytest.raises(ReadError, match=r"folder|no such file|too long"):
            read_result(absent)
    assert is_result_file(tmp_path / "r.h5")


def test_flipped_bytes_never_escape_as_anything_but_a_read_error(tmp_path: Path) -> None:
    whole = bytearray(write(tmp_path / "r.h5", (1,)).read_bytes())
    random = np.random.default_rng(0)
    path = tmp_path / "flipped.h5"
    for _ in range(40):
        damaged = bytearray(whole)
        for place in random.integers(0, min(len(whole), 6000), 12):
            damaged[place] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        try:
            read_result(path).read_frame(0)
        except ReadError as error:
            assert "\n" not in str(error)  # noqa: PT017 - some damage leaves a readable file


def test_the_window_of_each_result_is_kept(tmp_path: Path) -> None:
    with ResultWriter(tmp_path / "r.h5", SHAPE, GEOMETRY, 0, (1,), PROVENANCE) as writer:
        one = estimate(1)
        writer.append(replace(one, strain=replace(one.strain, window_m=3e-3)))
    assert read_result(tmp_path / "r.h5").read_frame(0).strain.window_m == 3e-3
