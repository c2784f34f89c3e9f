import tracemalloc

import numpy as np
import pytest

from engine.files.spooled import SpooledMaps


@pytest.mark.parametrize("in_memory", [0, 100, 2**20])
def test_maps_come_back_as_they_were_in_their_order(in_memory: int) -> None:
    random, maps = np.random.default_rng(0), SpooledMaps(in_memory)
    wanted = {number: random.standard_normal((2, 5, 3)).astype(np.float32) for number in (3, 1, 8, 2)}
    for number, values in wanted.items():
        maps.add(number, values)
        np.testing.assert_array_equal(maps[3], wanted[3])
    assert list(maps) == [3, 1, 8, 2]
    assert len(maps) == 4
    for number, values in wanted.items():
        np.testing.assert_array_equal(maps[number], values)
    with pytest.raises(KeyError):
        maps[5]


def test_memory_does_not_grow_with_their_number() -> None:
    maps, values = SpooledMaps(2**20), np.ones((2, 257, 128), np.float32)
    tracemalloc.start()
    for number in range(40):  # 10 MB
        maps.add(number, values)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2**20
