"""VisualSonics Vevo 2100 and later: `*.xml` with parameters beside `*.bmode` with beamformed IQ.

Data: a 40-byte file header (uint32 version, frames, kind of data), then per frame a 56-byte header and per line a
4-byte header and samples of int16, Q before I. The IQ rate is `B-Mode/RX-Frequency`, twice that with `Quad-2X`, and the
carrier is `RX-Frequency` too. 8-bit exports (`kind` 8) are B-mode. RF exports of other modes have no public layout.
Format: VisualSonics, "Vevo 2100 IQ data export", as in its example readers.
"""

import struct
from pathlib import Path
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.ranges import PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording
from engine.readers.common.checks import positive, require_bytes, sequence_shape
from engine.readers.common.remodulate import RemodulatedFrames

FILE_HEADER, FRAME_HEADER, LINE_HEADER = 40, 56, 4
EIGHT_BIT = 8
LARGEST_XML = 2**22
DEPTHS_AGREE = 0.1
"""Part by which a stated depth may differ from the one that rate and samples amount to."""
PLACES = {
    "sampling_hz": "RX-Frequency",
    "center_hz": "TX-Frequency",
    "pitch_m": "Width",
    "start_depth_m": "Depth-Offset",
}
DATA_SUFFIXES = (".bmode", ".iqmode", ".3d.bmode")


@READERS.entry
class Vevo(Reader):
    """Beamformed IQ, re-modulated to RF."""

    name = "vevo"
    title = "VisualSonics Vevo (.xml with .bmode)"
    extensions = (".xml", ".bmode", ".iqmode")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the parameter names of the XML, or a data file beside such an XML."""
        xml = path if head.lstrip().startswith(b"<") else _xml_beside(path)
        if xml is None or not xml.is_file():
            return False
        with xml.open("rb") as stream:
            return b"B-Mode/Samples" in stream.read(LARGEST_XML)

    def main_file(self, path: Path) -> Path:
        """Either file of the pair stands for the XML."""
        return path if path.suffix == ".xml" else _xml_beside(path) or path

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the IQ frames."""
        xml = self.main_file(path)
        values = _parameters(xml)
        data = _data_beside(xml)
        frames = _frame_count(data)
        if _number(xml, values, "Focal-Zones-Count", _number(xml, values, "Focal-Zones", 1.0)) != 1:
            raise ReadError(xml, "has several focal zones: how their lines interleave is not documented")
        samples, lines = (int(_number(xml, values, name)) for name in ("Samples", "Lines"))
        shape = sequence_shape(data, frames, samples, lines)
        stride = FRAME_HEADER + lines * (LINE_HEADER + 4 * samples)
        require_bytes(data, FILE_HEADER + frames * stride, data.stat().st_size)
        line = np.dtype([("header", f"V{LINE_HEADER}"), ("qi", "<i2", (samples, 2))])
        record = np.dtype([("header", f"V{FRAME_HEADER}"), ("lines", line, (lines,))])
        stored = StoredArray(PlainRange(data, 0, data.stat().st_size), record, FILE_HEADER, (frames,))

        def read_iq(index: int) -> NDArray[np.complexfloating]:
            qi = stored[index]["lines"]["qi"].astype(np.float32)
            return np.asarray((qi[..., 1] + 1j * qi[..., 0]).T)

        carrier = _megahertz(xml, values, "RX-Frequency")
        quad = next((value for name, value in values.items() if name.lower() == "b-mode/quad-2x"), "false")
        twice = quad.lower() == "true"
        rf = RemodulatedFrames(data, shape, read_iq, carrier * (2 if twice else 1), carrier)
        known = {"sampling_hz": rf.sampling_hz, "center_hz": carrier}
        if "B-Mode/TX-Frequency" in values:
            known["center_hz"] = _megahertz(xml, values, "TX-Frequency")
        if "B-Mode/Width" in values and lines > 1:
            known["pitch_m"] = _number(xml, values, "Width") * 1e-3 / (lines - 1)
        if "B-Mode/Depth-Offset" in values:
            known["start_depth_m"] = _number(xml, values, "Depth-Offset", at_least_zero=True) * 1e-3
        found_at = {ours: f"B-Mode/{theirs}" for ours, theirs in PLACES.items() if ours in known}
        return Recording(
            rf.shape,
            known,
            rf,
            (xml,),
            "VisualSonics Vevo IQ",
            notes=(rf.note, *_depth_notes(xml, values, rf)),
            companions=(data,),
            found_at=found_at,
            stored_frame=read_iq,
        )


def _depth_notes(xml: Path, values: dict[str, str], rf: RemodulatedFrames) -> tuple[str, ...]:
    """Check the depth that rate and samples amount to against the one that is stated."""
    if "B-Mode/Depth" not in values:
        return ()
    stated = _number(xml, values, "Depth") * 1e-3
    offset = _number(xml, values, "Depth-Offset", at_least_zero=True) * 1e-3 if "B-Mode/Depth-Offset" in values else 0.0
    computed = rf.shape[1] * ASSUMED["sound_speed_m_s"] / (2 * rf.sampling_hz)
    if any(abs(computed - each) <= DEPTHS_AGREE * each for each in (stated, stated - offset) if each > 0):
        return ()
    return (
        f"its samples reach over {computed * 1e3:.3g} mm at this sampling rate, but B-Mode/Depth says "
        f"{stated * 1e3:.3g} mm: check the sampling rate",
    )


def _xml_beside(path: Path) -> Path | None:
    for suffix in DATA_SUFFIXES:
        if path.name.endswith(suffix):
            return path.with_name(path.name.removesuffix(suffix) + ".xml")
    return None


def _data_beside(xml: Path) -> Path:
    stem = xml.name.removesuffix(".xml")
    found = [xml.with_name(stem + suffix) for suffix in DATA_SUFFIXES if xml.with_name(stem + suffix).is_file()]
    if not found:
        raise ReadError(xml, f"the data file {stem}.bmode is not beside it")
    return found[0]


def _frame_count(data: Path) -> int:
    with data.open("rb") as stream:
        head = stream.read(12)
    require_bytes(data, 12, len(head), "the format")
    _, frames, kind = struct.unpack("<3I", head)
    if kind == EIGHT_BIT:
        raise ReadError(data, "holds 8-bit B-mode, not RF: export IQ instead")
    return int(frames)


def _parameters(xml: Path) -> dict[str, str]:
    size = xml.stat().st_size
    if size > LARGEST_XML:
        raise ReadError(xml, f"the parameter file has {size} bytes, more than can be")
    text = xml.read_bytes()
    values: dict[str, str] = {}

    def begin(name: str, attributes: dict[str, str]) -> None:
        if name == "parameter":
            values[attributes.get("name", "")] = attributes.get("value", "")

    def declare(*_: object) -> None:
        raise ReadError(xml, "declares entities or a document type, which are not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = declare  # in whatever encoding they are written
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise ReadError(xml, f"damaged XML ({error})") from None
    return values


def _number(
    xml: Path, values: dict[str, str], name: str, default: float | None = None, *, at_least_zero: bool = False
) -> float:
    text = values.get(f"B-Mode/{name}")
    if text is None:
        if default is None:
            raise ReadError(xml, f"parameter B-Mode/{name} is missing")
        return default
    try:
        value = float(text)
    except ValueError:
        raise ReadError(xml, f"parameter B-Mode/{name} must be a number, found {text[:40]!r}") from None
    return 0.0 if at_least_zero and value == 0 else positive(xml, f"B-Mode/{name}", value)


def _megahertz(xml: Path, values: dict[str, str], name: str) -> float:
    """Return a frequency in Hz; the files give MHz, and a value above 1000 can only be Hz."""
    value = _number(xml, values, name)
    return value * 1e6 if value < 1e3 else value
