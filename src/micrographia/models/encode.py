"""Values as the bytes of a package's files: YAML, arrays, pictures, JSON values."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError


def yaml_bytes(rdf: Mapping[str, Any]) -> bytes:
    """A description as YAML."""
    from ruyaml import YAML

    yaml: Any = YAML()
    yaml.default_flow_style = False
    yaml.width = 100
    out = io.BytesIO()
    yaml.dump(rdf, out)
    return out.getvalue()


def plain(value: Any) -> Any:
    """JSON values only: NumPy numbers become Python's, tuples lists; anything else is an error."""
    try:
        return json.loads(json.dumps(value, default=lambda v: v.tolist(), allow_nan=False))
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"only numbers, text, lists and dicts can be stored with a model ({error}).") from error


def npy_bytes(array: np.ndarray) -> bytes:
    """An array as a ``.npy`` file; raises ValueError where it holds Python objects."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def png_bytes(picture: np.ndarray) -> bytes:
    """A uint8 picture (Y, X, 3) as a PNG file."""
    from PIL import Image

    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3:
        raise InputError(f"a cover is a uint8 picture (Y, X, 3), not {picture.dtype} {picture.shape}.")
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", optimize=True)
    return out.getvalue()
