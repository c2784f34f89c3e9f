"""Motion that varies slowly over the whole frame, as a change of the contact makes it: low-order polynomials.

They are fitted to the difference of two fields, whose noise gives each of them something. What that is, the polynomials
of the next degrees tell, which no slow motion reaches; each coefficient is shrunk by its share of it (a Wiener filter).
"""

import torch
from torch import Tensor

DEGREE = 4
"""Total degree of the polynomials: strain up to cubic over the frame."""
NOISE_DEGREES = 2
"""Further degrees that tell the noise."""
NOISE_FACTOR = 6.0
"""Noise of low degrees over that of the further ones: errors of displacement grow with their length."""


def slow_part(field: Tensor) -> Tensor:
    """Polynomial in depth and lateral place that stands out of the noise of fields (..., K, W), map by map.

    >>> rows, lines = torch.meshgrid(torch.arange(20.0), torch.arange(9.0), indexing="ij")
    >>> bent = torch.stack([rows * lines**2, rows**3])
    >>> bool(torch.allclose(slow_part(bent), bent, rtol=1e-3, atol=1e-2))
    True
    """
    knots, width = field.shape[-2:]
    highest = DEGREE + NOISE_DEGREES
    powers = [
        (degree - lateral, lateral)
        for degree in range(highest + 1)
        for lateral in range(degree + 1)
        if degree - lateral < knots and lateral < width
    ]
    rows, lines = (torch.linspace(-1, 1, size, dtype=torch.float64, device=field.device) for size in (knots, width))
    terms = torch.stack([(rows[:, None] ** axial * lines[None] ** lateral).reshape(-1) for axial, lateral in powers])
    basis, _ = torch.linalg.qr(terms.T)
    found = field.reshape(-1, knots * width).double() @ basis
    slow = sum(sum(entry) <= DEGREE for entry in powers)
    noise = NOISE_FACTOR * (found[:, slow:] ** 2).sum(dim=1, keepdim=True) / max(len(powers) - slow, 1)
    kept = found[:, :slow] * (1 - noise / (found[:, :slow] ** 2).clamp(min=1e-30)).clamp(min=0)
    slowly: Tensor = kept @ basis[:, :slow].T
    return slowly.reshape(field.shape).to(field.dtype)
