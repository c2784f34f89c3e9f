"""Average trained weights of one architecture: `python scripts/average_weights.py OUTPUT A=0.5 B=0.5`.

A and B are names of weights in the box or paths of safetensors files with cards. Networks of several stages may differ
in their number: the last stage of the shorter one is repeated, as often as `--stages N` wants if it is given;
`--smoothing SAMPLES` smooths motion between them. Averaging weights of one training history widens the minimum they lie
in (Wortsman et al., Model soups, ICML 2022). OUTPUT is a safetensors file of half precision; its card names the parts.
"""

import argparse
import sys
from pathlib import Path

import torch

from engine.errors import StrainscopeError
from engine.networks import weights
from engine.networks.base import build
from engine.networks.musse_net import MUSSENet
from engine.networks.weights import WeightsCard
from engine.training.initial import with_stages


def average(parts: dict[str, float], output: Path, stages: int = 0, smoothing: float | None = None) -> WeightsCard:
    """Write the weighted mean of the parts; shares must add up to 1.

    With `stages` not 0 and `smoothing` given, the network has that many stages and `smoothing_samples` between them.
    """
    if abs(sum(parts.values()) - 1) > 1e-6:
        raise SystemExit(f"shares add up to {sum(parts.values()):g}, not 1")
    loaded = [weights.load(name) for name in parts]
    longest, card = max(loaded, key=lambda pair: len(pair[0].state_dict()))
    states = [network.state_dict() for network, _ in loaded]
    config = dict(card.config)
    own = len(longest.stages) if isinstance(longest, MUSSENet) else 0
    if stages and not 0 < own <= stages:
        raise SystemExit(f"{card.name} has {own or 'no'} stages: it cannot become one of {stages}")
    if smoothing is not None:
        config["smoothing_samples"] = smoothing
    if own:
        config["stages"] = stages or own
        states = [with_stages(state, config["stages"]) for state in states]
    mixed = {}
    for name, value in states[0].items():
        total = sum(share * state[name].double() for share, state in zip(parts.values(), states, strict=True))
        mixed[name] = torch.as_tensor(total).to(value.dtype)
    network = build(card.network, config)
    network.load_state_dict(mixed)
    fields = {
        "samples_per_period": card.samples_per_period,
        "pitch_m": card.pitch_m,
        "prealigned": card.prealigned,
        "training": f"mean of weights, each {card.training}",
        "recipe": {
            "average": [
                {"share": share, "name": part.name, "commit": part.commit, "recipe": part.recipe}
                for share, (_, part) in zip(parts.values(), loaded, strict=True)
            ]
        },
        "data": card.data,
        "seed": card.seed,
        "iterations": max(part.iterations for _, part in loaded),
        "hardware": card.hardware,
    }
    return weights.save(network, fields, output, half=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("parts", nargs="+", metavar="NAME=SHARE")
    parser.add_argument("--stages", type=int, default=0)
    parser.add_argument("--smoothing", type=float, metavar="SAMPLES")
    chosen = parser.parse_args()
    try:
        shares = {name: float(share) for name, share in (part.rsplit("=", 1) for part in chosen.parts)}
    except ValueError:
        parser.error(f"expected NAME=SHARE, found {' '.join(chosen.parts)}")
    try:
        made = average(shares, chosen.output, chosen.stages, chosen.smoothing)
    except StrainscopeError as error:
        parser.error(str(error))
    sys.stdout.write(f"{made.name}: {made.sha256}\n")
