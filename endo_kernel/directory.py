"""Directories: what each party calls its formulas.

The host has one, and each task's agent has one. A name may be moved to another formula; the formula stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from endo_kernel.errors import NameUnknown
from endo_kernel.names import FormulaId, PetName, TaskId, near
from endo_kernel.store import Store, where

HOST = "host"


def guest_of(task: TaskId) -> str:
    """Name the party that is the agent of a task."""
    return f"task:{task}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of one party: the formula, and in words where it came from."""

    name: PetName
    formula: FormulaId
    origin: str


class Directory:
    """All names of all parties of one store."""

    def __init__(self, store: Store) -> None:
        self._names = store.table("names")

    def write(self, party: str, name: PetName, formula: FormulaId, origin: str) -> None:
        """Give a formula a name, or move the name to it."""
        found = self._names.search((where("party") == party) & (where("name") == name))
        fields = {"party": party, "name": name, "formula": formula, "origin": origin}
        if found:
            self._names.update(fields, doc_ids=[found[0].doc_id])
        else:
            self._names.insert(fields)

    def find(self, party: str, name: str) -> Entry | None:
        """Give the entry of a name, or None."""
        found = self._names.search((where("party") == party) & (where("name") == name))
        return Entry(PetName(name), FormulaId(found[0]["formula"]), found[0]["origin"]) if found else None

    def get(self, party: str, name: str) -> Entry:
        """Give the entry of a name; raises NameUnknown with the names that are close."""
        entry = self.find(party, name)
        if entry is None:
            raise NameUnknown(f"{name!r} is not a name here; {near(name, [entry.name for entry in self.entries(party)])}")
        return entry

    def entries(self, party: str) -> list[Entry]:
        """Give all names of a party, oldest first."""
        found = self._names.search(where("party") == party)
        return [Entry(PetName(doc["name"]), FormulaId(doc["formula"]), doc["origin"]) for doc in found]

    def newest(self, party: str, limit: int) -> list[Entry]:
        """Give up to `limit` names of a party that were given last, newest first."""
        found = self._names.search(where("party") == party, newest=True, limit=limit)
        return [Entry(PetName(doc["name"]), FormulaId(doc["formula"]), doc["origin"]) for doc in found]

    def free(self, party: str, name: PetName, formula: FormulaId) -> PetName:
        """Give this name, or the next with a number, that does not mean another formula yet."""

        def numbered(number: int) -> PetName:
            return name if number == 1 else PetName(f"{name}-{number}")

        def taken(number: int) -> bool:
            entry = self.find(party, numbered(number))
            return entry is not None and entry.formula != formula

        # Doubled, then halved: a name that was given a thousand times costs ten looks, not a thousand.
        low, high = 0, 1
        while taken(high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if taken(middle) else (low, middle)
        return numbered(high)
