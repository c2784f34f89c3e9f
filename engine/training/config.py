r"""One TOML file decides a training run; every key is checked, and an unknown one is an error.

>>> config = parse("[run]\nnetwork = 'usse-net'\n[[phases]]\niterations = 100")
>>> config.run.network, config.iterations
('usse-net', 100)
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from engine.errors import ParameterError, ReadError
from engine.losses.total import LossSettings
from engine.parameters import Parameters, parameter

D = TypeVar("D")


@dataclass(frozen=True)
class RunSettings(Parameters):
    """What is trained, where, and what is kept."""

    network: str = parameter("usse-net", help="Name of the network")
    seed: int = parameter(1, minimum=0, help="Number from which all randomness follows")
    threads: int = parameter(1, minimum=1, maximum=1024, help="CPU cores that data and training use together")
    device: Literal["auto", "cpu", "cuda"] = parameter("auto", help="Where to train")
    precision: Literal["auto", "float32", "bfloat16"] = parameter(
        "auto", help="bfloat16 where it pays, which is on CUDA, or always one of them"
    )
    output: str = parameter("", help="Folder of checkpoints and log; empty: runs/<name of the file>")
    export: str = parameter("", help="Name under which the best weights are kept in the box; empty: not exported")
    export_half: bool = parameter(False, help="Keep exported weights as numbers of 16 bits, in half the space")
    checkpoint_seconds: float = parameter(60.0, unit="s", minimum=0.0, help="Time between two checkpoints")
    log_every: int = parameter(25, unit="iterations", minimum=1, help="Iterations that one log row averages")


@dataclass(frozen=True)
class InitialSettings(Parameters):
    """Weights to start from, as paths relative to the TOML file or names of weights in the box; empty: random."""

    weights: str = parameter(
        "", help="Weights of the same network; of several stages, the last is copied where some lack"
    )
    first_stage: str = parameter("", help="Weights of a single-stage network that become the frozen first stage")


@dataclass(frozen=True)
class DataSettings(Parameters):
    """Where sequences come from and how they vary."""

    source: Literal["simulated", "folder", "recordings"] = parameter(
        "simulated", help="Simulate on the fly, read simulated files with truth, or recordings of which only RF is used"
    )
    path: str = parameter("", help="Folder of the files, relative to the TOML file")
    batch: int = parameter(1, minimum=1, help="Sequences in one iteration")
    pool: int = parameter(16, minimum=1, help="Sequences that are in use at a time")
    reuse: int = parameter(4, minimum=1, help="Times that each sequence is used, differently misaligned and mirrored")
    height: int = parameter(384, unit="samples", minimum=32, help="Height of a crop")
    width: int = parameter(48, unit="lines", minimum=4, help="Width of a crop")
    frames: int = parameter(4, minimum=2, help="Frames of a sequence, the reference included")
    mirror: bool = parameter(True, help="Mirror laterally and change the sign of the RF at random")
    gain: float = parameter(0.1, minimum=0.0, maximum=0.9, help="Largest relative gain change between frames")
    noise: float = parameter(0.0, minimum=0.0, help="Largest white noise added, relative to the RF's effective value")
    equalise: bool = parameter(True, help="Divide the RF by its local magnitude, as the estimators do")
    held_out: int = parameter(1, minimum=0, help="Files at the end of the folder kept for validation only")
    reference: Literal["any", "first"] = parameter(
        "any", help="Reference of sequences from real recordings: any frame, or always the first"
    )
    prealign: bool = parameter(
        True, help="Start from the bulk motion: of recordings that found in the RF, in simulation a wrong one"
    )
    prefetch: int = parameter(0, minimum=0, maximum=64, help="Threads that make batches ahead; 0: none")


@dataclass(frozen=True)
class Difficulty(Parameters):
    """How far the frames are deformed, and how wrong the bulk motion is that the network starts from.

    The errors are those at `max_strain`; frames of less strain have less of them, as with a real affine fit.
    """

    max_strain: float = parameter(0.03, minimum=0.0, maximum=0.2, help="Largest mean axial strain")
    shift_error: float = parameter(1.5, unit="samples", minimum=0.0, help="Largest axial error of the bulk shift")
    strain_error: float = parameter(0.3, minimum=0.0, help="Largest error of the bulk strain, relative to max_strain")
    lateral_error: float = parameter(0.3, unit="lines", minimum=0.0, help="Largest lateral error of the bulk shift")

    def towards(self, other: "Difficulty", share: float) -> "Difficulty":
        """Mix linearly: share 0 is this one, 1 the other."""
        mixed = {name: (1 - share) * value + share * getattr(other, name) for name, value in asdict(self).items()}
        return Difficulty(**mixed)


@dataclass(frozen=True)
class OptimiserSettings(Parameters):
    """Adam with a schedule, as the paper's; `cosine` suits a run whose length is known beforehand."""

    schedule: Literal["plateau", "cosine", "constant"] = parameter(
        "plateau", help="Halve when validation stalls, fall to the minimum over each phase, or leave"
    )
    minimum_rate: float = parameter(5e-6, minimum=0.0, help="Smallest learning rate")
    warm_up: int = parameter(20, unit="iterations", minimum=0, help="Iterations of linear rise at the start of a phase")
    patience: int = parameter(10, unit="validations", minimum=1, help="Validations without gain before halving")
    factor: float = parameter(0.5, minimum=0.01, maximum=1.0, help="Reduction on a plateau")
    clip: float = parameter(1.0, minimum=0.0, help="Largest norm of the gradient; 0: not limited")
    average: float = parameter(0.0, minimum=0.0, maximum=0.99999, help="Decay of the running mean of weights; 0: none")


@dataclass(frozen=True)
class ValidationSettings(Parameters):
    """The fixed set, never trained on, by which the best weights are chosen."""

    every: int = parameter(200, unit="iterations", minimum=1, help="Iterations between two validations")
    sequences: int = parameter(6, minimum=1, help="Sequences of the set")
    seed: int = parameter(2024, minimum=0, help="Number from which the set follows, apart from the training's")
    max_strain: float = parameter(0.03, minimum=0.0, maximum=0.2, help="Largest mean axial strain")
    shift_error: float = parameter(1.0, unit="samples", minimum=0.0, help="Largest axial error of the bulk shift")
    strain_error: float = parameter(0.2, minimum=0.0, help="Largest error of the bulk strain, relative to max_strain")
    lateral_error: float = parameter(0.2, unit="lines", minimum=0.0, help="Largest lateral error of the bulk shift")
    window_m: float = parameter(2e-3, unit="m", minimum=1e-4, help="Least-squares window of the strain")
    chosen_by: Literal["strain", "displacement"] = parameter(
        "strain", help="Error of which the best weights have least; without truth it is the lack of similarity"
    )

    @property
    def difficulty(self) -> Difficulty:
        """The set's difficulty."""
        return Difficulty(self.max_strain, self.shift_error, self.strain_error, self.lateral_error)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one loss; difficulty grows linearly from `start` to `end` over its iterations.

    `final_rate` is where the cosine schedule ends, 0 at the optimiser's `minimum_rate`. `height` and `width` cut
    smaller crops out of the sequences, for a quick start; 0 takes them whole.
    """

    name: str = "training"
    iterations: int = 1000
    learning_rate: float = 1e-3
    final_rate: float = 0.0
    height: int = 0
    width: int = 0
    loss: LossSettings = field(default_factory=LossSettings)
    start: Difficulty = field(default_factory=Difficulty)
    end: Difficulty = field(default_factory=Difficulty)

    def __post_init__(self) -> None:
        if not all(math.isfinite(rate) for rate in (self.learning_rate, self.final_rate)):
            raise ParameterError(f"phase {self.name!r}: learning_rate and final_rate must be finite")
        if self.iterations < 1 or self.learning_rate <= 0:
            raise ParameterError(f"phase {self.name!r}: iterations and learning_rate must be positive")
        if self.height < 0 or self.width < 0 or self.final_rate < 0:
            raise ParameterError(f"phase {self.name!r}: height, width and final_rate must not be negative")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run. `architecture` goes to the network, `crops` to the simulator."""

    run: RunSettings = field(default_factory=RunSettings)
    architecture: Mapping[str, Any] = field(default_factory=dict)
    initial: InitialSettings = field(default_factory=InitialSettings)
    data: DataSettings = field(default_factory=DataSettings)
    crops: Mapping[str, Any] = field(default_factory=dict)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    phases: tuple[Phase, ...] = ()
    folder: Path = Path()

    def __post_init__(self) -> None:
        if not self.phases:
            raise ParameterError("training needs at least one [[phases]] table")
        if self.data.source != "simulated" and not self.data.path:
            raise ParameterError(f"data.path is needed for source {self.data.source!r}")
        if self.data.source == "recordings" and any(phase.loss.supervised for phase in self.phases):
            raise ParameterError("real recordings have no truth: endpoint and strain must weigh 0 in every phase")
        if self.data.source == "recordings" and any(phase.height or phase.width for phase in self.phases):
            raise ParameterError("crops of real recordings have one size, data.height and data.width")
        for phase in self.phases:
            height, needed = self._crop(phase)[0], phase.loss.least_rows
            if height < needed:
                raise ParameterError(
                    f"phase {phase.name!r}: crops of {height} rows do not hold the loss's strain window of {needed}"
                )

    def crop_at(self, iteration: int) -> tuple[int, int]:
        """Return height and width of the crops that an iteration sees."""
        return self._crop(self.phase_at(iteration)[1])

    def _crop(self, phase: Phase) -> tuple[int, int]:
        height, width = phase.height or self.data.height, phase.width or self.data.width
        return min(height, self.data.height), min(width, self.data.width)

    @property
    def iterations(self) -> int:
        """Iterations of all phases together."""
        return sum(phase.iterations for phase in self.phases)

    def phase_at(self, iteration: int) -> tuple[int, Phase, int]:
        """Return the number of the phase, the phase, and the iteration within it."""
        for number, phase in enumerate(self.phases):
            if iteration < phase.iterations:
                return number, phase, iteration
            iteration -= phase.iterations
        last = self.phases[-1]
        return len(self.phases) - 1, last, last.iterations - 1

    def difficulty_at(self, iteration: int) -> Difficulty:
        """Return the difficulty that the curriculum has reached."""
        _, phase, within = self.phase_at(iteration)
        return phase.start.towards(phase.end, within / max(phase.iterations - 1, 1))

    def as_dict(self) -> dict[str, Any]:
        """Return all values, JSON-ready, without the place of the file."""
        values = asdict(self)
        del values["folder"]
        return values


def load(path: Path) -> TrainingConfig:
    """Read a TOML file; a file that cannot be read is a ReadError, a wrong key or value a ParameterError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(path, f"cannot be read: {error}") from None
    return parse(text, path)


def parse(text: str, path: Path = Path("training.toml")) -> TrainingConfig:
    """Build from TOML text; `path` gives the name in messages and the folder that relative paths start from."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # whole numbers of thousands of digits among them
        raise ReadError(path, f"is not TOML: {error}") from None
    if "folder" in table:
        raise ParameterError(f"{path.name}: unknown key folder")
    return build(TrainingConfig, {**table, "folder": path.parent}, path.name)


def build(cls: type[D], table: Mapping[str, Any], where: str) -> D:
    """Make a nest of dataclasses from a nest of tables; `where` names the place in messages."""
    if not isinstance(table, Mapping):
        raise ParameterError(f"{where}: expected a table, found {table!r}")
    hints = get_type_hints(cls)
    known = [entry.name for entry in fields(cast("Any", cls)) if entry.init]
    unknown = sorted(set(table) - set(known))
    if unknown:
        visible = ", ".join(name for name in known if name != "folder")
        raise ParameterError(f"{where}: unknown key {', '.join(unknown)}; known: {visible}")
    return cls(**{name: _value(hints[name], value, f"{where}: {name}") for name, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return build(hint, value, where)
    if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
        if not isinstance(value, list):
            raise ParameterError(f"{where}: expected a list of tables, found {value!r}")
        return tuple(build(get_args(hint)[0], entry, f"{where} {number + 1}") for number, entry in enumerate(value))
    if get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise ParameterError(f"{where}: expected a table, found {value!r}")
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return _as_float(value, where)
    if isinstance(hint, type) and (not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)):
        raise ParameterError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value


def _as_float(value: int, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ParameterError(f"{where}: a number of {len(str(value))} digits is larger than can be") from None
