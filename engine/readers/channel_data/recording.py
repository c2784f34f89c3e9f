"""From channel data to a `Recording`: the geometry that beamforming fixes, and the note that says it was done here."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.errors import ParameterError
from engine.readers.base import Recording
from engine.readers.channel_data.beamform import ChannelRecording
from engine.readers.common.spectrum import measure_center_hz


def beamformed(
    path: Path,
    channels: ChannelRecording,
    title: str,
    known: Mapping[str, float],
    *,
    variables: tuple[str, ...] = (),
    variable: str = "",
    notes: tuple[str, ...] = (),
) -> Recording:
    """Wrap channel data as a recording whose frames are beamformed when they are read.

    `known` adds what the file says besides: centre frequency, frame rate.
    """
    values = {
        "sampling_hz": channels.sampling_hz,
        "sound_speed_m_s": channels.sound_speed_m_s,
        "pitch_m": channels.pitch_m,
        "start_depth_m": channels.start_depth_m,
        **known,
    }
    if channels.demodulation_hz:
        values.setdefault("center_hz", channels.demodulation_hz)
    return Recording(
        channels.shape,
        values,
        channels,
        (path,),
        title,
        {} if "center_hz" in values else _center(channels),
        variables=variables,
        variable=variable,
        costly=True,
        sector=channels.sector,
        notes=(channels.note, *notes),
        stored_frame=channels.read_channels,
    )


def _center(channels: ChannelRecording) -> dict[str, float]:
    """Propose the centre frequency of the middle transmit's channels, which is cheaper than beamforming a frame."""
    try:
        middle = np.asarray(channels.read_channels(0)[len(channels.transmits) // 2].T, dtype=np.float32)
        return {"center_hz": measure_center_hz(middle, channels.channel_sampling_hz)}
    except ParameterError:
        return {}
