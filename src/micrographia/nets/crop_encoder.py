"""A small residual network that looks at crops of cells and gives each a row of features, and what stands on it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Residual(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut (He et al. 2016); halves the grid where the stride is 2."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(after)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride, ceil_mode=True, count_include_pad=False)
        return F.relu(y + self.shortcut(x))


class CropEncoder(nn.Module):
    """Crops to features: a 5 × 5 convolution, then one residual block on each level, then the mean over the crop.

    Parameters
    ----------
    channels : int
        Channels of a crop, its mask included.
    widths : sequence of int
        Channels of each level; the grid is halved before each. The last is the number of features.
    """

    def __init__(self, channels: int = 1, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.channels, self.widths = channels, tuple(widths)
        self.stem = nn.Conv2d(channels, widths[0], 5, 2, 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        levels = [_Residual(widths[0], widths[0], 1)]
        levels += [_Residual(before, after, 2) for before, after in pairwise(widths)]
        self.levels = nn.Sequential(*levels)

    def forward(self, crops: Tensor) -> Tensor:
        """Features (N, F) of crops (N, C, Y, X); a stack of batches (1, N, C, Y, X) is taken as one batch."""
        if crops.ndim == 5:
            crops = crops.flatten(0, 1)
        x = F.relu(self.stem_norm(self.stem(crops)))
        return self.levels(x).mean((2, 3))


class Projected(nn.Module):
    """An encoder with the expander of self-supervised learning, which is thrown away afterwards.

    Parameters
    ----------
    encoder : CropEncoder
        What is kept.
    width : int
        Width of the three layers of the expander (Bardes et al. 2022, section 4.1).
    """

    def __init__(self, encoder: CropEncoder, width: int = 512) -> None:
        super().__init__()
        self.encoder = encoder
        self.expander = nn.Sequential(
            nn.Linear(encoder.widths[-1], width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width, bias=False),
        )  # fmt: skip

    def forward(self, crops: Tensor) -> Tensor:
        """Embeddings (N, width)."""
        return self.expander(self.encoder(crops))


class Measuring(nn.Module):
    """An encoder with one linear layer that tells measurements of the cell, which is thrown away afterwards.

    Parameters
    ----------
    encoder : CropEncoder
        What is kept.
    count : int
        Number of measurements D.
    """

    def __init__(self, encoder: CropEncoder, count: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.widths[-1], count)

    def forward(self, crops: Tensor) -> Tensor:
        """Measurements (N, D)."""
        return self.head(self.encoder(crops))


class CropNetwork(nn.Module):
    """An encoder with one linear layer that tells classes apart; each feature is brought to mean 0 and spread 1 first.

    Features of a trained encoder are small and uneven: without that scale the layer learns slowly.

    Parameters
    ----------
    encoder : CropEncoder
        From scratch or pretrained.
    classes : int
        Number of classes K.
    """

    def __init__(self, encoder: CropEncoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.norm = nn.BatchNorm1d(encoder.widths[-1], affine=False)
        self.head = nn.Linear(encoder.widths[-1], classes)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (N, K)."""
        return self.head(self.norm(self.encoder(crops)))

    def scaled_head(self) -> nn.Linear:
        """The linear layer with the scale of the features in it: of features as they are, in evaluation."""
        mean, spread = self._scale()
        out = nn.Linear(self.head.in_features, self.head.out_features)
        with torch.no_grad():
            out.weight.copy_(self.head.weight / spread)
            out.bias.copy_(self.head.bias - out.weight @ mean)
        return out

    def set_head(self, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> None:
        """Take over a layer (K, F), (K,) on features as they are, and the features' mean and variance (F,)."""
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        self.norm.running_mean.copy_(mean)
        self.norm.running_var.copy_(variance)
        mean, spread = self._scale()
        with torch.no_grad():
            self.head.weight.copy_(weight * spread)
            self.head.bias.copy_(bias + weight @ mean)

    def _scale(self) -> tuple[Tensor, Tensor]:
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        return self.norm.running_mean, (self.norm.running_var + self.norm.eps).sqrt()


class Exported(nn.Module):
    """What a package runs: the features of an encoder; of a classifier the probabilities of the classes before them.

    Parameters
    ----------
    channels : int
        Channels of a crop.
    widths : sequence of int
        As in `CropEncoder`.
    classes : int
        Number of classes K; 0 for an encoder.
    """

    def __init__(self, channels: int = 1, widths: tuple[int, ...] = (16, 32, 64, 128), classes: int = 0) -> None:
        super().__init__()
        self.encoder = CropEncoder(channels, tuple(widths))
        self.head = nn.Linear(widths[-1], classes) if classes else None

    def forward(self, raw: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Features (N, F), or probabilities (N, K) and features."""
        features = self.encoder(raw)
        if self.head is None:
            return features
        return torch.softmax(self.head(features), dim=1), features
