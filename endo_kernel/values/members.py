"""What a live object offers: the names that the host can allow on a card, found without running the object's code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import partialmethod
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MethodDescriptorType,
    MethodType,
    WrapperDescriptorType,
)
from typing import cast

from endo_kernel.powers import Json

MOST = 60

_namespace_of = type.__dict__["__dict__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
# By identity: to ask whether a class is in a set of classes would run its metaclass's own __hash__ and __eq__.
_BUILT_IN = frozenset(map(id, (MethodDescriptorType, ClassMethodDescriptorType, WrapperDescriptorType, BuiltinFunctionType)))
_SCALARS = frozenset(map(id, (int, float, bool, str, bytes, type(None))))


def members(value: object) -> list[dict[str, Json]]:
    """List the public methods and data attributes of an object: the nearest class first, at most sixty."""
    found: dict[str, dict[str, Json]] = {}
    for name, member, own in _candidates(value):
        if type(name) is str and name.isidentifier() and not name.startswith("_") and name not in found:
            found[name] = _member(name, member, own=own)
            if len(found) == MOST:
                break
    return list(found.values())


def _candidates(value: object) -> Iterator[tuple[str, object, bool]]:
    """Give names, what they stand for, and whether that is the object's own and so not bound to it."""
    for name, member in list(_instance_namespace(value).items()):
        yield name, member, True
    for kind in _mro_of(type(value)):
        if kind is not object:
            for name, member in list(_namespace_of(kind).items()):
                yield name, member, False


def _instance_namespace(value: object) -> Mapping[str, object]:
    """Give the object's own attributes; none where its class has put something of its own in the place of `__dict__`."""
    for kind in _mro_of(type(value)):
        shadow = _namespace_of(kind).get("__dict__")
        if shadow is not None and type(shadow) is not GetSetDescriptorType:
            return {}
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return cast("Mapping[str, object]", own) if type(own) is dict else {}


def _member(name: str, member: object, *, own: bool) -> dict[str, Json]:
    kind, bound = type(member), not own
    if kind is staticmethod or kind is classmethod or kind is MethodType:
        bound = kind is not staticmethod
        member = cast("MethodType", member).__func__
        kind = type(member)
    if kind is property:
        return {"name": name, "signature": "", "doc": _first_line(cast("property", member).__doc__), "kind": "attribute"}
    if kind is FunctionType or id(kind) in _BUILT_IN:
        function = cast("FunctionType", member)
        signature = _signature(function, bound=bound and kind is not BuiltinFunctionType)
        return {"name": name, "signature": signature, "doc": _first_line(function.__doc__), "kind": "method"}
    if kind is partialmethod:
        return {"name": name, "signature": "(...)", "doc": None, "kind": "method"}
    return {"name": name, "signature": "", "doc": None, "kind": "attribute"}


def _signature(function: FunctionType, *, bound: bool) -> str:
    """Write out the parameters. A default that is not a number or a string is not asked for its repr."""
    try:
        found = inspect.Signature.from_callable(function, follow_wrapped=False)
    except (ValueError, TypeError):
        return "(...)"
    parameters = list(found.parameters.values())
    if bound and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        parameters = parameters[1:]
    return f"({', '.join(_parameters(parameters))})"


def _parameters(parameters: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for parameter in parameters:
        kind = parameter.kind
        if kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        if kind is inspect.Parameter.VAR_POSITIONAL:
            starred = True
            yield f"*{parameter.name}"
        elif kind is inspect.Parameter.VAR_KEYWORD:
            yield f"**{parameter.name}"
        else:
            yield parameter.name if parameter.default is inspect.Parameter.empty else f"{parameter.name}={_default(parameter.default)}"


def _default(value: object) -> str:
    text = repr(value) if id(type(value)) in _SCALARS else "..."
    return text if len(text) <= 24 else "..."


def _first_line(doc: object) -> str | None:
    if type(doc) is not str:
        return None
    line = next((line.strip() for line in doc.splitlines() if line.strip()), "")
    return line[:160] or None
