"""The notebook's variables as a person picks from them: name, type, size, where each came from, and how well it fits a slot.

Looking at them runs no code of theirs, so that it can be done from the daemon's thread while a cell runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from types import ModuleType

from endo_kernel.errors import BadBinding, CardChanged
from endo_kernel.formulas import Origin
from endo_kernel.names import near
from endo_kernel.values import Glance, glance, token

_MOST = 200
_OURS = frozenset({"endo_kernel.facade", "endo_kernel.handles"})


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable at one moment. `token` changes when the variable means something else."""

    name: str
    value: object
    glance: Glance
    token: str
    origin: Origin


class Variables:
    """The variables of one user namespace."""

    def __init__(self, namespace: MutableMapping[str, object], hidden: Callable[[], Collection[str]] = frozenset) -> None:
        self._namespace = namespace
        self._hidden = hidden
        self._cells: dict[str, tuple[int, int | None, str | None]] = {}

    def note_cell(self, execution_count: int | None, cell: str | None) -> None:
        """Remember which variables the cell that just ended has made or changed. Runs on the main thread."""
        cells = {}
        for name, value in list(self._namespace.items()):
            known = self._cells.get(name)
            cells[name] = known if known and known[0] == id(value) else (id(value), execution_count, cell)
        self._cells = cells

    def all(self) -> list[Variable]:
        """Give the variables that could be bound, newest cell first."""
        hidden = self._hidden()
        found = [
            self._variable(name, value)
            for name, value in dict(self._namespace).items()
            if not name.startswith("_") and name not in hidden and type(value) is not ModuleType and not self._is_ours(value)
        ]
        found.sort(key=lambda variable: -(variable.origin.execution_count or 0))
        return found[:_MOST]

    @staticmethod
    def _is_ours(value: object) -> bool:
        """Tell the host's own objects, which are no data, by their home."""
        return type(value).__module__ in _OURS

    def _variable(self, name: str, value: object) -> Variable:
        looked = glance(value)
        return Variable(name, value, looked, token(value), self._origin(name, value, looked))

    def _origin(self, name: str | None, value: object, looked: Glance) -> Origin:
        _, count, cell = self._cells.get(name or "", (0, None, None))
        expression = f"variable {name}" if name else None
        return Origin(expression, looked.type, looked.detail, cell, count)

    def origin(self, value: object) -> Origin:
        """Say where a value came from, by finding the variable that holds it."""
        hidden = self._hidden()
        names = [name for name, held in dict(self._namespace).items() if held is value and not name.startswith("_") and name not in hidden]
        return self._origin(names[0] if names else None, value, glance(value))

    def __contains__(self, name: object) -> bool:
        return name in self._namespace

    def get(self, name: object, seen: str | None = None) -> tuple[object, Origin]:
        """Give a variable's value, and raise CardChanged if it is not what it was when `seen`, its token then."""
        missing = object()
        value = self._namespace.get(name, missing) if isinstance(name, str) else missing
        if value is missing:
            raise BadBinding(f"there is no variable {name!r} in the notebook now; {near(str(name), self._names())}")
        if seen is not None and token(value) != seen:
            looked = glance(value)
            now = f"{looked.type} {looked.detail}".strip()
            raise CardChanged(f"the variable {name!r} changed since the card was drawn; it is now {now}. Look at it, then approve again")
        return value, self._origin(str(name), value, glance(value))

    def _names(self) -> Iterable[str]:
        return [variable.name for variable in self.all()]


def empty() -> Variables:
    """Give the variables of a process that has none, such as a terminal that reads a store."""
    return Variables({})
