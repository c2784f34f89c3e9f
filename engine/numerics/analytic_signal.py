"""The analytic signal: RF without its negative frequencies, whose magnitude is the envelope."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


def one_sided_gain(length: int, *, keep_mean: bool = False) -> NDArray[np.float32]:
    """Gain of each bin of a Fourier transform of `length` samples: 2, at half the sampling 1, for negative ones 0.

    RF has no mean, so what there is of it is an offset and goes, unless it is kept.

    >>> one_sided_gain(4).tolist()
    [0.0, 2.0, 1.0, 0.0]
    """
    gain = np.zeros(length, np.float32)
    gain[1 : (length + 1) // 2] = 2.0
    if length % 2 == 0:
        gain[length // 2] = 1.0
    gain[0] = float(keep_mean)
    return gain


def analytic_signal(rf: "Tensor", *, keep_mean: bool = False) -> "Tensor":
    """Complex signal along depth of RF (..., H, W), the same shape."""
    import torch

    gain = torch.from_numpy(one_sided_gain(rf.shape[-2], keep_mean=keep_mean)).to(rf.device)
    signal: Tensor = torch.fft.ifft(torch.fft.fft(rf, dim=-2) * gain[:, None], dim=-2)
    return signal


def envelope(rf: "Tensor") -> "Tensor":
    """Magnitude of the analytic signal along depth of RF (..., H, W), the same shape, in the units of the RF."""
    import torch
    from scipy.fft import next_fast_len

    height = rf.shape[-2]
    length = next_fast_len(height, real=True)
    spectrum = torch.fft.rfft(rf, n=length, dim=-2)
    mean = spectrum[..., :1, :].real / length
    quadrature = torch.fft.irfft(spectrum * -1j, n=length, dim=-2)[..., :height, :]
    magnitude: Tensor = (rf - mean).square_().addcmul_(quadrature, quadrature).sqrt_()
    return magnitude
