import numpy as np
import pytest
import torch
from scipy import ndimage

from engine.numerics.components import connected, without_specks


def spiral(size: int) -> np.ndarray:
    """One path that winds inwards, a pixel wide: no shape of this size takes longer to follow."""
    mask = np.zeros((size, size), bool)
    row, line, step = 0, -1, (0, 1)
    run = size
    while run > 0:
        for _ in range(2):
            for _ in range(run):
                row, line = row + step[0], line + step[1]
                mask[row, line] = True
            step = (step[1], -step[0])
            run -= 1 if step[0] and run == size else 0
        run -= 2
    return mask


@pytest.mark.parametrize("share", [0.3, 0.55, 0.6, 0.65, 0.9])
def test_pointers_find_the_areas_that_labels_find(share: float) -> None:
    mask = np.random.default_rng(0).random((3, 150, 90)) < share
    check(mask)


def test_a_long_winding_path_is_one_area() -> None:
    mask = spiral(120)
    assert ndimage.label(mask)[1] == 1
    check(np.stack([mask, mask[::-1], mask.T]))


def check(mask: np.ndarray) -> None:
    found = connected(torch.from_numpy(mask)).numpy().reshape(mask.shape)
    for places, entry in zip(found, mask, strict=True):
        labels, count = ndimage.label(entry)
        pairs = set(zip(labels[entry].tolist(), places[entry].tolist(), strict=True))
        assert len(pairs) == count == len({place for _, place in pairs})


def test_specks_go_and_the_rest_stays() -> None:
    mask = torch.zeros(2, 6, 6, dtype=torch.bool)
    mask[0, :2, :2] = mask[0, 4, 4] = mask[0, 3, 3] = mask[1, 5] = True
    kept = without_specks(mask, 4)
    assert kept[0].sum() == 4
    assert torch.equal(kept[1], mask[1])
