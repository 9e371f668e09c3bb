"""Mail: what the host writes to a task, kept in order until a turn delivers it."""

from __future__ import annotations

from dataclasses import dataclass

from endo_kernel.names import TaskId, TurnId
from endo_kernel.powers import Clock
from endo_kernel.store import Document, Store, where


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the host. `turn` is the turn that delivered it, 0 while it is queued."""

    id: int
    task: TaskId
    text: str
    at: float
    turn: TurnId


class Mail:
    """All messages of the host, of one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._mail = store.table("mail")
        self._clock = clock

    def write(self, task: TaskId, text: str) -> None:
        """Queue a message."""
        self._mail.insert({"task": task, "text": text, "at": self._clock.now(), "turn": 0})

    def queued(self, task: TaskId) -> list[Letter]:
        """Give the messages that no turn has delivered yet, oldest first."""
        return [_letter(doc) for doc in self._mail.search((where("task") == task) & (where("turn") == 0))]

    def of_turn(self, task: TaskId, turn: TurnId) -> list[Letter]:
        """Give the messages that a turn delivered."""
        return [_letter(doc) for doc in self._mail.search((where("task") == task) & (where("turn") == turn))]

    def all(self, task: TaskId) -> list[Letter]:
        """Give every message to a task, oldest first."""
        return [_letter(doc) for doc in self._mail.search(where("task") == task)]

    def deliver(self, letters: list[Letter], turn: TurnId) -> None:
        """Mark messages as delivered by a turn."""
        self._mail.update({"turn": turn}, doc_ids=[letter.id for letter in letters])


def _letter(doc: Document) -> Letter:
    return Letter(doc.doc_id, TaskId(doc["task"]), doc["text"], doc["at"], TurnId(doc["turn"]))
