"""Signal-to-noise ratio of strain: magnitude of the mean over standard deviation (Joarder et al. 2025, equation 12).

A magnitude, as in the literature (Varghese and Ophir 1997), so that compression and release of one recording compare
and average; the sign of the strain is that of the mean strains.
"""

from collections.abc import Callable

from engine.metrics.base import Finding, Metric, MetricInput, register
from engine.metrics.intervals import snr_sigma, with_interval
from engine.metrics.region_statistics import (
    RegionStatistics,
    background_statistics,
    image_statistics,
    target_statistics,
)


def _ratio(region: Callable[[MetricInput], RegionStatistics]) -> Callable[[MetricInput], Finding]:
    def function(source: MetricInput) -> Finding:
        found = source.once(region)
        reason = found.reason or ("zero_variance" if found.deviation == 0 else "")
        if reason:
            return Finding(count=found.count, reason=reason)
        value = Finding(abs(found.mean) / found.deviation, found.count)
        return with_interval(value, snr_sigma(value.value, found), found.cells)

    return function


register(
    Metric(
        "snr_target",
        "SNRt",
        "SNR of the target",
        "Signal-to-noise ratio of the strain in the target: magnitude of the mean over standard deviation",
        _ratio(target_statistics),
        ("strain", "target"),
        better="higher",
        decibel=20.0,
        order=200,
        interval=True,
    )
)
register(
    Metric(
        "snr_background",
        "SNRbg",
        "SNR of the background",
        "Signal-to-noise ratio of the strain in the background: magnitude of the mean over standard deviation",
        _ratio(background_statistics),
        ("strain", "background"),
        better="higher",
        decibel=20.0,
        order=210,
        interval=True,
    )
)
register(
    Metric(
        "snre",
        "SNRe",
        "SNR of the whole map",
        "Signal-to-noise ratio of the whole strain map without its border, the same ratio",
        _ratio(image_statistics),
        ("strain",),
        better="higher",
        decibel=20.0,
        order=240,
        interval=True,
    )
)
