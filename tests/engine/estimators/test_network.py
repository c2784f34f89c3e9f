"""The network estimators with weights made on the spot: what goes in, what is composed, what is kept in memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import WeightsError
from engine.estimators.base import ESTIMATORS
from engine.estimators.network import MultiStageParams, NetworkParams, RFNetworkParams
from engine.networks import weights
from engine.networks.base import build
from engine.networks.layers.smoothing import smooth_along_beam
from engine.types import Displacement, FramePair, Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.2e-3)
NAMES = ("usenet", "reusenet", "usse-net", "musse-net")


def speckle(rows: int, lines: int, seed: int, samples_per_period: float = 8.0) -> np.ndarray:
    """Smooth RF-like pattern in depth and across, so that it can be sampled at any rate."""
    rng = np.random.default_rng(seed)
    depth = np.arange(rows)[:, None, None] * 8 / samples_per_period
    frequency = rng.uniform(0.09, 0.16, (1, lines, 12))
    waves = np.cos(2 * np.pi * frequency * depth + rng.uniform(0, 2 * np.pi, (1, lines, 12)))
    return np.asarray(waves.mean(-1) * 2, dtype=np.float32)


def linear_motion(shape: tuple[int, int], geometry: Geometry) -> Displacement:
    rows = np.broadcast_to(1.5 - 0.01 * np.arange(shape[0])[:, None], shape)
    return Displacement.from_samples(rows.astype(np.float32), np.full(shape, 0.25, np.float32), geometry)


def pairs(count: int, shape: tuple[int, int] = (70, 20)) -> list[FramePair]:
    return [FramePair(speckle(*shape, 0), speckle(*shape, seed), GEOMETRY) for seed in range(1, count + 1)]


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def filled(box: Path) -> Path:
    for name in NAMES:
        torch.manual_seed(1)
        network = build(name, {"base_channels": 2})
        if name == "musse-net":
            torch.nn.init.normal_(network.stages[1].decoder.head.levels[0].weight, std=0.3)  # type: ignore[union-attr]
        weights.save(network, {}, box / f"{name}-v1.safetensors")
    return box


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_the_method_says_so(name: str, box: Path) -> None:
    estimator = ESTIMATORS.get(name)
    assert estimator.unavailable() == "no trained weights in resources/weights"
    assert estimator.card() is None
    with pytest.raises(WeightsError, match="no trained weights"):
        next(estimator.track(pairs(1), estimator.Params(), CPU))


@pytest.mark.parametrize("name", NAMES)
def test_frames_encoded_together_give_the_same_motion(name: str, filled: Path) -> None:
    """Also that each frame has its own statistics. Only the order of rounding may differ."""
    estimator = ESTIMATORS.get(name)
    assert estimator.unavailable() is None
    one, three = (
        list(estimator.track(pairs(4), estimator.Params(frames_per_batch=size), CPU))  # type: ignore[call-arg]
        for size in (1, 3)
    )
    assert len(one) == 4
    for a, b in zip(one, three, strict=True):
        np.testing.assert_allclose(a.axial_samples, b.axial_samples, atol=1e-3)
        assert np.abs(a.axial_samples).max() > 0.01
    assert one[0].report["stages"] == (2 if name == "musse-net" else 1)


def test_memory_does_not_grow_with_the_recording(filled: Path) -> None:
    """No pair is asked for before the estimates of those before it have been taken."""
    asked = 0

    def counted() -> Iterator[FramePair]:
        nonlocal asked
        for pair in pairs(6, (32, 16)):
            asked += 1
            yield pair

    estimator = ESTIMATORS.get("reusenet")
    for taken, _ in enumerate(estimator.track(counted(), NetworkParams(frames_per_batch=2), CPU), start=1):
        assert asked <= taken + 1
    assert asked == 6


@pytest.mark.parametrize("sampling_hz", [40e6, 30e6, 52e6])
def test_without_residual_the_initial_motion_comes_back(box: Path, sampling_hz: float) -> None:
    """Through any resampling: the motion is linear in depth, which linear interpolation keeps."""
    network = build("usse-net", {"base_channels": 1})
    network.decoder.head.zero()  # type: ignore[operator, union-attr]
    weights.save(network, {}, box / "usse-net-v1.safetensors")
    geometry = Geometry(sampling_hz, 5e6, 1540.0, 0.2e-3)
    shape = (60, 16)
    initial = linear_motion(shape, geometry)
    pair = FramePair(speckle(*shape, 0), speckle(*shape, 1), geometry, initial)
    (estimate,) = ESTIMATORS.get("usse-net").track([pair], NetworkParams(), CPU)
    np.testing.assert_allclose(estimate.axial_samples, initial.axial_samples, atol=1e-4)
    np.testing.assert_allclose(estimate.lateral_lines, initial.lateral_lines, atol=1e-5)


def test_sampling_twice_as_fine_gives_the_same_millimetres(filled: Path) -> None:
    """The canonical grid removes the scanner's sampling rate; 5 % of the largest motion is for the frame's ends."""
    fine = Geometry(80e6, 5e6, 1540.0, 0.2e-3)
    estimator = ESTIMATORS.get("reusenet")
    (native,) = estimator.track(pairs(1, (96, 16)), NetworkParams(), CPU)
    pair = FramePair(speckle(191, 16, 0, 16.0), speckle(191, 16, 1, 16.0), fine)
    (resampled,) = estimator.track([pair], NetworkParams(), CPU)
    error = resampled.axial_m[::2] - native.axial_m
    assert np.abs(error).max() < 0.05 * np.abs(native.axial_m).max()
    (unaware,) = estimator.track([pair], NetworkParams(canonical_grid=False), CPU)
    assert np.abs(unaware.axial_m[::2] - native.axial_m).max() > 0.2 * np.abs(native.axial_m).max()


def test_the_stopping_rule_leaves_out_stages(box: Path) -> None:
    """The second stage changes nothing, so that the third does not run."""
    weights.save(build("musse-net", {"base_channels": 1, "stages": 3}), {}, box / "musse-net-v1.safetensors")
    estimator = ESTIMATORS.get("musse-net")
    (stopped,) = estimator.track(pairs(1), MultiStageParams(), CPU)
    (full,) = estimator.track(pairs(1), MultiStageParams(stop_threshold_samples=0.0), CPU)
    assert (stopped.report["stages"], full.report["stages"]) == (2, 3)
    assert full.report["change_of_stage_2_samples"] == full.report["change_of_stage_3_samples"] == 0
    (paper,) = estimator.track(pairs(1), MultiStageParams(preset="paper"), CPU)
    (chosen,) = estimator.track(pairs(1), MultiStageParams(preset="paper", stages=1), CPU)
    assert (paper.report["stages"], chosen.report["stages"]) == (3, 1)


def test_the_preset_of_the_paper_is_the_bare_network(box: Path) -> None:
    """Whatever the other parameters say: what it answers is what the network itself says of the scaled frames."""
    torch.manual_seed(0)
    network = build("usse-net", {"base_channels": 1})
    weights.save(network, {"samples_per_period": 0.0}, box / "usse-net-v1.safetensors")
    (pair,) = pairs(1)
    (found,) = ESTIMATORS.get("usse-net").track([pair], RFNetworkParams(preset="paper", smoothing_m=1e-3), CPU)
    with torch.inference_mode():
        frames = [torch.from_numpy(frame)[None, None] for frame in (pair.reference, pair.deformed)]
        bare = network.eval()(frames[0], frames[1][None])[0, 0]
    np.testing.assert_allclose(found.axial_samples, bare[1], atol=1e-4)
    np.testing.assert_allclose(found.lateral_lines, bare[0], atol=1e-4)


def test_mirrored_frames_give_the_mirrored_motion(filled: Path) -> None:
    estimator = ESTIMATORS.get("usse-net")
    (pair,) = pairs(1)
    mirrored = FramePair(pair.reference[:, ::-1].copy(), pair.deformed[:, ::-1].copy(), pair.geometry)
    (one,), (other,) = (estimator.track([frames], RFNetworkParams(), CPU) for frames in (pair, mirrored))
    np.testing.assert_allclose(other.axial_samples[:, ::-1], one.axial_samples, atol=1e-5)
    np.testing.assert_allclose(other.lateral_lines[:, ::-1], -one.lateral_lines, atol=1e-5)
    (alone,) = estimator.track([pair], RFNetworkParams(mirrored=False), CPU)
    assert np.abs(alone.axial_samples - one.axial_samples).max() > 1e-3


def test_echoes_that_fade_with_depth_change_the_motion_little(filled: Path) -> None:
    estimator = ESTIMATORS.get("usse-net")
    (pair,) = pairs(1, (600, 16))
    gain = np.logspace(0, -2, 600, dtype=np.float32)[:, None]
    fading = FramePair(gain * pair.reference, gain * pair.deformed, pair.geometry)

    def change(params: RFNetworkParams) -> float:
        (even,), (faded,) = (estimator.track([frames], params, CPU) for frames in (pair, fading))
        return float(np.abs(faded.axial_samples - even.axial_samples).mean())

    assert change(RFNetworkParams()) < 0.7 * change(RFNetworkParams(equalise=False))


@pytest.mark.parametrize("sampling_hz", [40e6, 80e6])
def test_smoothing_has_the_same_length_at_any_sampling(filled: Path, sampling_hz: float) -> None:
    estimator, shape = ESTIMATORS.get("usse-net"), (200, 16)
    geometry = Geometry(sampling_hz, 5e6, 1540.0, 0.2e-3)
    period = sampling_hz / 5e6
    pair = FramePair(speckle(*shape, 0, period), speckle(*shape, 1, period), geometry)
    (rough,), (smooth,) = (
        estimator.track([pair], RFNetworkParams(canonical_grid=False, smoothing_m=length_m), CPU)
        for length_m in (0.0, 0.2e-3)
    )
    expected = smooth_along_beam(torch.from_numpy(rough.axial_samples)[None, None], 0.2e-3 * 2 * sampling_hz / 1540)
    np.testing.assert_allclose(smooth.axial_samples, expected[0, 0], atol=1e-4)
    assert np.abs(smooth.axial_samples - rough.axial_samples).max() > 1e-3


def test_weights_of_another_network_are_refused(filled: Path) -> None:
    other = NetworkParams(weights=str(filled / "usenet-v1.safetensors"))
    with pytest.raises(WeightsError, match="not of reusenet"):
        next(ESTIMATORS.get("reusenet").track(pairs(1), other, CPU))


def test_other_weights_can_be_named(filled: Path) -> None:
    torch.manual_seed(5)
    weights.save(build("usenet", {"base_channels": 1}), {}, filled / "adapted.safetensors")
    estimator = ESTIMATORS.get("usenet")
    (own,) = estimator.track(pairs(1), NetworkParams(), CPU)
    (adapted,) = estimator.track(pairs(1), NetworkParams(weights=str(filled / "adapted.safetensors")), CPU)
    assert np.abs(own.axial_samples - adapted.axial_samples).max() > 0.01
    card, default = estimator.card_for(NetworkParams(weights=str(filled / "adapted.safetensors"))), estimator.card()
    assert card is not None
    assert default is not None
    assert (card.name, default.name) == ("adapted", "usenet-v1")


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_the_gpu_gives_the_cpu_s_motion(name: str, filled: Path) -> None:
    estimator = ESTIMATORS.get(name)
    for cpu, gpu in zip(
        estimator.track(pairs(3), estimator.Params(), CPU),
        estimator.track(pairs(3), estimator.Params(), torch.device("cuda")),
        strict=True,
    ):
        np.testing.assert_allclose(cpu.axial_samples, gpu.axial_samples, atol=5e-3)
