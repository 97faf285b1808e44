"""Train one expert of the built-in nuclei model; started again, it goes on where it stopped.

python recipes/nuclei/train.py dark|bright $MICROGRAPHIA_DATA/dsb2018 WORKFOLDER --minutes 85

There are few images, so a rate that falls to nothing learns them by heart (the validation loss rises again after half
of the time). Here it stays high, weights decay, and the network is the average over some thousand steps.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from data import load

from micrographia.nets.losses import star_loss
from micrographia.nets.patches import Patches
from micrographia.nets.schedule import Schedule
from micrographia.nets.star_unet import StarUNet
from micrographia.nets.training import train_network
from micrographia.segment.star_examples import validation_example
from micrographia.segment.star_package import equivalent_diameters
from micrographia.segment.star_targets import star_targets
from micrographia.segment.stardist import LAST_RATE, WEIGHT_DECAY

WIDTHS = (16, 32, 64, 96, 96)
PATCH = 192
ZOOM = {"dark": 1.6, "bright": 1.8}
NEIGHBOURS = {"dark": 0.25, "bright": 0.5}
"""Share of the patches with objects set down beside others."""


def examples(expert: str, folder: Path, part: str) -> tuple[list[np.ndarray], list[np.ndarray], list[float]]:
    """Images, labels and sampling weights of one expert."""
    images, labels, weights = [], [], []
    for field in load(folder, part):
        area = np.sqrt(field.labels.size / 256**2)
        if expert != "bright" and field.kind == "fluorescence":
            images.append(field.dark())
        elif expert == "bright" and field.kind != "fluorescence":
            images.append(field.bright())
        elif expert == "bright" and part == "train":
            # negatives of fluorescence images: a quarter of the patches, for inverted pictures
            images.append(field.bright(invert=True))
            area *= 0.06
        else:
            continue
        labels.append(field.labels)
        weights.append(area)
    return images, labels, weights


def start_from(network: StarUNet, path: Path) -> None:
    """Begin with weights of an expert that reads one channel: of others each channel counts its share."""
    weights = torch.load(path, weights_only=True)
    stem = weights["stem.0.weight"]  # the channels, then their square roots
    channels = network.stem[0].weight.shape[1] // 2
    weights["stem.0.weight"] = torch.cat([part.repeat(1, channels, 1, 1) / channels for part in stem.chunk(2, 1)], 1)
    network.load_state_dict(weights)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("expert", choices=list(ZOOM))
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=85)
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="weights.pt of a dark expert, for the bright one to begin with")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    folder = options.folder / options.expert
    folder.mkdir(parents=True, exist_ok=True)
    images, labels, weights = examples(options.expert, options.data, "train")
    network = StarUNet(channels=3 if options.expert == "bright" else 1, widths=WIDTHS)
    if options.start:
        start_from(network, options.start)
    kinds = ("stained", "brightfield") if options.expert == "bright" else ("fluorescence",)
    own = [field.labels for field in load(options.data, "train") if field.kind in kinds]
    diameter = equivalent_diameters(own)[1]

    def targets(patch: np.ndarray) -> dict[str, np.ndarray]:
        return star_targets(patch, network.rays, diameter=diameter)

    validation = [
        validation_example(image[:, :512, :512], lab[:512, :512], network.stride, targets)
        for image, lab in zip(*examples(options.expert, options.data, "dev")[:2], strict=True)
    ]

    def patches(numbers: range) -> Patches:
        return Patches(
            images, labels, targets, numbers, size=PATCH, scale=ZOOM[options.expert],
            neighbours=NEIGHBOURS[options.expert], weights=weights, seed=options.seed,
        )  # fmt: skip

    def report(row: object) -> None:
        print(json.dumps(row), flush=True)

    schedule = Schedule(
        steps=options.steps, minutes=options.minutes, every=1000, weight_decay=WEIGHT_DECAY, last_rate=LAST_RATE,
        memory=0.9998, seed=options.seed,
    )  # fmt: skip
    trained, history = train_network(
        network, star_loss, patches, validation, schedule, folder, progress=False, report=report
    )
    torch.save(trained.state_dict(), folder / "weights.pt")
    (folder / "history.json").write_text(json.dumps(vars(history)))


if __name__ == "__main__":
    main()
