"""A CPU works through a frame a band of rows at a time, with the result of the whole frame."""

import pytest
import torch

from engine.numerics.host import IN_CACHE, in_bands
from engine.numerics.running_sum import box_sums


@pytest.mark.parametrize("reach", [0, 1, 40])
def test_bands_give_the_result_of_the_whole_frame(reach: int, monkeypatch) -> None:
    maps = torch.randn(2, 3, IN_CACHE // 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    heights = list[int]()

    def work(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        heights.append(first.shape[-2])
        return box_sums([first * second], 2 * reach + 1, 3)[0]

    found = in_bands(work, *maps, reach=reach)
    assert len(heights) > 1
    monkeypatch.setattr("engine.numerics.host.IN_CACHE", maps.numel())
    heights.clear()
    whole = in_bands(work, *maps, reach=reach)
    assert heights == [maps.shape[-2] + 2 * reach]
    torch.testing.assert_close(found, whole)


def test_a_device_sums_all_maps_at_once(monkeypatch) -> None:
    maps = torch.randn(2, 1, 60, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    on_cpu = torch.stack([*box_sums([*maps], 17, 5)])
    monkeypatch.setattr("engine.numerics.host.HOSTS", set())
    torch.testing.assert_close(torch.stack([*box_sums([*maps], 17, 5)]), on_cpu)
