"""Images, labels, regions, tables and datasets: from files, and into files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micrographia.io.datasets import Dataset, Item, dataset
    from micrographia.io.find import find_images, image_stem
    from micrographia.io.geojson import write_geojson
    from micrographia.io.outlines import label_outlines
    from micrographia.io.reading import read, read_labels, read_pyramid
    from micrographia.io.rois import read_rois, write_rois
    from micrographia.io.tables import write_table
    from micrographia.io.writing import write, write_labels
    from micrographia.io.zarr_writer import ZarrWriter, create_zarr

__all__ = [
    "Dataset",
    "Item",
    "ZarrWriter",
    "create_zarr",
    "dataset",
    "find_images",
    "image_stem",
    "label_outlines",
    "read",
    "read_labels",
    "read_pyramid",
    "read_rois",
    "write",
    "write_geojson",
    "write_labels",
    "write_rois",
    "write_table",
]

_ROOMS = {
    "Dataset": "datasets",
    "Item": "datasets",
    "ZarrWriter": "zarr_writer",
    "create_zarr": "zarr_writer",
    "dataset": "datasets",
    "find_images": "find",
    "image_stem": "find",
    "label_outlines": "outlines",
    "read": "reading",
    "read_labels": "reading",
    "read_pyramid": "reading",
    "read_rois": "rois",
    "write": "writing",
    "write_geojson": "geojson",
    "write_labels": "writing",
    "write_rois": "rois",
    "write_table": "tables",
}
"""Which module holds which name; none is imported before the name is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
