"""Small whole files of every kind that the program reads, from which a fuzzer begins."""

import gzip
import json
import struct
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from engine.export.result_file import ResultWriter
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Strain

GEOMETRY = Geometry(40e6, 6e6, 1540.0, 3e-4)
SCALARS = {"sampling_hz": 40e6, "center_hz": 6e6, "sound_speed_m_s": 1540.0, "pitch_m": 3e-4, "start_depth_m": 0.0}


def rf(frames: int = 2, rows: int = 48, lines: int = 8) -> np.ndarray:
    """Echoes that oscillate with depth, (frames, rows, lines) int16."""
    row = np.arange(rows)[None, :, None]
    noise = np.random.default_rng(7).standard_normal((frames, rows, lines))
    return np.round(3000 * np.cos(row * 0.9) * np.exp(-row / 60) + 300 * noise).astype(np.int16)


def numpy_files(folder: Path) -> None:
    np.save(folder / "a.npy", rf())
    np.save(folder / "f.npy", np.asfortranarray(rf().astype(">f8")))
    np.savez(folder / "a.npz", rf=rf(), fs=40e6, fc=6e6)
    np.savez_compressed(folder / "b.npz", rf=rf(), pitch=3e-4)


def metaimage(folder: Path) -> None:
    values = rf()
    head = "ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 8 48 2\nElementSpacing = 0.3 0.01925 1\n"
    head += "ElementType = MET_SHORT\n"
    (folder / "a.mha").write_bytes(f"{head}ElementDataFile = LOCAL\n".encode() + values.tobytes())
    stored = zlib.compress(values.tobytes())
    (folder / "z.mha").write_bytes(f"{head}CompressedData = True\nElementDataFile = LOCAL\n".encode() + stored)


def nifti(folder: Path) -> None:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 8, 48, 2, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 4, 16)
    struct.pack_into("<f", head, 108, 352.0)
    head[344:348] = b"n+1\0"
    content = bytes(head) + rf().transpose(2, 1, 0).tobytes(order="F")
    (folder / "a.nii").write_bytes(content)
    (folder / "a.nii.gz").write_bytes(gzip.compress(content))


def ultrasonix(folder: Path) -> None:
    head = struct.pack("<19i", 16, 2, 8, 48, 16, *range(8), 2, 6_000_000, 40_000_000, 30, 8, 0)
    (folder / "a.rf").write_bytes(head + rf().transpose(0, 2, 1).tobytes())


def clarius(folder: Path) -> None:
    raw = struct.pack("<5I", 1, 2, 8, 48, 2)
    raw += b"".join(bytes(8) + frame.T.tobytes() for frame in rf())
    yml = b"type: rf\nsampling rate: 40 MHz\ntransmit frequency: 6 MHz\nframe rate: 30 Hz\n"
    with tarfile.open(folder / "a.tar", "w") as archive:
        for name, content in (("a_rf.raw", raw), ("a_rf.yml", yml)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))


def matlab_5(folder: Path) -> None:
    values = rf().transpose(1, 2, 0).astype(float)
    inner = {"fs": 40e6, "pitch": 3e-4, "name": "arm", "list": np.array([1.0, "a"], dtype=object)}
    savemat(folder / "a.mat", {"rf": values, "param": inner, "fc": 6e6})
    savemat(folder / "z.mat", {"RfDataDouble": values, "P": inner}, do_compression=True)
    delays = np.zeros(8)
    savemat(folder / "m.mat", {"RF": values, "param": {"TXdelay": delays, "fs": 40e6, "fc": 6e6, "pitch": 3e-4}})


def matlab_73(folder: Path) -> None:
    path = folder / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["rf"] = rf().astype(float)
        group = file.create_group("param")
        group["fs"], group["fc"] = [[40e6]], [[6e6]]
        cell = group.create_dataset("cell", (1,), h5py.ref_dtype)
        cell[0] = file["rf"].ref
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file, seed".ljust(124) + b"\0\2IM"
    path.write_bytes(content)


def own(folder: Path) -> None:
    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs.update(format="strainscope-rf", version=1, **SCALARS)
        file["rf"] = rf()


def uff(folder: Path) -> None:
    with h5py.File(folder / "a.uff", "w") as file:
        data = file.create_group("b_data")
        data.attrs["class"] = "uff.beamformed_data"
        data["data"] = rf().transpose(0, 2, 1).reshape(2, 1, 1, -1).astype(float)
        scan = data.create_group("scan")
        scan.attrs["class"] = "uff.linear_scan"
        scan["x_axis"], scan["z_axis"] = np.arange(8) * 3e-4, np.arange(48) * 2e-5


def zea(folder: Path) -> None:
    with h5py.File(folder / "a.hdf5", "w") as file:
        file.attrs["zea_version"] = "1"
        file["data/raw_data"] = rf(1, 48, 8)[None, ..., None].astype("f4")
        scan = file.create_group("scan")
        scan.attrs["n"] = 1
        scan["t0_delays"], scan["initial_times"] = np.zeros((1, 8)), np.zeros(1)
        scan["probe_geometry"] = np.stack([np.arange(8) * 3e-4, np.zeros(8), np.zeros(8)], axis=1)
        scan["sampling_frequency"], scan["center_frequency"], scan["sound_speed"] = 40e6, 6e6, 1540.0


def picmus(folder: Path) -> None:
    with h5py.File(folder / "a.hdf5", "w") as file:
        group = file.create_group("US/US_DATASET0000")
        group["data/real"], group["data/imag"] = rf(1, 8, 48).astype("f4"), rf(1, 8, 48).astype("f4")
        group["angles"], group["initial_time"], group["modulation_frequency"] = np.zeros(1), 0.0, 0.0
        group["probe_geometry"] = np.stack([np.arange(8) * 3e-4, np.zeros(8), np.zeros(8)])
        group["sampling_frequency"], group["sound_speed"] = 40e6, 1540.0


def vevo(folder: Path) -> None:
    values = {"Samples": 48, "Lines": 8, "RX-Frequency": 20, "Width": 10, "Depth-Offset": 1}
    rows = "".join(f'<parameter name="B-Mode/{name}" value="{value}"/>' for name, value in values.items())
    (folder / "a.xml").write_text(f"<parameters>{rows}</parameters>")
    record = bytes(56) + b"".join(bytes(4) + rf(1, 96, 1).tobytes() for _ in range(8))
    (folder / "a.bmode").write_bytes(struct.pack("<3I28x", 1, 2, 1) + record * 2)


def siemens(folder: Path) -> None:
    vectors, samples, frames = 8, 48, 2
    beams = bytes([66, 0]) * vectors + np.zeros(vectors, "<u4").tobytes()
    beams += (np.arange(vectors, dtype="<f4") * 0.3).tobytes() + np.zeros(2 * vectors, "<f4").tobytes()
    head = b"RIFF" + bytes(8)
    chunks = (
        (b"avih", struct.pack("<5I", 1, 0, 0, 0, frames)),
        (b"strf", struct.pack("<If4I", 1, 40e6, 16, 0, 0, 0)),
        (b"csh0", struct.pack("<7I", 1, 0, 0, 0, 0, 0, vectors)),
        (b"rfbd", struct.pack("<3I", 1, samples, vectors) + beams),
        (b"rfgi", struct.pack("<IiIIf", 1, 0, 0, 0, 0.0)),
    )
    for name, content in chunks:
        head += name + struct.pack("<I", len(content)) + content
    movi = len(head)
    body, index = b"movi", b""
    for frame in rf(frames, samples, vectors):
        data = frame.T.tobytes()
        index += struct.pack("<4I", 1, 0, len(body), len(data))
        body += struct.pack("<II", 1, len(data)) + data
    (folder / "a.rfd").write_bytes(head[:movi] + body + b"idx1" + struct.pack("<I", len(index)) + index)


def result(folder: Path) -> None:
    values = np.random.default_rng(1).normal(size=(32, 8)).astype("f4")
    made = Provenance("ncc", {"method": {"a": 1}}, "", "0.1", "ab")
    with ResultWriter(folder / "a.h5", (3, 32, 8), GEOMETRY, 0, (1, 2), made) as writer:
        for frame in (1, 2):
            motion, strain = Displacement(values, values, GEOMETRY), Strain(values, GEOMETRY, 2e-3)
            writer.append(FrameEstimate(0, frame, motion, strain, values))


def card(folder: Path) -> None:
    from engine.networks.weights import WeightsCard

    content = WeightsCard("a-v1", "usenet", {"base_channels": 2}, "0" * 64)
    (folder / "a.json").write_text(json.dumps(asdict(content), indent=1))


def training(folder: Path) -> None:
    text = "[run]\nnetwork = 'usenet'\nseed = 5\nthreads = 1\n[architecture]\nbase_channels = 2\n"
    (folder / "a.toml").write_text(f"{text}[[phases]]\niterations = 5\nloss = {{ endpoint = 1.0 }}\n")


def workspace(folder: Path) -> None:
    from app.state.workspace_file import Workspace, save_workspace

    save_workspace(Workspace(key="0" * 64, paths=("a.h5",)), folder / "a.strainscope")


SEEDS: dict[str, Callable[[Path], None]] = {
    "numpy": numpy_files,
    "metaimage": metaimage,
    "nifti": nifti,
    "ultrasonix": ultrasonix,
    "clarius": clarius,
    "matlab-5": matlab_5,
    "matlab-73": matlab_73,
    "own": own,
    "uff": uff,
    "zea": zea,
    "picmus": picmus,
    "vevo": vevo,
    "siemens": siemens,
    "result": result,
    "card": card,
    "training": training,
    "workspace": workspace,
}
"""What makes the seeds of each target."""
