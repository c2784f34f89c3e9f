import pytest
import torch

from engine.estimators.base import ESTIMATORS
from engine.networks.base import NETWORKS, build
from engine.networks.catalogue import ADAPTABLE, CATALOGUE, NetworkEntry

BY_NAME = {entry.name: entry for entry in CATALOGUE}


def test_every_network_is_in_the_catalogue_and_an_estimator() -> None:
    assert NETWORKS.names() == tuple(BY_NAME)
    assert set(BY_NAME) <= set(ESTIMATORS.names())
    assert set(ADAPTABLE) < set(BY_NAME)


@pytest.mark.parametrize("entry", CATALOGUE, ids=list(BY_NAME))
def test_what_is_called_recurrent_has_a_memory(entry: NetworkEntry) -> None:
    network = build(entry.name, {"base_channels": 2})
    with torch.inference_mode():
        features = network.encode_reference(torch.zeros(1, 1, 64, 32))
        assert bool(network.initial_state(features)) is entry.recurrent
    method = ESTIMATORS.get(entry.name)
    assert method.is_recurrent(method.Params()) is entry.recurrent
