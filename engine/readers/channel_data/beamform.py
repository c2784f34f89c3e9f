"""Delay-and-sum beamforming of channel data of a linear array, for readers of files that hold no image yet.

Waves that are not focused (plane, diverging) are compounded coherently onto one line for each element; focused
waves give one line each, along their axis. Delays are exact below the sample: channels are interpolated by a
band-limited factor of 8, then linearly, which leaves less than 0.5 % of error at four samples in a period.

Perrot, Polichetti, Varray and Garcia, "So you think you can DAS?", Ultrasonics 111:106309 (2021).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.common.checks import require_channels, sequence_shape
from engine.readers.common.remodulate import interpolate, remodulate, upsampling_factor
from engine.types import Map, Sector

Array = NDArray[np.float64]

F_NUMBER = 1.5
"""Depth over receive aperture: widens the aperture with depth, as far as elements of about one wavelength can see."""
FINE = 8
AT_ONCE = 8
"""Transmits whose interpolated channels are held at a time: bounds the memory."""
EVEN = 1e-3
"""Part of a step by which steps may differ and still count as even."""


@dataclass(frozen=True)
class Transmit:
    """One wave. Time 0 is what `start_s`, the time of the first sample, counts from.

    Exactly one of three descriptions: `angle_rad`, a plane wave that passes the origin (the middle of the array) at
    time 0, positive towards positive x; `source_m` with `source_s`, the focus (z > 0) or virtual source (z < 0) and
    the time at which the wave is there; `delays_s`, when each element fires (NaN: it does not), for unfocused waves.
    """

    start_s: float
    angle_rad: float | None = None
    source_m: tuple[float, float] | None = None
    source_s: float = 0.0
    delays_s: Array | None = None

    @property
    def focused(self) -> bool:
        """Whether the wave converges to a point in the image."""
        return self.source_m is not None and self.source_m[1] > 0

    def arrival_s(self, x: Array, z: Array, elements_x: Array, sound_speed: float) -> Array:
        """Time at which the wave is at each point."""
        if self.angle_rad is not None:
            return np.asarray((z * math.cos(self.angle_rad) + x * math.sin(self.angle_rad)) / sound_speed)
        if self.source_m is not None:
            distance = np.hypot(x - self.source_m[0], z - self.source_m[1])
            return self.source_s + np.where(z >= self.source_m[1], distance, -distance) / sound_speed
        assert self.delays_s is not None
        first = np.full(np.broadcast(x, z).shape, np.inf)
        for element_x, delay in zip(elements_x, self.delays_s, strict=True):
            if math.isfinite(delay):
                np.minimum(first, delay + np.hypot(x - element_x, z) / sound_speed, out=first)
        return first


@dataclass(frozen=True)
class ChannelRecording:
    """Channel data (transmits, elements, samples) of each frame, real RF or complex IQ, and what beamforming needs.

    Callable like every reader's `read_frame`: frame number to RF frame (H, W).
    """

    path: Path
    frames: int
    samples: int
    read_channels: Callable[[int], NDArray[Any]]
    elements_x_m: Array
    transmits: tuple[Transmit, ...]
    channel_sampling_hz: float
    sound_speed_m_s: float
    demodulation_hz: float = 0.0

    def __post_init__(self) -> None:
        if not self.transmits:
            raise ReadError(self.path, "holds channel data without a transmit")
        if len({transmit.focused for transmit in self.transmits}) != 1:
            raise ReadError(self.path, "mixes focused and unfocused transmits, which are not beamformed together here")
        steps = np.diff(self.elements_x_m)
        if steps.size == 0 or steps[0] == 0 or np.abs(steps - steps[0]).max() > EVEN * abs(steps[0]):
            raise ReadError(
                self.path, "holds channel data of an array that is not linear and even: not beamformed here"
            )
        if steps[0] < 0:
            raise ReadError(self.path, "numbers its elements from right to left: not beamformed here")
        require_channels(self.path, len(self.transmits), self.elements_x_m.size, self.samples)
        sequence_shape(self.path, *self.shape)

    @property
    def factor(self) -> int:
        """RF samples for each channel sample: 1 unless the channels are IQ."""
        return upsampling_factor(self.channel_sampling_hz, self.demodulation_hz) if self.demodulation_hz else 1

    @property
    def sampling_hz(self) -> float:
        """Sampling rate of the beamformed RF."""
        return self.channel_sampling_hz * self.factor

    @property
    def start_depth_m(self) -> float:
        """Depth of the first row: where the earliest sample looks, but not above the array."""
        return max(0.0, min(each.start_s for each in self.transmits) * self.sound_speed_m_s / 2)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, samples, lines."""
        lines = len(self.transmits) if self.transmits[0].focused else self.elements_x_m.size
        return self.frames, self.samples * self.factor, lines

    @cached_property
    def depths_m(self) -> Array:
        """Depth of each row along its line."""
        spacing = self.sound_speed_m_s / (2 * self.sampling_hz)
        return np.asarray(self.start_depth_m + np.arange(self.shape[1]) * spacing)

    @cached_property
    def lines(self) -> tuple[Array, Array]:
        """Where each line starts on the array, and its angle in radians, each (W,)."""
        if not self.transmits[0].focused:
            return self.elements_x_m, np.zeros(self.elements_x_m.size)
        sources = np.array([transmit.source_m for transmit in self.transmits])
        x, z = sources[:, 0], sources[:, 1]
        if len(sources) > 1 and np.ptp(z) <= EVEN * z[0] and _even(x):
            return x, np.zeros(x.size)
        angles = np.arctan2(x, z)
        if len(sources) > 1 and np.ptp(np.hypot(x, z)) <= EVEN * z[0] and _even(angles):
            return np.zeros(x.size), angles
        raise ReadError(self.path, "has focused transmits that form neither parallel nor evenly fanned lines")

    @property
    def sector(self) -> Sector | None:
        """How the lines fan out, or None where they are parallel."""
        angles = self.lines[1]
        return Sector(0.0, float(np.diff(angles).mean()), float(angles.mean())) if np.any(angles) else None

    @property
    def pitch_m(self) -> float:
        """Spacing of the lines; of fanned lines, at half the depth."""
        starts, angles = self.lines
        if np.any(angles):
            return float(np.diff(angles).mean() * self.depths_m[-1] / 2)
        return float(np.diff(starts).mean())

    @property
    def note(self) -> str:
        """One line that says what was done."""
        kind = "focused" if self.transmits[0].focused else "unfocused"
        return (
            f"beamformed here by delay-and-sum from {len(self.transmits)} {kind} transmits, "
            f"{self.elements_x_m.size} channels, f-number {F_NUMBER:g}"
        )

    def __call__(self, index: int) -> Map:
        """Beamform one frame."""
        channels = self.read_channels(index)
        expected = (len(self.transmits), self.elements_x_m.size, self.samples)
        if channels.shape != expected:
            raise ReadError(self.path, f"frame {index} has channel data of shape {channels.shape}, expected {expected}")
        image = np.zeros(self.shape[1:], dtype=np.float32)
        for first in range(0, len(self.transmits), AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, len(self.transmits)))
            fine = {number: self._fine(channels[number].T, self.transmits[number]) for number in numbers}
            focused = self.transmits[0].focused
            for line in numbers if focused else range(image.shape[1]):
                image[:, line] += self._line(line, {line: fine[line]} if focused else fine)
        return image

    def _fine(self, channels: NDArray[Any], transmit: Transmit) -> NDArray[np.float32]:
        """Channels (samples, elements) as real RF at FINE times the image's rate, (elements, 1 + samples + 1)."""
        if self.demodulation_hz:
            channels = remodulate(channels, self.channel_sampling_hz, self.demodulation_hz, transmit.start_s)
        fine = interpolate(np.asarray(channels, np.float32), FINE)
        return np.ascontiguousarray(np.pad(fine, [(1, 1), (0, 0)]).T, dtype=np.float32)

    def _line(self, line: int, fine: dict[int, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Sum the channels of some transmits along one line, (H,)."""
        starts, angles = self.lines
        x = starts[line] + self.depths_m * math.sin(angles[line])
        z = self.depths_m * math.cos(angles[line])
        across = np.abs(x[:, None] - self.elements_x_m[None, :])
        reach = np.maximum(z[:, None] / (2 * F_NUMBER), across.min(axis=1, keepdims=True))
        row, element = np.nonzero(across <= reach)
        first = np.searchsorted(row, np.arange(x.size))
        rate = self.sampling_hz * FINE
        back = (np.hypot(across[row, element], z[row]) * (rate / self.sound_speed_m_s)).astype(np.float32)
        total = np.zeros(x.size, dtype=np.float32)
        for number, channels in fine.items():
            transmit = self.transmits[number]
            there = transmit.arrival_s(x, z, self.elements_x_m, self.sound_speed_m_s) - transmit.start_s
            place = (there * rate).astype(np.float32)[row] + back
            total += _sum_at(channels, element.astype(np.int32), first, place)
        return np.asarray(total / np.diff(first, append=row.size), dtype=np.float32)


def _sum_at(
    fine: NDArray[np.float32],
    element: NDArray[np.int32],
    first: NDArray[np.int64],
    place: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Interpolate each pair of row and element linearly and sum each row's pairs, which begin at `first`.

    Channels begin and end with a zero, where everything outside the recorded time is read.
    """
    place = np.clip(place + 1, 0, fine.shape[1] - 1.001)
    below = place.astype(np.int32)
    rest = place - below
    below += element * np.int32(fine.shape[1])
    flat = fine.reshape(-1)
    lower = flat[below]
    return np.add.reduceat(lower + (flat[below + 1] - lower) * rest, first)


def _even(values: Array) -> bool:
    steps = np.diff(values)
    return bool(steps[0] > 0 and np.abs(steps - steps[0]).max() <= EVEN * steps[0])
