"""Parameters declared once: constructor, validation, schema, flags and docstring all read the declaration."""

from __future__ import annotations

import inspect
from argparse import ArgumentParser

import numpy as np
import pytest

from micrographia import RequestError
from micrographia.cli import flags
from micrographia.cli.methods import describe
from micrographia.method import Declared, Method, parameter


class Rings(Method):
    """Draws rings.

    References
    ----------
    Nobody.
    """

    rays: int = parameter(32, "Number of rays", ge=3, le=256)
    grid: tuple[int, int] = parameter((2, 2), "Sampling step", ge=1, unit="px")
    widths: tuple[int, ...] = parameter((8, 16), "Channels of each level", ge=1)
    mode: str = parameter("thin", "Kind of ring", choices=("thin", "thick"))
    level: int = parameter(1, "Which level", choices=(1, 2, 4))
    minutes: float | None = parameter(None, "Time budget", ge=0, unit="min")
    fill: bool = parameter(True, "Fill the rings")
    learned_: Unknown  # noqa: F821  (an annotation that cannot be resolved must not matter)


class Bolder(Rings):
    """Draws bolder rings."""

    rays: int = parameter(64, "Number of rays", ge=3)
    bold: float = parameter(2.0, "Width", ge=0, unit="px")


def test_defaults_and_given_values():
    assert Rings().parameters()["rays"] == 32
    method = Rings(rays=np.int64(5), grid=[3, 4], minutes="2.5", fill="false", level="4", widths=["4", 8])
    assert method.parameters() == {
        "rays": 5, "grid": (3, 4), "widths": (4, 8), "mode": "thin", "level": 4, "minutes": 2.5, "fill": False,
    }  # fmt: skip
    assert repr(Rings(rays=4)) == "Rings(rays=4)"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rays": 2}, "rings: rays must be a whole number, 3 to 256; got 2."),
        ({"rays": True}, "rings: rays must be a whole number, 3 to 256; got True."),
        ({"rays": 3.5}, "rays must be a whole number"),
        ({"rays": "many"}, "rays must be a whole number"),
        ({"grid": 3}, "grid must be 2 whole numbers, at least 1 px"),
        ({"grid": (0, 2)}, "grid must be 2 whole numbers, at least 1 px"),
        ({"widths": (4, 0)}, "widths must be several whole numbers, at least 1"),
        ({"mode": "fat"}, "mode must be one of thin, thick; got 'fat'."),
        ({"level": 3}, "level must be one of 1, 2, 4; got 3."),
        ({"minutes": -1}, "minutes must be a number or none, at least 0 min; got -1."),
        ({"minutes": float("nan")}, "minutes must be a number or none"),
        ({"fill": "perhaps"}, "fill must be true or false"),
        ({"ray": 3}, "rings has no parameter 'ray'. Did you mean 'rays'?"),
        ({"zzz": 3}, "rings has no parameter 'zzz'. It has: rays, grid"),
    ],
)
def test_wrong_values_are_refused_in_a_sentence(wrong, sentence):
    with pytest.raises(RequestError, match="^[^\n]*$") as caught:
        Rings(**wrong)
    assert sentence in str(caught.value)


def test_signature_is_real():
    signature = inspect.signature(Rings)
    assert [p.kind for p in signature.parameters.values()] == [inspect.Parameter.KEYWORD_ONLY] * 7
    assert signature.parameters["rays"].default == 32
    assert signature.parameters["rays"].annotation is int


def test_inherited_parameters_can_be_redeclared():
    assert Bolder().parameters()["rays"] == 64
    assert Bolder.name == "bolder"
    assert [p.name for p in Bolder.declared()][-1] == "bold"
    assert Rings().rays == 32


def test_an_inherited_parameter_that_is_set_is_none_any_more():
    class Fixed(Bolder):
        rays = 16

    assert Fixed().rays == 16
    assert "rays" not in Fixed().parameters() and "rays" not in Fixed.__doc__
    assert "rays" in Bolder().parameters()
    with pytest.raises(RequestError, match="no parameter 'rays'"):
        Fixed(rays=8)


def test_json_schema_has_everything():
    schema = Rings.json_schema()
    assert schema["properties"]["rays"] == {
        "default": 32,
        "description": "Number of rays",
        "maximum": 256,
        "minimum": 3,
        "title": "Rays",
        "type": "integer",
    }
    assert schema["properties"]["grid"]["unit"] == "px"
    assert schema["properties"]["mode"]["enum"] == ["thin", "thick"]
    assert schema["additionalProperties"] is False
    assert schema["description"] == "Draws rings."


def test_docstring_gets_its_parameters():
    doc = inspect.getdoc(Rings)
    assert "rays : int, default 32\n    Number of rays (3 to 256)." in doc
    assert "mode : {'thin', 'thick'}, default 'thin'" in doc


def test_a_parameter_needs_an_annotation():
    with pytest.raises(TypeError, match="no type annotation"):

        class Wrong(Declared):
            """Wrong."""

            rays = parameter(3, "Number of rays")


def test_flags_come_from_the_declaration():
    parser = ArgumentParser()
    flags.add_flags(parser, Rings, title="parameters", short={"rays": "-r"})
    args = parser.parse_args(["-r", "5", "--grid", "1", "2", "--no-fill", "--minutes", "3", "--widths", "4", "5", "6"])
    assert flags.read(args, Rings).parameters()["widths"] == (4, 5, 6)
    assert flags.given(args, Rings).keys() == {"rays", "grid", "fill", "minutes", "widths"}
    text = parser.format_help()
    for p in Rings.declared():
        assert p.help in " ".join(text.split())


def test_values_of_a_flag_typed_twice_add_up():
    parser = ArgumentParser()
    flags.add_flags(parser, Rings)
    args = parser.parse_args(["--widths", "4", "--rays", "5", "--widths", "5", "6", "--rays", "7"])
    assert flags.read(args, Rings).parameters()["widths"] == (4, 5, 6)
    assert flags.given(args, Rings)["rays"] == "7"


def test_describe_names_every_parameter():
    text = describe(Rings)
    assert all(p.name in text and p.help in text for p in Rings.declared())


def test_verbs_that_a_method_lacks_say_so():
    for verb in ("fit", "predict", "save"):
        with pytest.raises(NotImplementedError, match="rings"):
            getattr(Rings(), verb)(None)


def test_choices_of_a_sequence_are_those_of_its_members():
    class Filters(Declared):
        """Filters."""

        filters: tuple[str, ...] = parameter(("mean",), "Which ones", choices=("mean", "median"))

    assert Filters(filters=["median", "mean"]).filters == ("median", "mean")
    with pytest.raises(RequestError, match="filters must be some of mean, median; got"):
        Filters(filters=["mode"])
    with pytest.raises(RequestError, match="some of"):
        Filters(filters="mean")
    assert "filters : several of {'mean', 'median'}" in Filters.__doc__
