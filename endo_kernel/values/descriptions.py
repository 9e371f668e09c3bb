"""What a model is told of a value: a bounded summary in JSON, never the value wholesale.

Runs on the thread that owns the value, for it may call the value's own `repr`. A value that cannot be described is described as that.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import FunctionType
from typing import Any

from endo_kernel.powers import Json
from endo_kernel.values.glances import glance, is_a, is_array, is_column, is_frame, module_name, type_name
from endo_kernel.values.members import members
from endo_kernel.values.pictures import draw
from endo_kernel.values.plain import is_json

LARGEST = 4000
"""Characters of JSON. Some 1,000 tokens: enough for the head of a wide table, cheap enough to be sent with every later turn."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a value is told: rows, columns, items of a container, depth of nesting, characters of a text."""

    rows: int
    columns: int
    items: int
    depth: int
    text: int


_ROOMS = (Room(5, 60, 40, 3, 1200), Room(5, 40, 20, 3, 400), Room(3, 20, 10, 2, 120), Room(2, 8, 5, 1, 60), Room(0, 4, 2, 1, 30))


def describe(value: object) -> dict[str, Json]:
    """Describe a value: `json` where JSON says all of it, an `image` where it is a picture, else its type and what is known of it."""
    try:
        return _describe(value)
    except Exception as error:  # noqa: BLE001  # part of a step: repr and its like are the value's own code, which may raise anything
        return {"type": type_name(type(value)), "undescribed": f"looking at it raised {type_name(type(error))}"}


def _describe(value: object) -> dict[str, Json]:
    if is_json(value, most=LARGEST) and len(to_json(value)) <= LARGEST:
        return {"json": value}
    picture = draw(value)
    if picture is not None:
        return {"type": type_name(type(value)), "image": picture}
    for room in _ROOMS:
        found = _tell(value, room)
        if len(to_json(found)) <= LARGEST:
            return found
    return {"type": type_name(type(value))[:200], "summary": glance(value).detail[:200]}


def to_json(value: Json) -> str:
    """Write JSON as a model is sent it."""
    return json.dumps(value, ensure_ascii=False)


def _tell(value: Any, room: Room) -> dict[str, Json]:
    kind = type_name(type(value))
    if is_frame(value):
        return _tell_frame(value, room)
    if is_column(value) or is_array(value):
        return _tell_array(value, room)
    if is_a(value, ("numpy", kind)) and hasattr(value, "item"):
        return {"type": kind, "value": cell(value, room.text)}
    if isinstance(value, str | bytes | bytearray):
        return {"type": kind, "length": len(value), "start": _cut(value if isinstance(value, str) else repr(value[: room.text]), room.text)}
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return {"type": kind, "length": len(value), "items": _part(value, room, room.depth)}
    if isinstance(value, FunctionType):
        signature = f"{value.__name__}{_guarded(inspect.signature(value), 200, str)}"
        return {"type": kind, "signature": signature, "doc": _cut(inspect.getdoc(value) or "", room.text)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        return {"type": kind, "module": module_name(type(value)), "fields": _part(fields, room, room.depth)}
    return _tell_object(value, room)


def _tell_frame(value: Any, room: Room) -> dict[str, Json]:
    """Tell a table. Polars and Arrow have the same parts under other names."""
    rows, columns = value.shape
    if is_a(value, ("pyarrow", "Table")):
        names, dtypes = value.schema.names, value.schema.types
        head: Iterable[Iterable[object]] = zip(*value.slice(0, room.rows).to_pydict().values(), strict=True)
    elif is_a(value, ("polars", "DataFrame")):
        names, dtypes, head = value.columns, value.dtypes, value.head(room.rows).rows()
    else:
        names, dtypes = list(value.columns), list(value.dtypes)
        head = value.iloc[: room.rows, : room.columns].itertuples(index=False, name=None)
    found: dict[str, Json] = {
        "type": type_name(type(value)),
        "shape": [int(rows), int(columns)],
        "columns": [
            {"name": _cut(str(name), 80), "dtype": str(dtype)} for name, dtype in islice(zip(names, dtypes, strict=True), room.columns)
        ],
        "head": [[cell(part, room.text) for part in islice(row, room.columns)] for row in head],
    }
    if columns > room.columns:
        found["more_columns"] = int(columns) - room.columns
    index = getattr(value, "index", None)
    if index is not None and not is_a(index, ("pandas", "RangeIndex")):
        found["index"] = {"name": cell(index.name, 80), "head": [cell(label, room.text) for label in index[: room.rows]]}
    return found


def _tell_array(value: Any, room: Room) -> dict[str, Json]:
    found: dict[str, Json] = {"type": type_name(type(value)), "shape": [int(side) for side in value.shape], "dtype": str(value.dtype)}
    if is_column(value):
        found["name"] = cell(getattr(value, "name", None), 80)
        found["first"] = [cell(part, room.text) for part in value[: room.items].to_list()]
        index = getattr(value, "index", None)
        if index is not None and not is_a(index, ("pandas", "RangeIndex")):
            found["index"] = [cell(label, room.text) for label in index[: room.items]]
    elif is_a(value, ("numpy", "ndarray")):
        found["first"] = [cell(part, room.text) for part in value.flat[: room.items]]
    else:
        found["repr"] = _guarded(value, room.text)
    return found


def _tell_object(value: object, room: Room) -> dict[str, Json]:
    """Tell an object by its repr; one that has none of its own by what it offers."""
    kind = type(value)
    found: dict[str, Json] = {"type": type_name(kind), "module": module_name(kind)}
    if kind.__repr__ is object.__repr__:
        found["members"] = [f"{member['name']}{member['signature']}" for member in members(value)[: room.items]]
    else:
        found["repr"] = _guarded(value, room.text)
    return found


def _part(value: Any, room: Room, depth: int) -> Json:
    """Tell what lies inside a container, as JSON of the same form where the room allows it."""
    if value is None or isinstance(value, bool | int | float | str) or is_a(value, ("numpy", type_name(type(value)))):
        return str(glance(value)) if is_array(value) else cell(value, room.text)
    if depth > 0 and isinstance(value, Mapping):
        told = {
            _cut(key if isinstance(key, str) else _guarded(key, 80), 80): _part(one, room, depth - 1)
            for key, one in islice(value.items(), room.items)
        }
        return {**told, "...": f"{len(value) - room.items:,} more"} if len(value) > room.items else told
    if depth > 0 and isinstance(value, list | tuple | set | frozenset):
        items = [_part(one, room, depth - 1) for one in islice(value, room.items)]
        return [*items, f"... {len(value) - room.items:,} more"] if len(value) > room.items else items
    if glance(value).detail:
        return str(glance(value))
    return _guarded(value, room.text)


def cell(value: Any, longest: int = 200) -> Json:
    """Give one value of a table or array as a JSON scalar: what is not a number stands as text, what is missing as null."""
    if is_a(value, ("numpy", type_name(type(value)))) and hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() <= 64 else glance(int(value)).detail
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None if math.isnan(value) else str(value)
    if is_missing(value):
        return None
    return _cut(value, longest) if isinstance(value, str) else _guarded(value, longest, str)


def is_missing(value: object) -> bool:
    """Say whether a value is one of pandas' marks for nothing."""
    return type_name(type(value)) in ("NAType", "NaTType") and module_name(type(value)).startswith("pandas.")


def _guarded(value: object, longest: int, write: Any = repr) -> str:
    try:
        return _cut(write(value), longest)
    except Exception as error:  # noqa: BLE001  # part of a step: repr is the value's own code, which may raise anything
        return f"<{type_name(type(value))}, whose {write.__name__} raised {type_name(type(error))}>"


def _cut(text: str, longest: int) -> str:
    """Shorten a text, and replace what cannot be sent as UTF-8."""
    text = text[: longest + 1].encode(errors="replace").decode()
    return text if len(text) <= longest else f"{text[: max(longest - 1, 0)]}…"
