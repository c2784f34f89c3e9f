"""Motion that adds up: from the reference to a far frame over the steps between, each of them small.

    u_0k(x) = u_0j(x) + u_jk(x + u_0j(x))

Steps decorrelate less than one large compression, and where one step has no estimate the sum has none. Errors of the
steps are taken as independent, so the stated uncertainty is an upper limit: neighbouring steps share a frame, whose
noise enters them with opposite signs. What adds up is drift, above all the blur of a prior, which is the same in every
step. So wherever the two end frames still match, each sum is closed: the estimator starts from it and finds what is
left between them; the correction is carried on to where they do not match.

Where asked, each step is estimated in both directions and made inverse-consistent: half of u_jk(x) - u_kj(x + u_jk(x)),
whose two parts would be equal without error. What they add up to instead is the step's inconsistency.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.numerics.gaps import fill_gaps
from engine.numerics.warp import inside, motion_from_numpy, warp
from engine.quality import WINDOW_LINES, WINDOW_M, Compensated
from engine.types import Displacement, FrameEstimate, Map, Sigma

if TYPE_CHECKING:
    from torch import Tensor

LEAST_CORRELATION = 0.5
"""Windows of less correlation tell no drift."""


def composed(total: FrameEstimate, step: FrameEstimate) -> FrameEstimate:
    """Compose the motion so far with the next step.

    Parameters
    ----------
    total, step
        Motion (H, W) in metres to a frame, and from that frame to the next one.

    Returns
    -------
    FrameEstimate
        Motion from the reference of `total` to the deformed frame of `step`; NaN where a point left the frame. Quality
        is the lowest of all steps, sigma the root of the sum of squares, each where the point was by then. Strain is
        still that of the step: it is to be read anew.
    """
    import torch

    cpu, start = torch.device("cpu"), total.displacement
    motion = motion_from_numpy(start.axial_samples, start.lateral_lines, cpu)
    known = inside(motion, margin=1.0)[0, 0].numpy() & np.isfinite(start.axial_m) & np.isfinite(start.lateral_m)

    def moved(values: Map) -> Map:
        """Return a map of the step on the grid of the reference."""
        image = torch.from_numpy(np.ascontiguousarray(values))[None, None]
        sampled: Map = warp(image, motion, "bilinear")[0, 0].numpy()
        return np.where(known, sampled, np.float32(np.nan))

    displacement = Displacement(
        start.axial_m + moved(step.displacement.axial_m),
        start.lateral_m + moved(step.displacement.lateral_m),
        start.geometry,
    )
    quality = np.fmin(total.quality, np.nan_to_num(moved(step.quality)))
    sigma = None
    if total.sigma is not None and step.sigma is not None:
        names = [entry.name for entry in fields(Sigma)]
        sigma = Sigma(
            **{name: np.hypot(getattr(total.sigma, name), moved(getattr(step.sigma, name))) for name in names}
        )
    return replace(step, reference_frame=total.reference_frame, displacement=displacement, quality=quality, sigma=sigma)


def consistent(forward: FrameEstimate, backward: FrameEstimate) -> tuple[FrameEstimate, float]:
    """Return the mean of a step and its inverse, and the root mean square of how far apart they are, in metres.

    `backward` leads from the deformed frame of `forward` back to its reference. Where it is not known the step stays,
    and quality is the lower one of both. Only axial motion counts in the inconsistency, NaN where nothing is known.
    """
    there_and_back, motion = composed(forward, backward), forward.displacement
    gap = there_and_back.displacement
    axial, lateral = (np.nan_to_num(entry) * np.float32(0.5) for entry in (gap.axial_m, gap.lateral_m))
    known = gap.axial_m[np.isfinite(gap.axial_m)].astype(np.float64)
    displacement = replace(motion, axial_m=motion.axial_m - axial, lateral_m=motion.lateral_m - lateral)
    quality = np.where(np.isfinite(gap.axial_m), there_and_back.quality, forward.quality)
    inconsistency_m = float(np.sqrt(np.mean(known**2))) if known.size else float("nan")
    return replace(forward, displacement=displacement, quality=quality), inconsistency_m


def start_of(total: FrameEstimate) -> Displacement:
    """Return the sum as an estimator may start from it, without gaps."""
    motion = total.displacement
    return replace(motion, axial_m=fill_gaps(motion.axial_m), lateral_m=fill_gaps(motion.lateral_m))


def closed(total: FrameEstimate, ends: FrameEstimate) -> FrameEstimate:
    """Return the sum with the motion, quality and sigma that its end frames show, where they match.

    Elsewhere the motion takes the nearest correction, and quality and sigma stay those of the sum.
    """
    here = np.isfinite(ends.displacement.axial_m)
    if not here.any():
        return total

    def taken(whole: Map, direct: Map) -> Map:
        return np.where(here, direct, whole)

    def corrected(whole: Map, direct: Map) -> Map:
        known = here & np.isfinite(whole)
        return taken(whole + fill_gaps(np.where(known, direct - whole, np.float32(np.nan))), direct)

    motion, direct = total.displacement, ends.displacement
    displacement = replace(
        motion,
        axial_m=corrected(motion.axial_m, direct.axial_m),
        lateral_m=corrected(motion.lateral_m, direct.lateral_m),
    )
    sigma = total.sigma
    if total.sigma is not None and ends.sigma is not None:
        names = [entry.name for entry in fields(Sigma)]
        sigma = Sigma(**{name: taken(getattr(total.sigma, name), getattr(ends.sigma, name)) for name in names})
    return replace(total, displacement=displacement, quality=taken(total.quality, ends.quality), sigma=sigma)


def drift_words(report: Mapping[str, float]) -> str:
    """Say of motion that was added up how far it is off at its ends; nothing of other motion.

    >>> drift_words({"steps": 4.0, "drift_m": 1.3e-6, "inconsistency_m": 4e-7})
    'axial drift 1.3 um over 4 steps, inconsistency of a step up to 0.4 um'
    """
    if "steps" not in report:
        return ""
    words = f"axial drift {1e6 * report.get('drift_m', float('nan')):.2g} um over {report['steps']:.0f} steps"
    if "inconsistency_m" in report:
        words += f", inconsistency of a step up to {1e6 * report['inconsistency_m']:.2g} um"
    return words


def drift_m(ends: Compensated) -> float:
    """Root mean square of the axial motion that is left between the reference and the far frame, brought back onto it.

    It is the phase of the correlation in windows as those of quality, in metres; NaN where the two do not match.
    """
    import torch

    from engine.numerics.analytic_signal import analytic_signal
    from engine.numerics.running_sum import box_mean

    window = ends.geometry.window_samples(WINDOW_M), WINDOW_LINES
    first, second = (analytic_signal(frame * ends.known) for frame in (ends.reference, ends.deformed))

    def mean(values: "Tensor") -> "Tensor":
        return box_mean(values[None], *window)[0]

    product = first.conj() * second
    energy = torch.sqrt(mean(first.abs().square()) * mean(second.abs().square())).clamp_min(1e-12)
    shared = torch.complex(mean(product.real), mean(product.imag))
    matched = (shared.abs() / energy > LEAST_CORRELATION) & (ends.known > 0)
    phase = torch.angle(shared)[matched]
    if phase.numel() == 0:
        return float("nan")
    return float(phase.square().mean().sqrt()) * ends.geometry.wavelength_m / (4 * np.pi)
