"""What a network learns from and how, noted beside its checkpoints, so that no training goes on with something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io.atomic import replacing

_MAY_CHANGE = ("steps", "minutes", "patience", "device", "views")
"""Parameters that say how long and where to train, or how to predict: a training that goes on may change them."""


def lesson_of(*parts: Any) -> str:
    """A short text that changes when arrays, or other values, from which a network learns change."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def lasting(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a method that must stay the same where its training goes on."""
    return {name: value for name, value in parameters.items() if name not in _MAY_CHANGE}


def check_lesson(folder: Path, lesson: str, settings: Mapping[str, Any]) -> None:
    """Note what is learned in a folder and how, or refuse to go on with something else."""
    noted, now = folder / "lesson.json", json.loads(json.dumps({"lesson": lesson, "settings": dict(settings)}))
    if (folder / "last.ckpt").exists():
        if not noted.exists():
            raise RequestError(
                f"{folder} holds checkpoints of a training that did not note what it learned from. Delete that folder "
                "to begin anew, or give the model another name."
            )
        try:
            before = json.loads(noted.read_text(encoding="utf-8"))
            old, new = dict(before["settings"]), now["settings"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{noted} is damaged; delete the folder {folder} to begin the training anew.") from error
        if before == now:
            return
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        said = "; ".join(f"{name} was {old.get(name)!r} and is now {new.get(name)!r}" for name in changed)
        other = f"other settings ({said})" if changed else "other images or classes"
        raise RequestError(
            f"{folder} holds checkpoints of a training with {other}. Delete that folder to begin anew, or give the "
            "model another name."
        )
    with replacing(noted) as partial:
        partial.write_text(json.dumps(now), encoding="utf-8")
