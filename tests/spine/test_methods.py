"""The registry: installed methods by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from micrographia import RequestError, get_method
from micrographia import methods as registry
from micrographia.method import Method


def test_ours_plug_in_through_the_entry_point_group():
    assert "stardist" in registry.methods()


def test_every_method_declares_itself_fully():
    for name in registry.methods():
        method = get_method(name)
        assert issubclass(method, Method)
        assert method.name == name
        assert len(method.summary()) > 10
        assert all(p.help for p in method.declared())
        assert method().parameters() == {p.name: p.default for p in method.declared()}
        method.json_schema()


def test_unknown_names_get_a_hint():
    with pytest.raises(RequestError, match="Did you mean 'stardist'"):
        get_method("stardst")
    with pytest.raises(RequestError, match="Installed are: .*stardist"):
        get_method("qqqqq")
    for name in (3, None, ["stardist"]):
        with pytest.raises(RequestError, match="There is no method '.*Installed are|Did you mean"):
            get_method(name)


def test_two_packages_with_one_name_are_refused(monkeypatch):
    entries = [EntryPoint("x", f"p{i}:X", registry.GROUP) for i in range(2)]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    with pytest.raises(RequestError, match="Two installed packages offer a method named 'x'"):
        registry.methods()


def test_a_method_that_cannot_be_imported_says_what_is_missing(monkeypatch):
    entry = EntryPoint("x", "a_package_that_is_missing:X", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(RequestError, match="'x' cannot be loaded: No module named"):
        get_method("x")
