from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from app.cli import main
from engine.networks.base import build
from engine.networks.weights import WeightsCard, save


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Five frames of tones under growing compression."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 6, (1, 20))
    rows = np.arange(160)[:, None]
    frames = [
        np.sin(rows * (1 + 0.004 * frame) * 2 * np.pi / 8 + phase) * (1 + 0.3 * np.sin(rows / 9)) for frame in range(5)
    ]
    path = tmp_path / "recording.h5"
    with h5py.File(path, "w") as stored:
        stored["rf"] = np.stack(frames).astype(np.float32)
        stored.attrs.update(format="strainscope-rf", version=1, sampling_hz=40e6, center_hz=5e6)
        stored.attrs.update(sound_speed_m_s=1540.0, pitch_m=0.2e-3, start_depth_m=0.0)
    return path


@pytest.fixture
def network(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "weak.safetensors"
    save(build("usenet", {"base_channels": 2}), {}, path)
    return path


def test_adapt_writes_labelled_weights_that_estimate_can_use(
    recording: Path, network: Path, tmp_path: Path, printed: Callable[[str], dict[str, float]]
) -> None:
    target = tmp_path / "mine.safetensors"
    options = ["--method", str(network), "--minutes", "0.03", "--set", "height=128", "--set", "width=16"]
    assert main(["adapt", str(recording), "-o", str(target), *options, "--json"]) == 0
    told = printed("adapt")
    assert told["loss_after"] <= told["loss_before"]
    assert "adapted without truth" in WeightsCard.read(target).training


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--minutes", "0"], "--minutes"),
        (["--method", "nonet"], "nonet"),
        (["--set", "speed=3"], "unknown parameter speed"),
        (["-o", "weights.pt"], ".safetensors"),
    ],
)
def test_a_mistake_is_one_line(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert main(["adapt", str(recording), "-o", str(tmp_path / "mine.safetensors"), *options]) == 2
    printed = capsys.readouterr().err
    assert complaint in printed
    assert len(printed.splitlines()) == 1
