"""Does bioimage.io accept a model? The one module that asks ``bioimageio.spec``, which takes two seconds to import."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from micrographia.arrays.errors import InputError, RequestError

_ONLINE = ("cite", "git_repo", "training_data", "parent", "maintainers", "packaged_by", "icon", "links")


def validate(path: Path, rdf: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> None:
    """Check a description with ``bioimageio.spec``, without using the network.

    Parameters
    ----------
    path : Path
        The package, for messages.
    rdf : dict
        The description.
    files : dict, optional
        File name to content; where given, hashes, test tensors and documentation are checked too.

    Raises
    ------
    InputError
        With the first thing that the specification does not allow.
    """
    with tempfile.TemporaryDirectory() as folder:
        _check(path, rdf, Path(folder), look=False)
        if files is None:
            return
        for name, content in files.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        # looking at files means looking up addresses too, so the entries that hold them stay out
        _check(path, {k: v for k, v in rdf.items() if k not in _ONLINE}, Path(folder), look=True)


def _check(path: Path, rdf: Mapping[str, Any], folder: Path, *, look: bool) -> None:
    from bioimageio.spec import InvalidDescr, ValidationContext, build_description

    context = ValidationContext(root=folder, perform_io_checks=look, log_warnings=False)
    found = build_description(json.loads(json.dumps(rdf)), context=context)  # it changes what it gets
    if isinstance(found, InvalidDescr):
        errors = [e for d in found.validation_summary.details for e in d.errors]
        first = f"{'.'.join(str(p) for p in errors[0].loc)}: {errors[0].msg}" if errors else "unknown error"
        raise InputError(f"{path}: bioimage.io does not accept this model: {' '.join(first.split())}")


def known_license(name: str) -> str:
    """A licence as bioimage.io spells its SPDX name; RequestError where it knows none, and an empty one names none."""
    if not name:
        return ""
    from bioimageio.spec.generic.v0_3 import DeprecatedLicenseId, LicenseId

    for kind in (LicenseId, DeprecatedLicenseId):
        for known in get_args(kind.root_model.model_fields["root"].annotation):
            if known.lower() == name.lower():
                return str(known)
    raise RequestError(
        f"There is no licence '{name}'; name one as https://spdx.org/licenses does, such as CC-BY-4.0, or none at all."
    )


def format_version() -> str:
    """Version of the bioimage.io model description that the installed ``bioimageio.spec`` writes."""
    from bioimageio.spec.model.v0_5 import ModelDescr

    return str(ModelDescr.implemented_format_version)
