"""What a person is shown of a result on its card: a small table of strings, or a bounded text."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from endo_kernel.powers import Json
from endo_kernel.values.descriptions import cell
from endo_kernel.values.glances import glance, is_a, is_array, is_column, is_frame, type_name

ROWS = 10
COLUMNS = 12
LONGEST_CELL = 80
LONGEST_TEXT = 4000


class _Reprs(reprlib.Repr):
    """Bounded reprs in which a table inside something else is only named, and a dict keeps its order."""

    def repr_instance(self, x: Any, level: int) -> str:
        inside = level < self.maxlevel
        if inside and (is_frame(x) or is_column(x) or is_array(x)):
            return str(glance(x))
        if inside and is_a(x, ("numpy", type_name(type(x)))) and hasattr(x, "item"):
            return repr(x.item())
        return super().repr_instance(x, level)

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if x and level <= 0:
            return "{...}"
        told = [f"{self.repr1(key, level - 1)}: {self.repr1(part, level - 1)}" for key, part in islice(x.items(), self.maxdict)]
        return "{" + ", ".join([*told, "..."] if len(x) > self.maxdict else told) + "}"


_reprs = _Reprs()
_reprs.maxlevel = 5
_reprs.maxdict = _reprs.maxlist = _reprs.maxtuple = _reprs.maxset = _reprs.maxfrozenset = _reprs.maxdeque = 30
_reprs.maxstring = _reprs.maxother = 300
_reprs.maxlong = 80


def table(value: Any) -> dict[str, Json] | None:
    """Give the first rows of a frame, a series or a list of records as strings, with what was left out in words; None for other values."""
    try:
        if is_frame(value):
            return _of_frame(value)
        if is_column(value):
            return _of_column(value)
        if type(value) is list and value and all(type(row) is dict and row for row in value):
            return _of_records(value)
    except Exception:  # noqa: BLE001  # part of a step: cells are the user's objects, whose str may raise anything; the text is shown instead
        return None
    return None


def _of_frame(value: Any) -> dict[str, Json]:
    rows, columns = value.shape
    if is_a(value, ("polars", "DataFrame")):
        names, head, labels = value.columns, value.head(ROWS).rows(), None
    elif is_a(value, ("pyarrow", "Table")):
        names, labels = value.schema.names, None
        head = list(zip(*value.slice(0, ROWS).to_pydict().values(), strict=True))
    else:
        names, labels = list(value.columns), _labels(value)
        head = list(value.iloc[:ROWS, :COLUMNS].itertuples(index=False, name=None))
    return _bounded(names, head, labels, int(rows), int(columns))


def _of_column(value: Any) -> dict[str, Json]:
    name = getattr(value, "name", None)
    head = [(part,) for part in value[:ROWS].to_list()]
    return _bounded(["" if name is None else name], head, _labels(value), len(value), 1)


def _of_records(value: list[dict[object, object]]) -> dict[str, Json]:
    names = list(dict.fromkeys(key for row in value[:ROWS] for key in row))
    head = [[row.get(name, "") for name in names] for row in value[:ROWS]]
    return _bounded(names, head, None, len(value), len(names))


def _labels(value: Any) -> tuple[object, list[object]] | None:
    """Give the name and the first labels of the rows; None where they are only numbered."""
    index = getattr(value, "index", None)
    if index is None or callable(index) or is_a(index, ("pandas", "RangeIndex")):
        return None
    return index.name, list(index[:ROWS])


def _bounded(
    names: Iterable[object], head: Iterable[Iterable[object]], index: tuple[object, list[object]] | None, rows: int, columns: int
) -> dict[str, Json]:
    width = COLUMNS - (index is not None)
    shown = [[_show(part) for part in islice(row, width)] for row in head]
    heads = [_show(name) for name in islice(names, width)]
    if index is not None:
        corner, labels = index
        heads = [_show(corner), *heads]
        shown = [[_show(label), *row] for label, row in zip(labels, shown, strict=False)]
    return {"columns": heads, "rows": shown, "more": ", ".join(_left_out(rows - ROWS, columns - width)) or None}


def _left_out(rows: int, columns: int) -> Iterator[str]:
    if rows > 0:
        yield f"{rows:,} more row{'' if rows == 1 else 's'}"
    if columns > 0:
        yield f"{columns:,} more column{'' if columns == 1 else 's'}"


def _show(value: object) -> str:
    """Write one cell. Four digits stand without a comma: they are years as often as amounts."""
    told = cell(value, LONGEST_CELL)
    if told is None:
        return ""
    if isinstance(told, bool | str):
        return str(told)
    if isinstance(told, int):
        return f"{told:,}" if abs(told) >= 10_000 else str(told)
    return f"{told:,.1f}" if 1_000 <= abs(told) < 1e12 else f"{told:.4g}"


def display_text(value: object, description: Mapping[str, Json]) -> str:
    """Give a bounded text of a value that is no table, made of what was already found out about it where that is a text."""
    if "repr" in description:
        text = str(description["repr"])
    elif "members" in description or "undescribed" in description:
        text = f"<{type_name(type(value))}>"
    else:
        text = _repr(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _repr(value: object) -> str:
    if type(value) is str and len(value) <= LONGEST_TEXT:
        return repr(value)
    try:
        return _reprs.repr(value)
    except Exception:  # noqa: BLE001  # part of a step: what lies inside is the user's, whose repr may raise anything
        return str(glance(value))
