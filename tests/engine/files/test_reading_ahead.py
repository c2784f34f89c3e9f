"""Frames that are read before they are asked for."""

import threading

import numpy as np
import pytest

from engine.errors import ReadError
from engine.files import reading_ahead
from engine.files.reading_ahead import read_ahead
from engine.types import Geometry, Map, RFSequence

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)


class Disk:
    """Frames of their own number, and by which threads they were read."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.here: list[int] = []
        self.changed = threading.Condition()

    def __call__(self, index: int) -> Map:
        with self.changed:
            self.read.append(index)
            if threading.current_thread() is threading.main_thread():
                self.here.append(index)
            self.changed.notify_all()
        if index == 7:
            raise ReadError("disk", "frame 7 cannot be read")
        return np.full((4, 2), index, np.float32)

    def wait_for(self, *frames: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: set(frames) <= set(self.read), 10)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def recording(disk: Disk) -> RFSequence:
    return RFSequence((20, 4, 2), GEOMETRY, disk)


def value(sequence: RFSequence, index: int) -> float:
    return float(sequence.frame(index)[0, 0])


def test_frames_are_read_in_order_on_another_thread_and_only_once(disk, monkeypatch) -> None:
    monkeypatch.setattr(reading_ahead, "MOST", 3)
    with read_ahead(recording(disk), range(1, 20)) as sequence:
        disk.wait_for(1, 2, 3)
        assert disk.read == [1, 2, 3]  # no further ahead than asked for
        assert value(sequence, 0) == 0  # a reference beside them
        for index in (1, 2, 3, 4, 5):
            disk.wait_for(index)
            assert value(sequence, index) == index
            assert value(sequence, index - 1) == index - 1  # as the reference of a sliding pair
    assert disk.here == [0]
    assert len(set(disk.read)) == len(disk.read)


def test_whoever_goes_elsewhere_is_followed(disk, monkeypatch) -> None:
    monkeypatch.setattr(reading_ahead, "MOST", 2)
    with read_ahead(recording(disk), range(20)) as sequence:
        disk.wait_for(0, 1)
        assert value(sequence, 15) == 15
        disk.wait_for(16, 17)
        assert value(sequence, 16) == 16
        assert value(sequence, 3) == 3
        disk.wait_for(4)
        assert [value(sequence, index) for index in range(4, 7)] == [4, 5, 6]
    assert 10 not in disk.read


def test_an_error_is_raised_to_whoever_asks_for_that_frame(disk) -> None:
    with read_ahead(recording(disk), range(20)) as sequence:
        disk.wait_for(9)
        assert value(sequence, 6) == 6
        with pytest.raises(ReadError, match="frame 7 cannot be read"):
            sequence.frame(7)
        assert value(sequence, 8) == 8


def test_nothing_is_read_after_the_end(disk, monkeypatch) -> None:
    monkeypatch.setattr(reading_ahead, "MOST", 1)
    with read_ahead(recording(disk), range(20)) as sequence:
        disk.wait_for(0)
    assert value(sequence, 5) == 5  # whoever still asks reads by himself
    assert disk.read == [0, 5]
