"""From channel data to a `Recording`: the geometry that beamforming fixes, and the note that says it was done here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.readers.base import Recording
from engine.readers.channel_data.beamform import ChannelRecording
from engine.readers.common.kind import level_note, level_of
from engine.readers.common.spectrum import measure_center_hz
from engine.readers.common.unfold import folding_note, is_folded, require_foldable, unfold, unfolding_factor


def beamformed(
    path: Path,
    channels: ChannelRecording,
    title: str,
    known: Mapping[str, float],
    *,
    variables: tuple[str, ...] = (),
    variable: str = "",
    may_have_level: bool = False,
    notes: tuple[str, ...] = (),
) -> Recording:
    """Wrap channel data as a recording whose frames are beamformed when they are read.

    `known` adds what the file says besides: centre frequency, frame rate. `may_have_level` looks for a level
    around which the samples are kept, for which a frame is read.
    """
    read_stored = channels.read_channels
    channels, level_notes = _levelled(channels) if may_have_level else (channels, ())
    channels, folding_notes = _unfolded(channels, known.get("center_hz"))
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
        notes=(channels.note, *level_notes, *folding_notes, *notes),
        stored_frame=read_stored,
    )


def _center(channels: ChannelRecording) -> dict[str, float]:
    """Propose the centre frequency of the middle transmit's channels, which is cheaper than beamforming a frame."""
    try:
        middle = np.asarray(channels.read_channels(0)[len(channels.transmits) // 2].T, dtype=np.float32)
        return {"center_hz": measure_center_hz(middle, channels.channel_sampling_hz)}
    except ParameterError:
        return {}


def _levelled(channels: ChannelRecording) -> tuple[ChannelRecording, tuple[str, ...]]:
    """Take the level off channels that are kept around one."""
    first = np.asarray(channels.read_channels(0))
    if np.iscomplexobj(first):
        return channels, ()
    level = level_of(first)
    if level is None:
        return channels, ()
    read = channels.read_channels
    without = replace(channels, read_channels=lambda index: np.asarray(read(index), np.float32) - np.float32(level))
    return without, (level_note(level),)


def _unfolded(channels: ChannelRecording, center_hz: float | None) -> tuple[ChannelRecording, tuple[str, ...]]:
    """Unfold channels that are sampled below twice their carrier."""
    rate = channels.channel_sampling_hz
    if center_hz is None or channels.demodulation_hz or not is_folded(rate, center_hz):
        return channels, ()
    middle = np.asarray(channels.read_channels(0)[len(channels.transmits) // 2].T, np.float32)
    require_foldable(channels.path, middle, rate, center_hz)
    factor, read = unfolding_factor(rate, center_hz), channels.read_channels

    def read_unfolded(index: int) -> NDArray[Any]:
        return np.moveaxis(unfold(np.moveaxis(read(index), -1, 0), rate, center_hz), 0, -1)

    return replace(
        channels,
        samples=channels.samples * factor,
        read_channels=read_unfolded,
        channel_sampling_hz=rate * factor,
    ), (folding_note(rate, center_hz),)
