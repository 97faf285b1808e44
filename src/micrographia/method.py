"""What every method is: parameters declared once, and four verbs (fit, predict, save, load)."""

from __future__ import annotations

import difflib
import inspect
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from micrographia.arrays.errors import RequestError

_WORDS = {
    "int": "a whole number",
    "ints": "whole numbers",
    "float": "a number",
    "floats": "numbers",
    "bool": "true or false",
    "str": "text",
    "strs": "words",
    "Path": "a path",
    "None": "none",
}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter; the signature, the flags, the JSON schema and the saved model read this.

    Attributes
    ----------
    name : str
        Name of the constructor argument.
    type : type
        The annotation, for example ``int``, ``float | None`` or ``tuple[int, int]``.
    default : object
        Value where nothing is given; every parameter has one.
    help : str
        One sentence for the person who sets it.
    ge, le : float or None
        Smallest and largest allowed value.
    choices : tuple
        The allowed values, of a sequence those of its members; empty where any value of the type will do.
    unit : str
        Unit of the value, for example ``"px"`` or ``"min"``; empty for pure numbers.
    """

    name: str
    type: Any
    default: Any
    help: str
    ge: float | None = None
    le: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""

    @property
    def type_name(self) -> str:
        """The type as Python names it: ``int``, ``float or None``, ``2 int``."""
        return _type_name(self.type, {})

    @property
    def several(self) -> bool:
        """Whether the value is a sequence; bounds and choices are then those of its members."""
        return typing.get_origin(self.type) in (tuple, list)

    @property
    def limits(self) -> str:
        """The bounds or choices in words, for example ``at least 3 px``; empty where there are none."""
        unit = f" {self.unit}" if self.unit else ""
        if self.choices:
            return ("some of " if self.several else "one of ") + ", ".join(str(c) for c in self.choices)
        if self.ge is not None and self.le is not None:
            return f"{_number(self.ge)} to {_number(self.le)}{unit}"
        if self.ge is not None:
            return f"at least {_number(self.ge)}{unit}"
        if self.le is not None:
            return f"at most {_number(self.le)}{unit}"
        return ""

    @property
    def description(self) -> str:
        """The help sentence followed by the bounds and the unit."""
        facts = self.limits or self.unit
        return f"{self.help} ({facts})" if facts else self.help


class _Declared:
    """What ``parameter`` leaves in a class body until the class is complete."""

    def __init__(self, default: Any, **facts: Any) -> None:
        self.default = default
        self.facts = facts


def parameter(
    default: Any,
    help: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    choices: tuple[Any, ...] = (),
    unit: str = "",
) -> Any:
    """Declare one parameter in a class body (:class:`Method`, :class:`Declared`), beside its type annotation.

    Parameters
    ----------
    default : object
        Value where nothing is given.
    help : str
        One plain sentence: what it does, and when to change it.
    ge, le : float, optional
        Smallest and largest allowed value.
    choices : tuple, optional
        The allowed values.
    unit : str, optional
        Unit of the value.

    Examples
    --------
    >>> class Threshold(Method):
    ...     '''Everything brighter than a level.'''
    ...     level: float = parameter(0.5, "Brightness that separates object from background", ge=0, le=1)
    >>> Threshold(level=0.7).parameters()
    {'level': 0.7}
    """
    return _Declared(default, help=help, ge=ge, le=le, choices=tuple(choices), unit=unit)


class Declared:
    """Something with declared parameters: a :class:`Method`, or the options of a command.

    A subclass declares its parameters with :func:`parameter` and gets a keyword-only constructor that checks them. An
    inherited parameter that it sets to a plain value is none any more.
    """

    name: ClassVar[str] = ""
    """The name in messages; for a method also in the registry, on the command line and in saved models."""

    _declared: ClassVar[dict[str, Parameter]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {}
        hints = inspect.get_annotations(cls)
        for key, value in list(vars(cls).items()):
            if not isinstance(value, _Declared):
                continue
            if key not in hints:
                raise TypeError(f"{cls.__name__}.{key} is declared as a parameter but has no type annotation.")
            own[key] = Parameter(key, _resolve(hints[key], cls), value.default, **value.facts)
            setattr(cls, key, value.default)
        fixed = vars(cls).keys() - own.keys()
        cls._declared = {k: p for k, p in {**cls._declared, **own}.items() if k not in fixed}
        if not vars(cls).get("name"):
            cls.name = cls.__name__.lower()
        if "__init__" not in vars(cls):
            cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
                [
                    inspect.Parameter(p.name, inspect.Parameter.KEYWORD_ONLY, default=p.default, annotation=p.type)
                    for p in cls._declared.values()
                ]
            )
        cls.__doc__ = _with_parameters(cls)

    def __init__(self, **parameters: Any) -> None:
        for key, value in self.validated(parameters).items():
            setattr(self, key, value)

    def __repr__(self) -> str:
        changed = [f"{p.name}={getattr(self, p.name)!r}" for p in self.declared() if getattr(self, p.name) != p.default]
        return f"{type(self).__name__}({', '.join(changed)})"

    @classmethod
    def declared(cls) -> list[Parameter]:
        """Every parameter of the method, in the order of its declaration."""
        return list(cls._declared.values())

    @classmethod
    def validated(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        """All parameters with their checked values; defaults fill what is not given.

        Text is read as the declared type (``"0.5"`` for a float), so that flags and form fields can be passed as
        they are.

        Raises
        ------
        RequestError
            For a name that is not declared or a value that its declaration does not allow.
        """
        for key in parameters:
            if key not in cls._declared:
                near = difflib.get_close_matches(key, cls._declared, n=1)
                hint = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(cls._declared) or 'none'}."
                raise RequestError(f"{cls.name} has no parameter '{key}'. {hint}")
        plain = {key: _plain(value, cls._declared[key]) for key, value in parameters.items()}
        for key, value in plain.items():
            if isinstance(value, bool) and not _accepts_bool(cls._declared[key].type):
                raise RequestError(_complaint(cls, cls._declared[key], value))
        from pydantic import ValidationError

        try:
            model = cls._model()(**plain)
        except ValidationError as error:
            where = str(error.errors()[0]["loc"][0])
            raise RequestError(_complaint(cls, cls._declared[where], plain[where])) from None
        return {key: getattr(model, key) for key in cls._declared}

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The declaration as a JSON schema, for forms and for validation elsewhere."""
        schema = cls._model().model_json_schema()
        schema["title"] = cls.name
        schema["description"] = cls.summary()
        return schema

    @classmethod
    def summary(cls) -> str:
        """The first line of the class docstring."""
        return (inspect.getdoc(cls) or "").strip().split("\n")[0]

    def parameters(self) -> dict[str, Any]:
        """The values of all parameters, by name."""
        return {key: getattr(self, key) for key in self._declared}

    @classmethod
    def _model(cls) -> Any:
        """The declaration as a pydantic model, made when it is first needed (pydantic is slow to import)."""
        if "_pydantic" not in vars(cls):
            from pydantic import ConfigDict, Field, create_model

            fields: dict[str, Any] = {}
            for p in cls._declared.values():
                annotation: Any = typing.Literal[p.choices] if p.choices else p.type
                if p.choices and p.several:
                    annotation = tuple.__class_getitem__((annotation, ...))
                elif p.choices and _optional(p.type):
                    annotation = annotation | None
                elif not p.choices:
                    annotation = _bounded(annotation, Field(ge=p.ge, le=p.le))
                extra: Any = {"unit": p.unit} if p.unit else None
                fields[p.name] = (annotation, Field(p.default, description=p.help, json_schema_extra=extra))
            config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)
            cls._pydantic = create_model(cls.__name__, __config__=config, **fields)  # type: ignore[attr-defined]
        return cls._pydantic  # type: ignore[attr-defined]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _resolve(annotation: Any, cls: type) -> Any:
    """An annotation as a type, also where ``from __future__ import annotations`` made it a string."""
    if isinstance(annotation, str):
        return eval(annotation, vars(sys.modules[cls.__module__]), dict(vars(cls)))
    return annotation


def _members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the type alone."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return typing.get_args(annotation)
    return (annotation,)


def _optional(annotation: Any) -> bool:
    return type(None) in _members(annotation)


def _accepts_bool(annotation: Any) -> bool:
    return bool in _members(annotation) or typing.Any in _members(annotation)


def _bounded(annotation: Any, bounds: Any) -> Any:
    """An annotation whose numbers, also those inside a tuple or list, keep to the bounds."""
    if annotation in (int, float):
        return typing.Annotated[annotation, bounds]
    if typing.get_origin(annotation) in (tuple, list):
        members = tuple(_bounded(member, bounds) for member in typing.get_args(annotation))
        return typing.get_origin(annotation)[members]
    if len(_members(annotation)) > 1:
        return typing.Union[tuple(_bounded(member, bounds) for member in _members(annotation))]  # noqa: UP007
    return annotation


def _type_name(annotation: Any, words: dict[str, str]) -> str:
    """A type as text; ``words`` replaces the names of Python's types."""
    names = []
    for member in _members(annotation):
        origin, args = typing.get_origin(member), typing.get_args(member)
        inner = args[0].__name__ if origin in (tuple, list) else getattr(member, "__name__", str(member))
        count = len(args) if origin is tuple and args[-1] is not Ellipsis else "several"
        inner = "None" if member is type(None) else inner
        if origin in (tuple, list):
            names.append(f"{count} {words.get(inner + 's', inner)}")
        else:
            names.append(words.get(inner, inner))
    return " or ".join(names)


def _plain(value: Any, p: Parameter) -> Any:
    """NumPy scalars as Python numbers, and the text of a choice as the choice; everything else as it is."""
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, str):
        for choice in p.choices:
            if str(choice) == value:
                return choice
        if _optional(p.type) and value.lower() == "none":
            return None
    return value


def _complaint(cls: type[Declared], p: Parameter, value: Any) -> str:
    kind = _type_name(p.type, _WORDS)
    if p.choices:
        wanted = p.limits
    elif p.limits:
        wanted = f"{kind}, {p.limits}"
    else:
        wanted = f"{kind} ({p.unit})" if p.unit else kind
    return f"{cls.name}: {p.name} must be {wanted}; got {value!r}."


def _with_parameters(cls: type[Declared]) -> str:
    """The class docstring with its numpydoc section of parameters, written from the declaration."""
    doc = inspect.cleandoc(vars(cls).get("__doc__") or f"{cls.__name__}.")
    if not cls._declared or "\nParameters\n---" in doc:
        return doc
    lines = ["Parameters", "----------"]
    for p in cls._declared.values():
        kind = "{" + ", ".join(repr(c) for c in p.choices) + "}" if p.choices else p.type_name
        kind = f"several of {kind}" if p.choices and p.several else kind
        lines += [f"{p.name} : {kind}, default {p.default!r}", f"    {p.description.rstrip('.')}."]
    return doc.rstrip() + "\n\n" + "\n".join(lines) + "\n"


class Method(Declared):
    """A way to learn from examples and to apply what was learned.

    Parameters are declared in the class body; what is learned is kept in attributes that end in an underscore.
    The four verbs below are all that methods share: what the examples are, and what ``predict`` takes and
    returns, each method says for itself.
    """

    applied_by: ClassVar[str] = "segment"
    """Words of the command that applies a saved model, for example ``classify pixels``."""

    applied_to: ClassVar[str] = "IMAGE"
    """What this command is given, beside the model."""

    def fit(self, examples: Any, /) -> Self:
        """Learn from examples and return self. What the examples are, each method says for itself."""
        raise NotImplementedError(f"{self.name} does not learn from examples.")

    def predict(self, x: Any, /) -> Any:
        """Apply what was learned to an image or a table."""
        raise NotImplementedError(f"{self.name} cannot be applied on its own.")

    def save(self, path: str | Path) -> Path:
        """Write what was learned, with the parameters, as one model package."""
        raise NotImplementedError(f"{self.name} cannot be saved.")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model package that this method wrote."""
        raise NotImplementedError(f"{cls.name} cannot be loaded.")
