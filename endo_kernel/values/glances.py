"""What can be told of a live value at a glance: its type, its size, and whether it is still what it was.

Nothing here runs code of the value's own class, so it can be done from any thread while a cell runs. What is known of pandas, numpy and
their like is known by their classes, looked up where they are already imported; nothing here imports them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any, cast

_name_of = cast("Callable[[type], object]", type.__dict__["__name__"].__get__)
_module_of = cast("Callable[[type], object]", type.__dict__["__module__"].__get__)

_FRAMES = (("pandas", "DataFrame"), ("polars", "DataFrame"), ("geopandas", "GeoDataFrame"), ("pyarrow", "Table"))
_COLUMNS = (("pandas", "Series"), ("polars", "Series"), ("pandas", "Index"))
_ARRAYS = (("numpy", "ndarray"), ("torch", "Tensor"), ("xarray", "DataArray"))
_SIZES: Mapping[type, tuple[Callable[[Any], int], str]] = {
    str: (str.__len__, "character"),
    bytes: (bytes.__len__, "byte"),
    bytearray: (bytearray.__len__, "byte"),
    list: (list.__len__, "item"),
    tuple: (tuple.__len__, "item"),
    set: (set.__len__, "item"),
    frozenset: (frozenset.__len__, "item"),
    dict: (dict.__len__, "key"),
}
# By identity: to ask whether a class is in a set of classes would run its metaclass's own __hash__ and __eq__.
_SPOKEN = frozenset(map(id, (bool, float, complex, range, timedelta)))
_HOLDERS = frozenset(map(id, (list, tuple, dict)))
_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Glance:
    """A value's type, its size in a few words, and its shape where it has one."""

    type: str
    detail: str
    shape: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return f"{self.type} {self.detail}".strip()


def is_a(value: object, *classes: tuple[str, str]) -> bool:
    """Say whether a value is exactly of one of these classes, each named by the package that is imported and the class in it."""
    return any(type(value) is _imported(package).get(name) for package, name in classes)


def _imported(package: str) -> Mapping[str, object]:
    module = sys.modules.get(package)
    return vars(module) if type(module) is ModuleType else {}


def is_frame(value: object) -> bool:
    """Say whether a value is a table of rows and named columns."""
    return is_a(value, *_FRAMES)


def is_column(value: object) -> bool:
    """Say whether a value is one named column."""
    return is_a(value, *_COLUMNS)


def is_array(value: object) -> bool:
    """Say whether a value is an array of numbers."""
    return is_a(value, *_ARRAYS)


def type_name(kind: type) -> str:
    """Give a class's name without asking its metaclass."""
    name = _name_of(kind)
    return name if type(name) is str else "object"


def module_name(kind: type) -> str:
    """Give the name of the module that a class says it is from, without asking its metaclass."""
    name = _module_of(kind)
    return name if type(name) is str else ""


def glance(value: object) -> Glance:
    """Look at a value. The content of strings is never told: it may be a secret, and the glance travels."""
    kind = type(value)
    name = type_name(kind)
    if is_frame(value) or is_column(value) or is_array(value):
        return _glance_at_known(value, name)
    for base, (size, unit) in _SIZES.items():
        if issubclass(kind, base):
            number = size(value)
            return Glance(name, f"{number:,} {unit}{'' if number == 1 else 's'}", (number,))
    return Glance(name, _scalar(value))


def _glance_at_known(value: Any, name: str) -> Glance:
    try:
        shape = tuple(int(side) for side in value.shape)
        sides = " \N{MULTIPLICATION SIGN} ".join(f"{side:,}" for side in shape)
        if is_frame(value):
            return Glance(name, sides, shape)
        return Glance(name, f"{sides} {value.dtype}".strip(), shape)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        # Another thread may be in the middle of changing it.
        return Glance(name, "")


def _scalar(value: object) -> str:
    kind = type(value)
    if kind is int:
        number = cast("int", value)
        return str(number) if number.bit_length() <= 64 else f"of {number.bit_length():,} bits"
    if id(kind) in _SPOKEN:
        return str(value)
    if kind is date:
        return cast("date", value).isoformat()
    if kind is datetime:
        moment = cast("datetime", value)
        # A time zone may be of a class of the user's: it is not asked.
        return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
    if kind is FunctionType:
        return cast("FunctionType", value).__name__
    return type_name(cast("type", value)) if kind is type else ""


def token(value: object) -> str:
    """Give a short text that changes when the value is another object, or has visibly changed.

    It looks at the size and at a few samples: a change deep inside, or between the samples, goes unseen. It has a meaning only within
    this process.
    """
    looked = glance(value)
    parts = [str(id(value)), module_name(type(value)), looked.type, looked.detail, *_samples(value)]
    return hashlib.blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).hexdigest()


def _samples(value: object) -> list[str]:
    held = id(type(value)) in _HOLDERS
    try:
        return [_mark(sample, held=held) for sample in _pick(value)]
    except (AttributeError, LookupError, RuntimeError, StopIteration, TypeError, ValueError, NotImplementedError):
        return []


def _pick(value: Any) -> Iterator[object]:
    kind = type(value)
    if kind is list or kind is tuple:
        yield from (value[at] for at in _places(len(value)))
    elif kind is dict:
        for pair in islice(value.items(), _SAMPLES):
            yield from pair
    elif is_a(value, ("pandas", "DataFrame")):
        yield from islice(iter(value.columns), 4 * _SAMPLES)
        rows, columns = value.shape
        yield from (value.iat[row, column] for column in _places(columns) for row in _places(rows, 3))
    elif is_a(value, ("pandas", "Series")):
        yield from (value.iat[at] for at in _places(len(value)))
    elif is_a(value, ("numpy", "ndarray")):
        yield from (value.flat[at] for at in _places(value.size, 2 * _SAMPLES))


def _places(length: int, most: int = _SAMPLES) -> list[int]:
    """Spread at most `most` places over a length, the first and the last among them."""
    if length <= most:
        return list(range(length))
    return [at * (length - 1) // (most - 1) for at in range(most)]


def _mark(sample: object, *, held: bool) -> str:
    """Tell one sample from another without running its code: numbers and short strings by value, anything else by identity.

    Frames and arrays make a new object at each look, so what they give has an identity only if it is `held` elsewhere.
    """
    kind = type(sample)
    if kind is str or kind is bytes:
        return repr(cast("str", sample)[:200])
    if is_a(sample, ("numpy", type_name(kind)), ("pandas", "Timestamp"), ("pandas", "Timedelta")):
        return repr(sample)
    return f"{type_name(kind)} {_scalar(sample) or (id(sample) if held else '')}"
