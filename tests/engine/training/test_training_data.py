from collections import Counter

import pytest
import torch

from engine.numerics.warp import warp
from engine.training.config import DataSettings, Difficulty, TrainingConfig, parse
from engine.training.data import Batch, RawSequence, Stream, cut, peak, prepare, seeded, varied
from engine.types import Geometry

H, W, T = 96, 16, 3
PLAIN = DataSettings(equalise=False)
GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.2e-3)


def analytic_sequence(generator: torch.Generator, strain: float = 0.02) -> RawSequence:
    """Uniform compression of a modulated tone, known at every real depth."""
    phase, rate = 6 * torch.rand(2, 1, W, generator=generator)
    rows = torch.arange(H, dtype=torch.float32)[:, None]
    motion = torch.zeros(T - 1, 2, H, W)
    frames = []
    for frame in range(T):
        applied = strain * frame / (T - 1)
        place = rows / (1 - applied)
        frames.append(torch.sin(place * 2 * torch.pi / 8 + phase) * (1 + 0.4 * torch.sin(place / 7 + rate)))
        if frame:
            motion[frame - 1, 1] = -applied * rows
    return RawSequence(torch.stack(frames), GEOMETRY, motion=motion)


LOSS = "loss = { strain_window = 33 }"


class CountingSource:
    """Analytic sequences, counted, with the difficulty they were asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def sequence(self, generator: torch.Generator, difficulty: Difficulty) -> RawSequence:
        self.asked.append(difficulty.max_strain)
        return analytic_sequence(generator, difficulty.max_strain)


def config(data: str = "") -> TrainingConfig:
    phase = f"[[phases]]\niterations = 64\n{LOSS}\nstart = {{ max_strain = 0.01 }}\nend = {{ max_strain = 0.03 }}\n"
    return parse(f"[data]\nheight = {H}\nwidth = {W}\n{data}\n{phase}")


def equal(first: Batch, second: Batch) -> bool:
    assert first.residual is not None
    assert second.residual is not None
    return torch.equal(first.deformed, second.deformed) and torch.equal(first.residual, second.residual)


def test_a_batch_depends_on_its_number_alone() -> None:
    settings = config("pool = 2\nreuse = 3\nbatch = 2")
    straight = Stream(settings, CountingSource(), torch.device("cpu"))
    batches = [straight.batch(iteration) for iteration in range(6)]
    for iteration in (4, 1, 5):
        jumping = Stream(settings, CountingSource(), torch.device("cpu"))
        assert equal(jumping.batch(iteration), batches[iteration])
    assert not equal(batches[0], batches[1])


def test_batches_made_ahead_are_the_same() -> None:
    plain = Stream(config("pool = 2"), CountingSource(), torch.device("cpu"))
    ahead = Stream(config("pool = 2\nprefetch = 3"), CountingSource(), torch.device("cpu"))
    found = list(ahead.batches(2, 9))
    assert len(found) == 7
    assert all(equal(batch, plain.batch(2 + index)) for index, batch in enumerate(found))


def test_every_sequence_of_a_pool_is_used_as_often_as_asked() -> None:
    source = CountingSource()
    stream = Stream(config("pool = 4\nreuse = 3"), source, torch.device("cpu"))
    numbers = Counter(stream._number(use) for use in range(24))
    assert numbers == dict.fromkeys(range(8), 3)
    for iteration in range(24):
        stream.batch(iteration)
    assert len(source.asked) == 8
    assert source.asked[:4] == pytest.approx([0.01] * 4)
    assert source.asked[4:] == pytest.approx([0.01 + 0.02 * 12 / 63] * 4)


def test_processes_of_one_run_see_different_sequences() -> None:
    first = Stream(config(), CountingSource(), torch.device("cpu"), rank=0)
    second = Stream(config(), CountingSource(), torch.device("cpu"), rank=1)
    assert not equal(first.batch(0), second.batch(0))


def test_the_residual_leads_from_the_aligned_frame_back_to_the_reference() -> None:
    raw = analytic_sequence(torch.Generator().manual_seed(0), 0.04)
    batch = prepare(raw, Difficulty(0.04, 3.0, 0.3, 0.2), torch.Generator().manual_seed(1), PLAIN)
    assert batch.residual is not None
    assert batch.total is not None
    assert batch.residual.abs().max() > 0.7
    residual = batch.residual.clone()
    residual[:, :, 0] = 0  # lines of this sequence are unrelated, so their mixing would hide the axial match
    back = warp(batch.deformed[0], residual[0])
    middle = slice(12, H - 16)
    error = (back - batch.reference)[..., middle, :].abs().mean() / batch.reference.abs().mean()
    wrong = (batch.deformed[0] - batch.reference)[..., middle, :].abs().mean() / batch.reference.abs().mean()
    assert wrong > 0.3
    assert error < 0.1 * wrong + 0.25
    assert torch.allclose(batch.bulk.compose(batch.residual[0]), batch.total[0], atol=1e-4)


def test_without_alignment_the_whole_motion_is_left_to_the_network() -> None:
    raw = analytic_sequence(torch.Generator().manual_seed(0), 0.04)
    chosen = DataSettings(equalise=False, prealign=False)
    batch = prepare(raw, Difficulty(0.04, 3.0, 0.3, 0.2), torch.Generator().manual_seed(1), chosen)
    assert raw.motion is not None
    assert batch.residual is not None
    assert torch.equal(batch.residual[0], raw.motion)
    assert torch.allclose(batch.deformed[0, :, 0], raw.rf[1:] / peak(raw.rf[0]), atol=1e-6)


def test_pixels_whose_motion_leaves_the_frame_are_not_valid() -> None:
    raw = analytic_sequence(torch.Generator().manual_seed(0), 0.0)
    assert raw.motion is not None
    raw.motion[:, 1] -= 5.0
    batch = prepare(raw, Difficulty(0.0, 0.0, 0.0, 0.0), torch.Generator().manual_seed(1), PLAIN)
    assert not batch.valid[..., :5, :].any()
    assert batch.valid[..., 6:, :].all()


def test_variation_keeps_rf_and_motion_together() -> None:
    raw = analytic_sequence(torch.Generator().manual_seed(0))
    assert raw.motion is not None
    raw.motion[:, 0] = torch.linspace(-1, 1, W) ** 2
    mirrored = flipped = 0
    for seed in range(20):
        found = varied(raw, DataSettings(gain=0.2, mirror=True), torch.Generator().manual_seed(seed))
        assert found.motion is not None
        turned = torch.allclose(found.rf[0].abs(), raw.rf[0].flip(-1).abs())
        base = raw.rf.flip(-1) if turned else raw.rf
        gain = found.rf.flatten(1).norm(dim=1) / base.flatten(1).norm(dim=1)
        sign = torch.sign(found.rf[0, 5, 0] * base[0, 5, 0])
        assert torch.allclose(found.rf, sign * gain[:, None, None] * base, atol=1e-5)
        assert gain[0] == pytest.approx(1.0, abs=1e-5)
        assert torch.all((gain[1:] - 1).abs() <= 0.2 + 1e-5)
        assert torch.equal(found.motion[:, 0], (-raw.motion[:, 0].flip(-1) if turned else raw.motion[:, 0]))
        mirrored, flipped = mirrored + turned, flipped + int(sign < 0)
    assert 3 <= mirrored <= 17
    assert 3 <= flipped <= 17


def test_a_smaller_crop_follows_the_motion() -> None:
    raw = analytic_sequence(torch.Generator().manual_seed(0), 0.06)
    for seed in range(5):
        found = cut(raw, (48, 8), torch.Generator().manual_seed(seed))
        assert found.motion is not None
        assert found.rf.shape == (T, 48, 8)
        back = warp(found.rf[1:, None], found.motion)[:, 0]
        assert (back - found.rf[0])[:, 10:-10].abs().mean() < 0.02
    assert cut(raw, (H, W), torch.Generator()) is raw


def test_phases_may_start_on_smaller_crops() -> None:
    settings = parse(
        f"[data]\nheight = {H}\nwidth = {W}\n[[phases]]\niterations = 2\nheight = 64\nwidth = 8\n{LOSS}\n"
        f"[[phases]]\niterations = 2\n{LOSS}\n"
    )
    stream = Stream(settings, CountingSource(), torch.device("cpu"))
    assert [tuple(stream.batch(iteration).reference.shape[-2:]) for iteration in range(4)] == [(64, 8)] * 2 + [
        (H, W)
    ] * 2


def test_noise_is_at_most_what_was_asked() -> None:
    raw = analytic_sequence(torch.Generator().manual_seed(0))
    noisy = varied(raw, DataSettings(mirror=False, gain=0.0, noise=0.5), torch.Generator().manual_seed(3))
    level = (noisy.rf - raw.rf).std() / raw.rf[0].std()
    assert 0 < level <= 0.52


def test_seeds_differ_by_every_part() -> None:
    draws = {
        int(torch.randint(2**40, (), generator=seeded(*key)))
        for key in [(1, "a", 0, 0), (2, "a", 0, 0), (1, "b", 0, 0), (1, "a", 1, 0), (1, "a", 0, 1)]
    }
    assert len(draws) == 5
