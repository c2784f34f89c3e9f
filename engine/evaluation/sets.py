"""The named sets on which methods are compared: all of them, in one place.

Every set is simulated from seeds of a million and more; training and tuning draw their seeds below that, so no set
shares a phantom or a speckle pattern with them. `tuning_set` is the same protocol under such a seed. Sets are made
when they are asked for and never stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import ParameterError, ReadError
from engine.evaluation.regions import evaluation_regions
from engine.simulation.protocols import protocol
from engine.types import Ellipse, FrameTruth, RFSequence, Truth

FIRST_SEED = 1_000_000
"""Training uses seeds below this one, evaluation this one and those above."""
_LEVEL_STEP = 0.0025
"""Grid of strain levels for recordings whose applied strain is not known, as a fraction."""


@dataclass(frozen=True)
class EvaluationCase:
    """One recording with truth; `levels` are the applied strains of frames 1, 2, ..., as fractions, if known.

    `lesion` is the outline of the inclusion that target and background belong to.
    """

    name: str
    sequence: RFSequence
    truth: Truth
    target: Ellipse | None
    background: Ellipse | None
    lesion: Ellipse | None = None
    levels: tuple[float, ...] = ()

    def level(self, frame: int, truth: FrameTruth) -> float:
        """Return the applied strain of a frame; where it is not known, the mean of the true one, on a grid."""
        if self.levels:
            return round(self.levels[frame - 1], 6)
        return round(round(-float(truth.axial_strain.mean()) / _LEVEL_STEP) * _LEVEL_STEP, 6)


@dataclass(frozen=True)
class EvaluationSet:
    """Phantoms `numbers` of a protocol, each with up to `draws` draws of scatterers."""

    name: str
    title: str
    protocol: str
    numbers: tuple[int, ...]
    draws: int = 1
    seed: int = FIRST_SEED

    def __len__(self) -> int:
        """Return the number of recordings."""
        made = protocol(self.protocol)
        return sum(min(made.draws_of(number), self.draws) for number in self.numbers)

    def cases(self) -> Iterator[EvaluationCase]:
        """Simulate one recording after the other."""
        made = protocol(self.protocol)
        for number, draw, recording in made.recordings(self.numbers, self.seed, draws=self.draws):
            levels = tuple(load.strain for load in recording.plan.loads)
            yield case(made.label(number, draw), recording.sequence(), levels)


def case(name: str, sequence: RFSequence, levels: tuple[float, ...] = ()) -> EvaluationCase:
    """Choose the ellipses of a recording; one without truth is a ReadError."""
    if sequence.truth is None:
        raise ReadError(name, "holds no truth to measure against")
    regions = evaluation_regions(sequence.truth.inclusion_mask, sequence.geometry)
    return EvaluationCase(name, sequence, sequence.truth, regions.target, regions.background, regions.lesion, levels)


def file_case(path: Path, sequence: RFSequence) -> EvaluationCase:
    """Take a recording that was opened from a file."""
    return case(path.name, sequence)


def evaluation_set(name: str) -> EvaluationSet:
    """Return the set of a name, or raise a ParameterError that lists them."""
    if name not in SETS:
        raise ParameterError(f"no evaluation set is called {name!r}; there are: {', '.join(SETS)}")
    return SETS[name]


def tuning_set(name: str, seed: int) -> EvaluationSet:
    """Return a set of the same kind to tune on: its seed must be one that no evaluation uses."""
    if not 0 <= seed < FIRST_SEED:
        raise ParameterError(f"a seed to tune on lies from 0 to {FIRST_SEED - 1}, found {seed}")
    return replace(evaluation_set(name), seed=seed)


SETS: dict[str, EvaluationSet] = {
    entry.name: entry
    for entry in (
        EvaluationSet("small-noisy", "quick look: 4 noisy recordings of 1024 x 64", "small-noisy", (1, 2, 3, 4)),
        EvaluationSet("validation-clean", "8 recordings of 2048 x 128 without noise", "clean", tuple(range(1, 9))),
        EvaluationSet(
            "validation-noisy", "the same with noise, decorrelation, gain and hand", "noisy", tuple(range(1, 9))
        ),
        EvaluationSet(
            "tehrani-rivaz-validation", "phantoms 19 to 21, 2 draws each", "tehrani-rivaz", (19, 20, 21), draws=2
        ),
        EvaluationSet(
            "tehrani-rivaz-test",
            "phantoms 22 to 25, all draws: the 36 test sequences of the MUSSE-Net paper's protocol",
            "tehrani-rivaz",
            (22, 23, 24, 25),
            draws=10,
        ),
        EvaluationSet(
            "robustness", "one thing of scanner or motion changed at a time", "robustness", tuple(range(1, 13))
        ),
        EvaluationSet(
            "peer-clean", "6 recordings for comparison with other programs", "peer-clean", tuple(range(9, 15))
        ),
        EvaluationSet(
            "non-proportional",
            "10 noisy recordings of 1024 x 64 whose frames show no common pattern: hardening, contact, slip, vessel, "
            "tremor, each twice; layers, three inclusions, none",
            "non-proportional",
            tuple(range(1, 11)),
        ),
        EvaluationSet("peer-noisy", "the same with heavy noise", "peer-noisy", tuple(range(9, 15))),
        EvaluationSet("gluenet", "4 recordings up to 7 % with uniform noise", "gluenet", (1, 2, 3, 4)),
        EvaluationSet(
            "end-to-end-cnn",
            "phantoms 41 to 44 of the end-to-end network paper's protocol; it trained on 40 and tested on 10",
            "end-to-end-cnn",
            (41, 42, 43, 44),
        ),
    )
}
