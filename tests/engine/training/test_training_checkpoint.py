from pathlib import Path

import pytest
import torch

from engine.errors import ReadError
from engine.training import checkpoint


def test_a_nest_comes_back_as_it_was(tmp_path: Path) -> None:
    shared = torch.arange(3.0)
    state = {
        "network": {"a": torch.zeros(2, 3), "b": shared},
        "optimiser": {
            "state": {0: {"step": torch.tensor(7.0), "mean": shared}, 1: {}},
            "groups": [{"lr": 0.1, "p": [0]}],
        },
        "best": None,
        "iteration": 12,
    }
    checkpoint.save(state, tmp_path / "c.safetensors")
    found = checkpoint.load(tmp_path / "c.safetensors")
    assert found["iteration"] == 12
    assert found["best"] is None
    assert list(found["optimiser"]["state"]) == [0, 1]
    assert found["optimiser"]["groups"] == [{"lr": 0.1, "p": [0]}]
    assert torch.equal(found["optimiser"]["state"][0]["step"], torch.tensor(7.0))
    assert torch.equal(found["network"]["b"], shared)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(b"\x80\x04not a checkpoint")
    with pytest.raises(ReadError, match="not a checkpoint"):
        checkpoint.load(path)
    with pytest.raises(ReadError, match="not a checkpoint"):
        checkpoint.load(tmp_path / "absent.safetensors")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ReadError, match="version"):
        checkpoint.load(path)
    for state in ({}, {"state": "{"}, {"state": '{"pairs": [["a", {"$tensor": "gone"}]]}'}):
        save_file({"a": torch.zeros(1)}, path, metadata={"version": checkpoint.VERSION, **state})
        with pytest.raises(ReadError, match="damaged checkpoint"):
            checkpoint.load(path)


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint.save({"iteration": 1}, path)
    with pytest.raises(TypeError):
        checkpoint.save({"iteration": object()}, path)
    assert checkpoint.load(path)["iteration"] == 1
    assert len(list(tmp_path.iterdir())) == 1
