"""The orthonormal cosine transform (DCT-II) of fields, which diagonalises differences with mirrored borders."""

import math
from functools import lru_cache

import torch
from torch import Tensor

_LONGEST_PRODUCT = 1024
"""Up to this size one product with the matrix of cosines is faster than a Fourier transform; above, it takes memory."""


def cosine_transform(field: Tensor) -> Tensor:
    """Transform fields (..., K, W) along their last two axes.

    >>> bool(torch.isclose(cosine_transform(torch.ones(4, 9)).square().sum(), torch.tensor(36.0)))
    True
    """
    size = field.shape[-2]
    if size <= _LONGEST_PRODUCT:
        return torch.matmul(_cosines(size, field.dtype, field.device), _forward(field))
    return _forward(_forward(field).transpose(-1, -2)).transpose(-1, -2)


def inverse_cosine_transform(field: Tensor) -> Tensor:
    """Inverse, and transpose, of `cosine_transform`."""
    size = field.shape[-2]
    if size <= _LONGEST_PRODUCT:
        return torch.matmul(_cosines(size, field.dtype, field.device).T, _inverse(field))
    return _inverse(_inverse(field).transpose(-1, -2)).transpose(-1, -2)


def difference_symbol(size: int, like: Tensor) -> Tensor:
    """Eigenvalues (size,) of squared first differences with mirrored borders, `2 - 2 cos(pi k / size)`."""
    return _symbol(size, like.dtype, like.device)


@lru_cache(maxsize=8)
def _symbol(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return 2 - 2 * torch.cos(math.pi * torch.arange(size, dtype=dtype, device=device) / size)


def _forward(x: Tensor) -> Tensor:
    size = x.shape[-1]
    if size <= _LONGEST_PRODUCT:
        return torch.matmul(x, _cosines(size, x.dtype, x.device).T)
    folded = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1)
    transformed: Tensor = (torch.fft.fft(folded) * _phases(size, x)).real * _norms(size, x)
    return transformed


def _inverse(x: Tensor) -> Tensor:
    size = x.shape[-1]
    if size <= _LONGEST_PRODUCT:
        return torch.matmul(x, _cosines(size, x.dtype, x.device))
    scaled = x / _norms(size, x)
    mirrored = torch.cat([torch.zeros_like(scaled[..., :1]), scaled[..., 1:].flip(-1)], dim=-1)
    folded = torch.fft.ifft((scaled - 1j * mirrored) * _phases(size, x).conj()).real
    result = torch.empty_like(x)
    half = (size + 1) // 2
    result[..., ::2] = folded[..., :half]
    result[..., 1::2] = folded[..., half:].flip(-1)
    return result


@lru_cache(maxsize=8)
def _cosines(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrix (size, size) of the transform, a frequency a row."""
    frequency = torch.arange(size, dtype=torch.float64) * (math.pi / size)
    basis = torch.cos(frequency[:, None] * (torch.arange(size, dtype=torch.float64) + 0.5)[None, :])
    cosines: Tensor = basis / basis.norm(dim=1, keepdim=True)
    return cosines.to(device=device, dtype=dtype)


def _phases(size: int, like: Tensor) -> Tensor:
    angle = -math.pi * torch.arange(size, dtype=like.dtype, device=like.device) / (2 * size)
    return torch.polar(torch.ones_like(angle), angle)


def _norms(size: int, like: Tensor) -> Tensor:
    norms = torch.full((size,), math.sqrt(2.0 / size), dtype=like.dtype, device=like.device)
    norms[0] = math.sqrt(1.0 / size)
    return norms
