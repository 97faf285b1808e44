"""Put the two trained experts into one package: thresholds from the dev images, numbers from the test images.

python recipes/nuclei/pack.py $MICROGRAPHIA_DATA/dsb2018 WORKFOLDER src/micrographia/models/builtin/nuclei.zip
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from data import Field, load
from skimage.data import immunohistochemistry
from train import WIDTHS

from micrographia.arrays.image import Image
from micrographia.cli.demo import synthetic_nuclei
from micrographia.io.writing import write
from micrographia.metrics.instances import THRESHOLDS, InstanceEvaluation, evaluate_instances
from micrographia.models.card import model_card
from micrographia.models.package import open_package
from micrographia.nets.star_unet import StarModel
from micrographia.report.overlay import overlay
from micrographia.segment.predictor import Expert, Predictor
from micrographia.segment.star_package import equivalent_diameters, write_star_package
from micrographia.segment.star_thresholds import choose_thresholds, network_maps

ARCHITECTURE = {"channels": 3, "experts": [1, 3], "rays": 32, "widths": list(WIDTHS)}
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "overlay.png"
KINDS = ("fluorescence", "stained", "brightfield")
FAILURES = [
    "A very dim nucleus next to bright ones is sometimes missed, and dividing or fragmented nuclei are cut or joined "
    "at random: so are they in the training labels.",
    "Nuclei much smaller than 7 pixels or larger than 100 pixels across were not seen in training: resize the image.",
    "In stained tissue, pale and overlapping nuclei are the usual errors; other stains than the purple ones of the "
    "training images (hematoxylin, Giemsa) were not measured.",
    "Brightfield was learned from seven images of one kind of preparation (dark nuclei in pale cells).",
    "Whole cells, phase contrast and three-dimensional stacks are not what it is for.",
]


def experts_of(model: StarModel, folder: Path) -> tuple[list[Expert], dict[str, float]]:
    """Thresholds on the dev images and object sizes of the training images, for each expert."""
    experts, scores = [], {}
    dev, train = load(folder, "dev"), load(folder, "train")
    for which, (name, bright) in enumerate((("dark background", False), ("bright background", True))):
        own = [f for f in dev if (f.kind != "fluorescence") == bright]
        single = StarModel(1 + 2 * which, (1 + 2 * which,), widths=WIDTHS)
        single.experts[0].load_state_dict(model.experts[which].state_dict())
        single.eval()
        maps = [network_maps(single, f.bright() if bright else f.dark()) for f in own]
        decoding, score = choose_thresholds(maps, [f.labels for f in own])
        sizes = equivalent_diameters([f.labels for f in train if (f.kind != "fluorescence") == bright])
        experts.append(Expert(name, bright, decoding, sizes))
        scores[name] = score
        print(name, decoding, f"dev accuracy {score:.4f}", "diameters", sizes, flush=True)
    return experts, scores


def test(predictor: Predictor, fields: list[Field]) -> InstanceEvaluation:
    """The package as a user runs it, on images it never saw."""
    pairs = []
    for field in fields:
        image = Image(
            field.pixels if len(field.pixels) == 3 else field.pixels[0], "SYX" if len(field.pixels) == 3 else "YX"
        )
        pairs.append((field.labels, predictor.segment(image).labels))
    return evaluate_instances(
        pairs, names=[f.name for f in fields], groups=[{"kind": f.kind} for f in fields], thresholds=THRESHOLDS
    )


def numbers(result: InstanceEvaluation) -> dict[str, dict[str, float]]:
    """Kind to mean AP over images at each IoU, with the number of images."""
    table = {}
    for kind in KINDS:
        rows = result.groups[result.groups["value"] == kind]
        table[kind] = {"images": int(rows["images"].iloc[0])}
        table[kind] |= {f"{row.iou:.2f}": round(float(row.ap_image_mean), 4) for row in rows.itertuples()}
    return table


def card(table: dict[str, dict[str, float]], histories: dict[str, dict]) -> str:
    """The model card."""
    training = {
        f"{name} expert": f"{h['steps']} steps of 8 patches of 192², {h['minutes']:.0f} minutes beside other work"
        for name, h in histories.items()
    }
    return model_card(
        name="Nuclei",
        summary="Finds nuclei in fluorescence, stained tissue and brightfield images with nothing to set: star-convex "
        "polygons (StarDist) trimmed by a foreground map, with one network for dark and one for bright backgrounds.",
        intended_use="Counting and measuring nuclei in two-dimensional images, by one command.",
        inputs="One grey channel or a colour picture, any intensity range, nuclei 7 to 100 pixels across.",
        training_data="2018 Data Science Bowl (BBBC038), with community mask fixes, CC0: 462 of the 530 images of "
        "dsb2018/train. 68 were set aside by field of view before any training (recipes/nuclei/test_images.csv); "
        "60 others (dsb2018/dev) chose checkpoints and thresholds; some of these show fields that are in training too.",
        license="CC0-1.0",
        validation="Mean over images of TP / (TP + FP + FN) at each IoU on the 68 test images, never used in training "
        "or choice, run through the package as a user runs it.",
        metrics=table,
        known_failures=FAILURES,
        training=training,
        references=[
            "Schmidt et al. 2018, Cell Detection with Star-Convex Polygons, MICCAI",
            "Caicedo et al. 2019, Nucleus segmentation across imaging experiments, Nature Methods",
        ],
    )


def picture(predictor: Predictor, stained: np.ndarray, side: int) -> np.ndarray:
    """Stained tissue and a synthetic fluorescence picture beside each other, with the outlines found."""
    synthetic, _ = synthetic_nuclei()
    return np.concatenate(
        [overlay(image, predictor.segment(image).labels, largest=side) for image in (stained, synthetic)], axis=1
    )


def main() -> None:
    """Write the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("package", type=Path)
    options = parser.parse_args()
    model = StarModel(**ARCHITECTURE).eval()
    histories = {}
    for which, name in enumerate(("dark", "bright")):
        state = torch.load(options.folder / name / "weights.pt", weights_only=True)
        model.experts[which].load_state_dict(
            {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}
        )
        histories[name] = json.loads((options.folder / name / "history.json").read_text())
    experts, scores = experts_of(model, options.data)
    fields = load(options.data, "test")
    stained = immunohistochemistry()
    example = Field("tissue", "stained", np.moveaxis(stained, -1, 0), np.zeros(stained.shape[:2], int)).bright()
    example = np.round(np.clip(example[:, :64, :64], 0, 1) * 255).astype(np.float32) / 255
    facts = {
        "name": "Micrographia nuclei",
        "description": "Nuclei in fluorescence, stained tissue and brightfield images, with nothing to set.",
        "architecture": ARCHITECTURE,
        "test_image": example,
        "authors": ["The Micrographia developers"],
        "license": "CC0-1.0",
        "half": True,
        "tags": ["nuclei", "fluorescence-light-microscopy", "histology", "brightfield"],
        "extra": {
            "training": {n: {"steps": h["steps"], "minutes": h["minutes"]} for n, h in histories.items()},
            "data": "DSB2018 (BBBC038), CC0; split in recipes/nuclei/test_images.csv",
            "validation": {"accuracy": scores, "iou": "mean of .5 to .9 on dsb2018/dev"},
        },
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / "nuclei.zip"
        write_star_package(draft, model, experts, documentation="# Draft\n\n# Validation\n\nNone.\n", **facts)
        predictor = Predictor(open_package(draft))
        result = test(predictor, fields)
        table = numbers(result)
        cover, large = (picture(predictor, stained, side) for side in (128, 512))
    package = write_star_package(
        options.package, model, experts, documentation=card(table, histories), cover=cover, **facts
    )
    write(PICTURE, large, axes="YXS")
    megabytes = options.package.stat().st_size / 2**20
    print(json.dumps(table, indent=1), f"\n{package.path}: {megabytes:.2f} MiB")


if __name__ == "__main__":
    main()
