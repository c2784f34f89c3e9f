"""Clarius raw data: the .tar that the cloud hands out, or its `*_rf.raw[.lzo]` beside `*_rf.yml`.

Raw: five uint32 LE (id, frames, lines, samples, bytes a sample), then per frame a uint64 time in ns and lines x samples
of int16, sample fastest. The .yml gives rates and lines; it is not quite YAML, so its few lines are read by themselves.
Members of a .tar are read where they lie: nothing is extracted.
Format: Clarius research documentation, "Raw Data Format".
"""

import gzip
import re
import struct
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.ranges import ByteRange, PlainRange
from engine.readers.base import READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.common.checks import positive, require_bytes, sequence_shape
from engine.readers.common.frame_times import frame_times
from engine.readers.common.lzop import MAGIC, LzopRange
from engine.types import Map

HEADER = struct.Struct("<5I")
LARGEST_YML = 2**22
GZIP = b"\x1f\x8b"
HEAD_OF_TAR = 512
MOST_STAMPS = 256
FIELDS = {"sampling_hz": "sampling rate", "center_hz": "transmit frequency", "frame_rate_hz": "frame rate"}
UNITS = {"hz": 1.0, "khz": 1e3, "mhz": 1e6}


@dataclass(frozen=True)
class _Member:
    """One raw stream and the text of its .yml."""

    name: str
    start: int
    size: int
    yml: str


@READERS.entry
class Clarius(Reader):
    """RF of a Clarius scanner; IQ and envelope are recognised and refused."""

    name = "clarius"
    title = "Clarius raw (.tar, .raw, .raw.lzo)"
    extensions = (".tar", ".raw", ".lzo", ".yml")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise a tar with raw streams, an lzop container, or a raw header that fits the file."""
        if head[257:262] == b"ustar":
            return any(".raw" in member.name for member in _tar_members(path))
        if head.startswith(MAGIC):
            return True
        if head.startswith(GZIP):
            with gzip.open(path) as stream:
                return stream.read(HEAD_OF_TAR)[257:262] == b"ustar"
        if path.suffix == ".yml":
            return b"sampling rate:" in head and b"type:" in head
        if len(head) < HEADER.size or not (_yml_beside(path).is_file() or re.search(r"_(rf|iq|env)\.raw$", path.name)):
            return False
        _, frames, lines, samples, item = HEADER.unpack_from(head)
        return 1 <= frames <= 10**6 and 1 <= lines <= 2**12 and 1 <= samples <= 2**17 and item in {1, 2, 4}

    def main_file(self, path: Path) -> Path:
        """Return the stream that parameters stand beside."""
        if path.suffix != ".yml":
            return path
        beside = (path.with_suffix(suffix) for suffix in (".raw", ".raw.lzo"))
        return next((each for each in beside if each.is_file()), path)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the RF stream; of several, the one that is chosen or the first."""
        if path.suffix == ".yml":
            raise ReadError(path, f"holds the parameters of {path.stem}.raw, which is not beside it")
        with path.open("rb") as stream:
            if stream.read(2) == GZIP:
                raise ReadError(path, "is a compressed .tar.gz: unpack it to the .tar (gunzip), which is read in place")
        members = _tar_members(path) if tarfile.is_tarfile(path) else [_single(path)]
        streams = {member.name: member for member in members if re.search(r"\.raw(\.lzo)?$", member.name)}
        rf = {name: member for name, member in streams.items() if "rf" in _kind(member).lower()}
        if not rf:
            found = ", ".join(sorted({_kind(member) for member in streams.values()})) or "nothing"
            raise ReadError(
                path,
                f"holds no RF stream of a Clarius scanner, only {found}: switch the raw data to RF before recording, "
                "and select RF where the raw data are exported",
            )
        variable = choose_variable(path, tuple(rf), tuple(streams), options.variable)
        member = rf[variable]
        data = _range(path, member)
        frames, lines, samples = _header(path, data)
        stride = 8 + lines * samples * 2

        def read_frame(index: int) -> Map:
            block = data.read(HEADER.size + index * stride + 8, stride - 8)
            return np.frombuffer(block, "<i2").reshape(lines, samples).T.astype(np.float32)

        known, notes = _geometry(path, member)
        rate, time_notes = frame_times(_times_s(data, frames, stride))
        if rate is not None and time_notes:
            known["frame_rate_hz"] = rate
        return Recording(
            sequence_shape(path, frames, samples, lines),
            known,
            read_frame,
            (path,),
            "Clarius raw RF",
            variables=tuple(rf) if len(rf) > 1 else (),
            variable=variable if len(rf) > 1 else "",
            notes=(*notes, *time_notes, *_aperture_notes(member.yml, lines)),
            found_at={name: f"{_yml_name(member.name)}: {FIELDS[name]}" for name in known if name in FIELDS},
            time_s=_times_s(data, 1, stride)[0] if frames == 1 else None,
        )


def _times_s(data: ByteRange, frames: int, stride: int) -> list[float]:
    """Time stamps, in seconds since the first; those of the first frames where there are very many."""
    stamps = [
        struct.unpack("<Q", data.read(HEADER.size + index * stride, 8))[0] for index in range(min(frames, MOST_STAMPS))
    ]
    return [stamp * 1e-9 for stamp in stamps]


def _aperture_notes(yml: str, lines: int) -> tuple[str, ...]:
    """Say which part of the array the lines cover, where they begin elsewhere than at its first element."""
    elements = [float(found) for found in re.findall(r"rx element:\s*([-+0-9.]+)", yml)]
    angles = [float(found) for found in re.findall(r"angle:\s*([-+0-9.]+)", yml)]
    notes: list[str] = []
    if elements and min(elements) >= 1:
        notes.append(f"its {lines} lines cover a part of the aperture, elements {min(elements):g} to {max(elements):g}")
    if any(angles):
        notes.append("its lines are angled: give --angle-step-deg, and --radius-mm of a curved array")
    return tuple(notes)


def _tar_members(path: Path) -> list[_Member]:
    with tarfile.open(path, "r:") as archive:
        plain = [member for member in archive if member.isreg()]
        texts = {
            member.name: _text(path, member.offset_data, member.size)
            for member in plain
            if member.name.endswith(".yml") and not member.name.endswith(".tgc.yml")
        }
    return [
        _Member(member.name, member.offset_data, member.size, texts.get(_yml_name(member.name), ""))
        for member in plain
        if ".raw" in member.name
    ]


def _single(path: Path) -> _Member:
    yml = _yml_beside(path)
    text = _text(yml, 0, yml.stat().st_size) if yml.is_file() else ""
    return _Member(path.name, 0, path.stat().st_size, text)


def _text(path: Path, start: int, size: int) -> str:
    if size > LARGEST_YML:
        raise ReadError(path, f"its .yml has {size} bytes, more than can be")
    return PlainRange(path, start, size).read(0, size).decode("utf-8", "replace")


def _yml_name(name: str) -> str:
    return re.sub(r"\.raw(\.lzo)?$", ".yml", name)


def _yml_beside(path: Path) -> Path:
    return path.with_name(_yml_name(path.name)) if _yml_name(path.name) != path.name else path.with_suffix(".yml")


def _kind(member: _Member) -> str:
    """`RF`, `IQ` or `envelope`: what the .yml says, else what the name ends with."""
    stated = _fields(member.yml).get("type")
    return stated or re.sub(r"\.raw(\.lzo)?$", "", member.name).rpartition("_")[2]


def _range(path: Path, member: _Member) -> ByteRange:
    plain = PlainRange(path, member.start, member.size)
    if member.size >= len(MAGIC) and plain.read(0, len(MAGIC)) == MAGIC:
        return LzopRange(path, member.start, member.size)
    return plain


def _header(path: Path, data: ByteRange) -> tuple[int, int, int]:
    require_bytes(path, HEADER.size, data.size, "the format")
    _, frames, lines, samples, item = HEADER.unpack(data.read(0, HEADER.size))
    if item != 2:
        raise ReadError(path, f"has {item} bytes a sample; RF has 2 (1 is the envelope, 4 is IQ)")
    sequence_shape(path, frames, samples, lines)
    require_bytes(path, HEADER.size + frames * (8 + lines * samples * 2), data.size)
    return frames, lines, samples


def _geometry(path: Path, member: _Member) -> tuple[dict[str, float], tuple[str, ...]]:
    fields = _fields(member.yml)
    known: dict[str, float] = {}
    for ours, theirs in FIELDS.items():
        if theirs in fields:
            known[ours] = positive(path, theirs, _quantity(path, theirs, fields[theirs]))
    notes = ["the element pitch is not in the file"]
    if not member.yml:
        notes = [f"its parameters, {_yml_name(member.name)}, are not beside it: put them there, or give all geometry"]
    if "delay samples" in fields:
        notes.append(f"delay of {fields['delay samples']} samples before the first valid one is left in the frames")
    return known, tuple(notes)


def _fields(yml: str) -> dict[str, str]:
    """Top-level `key: value` lines."""
    pairs = (line.partition(":") for line in yml.splitlines() if line[:1].isalpha())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _quantity(path: Path, field: str, text: str) -> float:
    match = re.fullmatch(r"([-+0-9.eE]+)\s*([a-zA-Z]*)", text)
    if match is None or match[2].lower() not in UNITS:
        raise ReadError(path, f"{field} of its .yml must be a frequency, found {text[:40]!r}")
    try:
        return float(match[1]) * UNITS[match[2].lower()]
    except ValueError:
        raise ReadError(path, f"{field} of its .yml must be a frequency, found {text[:40]!r}") from None
