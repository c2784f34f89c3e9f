"""An asymmetric phantom, the damage that files suffer, and point echoes for channel data."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import StrainscopeError
from engine.readers import Recording, open_recording

LARGEST_BYTES = 96 * 2**20
EXTREMES = (0, 1, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
Damage = tuple[str, float, int, bytes]


@pytest.fixture
def phantom() -> NDArray[np.int16]:
    """RF (3, 240, 24) that no flip, transposition or change of frames leaves as it is."""
    frame, row, line = np.meshgrid(np.arange(3), np.arange(240), np.arange(24), indexing="ij")
    carrier = np.sin(2 * np.pi * (row - 1.7 * frame) / 8 + 0.9 * line)
    noise = np.random.default_rng(7).standard_normal(frame.shape)
    amplitude = 3000 * np.exp(-row / 150) * (0.3 + line / 24)
    echo = 6000 * np.exp(-(((row - 60 - frame) / 3) ** 2) - ((line - 5) / 1.5) ** 2) * np.cos(np.pi * (row - 60) / 4)
    return np.round(amplitude * carrier + 200 * noise + echo).astype(np.int16)


@pytest.fixture(scope="session")
def speckle() -> NDArray[np.float64]:
    """RF (2, 400, 40) of at most 1: speckle of 6 MHz at 40 MHz, the second frame compressed by 1 %."""
    rng = np.random.default_rng(11)
    noise = rng.standard_normal((440, 50))
    time = np.arange(-20, 21) / 40e6
    pulse = np.exp(-((time * 6e6 * 1.3) ** 2)) * np.cos(2 * np.pi * 6e6 * time)
    beam = np.exp(-((np.arange(-5, 6) / 1.2) ** 2))
    frame = np.apply_along_axis(np.convolve, 0, noise, pulse, mode="valid")
    frame = np.apply_along_axis(np.convolve, 1, frame, beam, mode="valid")
    depth = np.arange(400)
    squeezed = np.stack([np.interp(depth * 1.01, depth, line) for line in frame.T], axis=1)
    pair = np.stack([frame, squeezed])
    return np.asarray(pair / np.abs(pair).max())


@pytest.fixture(scope="session")
def bmode(speckle: NDArray[np.float64]) -> NDArray[np.uint8]:
    """B-mode (2, 400, 40) of the speckle, 8-bit unsigned, which no reader may take for RF."""
    from scipy.signal import hilbert

    image = np.log(np.abs(hilbert(speckle, axis=1)) + 1e-2)
    return np.asarray((image - image.min()) * 40).astype(np.uint8)


@pytest.fixture
def assert_frames() -> Callable[[Recording, NDArray[np.generic]], None]:
    """Check that a recording holds exactly these frames, in float32."""

    def check(recording: Recording, frames: NDArray[np.generic]) -> None:
        assert recording.shape == frames.shape
        for index in (0, frames.shape[0] - 1, 0):
            read = recording.read_frame(index)
            assert read.dtype == np.float32
            assert read.flags.c_contiguous
            np.testing.assert_array_equal(read, frames[index].astype(np.float32))

    return check


def _apply(data: bytes, damages: Sequence[Damage]) -> bytes:
    out = bytearray(data)
    for kind, where, value, noise in damages:
        place = int(where * max(len(out) - 1, 0))
        if kind == "cut":
            del out[place:]
        elif kind == "word":
            out[place & ~3 : (place & ~3) + 4] = value.to_bytes(4, "little")
        elif kind == "head":
            early = value % 1024 & ~3
            out[early : early + 4] = EXTREMES[value % len(EXTREMES)].to_bytes(4, "little")
        elif kind == "noise":
            out[place : place + len(noise)] = noise
        else:
            out += noise
    return bytes(out)


@pytest.fixture
def survives() -> Callable[..., None]:
    """Open damaged copies of a file: a recording whose frames read, or one StrainscopeError, in bounded memory."""

    def check(opened: Path, target: Path | None = None, examples: int = 25) -> None:
        target = target or opened
        original = target.read_bytes()
        damage = st.tuples(
            st.sampled_from(("cut", "word", "word", "head", "head", "noise", "grow")),
            st.floats(0, 1) | st.floats(0, 0.05),
            st.sampled_from(EXTREMES) | st.integers(0, 2**32 - 1),
            st.binary(min_size=1, max_size=32),
        )

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(st.lists(damage, min_size=1, max_size=3) | st.binary(max_size=200))
        def attack(damages: "list[Damage] | bytes") -> None:
            target.write_bytes(damages if isinstance(damages, bytes) else _apply(original, damages))
            _open_and_read(opened)

        tracemalloc.start()
        try:
            attack()
            assert tracemalloc.get_traced_memory()[1] < LARGEST_BYTES
        finally:
            tracemalloc.stop()
            target.write_bytes(original)

    return check


def _open_and_read(path: Path) -> None:
    message = ""
    try:
        recording = open_recording([path])
        assert recording.read_frame(recording.shape[0] - 1).shape == recording.shape[1:]
    except StrainscopeError as error:
        message = str(error)
    assert "\n" not in message


SPEED_M_S = 1540.0


def _pulse(time: NDArray[np.float64], center_hz: float) -> NDArray[np.float64]:
    return np.exp(-((time * center_hz / 0.8) ** 2)) * np.cos(2 * np.pi * center_hz * time)


@pytest.fixture
def echo() -> Callable[..., NDArray[np.float64]]:
    """Channel data (elements, samples) of one point, given when the wave reaches it."""

    def make(
        elements_x: NDArray[np.float64],
        point: tuple[float, float],
        there_s: float,
        *,
        samples: int,
        sampling_hz: float,
        center_hz: float,
        start_s: float = 0.0,
    ) -> NDArray[np.float64]:
        back = np.hypot(point[0] - elements_x, point[1]) / SPEED_M_S
        time = start_s + np.arange(samples) / sampling_hz
        return _pulse(time[None] - (there_s + back)[:, None], center_hz)

    return make


@pytest.fixture
def assert_point() -> Callable[[Recording, tuple[float, float]], None]:
    """Check that the brightest point of frame 0 lies where it should: below half a sample, nearest line."""

    def check(recording: Recording, point: tuple[float, float]) -> None:
        from scipy.signal import hilbert

        geometry = recording.complete({}, accept_suggested=True).geometry
        image = np.abs(hilbert(recording.read_frame(0), axis=0))
        row, line = np.unravel_index(image.argmax(), image.shape)
        laterals = geometry.laterals_m(image.shape[1])
        assert abs(geometry.depths_m(image.shape[0])[row] - point[1]) < 0.75 * geometry.axial_spacing_m
        assert line == np.abs(laterals - point[0]).argmin()

    return check
