"""Channel data as the MATLAB toolbox MUST keeps them: `RF` (samples, elements, frames) and `param` with `TXdelay`.

`param`: `fs`, `fc`, `c`, `pitch`, `t0` (time of the first sample), `TXdelay` (s; NaN: the element does not fire; a row
for each wave) or `TXangle` (rad, of plane waves whose first element fires at time 0). Pages go wave by wave, then frame
by frame; plane and diverging waves are beamformed here, several of a frame are compounded.
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
from engine.readers.matlab_file.source import MAGIC, MatlabSource, open_matlab


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
        source = open_matlab(path)
        pair = _data_and_param(source)
        return pair is not None and bool({"TXdelay", "TXangle"} & set(source.value(pair[1])))

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Set up the beamforming."""
        source = open_matlab(path)
        pair = _data_and_param(source)
        assert pair is not None  # as it was recognised
        data, param = source.buffer(pair[0]), source.value(pair[1])
        if data.is_complex or len(data.shape) > 3:
            raise ReadError(path, f"RF has shape {data.shape}, complex is {data.is_complex}: real channels are read")
        pitch = positive(path, "param.pitch", param.get("pitch"))
        if np.isfinite(float(param.get("radius", np.inf))):
            raise ReadError(path, "its array is convex: channel data of it are not beamformed here")
        speed = positive(path, "param.c", param.get("c", ASSUMED["sound_speed_m_s"]))
        elements = np.asarray((np.arange(data.shape[1]) - (data.shape[1] - 1) / 2) * pitch)
        delays = _delays(path, param, elements, speed)
        waves = len(delays)
        if data.frames % waves:
            raise ReadError(path, f"RF has {data.frames} pages, no multiple of its {waves} transmit angles")

        def read_channels(index: int) -> NDArray[Any]:
            pages = [np.asarray(data.frame(index * waves + wave), dtype=np.float32).T for wave in range(waves)]
            return np.stack(pages)

        start = finite(path, "param.t0", param.get("t0", 0.0))
        channels = ChannelRecording(
            path,
            data.frames // waves,
            data.shape[0],
            read_channels,
            elements,
            tuple(Transmit(start, delays_s=each) for each in delays),
            positive(path, "param.fs", param.get("fs")),
            speed,
        )
        known, notes = _known(path, param), _notes(param)
        return beamformed(path, channels, "MUST channel data", known, may_have_level=True, notes=notes)


def _data_and_param(source: MatlabSource) -> tuple[str, str] | None:
    """Names of the channels and of their parameters: `RF` and `param`, or both with the same number."""
    for name in source.variables:
        param = f"param{name[2:]}"
        if name.startswith("RF") and param in source.variables and source.variables[param].is_struct:
            return name, param
    return None


def _delays(
    path: Path, param: Mapping[str, Any], elements: NDArray[np.float64], speed: float
) -> list[NDArray[np.float64]]:
    """When each element fires in each wave: as `TXdelay` says, or for plane waves at the angles `TXangle` (rad)."""
    if "TXdelay" in param:
        rows = np.atleast_2d(np.asarray(param["TXdelay"], dtype=np.float64))
        rows = rows if rows.shape[1] == elements.size else rows.T
        if rows.shape[1] != elements.size or not np.isfinite(rows).any(axis=1).all():
            raise ReadError(path, f"param.TXdelay has {rows.size} delays, RF has {elements.size} elements")
        return list(rows)
    angles = np.asarray(param["TXangle"], dtype=np.float64).reshape(-1)
    if angles.size == 0 or not (np.abs(angles) < np.pi / 2).all():
        raise ReadError(path, "param.TXangle must be angles in radians below pi / 2")
    rows = elements[None, :] * np.sin(angles)[:, None] / speed
    return list(rows - rows.min(axis=1, keepdims=True))


def _known(path: Path, param: Mapping[str, Any]) -> dict[str, float]:
    known = {"center_hz": positive(path, "param.fc", param["fc"])} if "fc" in param else {}
    if "PRF" in param:
        known["frame_rate_hz"] = positive(path, "param.PRF", param["PRF"])
    return known


def _notes(param: Mapping[str, Any]) -> tuple[str, ...]:
    return () if "c" in param else (f"sound speed of {ASSUMED['sound_speed_m_s']:g} m/s is assumed in the beamforming",)
