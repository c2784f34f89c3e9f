"""Mean and standard deviation of compressive strain in each region and over the whole map, in percent strain."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.metrics.base import PERCENT, Finding, Metric, MetricInput, Need, register
from engine.metrics.intervals import with_interval
from engine.metrics.region_statistics import (
    RegionStatistics,
    background_statistics,
    image_statistics,
    target_statistics,
)


@dataclass(frozen=True)
class _Part:
    name: str
    title: str
    letter: str
    words: str
    statistics: Callable[[MetricInput], RegionStatistics]
    needs: tuple[Need, ...]
    in_panel: bool


def _percent(
    part: _Part, moment: Callable[[RegionStatistics], float], *, is_mean: bool
) -> Callable[[MetricInput], Finding]:
    def function(source: MetricInput) -> Finding:
        found = source.once(part.statistics)
        if found.reason:
            return Finding(count=found.count, reason=found.reason)
        value = Finding(PERCENT * moment(found), found.count)
        return with_interval(value, PERCENT * found.mean_sigma, found.cells) if is_mean else value

    return function


_PARTS = (
    _Part("target", "Target", " T", "in the target", target_statistics, ("strain", "target"), True),
    _Part("background", "Background", " B", "in the background", background_statistics, ("strain", "background"), True),
    _Part("image", "Whole map", "", "over the whole map without its border", image_statistics, ("strain",), False),
)

for _place, _part in enumerate(_PARTS):
    register(
        Metric(
            f"mean_{_part.name}",
            f"Compression{_part.letter}",
            f"Mean strain, {_part.title.lower()}",
            f"Mean compressive strain {_part.words}; negative where it stretches",
            _percent(_part, lambda found: found.mean, is_mean=True),
            _part.needs,
            "%",
            places=frozenset({"panel"} if _part.in_panel else ()),
            order=400 + 20 * _place,
            interval=True,
        )
    )
    register(
        Metric(
            f"std_{_part.name}",
            f"{_part.title} SD",
            f"Standard deviation, {_part.title.lower()}",
            f"Standard deviation of strain {_part.words}",
            _percent(_part, lambda found: found.deviation, is_mean=False),
            _part.needs,
            "%",
            places=frozenset(),
            order=410 + 20 * _place,
        )
    )
