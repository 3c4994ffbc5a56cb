"""Windows of 16-bit PCM as the encoder wants them: each of mean 0 and variance 1."""

import torch
from torch import Tensor

# Of the published preprocessing, so that silence is not divided by zero.
VARIANCE_FLOOR = 1e-7
FULL_SCALE = 32_768.0


def normalised(pcm: Tensor) -> Tensor:
    """pcm [B, N] int16 to y [B, N] float32 on the same device.

    Level and offset are taken from each window by itself, so that a quiet song is embedded like a loud one.
    """
    y = pcm.to(torch.float32) / FULL_SCALE
    y = y - y.mean(dim=1, keepdim=True)
    return y * torch.rsqrt(y.square().mean(dim=1, keepdim=True) + VARIANCE_FLOOR)
