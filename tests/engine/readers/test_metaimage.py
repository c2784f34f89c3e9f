import zlib

import numpy as np
import pytest
from scipy.signal import hilbert

from engine.errors import MissingGeometryError, ReadError
from engine.readers import ReadOptions, open_recording

TYPES = {
    "uint8": "MET_UCHAR",
    "int16": "MET_SHORT",
    "float32": "MET_FLOAT",
    "float64": "MET_DOUBLE",
    "int8": "MET_CHAR",
    "int32": "MET_INT",
}


def write(folder, frames, *, name="a.mhd", local=False, big=False, packed=False, **changes):
    stored = frames.astype(frames.dtype.newbyteorder(">" if big else "<"))
    data = zlib.compress(stored.tobytes()) if packed else stored.tobytes()
    header = {
        "ObjectType": "Image",
        "NDims": frames.ndim,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": str(big),
        "CompressedData": str(packed),
        "ElementSpacing": " ".join(["1"] * frames.ndim),
        "DimSize": " ".join(str(size) for size in reversed(frames.shape)),
        "ElementType": TYPES[str(frames.dtype)],
        **changes,
        "ElementDataFile": changes.get("ElementDataFile", "LOCAL" if local else "a.raw"),
    }
    text = "".join(f"{key} = {value}\n" for key, value in header.items()).encode()
    (folder / name).write_bytes(text + (data if local else b""))
    if not local:
        (folder / "a.raw").write_bytes(data)
    return folder / name


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_frames_return(tmp_path, phantom, assert_frames, dtype, local, big, packed):
    path = write(tmp_path, phantom.astype(dtype), local=local, big=big, packed=packed)
    assert_frames(open_recording([path]), phantom)


def test_one_frame(tmp_path, phantom, assert_frames):
    assert_frames(open_recording([write(tmp_path, phantom[0])]), phantom[:1])
    assert_frames(open_recording([write(tmp_path, phantom[:1])]), phantom[:1])
    assert_frames(open_recording([write(tmp_path, phantom[0], packed=True)]), phantom[:1])


def test_placeholder_spacing_is_not_known(tmp_path, phantom):
    recording = open_recording([write(tmp_path, phantom)])
    assert dict(recording.known) == {}
    assert recording.missing()[:2] == ("sampling_hz", "center_hz")
    assert any("placeholder" in note for note in recording.notes)


def test_spacing_gives_pitch_and_suggests_the_rate(tmp_path, phantom):
    recording = open_recording([write(tmp_path, phantom, ElementSpacing="0.2 0.02 1")])
    assert dict(recording.known) == {"pitch_m": pytest.approx(0.2e-3)}
    assert recording.suggested["sampling_hz"] == pytest.approx(38.5e6)
    geometry = recording.complete(accept_suggested=True).geometry
    assert geometry.axial_spacing_m == pytest.approx(0.02e-3)
    assert geometry.sources.sampling_hz == "assumed"
    assert geometry.sources.pitch_m == "file"


def test_timestamps_give_the_frame_rate(tmp_path, phantom):
    stamps = {f"Seq_Frame{k:04d}_Timestamp": 10 + 0.04 * k for k in range(3)}
    assert open_recording([write(tmp_path, phantom, **stamps)]).known["frame_rate_hz"] == pytest.approx(25)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [("MFA", lambda f: f), ("UFA", lambda f: f[:, :, ::-1]), ("MNA", lambda f: f[:, ::-1]), ("FMA", lambda f: f.mT)],
)
def test_plus_orientation_is_followed(tmp_path, phantom, assert_frames, orientation, turn):
    stored = np.ascontiguousarray(turn(phantom))
    assert_frames(open_recording([write(tmp_path, stored, UltrasoundImageOrientation=orientation)]), phantom)


def test_header_size_is_skipped(tmp_path, phantom, assert_frames):
    path = write(tmp_path, phantom, HeaderSize=-1)
    raw = tmp_path / "a.raw"
    raw.write_bytes(b"vendor header" + raw.read_bytes())
    assert_frames(open_recording([path]), phantom)
    assert_frames(open_recording([write(tmp_path, phantom, HeaderSize=0)]), phantom)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DimSize": "24 240 4"}, "truncated: DimSize promises 46080 bytes, the file has 34560"),
        ({"DimSize": "24 -240 3"}, "DimSize must be"),
        ({"DimSize": "99999999 99999999 3"}, "truncated"),
        ({"DimSize": "nan 3"}, "DimSize must be finite"),
        ({"ElementType": "MET_OTHER"}, "ElementType 'MET_OTHER' is not one of"),
        ({"ElementDataFile": "../secret.raw"}, "outside the header's folder"),
        ({"ElementDataFile": "/etc/passwd"}, "outside the header's folder"),
        ({"ElementDataFile": "gone.raw"}, "'gone.raw' does not exist"),
        ({"ElementDataFile": "LIST"}, "list of files"),
        ({"UltrasoundImageType": "RGB_COLOR"}, "colour pictures, not RF"),
        ({"UltrasoundImageType": "RF_3D"}, "volumes, not frames"),
        ({"ElementNumberOfChannels": "3"}, "3 values a pixel"),
    ],
)
def test_bad_headers_are_one_line(tmp_path, phantom, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path, phantom, **changes)])


def test_compressed_data_that_end_early(tmp_path, phantom):
    path = write(tmp_path, phantom, packed=True)
    raw = tmp_path / "a.raw"
    raw.write_bytes(raw.read_bytes()[:-9000])
    with pytest.raises(ReadError, match="truncated"):
        open_recording([path]).read_frame(2)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_as_simpleitk_writes_it(tmp_path, phantom, assert_frames, suffix, compress):
    itk = pytest.importorskip("SimpleITK")
    image = itk.GetImageFromArray(phantom)
    image.SetSpacing((0.3, 0.02, 1.0))
    itk.WriteImage(image, str(tmp_path / f"a{suffix}"), compress)
    recording = open_recording([tmp_path / f"a{suffix}"])
    assert_frames(recording, phantom)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)


@pytest.mark.parametrize(("local", "packed"), [(True, False), (True, True)])
def test_damage(tmp_path, phantom, survives, local, packed):
    survives(write(tmp_path, phantom[:, :60], local=local, packed=packed))


def notes(recording):
    return "; ".join(recording.notes)


@pytest.mark.parametrize(("scale", "unit"), [(1.0, "mm"), (1e-3, "m")])
def test_depth_is_the_finer_and_longer_axis_along_which_values_oscillate(tmp_path, speckle, assert_frames, scale, unit):
    stored = np.ascontiguousarray(speckle.transpose(0, 2, 1)).astype(np.float32)
    spacing = f"{0.01925 * scale:g} {0.2 * scale:g} 1"
    recording = open_recording([write(tmp_path, stored, local=True, ElementSpacing=spacing)])
    assert_frames(recording, speckle.astype(np.float32))
    assert (recording.axes, recording.axes_assumed) == ("fla", True)
    assert "axis along which values oscillate" in notes(recording)
    assert "--axes" in notes(recording)
    assert ("taken to be in metres" in notes(recording)) == (unit == "m")
    assert recording.known["pitch_m"] == pytest.approx(0.2e-3)
    assert recording.found_at["pitch_m"] == "ElementSpacing"
    assert recording.suggested["sampling_hz"] == pytest.approx(40e6)
    turned = open_recording([tmp_path / "a.mhd"], ReadOptions(axes="fal"))
    assert turned.shape == (2, 40, 400)
    assert not turned.axes_assumed
    assert "values oscillate along the lines" in notes(turned)


def test_orientation_letters_that_the_numbers_contradict_are_questioned(tmp_path, speckle):
    path = write(tmp_path, speckle.astype(np.float32), UltrasoundImageOrientation="FMA")
    recording = open_recording([path])
    assert recording.axes == "fla"
    assert recording.axes_assumed
    assert "UltrasoundImageOrientation says that the axes are fla, but values oscillate" in notes(recording)
    right = open_recording([write(tmp_path, speckle.astype(np.float32), UltrasoundImageOrientation="MFA")])
    assert not right.axes_assumed


def test_rf_that_is_called_brightness_is_rf(tmp_path, speckle, assert_frames):
    stamps = {f"Seq_Frame{k:04d}_Timestamp": 1000 + 0.025 * k for k in (7, 8)}
    rf = speckle.astype(np.float32)
    recording = open_recording([write(tmp_path, rf, UltrasoundImageType="BRIGHTNESS", **stamps)])
    assert_frames(recording, rf)
    assert "UltrasoundImageType is BRIGHTNESS, but its values oscillate" in notes(recording)
    assert recording.known["frame_rate_hz"] == pytest.approx(40)


def test_brightness_that_is_brightness_is_refused(tmp_path, bmode):
    with pytest.raises(ReadError, match="holds B-mode, not RF: UltrasoundImageType is BRIGHTNESS"):
        open_recording([write(tmp_path, bmode, UltrasoundImageType="BRIGHTNESS")])
    with pytest.raises(ReadError, match="holds B-mode or envelope, not RF"):
        open_recording([write(tmp_path, bmode)])


def test_lines_of_i_and_q_give_the_lines_of_i_where_they_are_rf(tmp_path, speckle, assert_frames):
    analytic = hilbert(speckle, axis=1)
    rows = np.empty((2, 80, 400), np.float32)
    rows[:, 0::2], rows[:, 1::2] = analytic.real.transpose(0, 2, 1), analytic.imag.transpose(0, 2, 1)
    fields = {"UltrasoundImageType": "RF_I_LINE_Q_LINE", "UltrasoundImageOrientation": "NM"}
    recording = open_recording([write(tmp_path, np.ascontiguousarray(rows[:, :, ::-1]), **fields)])
    assert_frames(recording, speckle.astype(np.float32))
    assert "I oscillates at the carrier" in notes(recording)


@pytest.mark.parametrize("label", ["RF_IQ_LINE", "RF_REAL"])
def test_samples_of_i_and_q_become_rf_with_a_carrier(tmp_path, speckle, label):
    time = np.arange(400)[:, None] / 40e6
    iq = (hilbert(speckle, axis=1) * np.exp(-2j * np.pi * 6e6 * time))[:, ::4]
    stored = np.stack([iq.real, iq.imag], axis=2).reshape(2, 200, 40).astype(np.float32)
    path = write(tmp_path, stored, UltrasoundImageType=label, UltrasoundImageOrientation="MF")
    kind = None if label == "RF_IQ_LINE" else "iq-samples"
    waiting = open_recording([path], ReadOptions(kind=kind))
    assert waiting.pending == ("sampling_hz", "center_hz")
    with pytest.raises(MissingGeometryError, match="give --sampling-hz, --center-hz"):
        waiting.complete()
    given = {"sampling_hz": 10e6, "center_hz": 6e6, "pitch_m": 0.2e-3}
    recording = open_recording([path], ReadOptions(kind=kind, given=given))
    geometry = recording.complete(given).geometry
    assert geometry.sampling_hz == pytest.approx(30e6)
    assert geometry.center_hz == 6e6
    assert recording.shape == (2, 300, 40)
    expected = np.stack([np.interp(np.arange(300) / 30, np.arange(400) / 40, line) for line in speckle[0].T], axis=1)
    assert np.corrcoef(recording.read_frame(0)[20:280].ravel(), expected[20:280].ravel())[0, 1] > 0.9


def write_ustk(folder, name, frame, **changes):
    fields = {"NDims": 2, "DimSize": f"{frame.shape[1]} {frame.shape[0]} ", "ElementSpacing": "1.000000 1.000000 "}
    fields |= {"ElementType": "MET_SHORT", "ElementByteOrderMSB": 0, "ElementDataFile": f"{name}.raw"}
    fields |= {"UltrasoundImageType": "RF_2D", "IsTransducerConvex": 0, "TransducerRadius": 0.0, "ScanLinePitch": 2e-4}
    fields |= {"TransmitFrequency": 6000000, "SamplingFrequency": 40000000, "AxialResolution": 1.925e-5} | changes
    (folder / f"{name}.mhd").write_text("".join(f"{key} = {value}\n" for key, value in fields.items()))
    (folder / f"{name}.raw").write_bytes(frame.T.tobytes())
    return folder / f"{name}.mhd"


def test_ustk_keeps_samples_together_and_its_geometry_after_the_data_file(tmp_path, speckle, assert_frames):
    rf = np.round(speckle * 3e4).astype("<i2")
    paths = [write_ustk(tmp_path, f"rf{k}", frame, Timestamp=40 * k) for k, frame in enumerate(rf)]
    recording = open_recording(paths)
    assert_frames(recording, rf)
    expected = {"sampling_hz": 40e6, "center_hz": 6e6, "pitch_m": 2e-4, "sound_speed_m_s": pytest.approx(1540)}
    assert dict(recording.known) == {**expected, "frame_rate_hz": pytest.approx(25)}
    assert recording.found_at["pitch_m"] == "ScanLinePitch"


def test_ustk_of_a_convex_probe_is_a_sector_and_disagreement_is_said(tmp_path, speckle):
    rf = np.round(speckle * 3e4).astype("<i2")
    fields = {"IsTransducerConvex": 1, "TransducerRadius": 0.06, "ScanLinePitch": 0.01, "AxialResolution": 1e-4}
    recording = open_recording([write_ustk(tmp_path, "a", rf[0], **fields)])
    assert (recording.sector.apex_radius_m, recording.sector.angle_step_rad) == (0.06, 0.01)
    assert "disagree" in notes(recording)


def test_uneven_time_stamps_are_said(tmp_path, phantom):
    stamps = dict(zip((f"Seq_Frame{k:04d}_Timestamp" for k in range(4)), (0, 0.1, 0.2, 0.9), strict=True))
    recording = open_recording([write(tmp_path, np.concatenate([phantom, phantom[:1]]), **stamps)])
    assert "gaps after frame 2" in notes(recording)
    assert recording.known["frame_rate_hz"] == pytest.approx(10)
