"""Weights come back as they were saved, and anything wrong with them is one clear WeightsError."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch

from engine.elasticity.common.denoiser import DenoiserConfig, ModulusDenoiser
from engine.errors import WeightsError
from engine.files import atomic as files_atomic
from engine.networks import weights
from engine.networks.base import DisplacementNetwork, build


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def network() -> DisplacementNetwork:
    torch.manual_seed(3)
    return build("musse-net", {"base_channels": 1, "stages": 3, "tca_layout": "axial"})


def edit(card: Path, **changes: object) -> None:
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))


def test_saved_weights_come_back(box: Path, network: DisplacementNetwork) -> None:
    fields = {"scores": {"validation": {"nrmse": 0.9}}, "pitch_m": (1e-4, 3e-4), "recipe": {"phases": [1, 2]}}
    saved = weights.save(network, fields, box / "musse-net-v1.safetensors")
    module, card = weights.load("musse-net")
    assert not module.training
    assert card == saved
    assert card.network == "musse-net"
    assert card.config["stages"] == 3
    assert card.scores == {"validation": {"nrmse": 0.9}}
    for key, values in network.state_dict().items():
        torch.testing.assert_close(module.state_dict()[key], values, rtol=0, atol=0)
    assert sorted(entry.name for entry in box.iterdir()) == ["musse-net-v1.json", "musse-net-v1.safetensors"]


def test_half_the_space_holds_the_same_network(box: Path, network: DisplacementNetwork) -> None:
    weights.save(network, {}, box / "musse-net-v1.safetensors")
    weights.save(network, {}, box / "musse-net-v2.safetensors", half=True)
    whole, half = ((box / f"musse-net-v{version}.safetensors").stat().st_size for version in (1, 2))
    assert half < 0.75 * whole
    module, _ = weights.load("musse-net-v2")
    for key, values in network.state_dict().items():
        assert module.state_dict()[key].dtype == values.dtype
        torch.testing.assert_close(module.state_dict()[key], values, rtol=1e-3, atol=1e-6)


def test_the_highest_version_wins_and_each_keeps_its_name(box: Path, network: DisplacementNetwork) -> None:
    for version in (2, 10, 9):
        weights.save(network, {"iterations": version}, box / f"musse-net-v{version}.safetensors")
    weights.save(network, {"iterations": 1}, box / "musse-net-unsupervised-v1.safetensors")
    assert weights.load("musse-net")[1].name == "musse-net-v10"
    assert weights.load("musse-net-v2")[1].iterations == 2
    assert weights.load(box / "musse-net-v9.safetensors")[1].iterations == 9
    assert {name: card.iterations for name, card in weights.available().items()} == {
        "musse-net": 10,
        "musse-net-unsupervised": 1,
    }


def test_a_model_that_is_no_displacement_network(box: Path) -> None:
    weights.save(
        ModulusDenoiser(DenoiserConfig((2, 4, 8))),
        {"config": {"channels": [2, 4, 8]}},
        box / "modulus-denoiser-v1.safetensors",
    )
    assert isinstance(weights.load("modulus-denoiser")[0], ModulusDenoiser)


def test_absent_weights(box: Path) -> None:
    with pytest.raises(WeightsError, match="no trained weights for usenet"):
        weights.load("usenet")
    with pytest.raises(WeightsError, match="no trained weights for x"):
        weights.load("x" * 5000)
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.load(f"{'x' * 5000}.safetensors")
    with pytest.raises(WeightsError, match="no weights file"):
        weights.load(box / "gone.safetensors")
    assert weights.available() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "damaged"),
        ({"network": "usse-net"}, "does not describe a usse-net"),
        ({"network": "no-net"}, "does not exist here"),
        ({"config": {"base_channels": 1, "stages": 2}}, "does not fit its architecture"),
        ({"config": {"base_channels": 0}}, "does not describe"),
        ({"surprise": 1}, "holds unknown surprise"),
        ({"pitch_m": [1]}, "expected input"),
        ({"pitch_m": [3e-4, 1e-4]}, "impossible input: pitch_m 0.0003 to 0.0001"),
        ({"samples_per_period": -8.0}, "impossible input"),
        ({"config": [8]}, "config must be a table, found [8]"),
        ({"network": ["usenet"]}, "network must be text"),
        ({"scores": 3}, "scores must be a table"),
    ],
)
def test_a_card_that_does_not_fit(
    box: Path, network: DisplacementNetwork, changes: dict[str, object], message: str
) -> None:
    path = box / "musse-net-v1.safetensors"
    weights.save(network, {}, path)
    edit(path.with_suffix(".json"), **changes)
    with pytest.raises(WeightsError, match=re.escape(message)) as caught:
        weights.load("musse-net")
    assert "\n" not in str(caught.value)


def test_damaged_files(box: Path, network: DisplacementNetwork) -> None:
    path = box / "musse-net-v1.safetensors"
    weights.save(network, {}, path)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match="SHA-256"):
        weights.load("musse-net")
    path.write_bytes(b"not safetensors")
    edit(path.with_suffix(".json"), sha256=hashlib.sha256(b"not safetensors").hexdigest())
    with pytest.raises(WeightsError, match="not a safetensors file"):
        weights.load("musse-net")
    path.with_suffix(".json").write_text("{")
    with pytest.raises(WeightsError, match="no JSON"):
        weights.load("musse-net")
    path.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match="has no card"):
        weights.load("musse-net")


def test_a_kill_between_weights_and_card_leaves_a_whole_pair(
    box: Path, network: DisplacementNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = box / "musse-net-v1.safetensors"
    old = weights.save(network, {"training": "old"}, path)
    other = build("musse-net", {"base_channels": 1, "stages": 3, "tca_layout": "axial"})
    steps: list[Path] = []
    atomic = weights.atomic_path
    for killed_after in (1, 2, 3):
        steps.clear()

        @contextmanager
        def until(target: Path, last: int = killed_after) -> Iterator[Path]:
            steps.append(target)
            if len(steps) > last:
                raise KeyboardInterrupt
            with atomic(target) as temporary:
                yield temporary

        for module in (weights, files_atomic):
            monkeypatch.setattr(module, "atomic_path", until)
        with suppress(KeyboardInterrupt):
            weights.save(other, {"training": "new"}, path)
        assert len(steps) == min(killed_after + 1, 3)
        assert weights.load(path)[1].training == ("old" if killed_after == 1 else "new")
        for module in (weights, files_atomic):
            monkeypatch.setattr(module, "atomic_path", atomic)
        assert weights.save(network, {"training": "old"}, path) == old


@pytest.mark.parametrize(
    "changes", [{"samples_per_period": 1e6}, {"pitch_m": [1e-300, 1e-4]}, {"pitch_m": [1e-4, 1e300]}]
)
def test_a_card_whose_input_cannot_be_is_refused(
    box: Path, network: DisplacementNetwork, changes: dict[str, object]
) -> None:
    path = box / "musse-net-v1.safetensors"
    weights.save(network, {}, path)
    edit(path.with_suffix(".json"), **changes)
    with pytest.raises(WeightsError, match="impossible input"):
        weights.load(path)
