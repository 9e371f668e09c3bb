"""What could be bound to a slot at this moment: the notebook's variables and the host's names, by how well they fit.

They are looked at once for a whole drawing, however many cards it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from endo_kernel.cards import Slot
from endo_kernel.daemon import Daemon
from endo_kernel.directory import HOST, Entry
from endo_kernel.powers import Json
from endo_kernel.values import fit, is_plain, members
from endo_kernel.variables import Variable, Variables

_CANDIDATES = 60
_NAMES = 200


@dataclass(frozen=True, slots=True)
class _Named:
    """A value that is known by its name and a short text; this is also what `fit` looks at."""

    entry: Entry
    type: str
    detail: str
    shape: None = None


class Offers:
    """The candidates for slots, as they are during one drawing."""

    def __init__(self, daemon: Daemon, variables: Variables) -> None:
        self._daemon = daemon
        self._namespace = variables

    @cached_property
    def _variables(self) -> list[Variable]:
        return self._namespace.all()

    @cached_property
    def _names(self) -> list[_Named]:
        graph = self._daemon.graph
        entries = [entry for entry in self._daemon.directory.newest(HOST, _NAMES) if graph.standing(entry.formula) != "gone"]
        return [_Named(entry, (detail := graph.detail(entry.formula)).split(" ")[0] or "value", detail) for entry in entries]

    def candidates(self, slot: Slot, realm: str | None) -> list[dict[str, Json]]:
        """Give what could fill a slot, best first."""
        found = [_variable(variable, slot, realm) for variable in self._variables]
        found += [_name(named, slot) for named in self._names]
        found.sort(key=lambda candidate: -candidate["fit"])
        return found[:_CANDIDATES]


def _variable(variable: Variable, slot: Slot, realm: str | None) -> dict[str, Json]:
    count = variable.origin.execution_count
    fits = (0.4 if type(variable.value) is type else 1.0) * fit(slot.name, slot.label, slot.type, variable.name, variable.glance)
    return {
        "ref": {"variable": variable.name, "token": variable.token},
        "label": variable.name,
        "type": variable.glance.type,
        "detail": variable.glance.detail,
        "origin": f"cell [{count}]" if count else "variable",
        "fit": round(fits, 3),
        "members": members(variable.value) if realm == "confined" and not is_plain(variable.value, trust_after=1000) else None,
    }


def _name(named: _Named, slot: Slot) -> dict[str, Json]:
    name = named.entry.name
    return {
        "ref": {"name": name},
        "label": name,
        "type": "",
        "detail": named.detail,
        "origin": named.entry.origin,
        "fit": round(0.9 * fit(slot.name, slot.label, slot.type, name, named), 3),
        "members": None,
    }
