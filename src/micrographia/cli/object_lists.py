"""Rows and outlines of the objects of one image, collected plane by plane, written as table, ROIs and GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.segment.planes import Index

if TYPE_CHECKING:
    import pandas as pd

_GEOJSON = ("t", "z", "area_px", "area_um2", "eccentricity", "solidity", "probability")


class ObjectLists:
    """What is listed of the objects of one image.

    Parameters
    ----------
    image : Image
        The whole image; its axes and pixel sizes decide the columns.
    outlines : bool
        Whether outlines will be written.
    """

    def __init__(self, image: Image, outlines: bool) -> None:
        self.image = image
        self.outlines = outlines
        self.objects = 0
        self._tables: list[pd.DataFrame] = []
        self._rings: list[tuple[int, int, int, list[np.ndarray]]] = []
        self._size = {axis: size for axis, size in image.pixel_size.items() if axis in "YX"}

    def add_plane(self, labels: np.ndarray, pixels: Image, index: Index, probability: Mapping[int, float]) -> None:
        """Measure all objects of one plane.

        Parameters
        ----------
        labels : (Y, X) integer array
        pixels : Image
            The same plane with all its channels.
        index : dict
            Where the plane comes from.
        probability : dict
            Label to probability.
        """
        from micrographia.features.objects import measure

        self._add(measure(labels, pixels, pixel_size=self._size or None, probability=probability), index)
        self._outline(labels, index)

    def add_region(
        self, labels: np.ndarray, pixels: Image, index: Index, probability: Mapping[int, float],
        region: tuple[slice, slice],
    ) -> None:  # fmt: skip
        """Measure those objects of a region of a plane that have a probability; the region holds them whole."""
        from micrographia.features.objects import measure_region

        corner = (region[0].start, region[1].start)
        names = pixels.channels if "C" in pixels.axes else ()
        table = measure_region(
            labels, pixels.data, offset=corner, full_shape=(self.image.size("Y"), self.image.size("X")),
            only_labels=list(probability), pixel_size=self._size or None, channels=names or None,
            probability=probability,
        )  # fmt: skip
        self._add(table, index)
        self._outline(np.where(np.isin(labels, list(probability)), labels, 0), index, corner)

    def table(self) -> pd.DataFrame:
        """One row an object, by time, slice and label."""
        import pandas as pd

        if not self._tables:
            raise InputError(f"{self.image.name}: no plane was segmented.")
        full = [table for table in self._tables if len(table)] or self._tables[:1]
        joined = pd.concat(full, ignore_index=True)
        return joined.sort_values([c for c in ("t", "z", "label") if c in joined], ignore_index=True, kind="stable")

    def write(self, table: pd.DataFrame, table_path: Path, rois: Path | None, geojson: Path | None) -> None:
        """Write the table and, where asked for, an ImageJ ROI zip and GeoJSON for QuPath."""
        from micrographia.io.geojson import write_geojson
        from micrographia.io.outlines import largest_ring
        from micrographia.io.rois import write_rois
        from micrographia.io.tables import write_table

        write_table(table_path, table)
        found = sorted(self._rings, key=lambda ring: ring[:3])
        shapes = [rings for *_, rings in found]
        if rois is not None:
            places: dict[str, list[int]] = {}
            if self.image.size("T") > 1:
                places["t"] = [t for t, *_ in found]
            if any(z >= 0 for _, z, *_ in found):
                places["z"] = [z for _, z, *_ in found]
            names = ["-".join([*(f"{a}{at[i]}" for a, at in places.items()), str(o[2])]) for i, o in enumerate(found)]
            write_rois(rois, [largest_ring(rings) for rings in shapes], names, **places)  # type: ignore[arg-type]
        if geojson is not None:
            columns = [str(c) for c in table.columns if c in _GEOJSON or str(c).startswith("intensity_mean")]
            entries: list[dict[str, Any]] = [
                dict(zip(columns, row, strict=True)) | {"name": str(label)}
                for label, row in zip(table["label"], table[columns].to_numpy().tolist(), strict=True)
            ]
            write_geojson(geojson, shapes, entries, planes=[(max(z, 0), t) for t, z, *_ in found])

    def _add(self, table: pd.DataFrame, index: Index) -> None:
        """Keep a table, with the columns t and z behind the label where the image has several."""
        self.objects += len(table)
        column = 1
        for axis, physical in (("T", "t_s"), ("Z", "z_um")):
            at = index.get(axis)
            if self.image.size(axis) > 1 and isinstance(at, int):
                table.insert(column, axis.lower(), at)
                column += 1
                if axis in self.image.pixel_size:
                    table.insert(column, physical, at * self.image.pixel_size[axis])
                    column += 1
        self._tables.append(table)

    def _outline(self, labels: np.ndarray, index: Index, corner: tuple[int, int] = (0, 0)) -> None:
        if not self.outlines:
            return
        from micrographia.io.outlines import label_outlines

        t, z = index.get("T", 0), index.get("Z", -1)
        z = z if isinstance(z, int) and self.image.size("Z") > 1 else -1
        for label, rings in label_outlines(labels).items():
            self._rings.append((int(t), z, label, [ring + np.array(corner) for ring in rings]))
