"""Siemens Axius Direct ultrasound research interface (.rfd): RIFF chunks, int16 vectors, an index at the end.

Chunks (four letters, uint32 size, uint32 version, fields) lie before `movi`; their places vary, so they are looked up
by their letters. `idx1` gives each frame's offset from `movi` and its length. A vector is a header of
`strf.VectorHeaderLengthBytes` and samples; beams carry a mode, a parameter set (focal zone), a position in mm and an
angle in `rfbd`. Format: Siemens URI-OPT, "Axius Direct file format".
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.common.checks import positive, require_bytes, sequence_shape
from engine.types import Map, Sector

HEADER_BYTES = 2**20
EVEN = 0.02
"""Part of a step by which beam steps may differ and still count as even."""


@dataclass(frozen=True)
class _Beams:
    """What `rfbd` says of each vector of a frame."""

    samples: int
    mode: NDArray[np.uint8]
    set: NDArray[np.uint32]
    x_mm: NDArray[np.float32]
    z_mm: NDArray[np.float32]
    angle_rad: NDArray[np.float32]

    def groups(self) -> dict[str, NDArray[np.int64]]:
        """Vectors of one mode and one parameter set, which together make an image."""
        keys = [f"{chr(mode)} set {number}" for mode, number in zip(self.mode, self.set, strict=True)]
        return {key: np.flatnonzero(np.array(keys) == key) for key in dict.fromkeys(keys)}


@READERS.entry
class SiemensRfd(Reader):
    """RF of Siemens Antares and S2000; each focal zone is offered as an image of its own."""

    name = "siemens-rfd"
    title = "Siemens Axius Direct (.rfd)"
    extensions = (".rfd",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise RIFF with the research interface's own chunks."""
        if not head.startswith(b"RIFF"):
            return False
        with path.open("rb") as stream:
            start = stream.read(HEADER_BYTES)
        return b"rfbd" in start and b"rfgi" in start

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the vectors of one mode and parameter set."""
        with path.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
        movi = _find(path, head, b"movi")
        frames = _frames(path, head, movi)
        vectors, vector_header = _vector_layout(path, head)
        beams = _beams(path, head, vectors)
        length = frames[0][1]
        stride, rest = divmod(length, vectors)
        samples = (stride - vector_header) // 2
        if rest or samples not in {beams.samples, beams.samples - vector_header // 2}:
            raise ReadError(path, f"frames of {length} bytes do not hold {vectors} vectors of {beams.samples} samples")
        groups = beams.groups()
        variable = choose_variable(path, tuple(groups), tuple(groups), options.variable)
        chosen = groups[variable]

        def read_frame(index: int) -> Map:
            with path.open("rb") as stream:
                stream.seek(frames[index][0])
                data = stream.read(length)
            require_bytes(path, length, len(data), f"frame {index}")
            lines = np.frombuffer(data, np.uint8).reshape(vectors, stride)[chosen, vector_header:]
            return np.ascontiguousarray(lines[:, : 2 * samples]).view("<i2").T.astype(np.float32)

        known, sector, notes = _geometry(path, head, beams, chosen, samples)
        return Recording(
            sequence_shape(path, len(frames), samples, chosen.size),
            known,
            read_frame,
            (path,),
            "Siemens Axius Direct",
            variables=tuple(groups) if len(groups) > 1 else (),
            variable=variable if len(groups) > 1 else "",
            sector=sector,
            notes=notes,
        )


def _find(path: Path, head: bytes, name: bytes) -> int:
    place = head.find(name)
    if place < 0:
        raise ReadError(path, f"chunk {name.decode()} is missing")
    return place


def _chunk(path: Path, head: bytes, name: bytes, layout: str) -> tuple[float, ...]:
    """Fields of a chunk after its letters and size."""
    place = _find(path, head, name) + 8
    require_bytes(path, place + struct.calcsize(layout), len(head), f"chunk {name.decode()}")
    return struct.unpack_from(layout, head, place)


def _frames(path: Path, head: bytes, movi: int) -> list[tuple[int, int]]:
    """Place and length of each frame's data, all of one length and inside the file."""
    count = int(_chunk(path, head, b"avih", "<5I")[4])
    size = path.stat().st_size
    place = size - 16 * count - 8
    if count < 1 or place < 0:
        raise ReadError(path, f"avih says {count} frames, impossible in {size} bytes")
    with path.open("rb") as stream:
        stream.seek(place)
        index = stream.read()
        if index[:4] != b"idx1":
            raise ReadError(path, "truncated: the index idx1 is not at the end")
        entries = np.frombuffer(index, "<u4", offset=8).reshape(count, 4)
        frames = [(movi + int(entry[2]), int(entry[3])) for entry in entries]
        for number, (start, length) in enumerate(frames):
            if start + 8 + length > size or length != frames[0][1]:
                raise ReadError(
                    path, f"frame {number} lies at {start} with {length} bytes: outside, or unlike the first"
                )
            stream.seek(start)
            if stream.read(8) != struct.pack("<II", entries[number][0], length):
                raise ReadError(path, f"frame {number} is not where the index says")
    return [(start + 8, length) for start, length in frames]


def _vector_layout(path: Path, head: bytes) -> tuple[int, int]:
    _, _, bits, _, vector_header, compression = _chunk(path, head, b"strf", "<If4I")
    if bits != 16 or compression:
        raise ReadError(path, f"samples have {bits:g} bits, compression {compression:g}; 16 bits, none, are read")
    vectors = int(_chunk(path, head, b"csh0", "<7I")[6])
    if not 1 <= vectors <= 2**14 or not 0 <= vector_header <= 2**12:
        raise ReadError(path, f"says {vectors} vectors a frame with headers of {vector_header:g} bytes")
    return vectors, int(vector_header)


def _beams(path: Path, head: bytes, vectors: int) -> _Beams:
    _, samples, count = _chunk(path, head, b"rfbd", "<3I")
    if count != vectors:
        raise ReadError(path, f"rfbd describes {count:g} vectors, a frame has {vectors}")
    place = _find(path, head, b"rfbd") + 8 + 12
    require_bytes(path, place + 18 * vectors, len(head), "chunk rfbd")
    mode = np.frombuffer(head, np.uint8, 2 * vectors, place)[::2]
    words = place + 2 * vectors
    return _Beams(
        int(samples),
        mode,
        np.frombuffer(head, "<u4", vectors, words),
        *(np.frombuffer(head, "<f4", vectors, words + 4 * vectors * number) for number in (1, 2, 3)),
    )


def _geometry(
    path: Path, head: bytes, beams: _Beams, chosen: NDArray[np.int64], samples: int
) -> tuple[dict[str, float], Sector | None, tuple[str, ...]]:
    sampling = _chunk(path, head, b"strf", "<If")[1]
    known = {"sampling_hz": positive(path, "strf.SamplingRate", sampling)}
    if b"RFS0" in head:
        place = b"RFS" + str(int(beams.set[chosen[0]]) % 8).encode()
        transmit = _chunk(path, head, place, "<I?ff?ifff")[8] if place in head else 0.0
        if transmit > 0:
            known["center_hz"] = transmit * 1e6
    if b"rfbm" in head and (rate := _chunk(path, head, b"rfbm", "<Iif")[2]) > 0:
        known["frame_rate_hz"] = rate
    start = _chunk(path, head, b"rfgi", "<IiIIf")[4]
    if np.isfinite(start):
        known["start_depth_m"] = float(start) * 1e-2
    sector, pitch, note = _lines(
        beams,
        chosen,
        known.get("start_depth_m", 0.0),
        samples * ASSUMED["sound_speed_m_s"] / (2 * known["sampling_hz"]),
    )
    if pitch is not None:
        known["pitch_m"] = pitch
    return known, sector, (note,) if note else ()


def _lines(
    beams: _Beams, chosen: NDArray[np.int64], start_m: float, extent_m: float
) -> tuple[Sector | None, float | None, str]:
    """Sector and spacing of the lines, or a note that says why they are not known."""
    x, z, angle = (np.asarray(each[chosen], np.float64) for each in (beams.x_mm, beams.z_mm, beams.angle_rad))
    if chosen.size < 2 or not np.isfinite([x, z, angle]).all():
        return None, None, "the positions of the beams are not in the file"
    if np.ptp(angle) < 1e-6 and _even(x):
        return None, float(np.diff(x).mean()) * 1e-3, ""
    if _even(angle):
        tilted = np.abs(np.sin(angle)) > 0.5 * np.abs(np.sin(angle)).max()
        radius = float(np.median(x[tilted] / np.sin(angle[tilted]))) * 1e-3
        fits = np.abs(x * 1e-3 - radius * np.sin(angle)).max() < EVEN * max(abs(radius), 1e-3)
        if fits and radius > -1e-6:
            step = float(np.diff(angle).mean())
            reference = max(radius, 0.0) + start_m + extent_m / 2
            return Sector(max(radius, 0.0), step, float(angle.mean())), step * reference, ""
    return None, None, "the beams are neither parallel and even nor evenly fanned from one apex"


def _even(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values)
    return bool(steps.mean() > 0 and np.abs(steps - steps.mean()).max() <= EVEN * steps.mean())
