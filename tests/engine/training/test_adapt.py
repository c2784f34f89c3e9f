from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import CancelledError, ParameterError, WeightsError
from engine.networks import weights
from engine.networks.base import build
from engine.networks.weights import load, save
from engine.training.adapt import AdaptSettings, adapt
from engine.types import Geometry, RFSequence

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.2e-3)
CPU = torch.device("cpu")
SETTINGS = AdaptSettings(height=128, width=16, frames=2, check_every=3, patience=2, learning_rate=3e-3)


def recording(frames: int = 5, height: int = 160) -> RFSequence:
    """Speckle-like lines under a growing compression that bends: linear alignment leaves half a sample."""
    rng = np.random.default_rng(0)
    tones = rng.normal(size=(24, 40))
    periods = rng.uniform(6.5, 10, 40)
    phases = rng.uniform(0, 6, (24, 40))
    rows = np.arange(height)[:, None]
    stack = []
    for frame in range(frames):
        place = rows * (1 + 0.004 * frame) + 0.25 * frame * np.sin(rows / 25)
        waves = np.cos(place[:, None, :] * 2 * np.pi / periods + phases)  # (height, lines, tones)
        stack.append((waves * tones).sum(-1))
    return RFSequence.from_array(np.stack(stack).astype(np.float32), GEOMETRY)


@pytest.fixture
def weak(tmp_path: Path) -> Path:
    """Untrained weights of a small network."""
    torch.manual_seed(0)
    path = tmp_path / "weak.safetensors"
    save(build("usenet", {"base_channels": 2}), {"training": "none"}, path)
    return path


def test_adaptation_lowers_the_loss_of_frames_it_never_saw(weak: Path, tmp_path: Path) -> None:
    before = weak.read_bytes()
    told: list[tuple[int, int]] = []
    adapted = adapt(recording(), str(weak), SETTINGS, 0.1, CPU, lambda done, total: told.append((done, total)))
    assert adapted.improved
    assert adapted.loss_after < adapted.loss_before
    assert told[-1] == (6, 6)
    target = tmp_path / "adapted.safetensors"
    adapted.save(target)
    module, card = load(target)
    assert "adapted without truth" in card.training
    assert "weak" in card.training
    assert all(torch.equal(values, adapted.network.state_dict()[name]) for name, values in module.state_dict().items())
    assert weak.read_bytes() == before


def test_time_is_bounded_and_no_gain_keeps_the_weights(weak: Path) -> None:
    adapted = adapt(recording(), str(weak), AdaptSettings(height=128, width=16, check_every=1000), 0.005, CPU)
    original, _ = load(weak)
    assert not adapted.improved
    assert adapted.seconds < 20
    assert all(torch.equal(v, adapted.network.state_dict()[n]) for n, v in original.state_dict().items())


def test_only_the_last_stage_of_several_is_adapted(tmp_path: Path) -> None:
    path = tmp_path / "two.safetensors"
    save(build("musse-net", {"base_channels": 2}), {}, path)
    settings = AdaptSettings(height=128, width=16, frames=1, check_every=2, patience=1, learning_rate=3e-3)
    adapted = adapt(recording(), str(path), settings, 0.2, CPU)
    original, _ = load(path)
    changed = {
        name.split(".")[1]
        for name, v in original.state_dict().items()
        if not torch.equal(v, adapted.network.state_dict()[name])
    }
    assert changed <= {"1"}


def test_cancelling_leaves_nothing(weak: Path) -> None:
    with pytest.raises(CancelledError):
        adapt(recording(), str(weak), SETTINGS, 1.0, CPU, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("sequence", "settings", "complaint"),
    [
        (recording(frames=3), SETTINGS, "at least 4"),
        (recording(), AdaptSettings(reference=9), "reference frame 9"),
        (recording(height=90), SETTINGS, "too small"),
    ],
)
def test_what_cannot_be_adapted_to_is_one_clear_line(
    weak: Path, sequence: RFSequence, settings: AdaptSettings, complaint: str
) -> None:
    with pytest.raises(ParameterError, match=complaint):
        adapt(sequence, str(weak), settings, 1.0, CPU)


def test_the_box_is_never_written_to(weak: Path, tmp_path: Path) -> None:
    adapted = adapt(recording(), str(weak), SETTINGS, 1e-4, CPU)
    with pytest.raises(ParameterError, match="stay as they are"):
        adapted.save(weights.folder() / "mine.safetensors")
    with pytest.raises(ParameterError, match=r"\.safetensors"):
        adapted.save(tmp_path / "mine.pt")
    with pytest.raises(WeightsError):
        adapt(recording(), "no-such-network", SETTINGS, 1.0, CPU)
