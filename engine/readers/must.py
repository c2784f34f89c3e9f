"""Channel data as the MATLAB toolbox MUST keeps them: `RF` (samples, elements, frames) and `param` with `TXdelay`.

`param`: `fs`, `fc`, `c`, `pitch`, `t0` (time of the first sample), `TXdelay` (s; NaN: the element does not fire).
One transmit a frame, plane or diverging; it is beamformed here.
Garcia, "MUST: an open-source toolbox for ultrasound", www.biomecardio.com/MUST.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording
from engine.readers.channel_data.beamform import ChannelRecording, Transmit
from engine.readers.channel_data.recording import beamformed
from engine.readers.common.checks import finite, positive
from engine.readers.matlab_file.source import MAGIC, open_matlab


@READERS.entry
class Must(Reader):
    """Unfocused transmits of a linear array."""

    name = "must"
    title = "MUST channel data (.mat)"
    extensions = (".mat",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise `RF` with a `param` that holds transmit delays."""
        if not head.startswith(MAGIC):
            return False
        variables = open_matlab(path).variables
        if "RF" not in variables or "param" not in variables or not variables["param"].is_struct:
            return False
        return "TXdelay" in open_matlab(path).value("param")

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Set up the beamforming."""
        source = open_matlab(path)
        data, param = source.buffer("RF"), source.value("param")
        if data.is_complex or len(data.shape) > 3:
            raise ReadError(
                path, f"RF has shape {data.shape}, complex is {data.is_complex}: real, one transmit, is read"
            )
        delays = np.asarray(param["TXdelay"], dtype=np.float64).reshape(-1)
        if delays.size != data.shape[1] or not np.isfinite(delays).any():
            raise ReadError(path, f"param.TXdelay has {delays.size} delays, RF has {data.shape[1]} elements")
        pitch = positive(path, "param.pitch", param.get("pitch"))
        if np.isfinite(float(param.get("radius", np.inf))):
            raise ReadError(path, "its array is convex: channel data of it are not beamformed here")

        def read_channels(index: int) -> NDArray[Any]:
            return np.asarray(data.frame(index), dtype=np.float32).T[None]

        start = finite(path, "param.t0", param.get("t0", 0.0))
        channels = ChannelRecording(
            path,
            data.frames,
            data.shape[0],
            read_channels,
            np.asarray((np.arange(delays.size) - (delays.size - 1) / 2) * pitch),
            (Transmit(start, delays_s=delays),),
            positive(path, "param.fs", param.get("fs")),
            positive(path, "param.c", param.get("c", ASSUMED["sound_speed_m_s"])),
        )
        return beamformed(path, channels, "MUST channel data", _known(path, param), notes=_notes(param))


def _known(path: Path, param: Mapping[str, Any]) -> dict[str, float]:
    known = {"center_hz": positive(path, "param.fc", param["fc"])} if "fc" in param else {}
    if "PRF" in param:
        known["frame_rate_hz"] = positive(path, "param.PRF", param["PRF"])
    return known


def _notes(param: Mapping[str, Any]) -> tuple[str, ...]:
    return () if "c" in param else (f"sound speed of {ASSUMED['sound_speed_m_s']:g} m/s is assumed in the beamforming",)
