"""From channel data to a `Recording`: the geometry that beamforming fixes, and the note that says it was done here."""

from collections.abc import Mapping
from pathlib import Path

from engine.readers.base import Recording
from engine.readers.beamform import ChannelRecording


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
        variables=variables,
        variable=variable,
        costly=True,
        sector=channels.sector,
        notes=(channels.note, *notes),
    )
