"""What cannot be trusted or run is refused with one sentence."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_onnx import model, smoother, write_smoother

from micrographia.arrays.errors import InputError
from micrographia.models import archive
from micrographia.models.graph import read_graph
from micrographia.models.package import open_package
from micrographia.models.refuse import make_manifest
from micrographia.models.runtime import Network
from micrographia.models.verify import test_model as run_test
from micrographia.models.write import write_arrays_package


def refused(path: Path, match: str) -> None:
    """One sentence or two, with the file's name, and no traceback of somebody else's."""
    with pytest.raises(InputError, match=match) as caught:
        open_package(path).network()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def changed(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The package with some files changed, without a new manifest."""
    files = {n: archive.read(source, n) for n in archive.names(source)}
    change(files)
    archive.write(target, files)
    return target


def foreign(source: Path, target: Path, change: Callable[[dict], None], extra: dict[str, bytes] | None = None) -> Path:
    """Somebody else's package: no manifest, a changed description."""
    from ruyaml import YAML

    def edit(files: dict[str, bytes]) -> None:
        del files["manifest.json"]
        rdf = YAML(typ="safe", pure=True).load(files["rdf.yaml"].decode())
        del rdf["config"]
        change(rdf)
        files["rdf.yaml"] = json.dumps(rdf).encode()  # JSON is YAML
        files.update(extra or {})

    return changed(source, target, edit)


def test_not_a_package(tmp_path: Path, smoother_zip: Path) -> None:
    refused(tmp_path / "missing.zip", "no such file")
    text = tmp_path / "text.zip"
    text.write_text("hello")
    refused(text, "not a model package")
    refused(text.rename(tmp_path / "project.ilp"), "micrographia models import")
    empty = tmp_path / "empty.zip"
    empty.touch()
    refused(empty, "not a model package")
    short = tmp_path / "short.zip"
    short.write_bytes(smoother_zip.read_bytes()[:-200])
    refused(short, "cut short")
    other = tmp_path / "other.zip"
    archive.write(other, {"hello.txt": b"hello"})
    refused(other, "not a model package")
    folder = tmp_path / "folder"
    folder.mkdir()
    refused(folder, "not a model package")


@pytest.mark.parametrize("name", ["weights.onnx", "rdf.yaml", "README.md", "test_input_raw.npy"])
def test_tampering_is_noticed(tmp_path: Path, smoother_zip: Path, name: str) -> None:
    def flip(files: dict[str, bytes]) -> None:
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])

    refused(changed(smoother_zip, tmp_path / "a.zip", flip), f"'{name}' in this model package does not match its hash")
    refused(changed(smoother_zip, tmp_path / "b.zip", lambda f: f.pop(name)), f"'{name}' is missing")
    refused(changed(smoother_zip, tmp_path / "c.zip", lambda f: f.update(extra=b"")), "'extra' was added")


def test_a_flipped_bit_in_the_file(tmp_path: Path, smoother_zip: Path) -> None:
    data = bytearray(smoother_zip.read_bytes())
    with zipfile.ZipFile(smoother_zip) as z:
        info = z.getinfo("test_output_smooth.npy")
    data[info.header_offset + 200] ^= 0xFF
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    refused(path, "damaged|hash")


def test_hash_in_the_description(tmp_path: Path, smoother_zip: Path) -> None:
    path = foreign(smoother_zip, tmp_path / "a.zip", lambda r: None, {"weights.onnx": smoother(seed=9)})
    refused(path, "'weights.onnx' in this model package does not match its hash")
    assert open_package(foreign(smoother_zip, tmp_path / "b.zip", lambda r: None)).config == {}


def test_a_broken_manifest_or_declaration(tmp_path: Path, smoother_zip: Path) -> None:
    refused(changed(smoother_zip, tmp_path / "a.zip", lambda f: f.update({"manifest.json": b"{"})), "damaged")
    newer = json.dumps({"format": 2, "kind": "network", "sha256": {}}).encode()
    refused(changed(smoother_zip, tmp_path / "b.zip", lambda f: f.update({"manifest.json": newer})), "newer")
    arrays = write_arrays_package(tmp_path / "c.zip", method="m", parameters={}, arrays={"a": np.zeros(3)}).path

    def cut(files: dict[str, bytes]) -> None:
        del files["manifest.json"], files["arrays/a.npy"]
        files["manifest.json"] = make_manifest("arrays", files)

    refused(changed(arrays, tmp_path / "d.zip", cut), "array 'a' is missing")
    refused(changed(arrays, tmp_path / "e.zip", lambda f: f.pop("manifest.json")), "'manifest.json' is missing")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda r: r.update(type="dataset"), "holds a dataset, not a model"),
        (lambda r: r.update(format_version="0.6.0"), "upgrade Micrographia"),
        (lambda r: r.update(format_version="0.4.9"), "format 0.4.9, we read 0.5"),
        (lambda r: r.update(format_version="new"), "not a version number"),
        (lambda r: r.pop("weights"), "names no weights"),
        (lambda r: r.pop("inputs"), "describes no inputs"),
        (lambda r: r.update(config=["a"]), "entry 'config'.*no table of names and values"),
        (lambda r: r.update(config={"micrographia": "a"}), "entry 'config'.*no table of names and values"),
        (lambda r: r["inputs"][0].pop("axes"), "not described as bioimage.io 0.5 asks"),
        (lambda r: r.update(weights={"torchscript": {"source": "weights.onnx"}}), "TorchScript.*running code"),
        (lambda r: r.update(weights={"keras_hdf5": {"source": "weights.onnx"}}), "Keras.*running code"),
        (
            lambda r: r.update(weights={"pytorch_state_dict": {"architecture": {"source": "net.py"}}}),
            "state dict.*running code",
        ),
        (lambda r: r["weights"]["onnx"].update(source="https://example.com/w.onnx"), "nothing is downloaded.*import"),
        (lambda r: r["weights"]["onnx"].update(source="other.onnx"), "'other.onnx'.*missing"),
        (lambda r: r["weights"]["onnx"].update(external_data={"source": "w.data"}), "a file beside"),
        (lambda r: r["outputs"][0].update(postprocessing=[{"id": "custom", "source": "a.py"}]), "Python code"),
    ],
)
def test_descriptions(tmp_path: Path, smoother_zip: Path, change: Callable[[dict], None], match: str) -> None:
    refused(foreign(smoother_zip, tmp_path / "a.zip", change), match)


@pytest.mark.parametrize(
    "content", [b"a: [", b"\xff\xfe\x00", b"just text", b"!!python/object/apply:os.system ['true']"]
)
def test_bad_yaml(tmp_path: Path, content: bytes) -> None:
    archive.write(tmp_path / "a.zip", {"rdf.yaml": content})
    refused(tmp_path / "a.zip", "not valid YAML|not a description")


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/../../evil", "C:/evil"])
def test_zip_slip(tmp_path: Path, smoother_zip: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    shutil.copy(smoother_zip, path)
    with zipfile.ZipFile(path, "a") as z:
        z.writestr(name, b"evil")
    refused(path, "points outside the package")


def test_a_link_in_a_zip(tmp_path: Path, smoother_zip: Path) -> None:
    path = tmp_path / "a.zip"
    shutil.copy(smoother_zip, path)
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as z:
        z.writestr(link, "/etc/passwd")
    refused(path, "points outside the package")


def replaced(smoother_zip: Path, path: Path, onnx: bytes) -> Path:
    def change(rdf: dict) -> None:
        del rdf["weights"]["onnx"]["sha256"]

    return foreign(smoother_zip, path, change, {"weights.onnx": onnx})


def test_unknown_operators(tmp_path: Path, smoother_zip: Path) -> None:
    node = helper.make_node("Magic", ["raw"], ["smooth"], domain="my.company")
    bad = model([node], {}, domains=("", "my.company"))
    refused(replaced(smoother_zip, tmp_path / "a.zip", bad), "unknown operator my.company.Magic")
    with pytest.raises(InputError, match="unknown operator 'Magic'"):
        bad = model([helper.make_node("Magic", ["raw"], ["smooth"])], {})
        open_package(replaced(smoother_zip, tmp_path / "b.zip", bad)).network()
    with pytest.raises(InputError, match="unknown operator my.company.Magic"):
        write_smoother(tmp_path / "c.zip", onnx=model([node], {}, domains=("", "my.company")))


def test_unknown_operator_in_a_branch() -> None:
    inner = helper.make_graph(
        [helper.make_node("Magic", ["raw"], ["z"], domain="my.company")],
        "b",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=yes),
        helper.make_node("If", ["c"], ["smooth"], then_branch=inner, else_branch=inner),
    ]
    assert read_graph(model(nodes, {})).foreign_operators == ["my.company.Magic"]


def test_a_function_inside_the_model_is_no_code() -> None:
    function = helper.make_function(
        "my.company", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    import onnx

    whole = onnx.load_from_string(
        model([helper.make_node("Twice", ["raw"], ["smooth"], domain="my.company")], {}, domains=("", "my.company"))
    )
    whole.functions.append(function)
    assert read_graph(whole.SerializeToString()).foreign_operators == []


def test_weights_in_another_file(tmp_path: Path, smoother_zip: Path) -> None:
    import onnx

    whole = onnx.load_from_string(smoother())
    tensor = whole.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    refused(replaced(smoother_zip, tmp_path / "a.zip", whole.SerializeToString()), "file beside the ONNX graph")


@pytest.mark.parametrize("onnx", [b"", b"text", bytes(1000), smoother()[:100]])
def test_not_onnx(tmp_path: Path, smoother_zip: Path, onnx: bytes) -> None:
    refused(replaced(smoother_zip, tmp_path / "a.zip", onnx), "not an ONNX model|damaged")


def test_tensors_that_do_not_fit_the_description(tmp_path: Path, smoother_zip: Path) -> None:
    path = foreign(smoother_zip, tmp_path / "a.zip", lambda r: r["inputs"].append({**r["inputs"][0], "id": "more"}))
    refused(path, "takes 1 tensors, but its description lists 2")


def test_a_newer_opset() -> None:
    import onnx

    whole = onnx.load_from_string(smoother())
    whole.opset_import[0].version = 999
    package = [], []
    with pytest.raises(InputError, match="newer ONNX operators"):
        Network(whole.SerializeToString(), *package)


def test_pickled_test_tensors_are_not_read(tmp_path: Path, smoother_zip: Path) -> None:
    import io

    out = io.BytesIO()
    np.save(out, np.array([None]), allow_pickle=True)

    def change(rdf: dict) -> None:
        del rdf["inputs"][0]["test_tensor"]["sha256"]

    path = foreign(smoother_zip, tmp_path / "a.zip", change, {"test_input_raw.npy": out.getvalue()})
    with pytest.raises(InputError, match="not a plain NumPy array"):
        run_test(path)


def test_wrong_results_are_reported(tmp_path: Path, smoother_zip: Path) -> None:
    report = run_test(replaced(smoother_zip, tmp_path / "a.zip", smoother(seed=9)))
    assert not report.passed
    assert "differs from the stored one" in report.notes[0]
