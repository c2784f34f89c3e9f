import zlib

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording

TYPES = {"int16": "MET_SHORT", "float32": "MET_FLOAT", "float64": "MET_DOUBLE", "int8": "MET_CHAR", "int32": "MET_INT"}


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
    assert "placeholder" in recording.notes[0]


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
        ({"DimSize": "99999999 99999999 3"}, "more than can be"),
        ({"DimSize": "nan 3"}, "DimSize must be finite"),
        ({"ElementType": "MET_UCHAR"}, "B-mode, not RF"),
        ({"ElementType": "MET_OTHER"}, "ElementType 'MET_OTHER' is not one of"),
        ({"ElementDataFile": "../secret.raw"}, "outside the header's folder"),
        ({"ElementDataFile": "/etc/passwd"}, "outside the header's folder"),
        ({"ElementDataFile": "gone.raw"}, "'gone.raw' does not exist"),
        ({"ElementDataFile": "LIST"}, "list of files"),
        ({"UltrasoundImageType": "BRIGHTNESS"}, "B-mode, not RF"),
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
