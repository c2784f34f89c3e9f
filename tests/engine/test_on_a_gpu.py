"""Everything runs on a GPU as on a CPU, shown on one that is only pretended (`tests/pretended_gpu.py`).

What needs a real one is marked `gpu` where it stands.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.estimators.base import ESTIMATORS
from engine.on_device import PairBatch
from engine.pipeline import Preparation, Settings, run
from engine.preprocess import alignment
from engine.training.config import parse
from engine.training.distributed import ProcessGroup
from engine.training.loop import Trainer
from engine.training.sources import training_and_validation_sources
from engine.types import FrameEstimate, RFSequence
from tests.pretended_gpu import CPU, pretended_gpu

ONE_BY_ONE = {"am2d", "bulk", "gluenet"}
"""Methods that take pairs from the host and give fields back to it."""
PATTERN = {"glue-stack", "musse-net+glue-stack"}
"""Methods that once a recording ask which frames resemble the reference."""


@pytest.fixture(scope="module")
def recording(render, geometry) -> RFSequence:
    """Growing compression."""
    pairs = [render(lambda z, x, e=e: (-e * z, 0.3 * e * x), rows=200, lines=18) for e in (0.004, 0.008)]
    return RFSequence.from_array(np.stack([pairs[0].reference, *(pair.deformed for pair in pairs)]), geometry)


def on_both(recording: RFSequence, settings: Settings, **choices: Any) -> tuple[list[FrameEstimate], dict[str, int]]:
    """Estimate on both, which must agree; return the estimates and what was waited for."""
    wanted = list(run(recording, settings, CPU, **choices))
    with pretended_gpu() as gpu:
        found = list(run(recording, settings, gpu.device, **choices))
    assert [entry.deformed_frame for entry in found] == [entry.deformed_frame for entry in wanted]
    assert np.isfinite(wanted[0].strain.axial).mean() > 0.6
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.displacement.axial_samples, other.displacement.axial_samples, atol=1e-3)
        np.testing.assert_allclose(one.strain.axial, other.strain.axial, atol=3e-5)
        assert one.sigma is not None
        assert other.sigma is not None
        np.testing.assert_allclose(one.sigma.axial_strain, other.sigma.axial_strain, atol=3e-5)
    return found, dict(gpu.waits)


@pytest.mark.parametrize("method", ESTIMATORS.names())
def test_every_method_finds_on_a_gpu_what_it_finds_on_a_cpu(recording, method) -> None:
    _, waits = on_both(recording, Settings(method), batch=2)
    assert not waits or method in ONE_BY_ONE | PATTERN
    assert method not in PATTERN or sum(waits.values()) == 3


def test_batches_grow_from_one_frame_but_stay_small_while_somebody_looks(recording, monkeypatch) -> None:
    still, *moved = (recording.frame(index) for index in range(3))
    sequence = RFSequence.from_array(np.stack([still, *5 * moved]), recording.geometry)
    sizes: list[int] = []
    whole = alignment.bulk_motions

    def noted(batch: PairBatch) -> Any:
        sizes.append(len(batch.deformed))
        return whole(batch)

    monkeypatch.setattr("engine.pipeline.bulk_motions", noted)
    monkeypatch.setattr("engine.pipeline.MOST_SHOWN", 3)
    with pretended_gpu() as gpu:
        unseen = [entry.deformed_frame for entry in run(sequence, Settings("usenet"), gpu.device)]
        shown = [entry.deformed_frame for entry in run(sequence, Settings("usenet"), gpu.device, shown=lambda: 4)]
    assert unseen == [*range(1, 11)]
    assert shown[0] == 4
    assert sorted(shown) == unseen
    assert sizes == [1, 2, 4, 3, 1, 2, 3, 3, 1]


@pytest.mark.parametrize("method", ["ncc", "glue-stack"])
def test_pairs_of_references_of_their_own(recording, method) -> None:
    on_both(recording, Settings(method, preparation=Preparation(pairing="sliding")), batch=2)


def test_steps_that_are_added_up(recording) -> None:
    on_both(recording, Settings("ncc", preparation=Preparation(pairing="sliding added up", inverse_consistent=True)))


@pytest.mark.parametrize(("precision", "worst_samples"), [("float16", 0.002), ("bfloat16", 0.05)])
@pytest.mark.parametrize("method", ["usenet", "reusenet", "usse-net", "musse-net", "flownet2", "end-to-end-cnn"])
def test_half_precision_stays_near(recording, method, precision, worst_samples) -> None:
    halved = Settings(method, ESTIMATORS.get(method).Params(precision=precision), frames=(2,))
    (wanted,) = run(recording, Settings(method, frames=(2,)), CPU)
    with pretended_gpu() as gpu:
        (found,) = run(recording, halved, gpu.device)
    difference = np.abs(found.displacement.axial_samples - wanted.displacement.axial_samples)
    assert 0 < np.nanmax(difference) < worst_samples * (3 if method in {"usenet", "flownet2"} else 1)
    assert found.displacement.axial_m.dtype == np.float32


@pytest.mark.parametrize("strain_method", ["kalman", "end-to-end-cnn"])
def test_strain_that_is_found_on_the_host_or_by_a_network(recording, strain_method) -> None:
    on_both(recording, Settings("ncc", strain_method=strain_method))


def test_a_part_of_the_band_and_of_the_frame_without_alignment(recording) -> None:
    on_both(recording, Settings("ncc", preparation=Preparation(prealign=False, band_pass=True, part="0.5:3")))


@pytest.mark.parametrize("network", ["usenet", "reusenet", "usse-net", "musse-net", "flownet2", "end-to-end-cnn"])
def test_every_network_trains_on_a_gpu_in_half_precision(network, tmp_path) -> None:
    text = (Path(__file__).parents[1] / "tiny-training.toml").read_text(encoding="utf-8").replace("usenet", network)
    text = text.replace('device = "cpu"', 'device = "cuda"').replace("every = 2", "every = 1")
    if network == "flownet2":
        text = text.replace("base_channels = 2", "width = 0.03")
    config = parse(text.replace("iterations = 4", "iterations = 1"))
    with pretended_gpu() as gpu:
        sources = training_and_validation_sources(config, gpu.device)
        outcome = Trainer(config, tmp_path, ProcessGroup(0, 1, gpu.device), sources).run(
            lambda status: None, lambda: False
        )
    assert outcome.finished
    assert np.isfinite(outcome.best_score)


def test_it_refuses_what_cuda_refuses() -> None:
    with pretended_gpu() as gpu:
        there = torch.ones(3, device=gpu.device)
        assert there.is_cuda
        assert (2 * there + torch.tensor(1.0)).sum().device == gpu.device
        with pytest.raises(RuntimeError, match="on the same device"):
            there + torch.ones(3)
        with pytest.raises(TypeError, match="can't convert cuda:7 device type tensor to numpy"):
            there.numpy()
        with pytest.raises(RuntimeError, match="not implemented"):
            torch.ones(2, 2, device=gpu.device, dtype=torch.long) @ torch.ones(2, 2, device=gpu.device).long()
        assert not gpu.waits
        assert float(there.sum()) == 3.0
        assert there[there > 0].shape == (3,)
        assert sum(gpu.waits.values()) == 2
        assert not there.cpu().is_cuda
        assert np.array_equal(there.cpu().numpy(), np.ones(3))
    assert not torch.ones(3).is_cuda
