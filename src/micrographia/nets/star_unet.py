"""The star-polygon U-Net: object probability, ray distances and a full-resolution foreground."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _conv(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=(size - stride + 1) // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class StarUNet(nn.Module):
    """U-Net with three heads (after Schmidt et al. 2018, section 2), shaped for speed on a CPU.

    The stem goes to half resolution at once. Objects are decided at quarter resolution, where a convolution costs a
    quarter: each place there gives the probability and the rays of four grid points, so the grid keeps its two pixels.
    Only the foreground goes back to half resolution, and each place there gives four pixels. Skips are added, not
    concatenated. A second copy of the input, its square root, shows dim objects beside bright ones.

    Parameters
    ----------
    channels : int
        Image channels.
    rays : int
        Ray distances predicted for each grid point.
    widths : sequence of int
        Channels of each level, from the finest (stride 2) to the coarsest (stride 2 ** len(widths)); two or more.
    """

    def __init__(self, channels: int = 1, rays: int = 32, widths: tuple[int, ...] = (16, 32, 64, 96, 96)) -> None:
        super().__init__()
        widths = tuple(widths)
        self.rays = rays
        self.stem = _conv(2 * channels, widths[0], size=6, stride=2)
        self.down = nn.ModuleList()
        for level, (previous, width) in enumerate(zip(widths[:-1], widths[1:], strict=True), 1):
            second = [] if level == 1 else [_conv(width, width)]
            self.down.append(nn.Sequential(nn.MaxPool2d(2), _conv(previous, width), *second))
        self.lateral = nn.ModuleList(_conv(w, v, 1) for v, w in zip(widths[:-1], widths[1:], strict=True))
        self.up = nn.ModuleList(
            nn.Sequential(*[_conv(v, v) for _ in range(2 if level == 1 else 1)]) for level, v in enumerate(widths[:-1])
        )
        self.probability = nn.Conv2d(widths[1], 4, 1)
        self.distance = nn.Conv2d(widths[1], 4 * rays, 1)
        self.foreground = nn.Conv2d(widths[0], 4, 1)
        with torch.no_grad():  # most pixels are background, most rays some pixels long
            self.probability.bias.fill_(-2.0)  # type: ignore[union-attr]
            self.distance.bias.fill_(5.0)  # type: ignore[union-attr]

    @property
    def stride(self) -> int:
        """Image sizes must be multiples of this (pixels)."""
        return int(2 ** (1 + len(self.down)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of object probability and foreground, and distances in pixels.

        Parameters
        ----------
        image : Tensor
            (N, C, Y, X), normalised; Y and X multiples of `stride`.

        Returns
        -------
        probability, distance, foreground : Tensor
            (N, 1, Y/2, X/2) logits, (N, 4·rays, Y/4, X/4) pixels, (N, 1, Y, X) logits. Channel 4r + 2i + j of the
            distances at (y, x) is ray r of the grid point (2y + i, 2x + j): `torch.pixel_shuffle` lays them out.
        """
        x = torch.cat([image, torch.sqrt(torch.clamp(image, min=0.0) + 1e-4)], dim=1)
        x = self.stem(x)
        skips = [x]
        for block in self.down:
            x = block(x)
            skips.append(x)
        objects = x
        for level in range(len(self.up) - 1, -1, -1):
            objects = x
            x = skips[level] + F.interpolate(self.lateral[level](x), scale_factor=2.0, mode="nearest")
            x = self.up[level](x)
        return (
            F.pixel_shuffle(self.probability(objects), 2),
            self.distance(objects),
            F.pixel_shuffle(self.foreground(x), 2),
        )


class StarModel(nn.Module):
    """What a model package holds: one network, or a router over one for dark and one for bright backgrounds.

    Parameters
    ----------
    channels : int
        Channels of the input `raw`.
    experts : sequence of int
        Channels that each expert reads, the first ones of `raw`: one expert, or dark and bright.
    rays, widths
        As in `StarUNet`.
    """

    def __init__(
        self,
        channels: int = 1,
        experts: tuple[int, ...] = (1,),
        rays: int = 32,
        widths: tuple[int, ...] = (16, 32, 64, 96, 96),
    ) -> None:
        super().__init__()
        self.channels = channels
        self.experts = nn.ModuleList(StarUNet(c, rays, tuple(widths)) for c in experts)
        self.reads = tuple(experts)

    def forward(self, raw: Tensor, kind: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Object probability (0..1), distances (pixels) and foreground (0..1).

        Parameters
        ----------
        raw : Tensor
            (N, C, Y, X), normalised.
        kind : Tensor, optional
            (N, 1), all the same: 0 dark background, 1 bright background; for two experts.
        """
        which = int(kind is not None and bool(kind.flatten()[0] > 0.5))
        return self.expert(which, raw)

    def expert(self, which: int, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs of one expert, whatever the kind."""
        probability, distance, foreground = self.experts[which](raw[:, : self.reads[which]])
        return torch.sigmoid(probability), distance, torch.sigmoid(foreground)


class OneExpert(nn.Module):
    """One expert of a `StarModel` with its outputs as the package gives them, for export."""

    def __init__(self, model: StarModel, which: int) -> None:
        super().__init__()
        self.model, self.which = model, which

    def forward(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `StarModel.expert`."""
        return self.model.expert(self.which, raw)
