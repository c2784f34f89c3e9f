"""What every estimator of displacement is: a stream of frame pairs in, a stream of displacements out."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from engine.parameters import Parameters
from engine.registry import Registry
from engine.types import Displacement, FramePair, Geometry, Map

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.networks.weights import WeightsCard
    from engine.on_device import MotionBatch, PairBatch

P = TypeVar("P", bound=Parameters)
STRAIN_WINDOW_M = 2e-3
"""Strain window of methods whose motion is no smoother than their own windows; comparisons take it for every method."""
SMOOTHED_WINDOW_M = 1e-3
"""Strain window after GLUE and its kin, whose prior has smoothed: longer ones blur edges and average no more noise."""
Kind = Literal["classical", "network", "combined"]


class Estimator(ABC, Generic[P]):
    """Displacement of each deformed frame of one recording against one reference.

    One call of `track` is one sequence: all pairs share the reference, in order of growing distance from it, and any
    state (recurrent memory, features of the reference) lives in that call only. It reads pairs no further ahead than
    it needs, so memory does not grow with the length of the recording.
    """

    name: str
    title: str
    kind: Kind
    Params: type[Parameters]
    chance_correlation: float = 0.0
    """Local correlation to which it brings frames with nothing in common; smooth motion can do next to nothing."""
    strain_window_m: float = STRAIN_WINDOW_M
    """Window in which its strain is read unless another is chosen: shorter where it has smoothed its motion already."""

    @abstractmethod
    def track(self, pairs: Iterable[FramePair], params: P, device: "torch.device") -> Iterator[Displacement]:
        """Yield one displacement for each pair, in order, composed with the pair's `initial` where there is one."""

    def track_pairs(
        self, pairs: Iterable[FramePair], params: P, device: "torch.device"
    ) -> Iterator[tuple[FramePair, Displacement]]:
        """Like `track`, each displacement with its pair, which is kept no longer than until then."""
        waiting: deque[FramePair] = deque()

        def kept() -> Iterator[FramePair]:
            for pair in pairs:
                waiting.append(pair)
                yield pair

        for displacement in self.track(kept(), params, device):
            yield waiting.popleft(), displacement

    def is_recurrent(self, params: P) -> bool:
        """Whether a frame's estimate depends on those before it; the pipeline then always starts at the reference."""
        return False

    def unavailable(self) -> str | None:
        """Say why the method cannot run here (for example without weights), or None."""
        return None

    def card(self) -> "WeightsCard | None":
        """Return the card of the weights it would run with, or None for a method without weights."""
        return None

    def card_for(self, params: P) -> "WeightsCard | None":
        """Return the card of the weights it runs with under `params`, where these can name other weights."""
        return self.card()


class PairwiseEstimator(Estimator[P]):
    """A classical method, which takes each pair on its own."""

    kind = "classical"

    @abstractmethod
    def displacement(self, pair: FramePair, params: P, device: "torch.device") -> Displacement:
        """Return the displacement of one pair."""

    def track(self, pairs: Iterable[FramePair], params: P, device: "torch.device") -> Iterator[Displacement]:
        """Yield the displacement of each pair."""
        for pair in pairs:
            yield self.displacement(pair, params, device)


Tracker = Callable[["PairBatch"], "MotionBatch"]
"""Estimates the next pairs of one recording; what it remembers changes only when it has answered."""


class BatchEstimator(Estimator[P]):
    """A method that takes several pairs at once, on tensors that stay on their device."""

    several_references: bool = False
    """Whether the pairs of a batch may have references of their own."""

    @abstractmethod
    def tracker(self, params: P, device: "torch.device") -> Tracker:
        """Return what estimates one recording, batch after batch."""

    def frames_per_batch(self, params: P) -> int:
        """Return how many pairs are wanted in a batch, 0 for what suits the device."""
        return 0

    def track(self, pairs: Iterable[FramePair], params: P, device: "torch.device") -> Iterator[Displacement]:
        """Yield the displacement of each pair, as many pairs at a time as are wanted."""
        import torch

        from engine.on_device import PairBatch

        tracker, stream = self.tracker(params, device), iter(pairs)
        while group := list(islice(stream, max(self.frames_per_batch(params), 1))):
            with torch.inference_mode():
                found = tracker(PairBatch.of(group, device))
            yield from found.displacements(group[0].geometry)


class PairwiseBatchEstimator(BatchEstimator[P]):
    """A classical method that takes each pair of a batch on its own."""

    kind = "classical"
    several_references = True

    @abstractmethod
    def motion(self, batch: "PairBatch", params: P) -> "MotionBatch":
        """Return the motion of pairs that have nothing to do with one another."""

    def tracker(self, params: P, device: "torch.device") -> Tracker:
        """Remember nothing between batches."""
        return lambda batch: self.motion(batch, params)


class Together(Protocol):
    """Gives frames, named with their pairs, their final motion, from what was kept of their first estimates."""

    def __call__(self, frames: Sequence[int], batch: "PairBatch", kept: Mapping[int, Map]) -> "MotionBatch":
        """Answer for frames of the reference that was looked at."""
        ...

    def carried(self, frames: Sequence[int], batch: "PairBatch", kept: Mapping[int, Map]) -> "MotionBatch":
        """Answer for pairs of other references that show the same tissue."""
        ...


class RecordingEstimator(BatchEstimator[P]):
    """A method that estimates each pair on its own first, and then all pairs of one reference together.

    The pipeline keeps of each first estimate what `keep` returns, no more, and hands all of it to `together`. Pairs of
    other references are taken `pairs_together` at a time, beside frames compared with the first reference of these.
    """

    pairs_together: int

    @abstractmethod
    def evidence(self, count: int, params: P) -> tuple[int, ...]:
        """Return the places, among `count` pairs, that the second look needs, whatever frames are wanted."""

    @abstractmethod
    def keep(self, motion: "Tensor", geometry: Geometry, params: P) -> "Tensor":
        """Make first estimates (n, 2, H, W) small, one of n each."""

    @abstractmethod
    def together(
        self,
        batch_of: "Callable[[Sequence[int]], PairBatch]",
        kept: Mapping[int, Map],
        evidence: Sequence[int],
        params: P,
    ) -> Together:
        """Look at all frames of one reference.

        `batch_of` makes the pairs of frames anew whenever it is asked, without initial motion; `evidence` names frames
        among those of `kept`.
        """


ESTIMATORS: Registry[Estimator[Any]] = Registry(
    "method",
    "engine.estimators",
    ("network", "ncc", "loupas", "am2d", "glue", "glue_stack", "combined", "gluenet", "bulk"),
    base=Estimator,
    plugins="strainscope.estimators",
)
