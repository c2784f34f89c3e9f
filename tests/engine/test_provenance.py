import hashlib
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CancelledError, ReadError
from engine.provenance import input_sha256
from engine.types import Geometry, Map, RFSequence

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)


def of_files(*paths: Path, companions: tuple[Path, ...] = ()) -> RFSequence:
    def read(index: int) -> Map:
        return np.zeros((4, 3), np.float32)

    return RFSequence((1, 4, 3), GEOMETRY, read, paths, companions=companions)


def test_one_file_has_its_own_hash(tmp_path: Path) -> None:
    path = tmp_path / "rf.bin"
    path.write_bytes(b"samples" * 1000)
    assert input_sha256(of_files(path)) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_samples_beside_a_header_count(tmp_path: Path) -> None:
    header, raw = tmp_path / "rf.mhd", tmp_path / "rf.raw"
    header.write_text("header")
    raw.write_bytes(b"one")
    before = input_sha256(of_files(header, companions=(raw,)))
    raw.write_bytes(b"two")
    assert input_sha256(of_files(header, companions=(raw,))) != before


def test_frames_in_memory_are_hashed_by_value() -> None:
    rf = np.random.default_rng(0).standard_normal((2, 8, 4)).astype(np.float32)
    first = input_sha256(RFSequence.from_array(rf, GEOMETRY))
    assert input_sha256(RFSequence.from_array(rf.copy(), GEOMETRY)) == first
    rf[1, 0, 0] += 1
    assert input_sha256(RFSequence.from_array(rf, GEOMETRY)) != first


def test_hashing_can_be_cancelled_and_a_lost_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rf.bin"
    path.write_bytes(b"samples")
    with pytest.raises(CancelledError):
        input_sha256(of_files(path), cancelled=lambda: True)
    with pytest.raises(ReadError, match="any more"):
        input_sha256(of_files(tmp_path / "absent.bin"))
