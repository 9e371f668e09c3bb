"""What a page draws: tasks, cards and lists as JSON, read from a daemon. Bounded, and without a decision in it.

The shapes are those of `labextension/src/protocol.ts`. Everything here runs on the daemon's thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from endo_kernel.cards import WAITING, Card
from endo_kernel.cardviews import CardViews, iso
from endo_kernel.conversation import Turn
from endo_kernel.daemon import Daemon
from endo_kernel.errors import BadCommand
from endo_kernel.mail import Letter
from endo_kernel.names import TaskId, TurnId
from endo_kernel.offers import Offers
from endo_kernel.powers import Json
from endo_kernel.tasks import COUNTED, Note, Status, Task
from endo_kernel.variables import Variables

STATUS_TEXT: Mapping[Status, str] = {
    "ready": "Ready",
    "thinking": "Thinking",
    "running": "Running",
    "waiting": "Waiting for you",
    "idle": "Your turn",
    "sleeping": "Model not reachable",
    "paused": "Paused",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
_TURNS = 60
_CARDS = 50
_ROWS = 200
_LETTER = 20_000
View = dict[str, Json]


class Views:
    """Draws the tasks and cards of one daemon."""

    def __init__(self, daemon: Daemon, variables: Variables) -> None:
        self._daemon = daemon
        self._variables = variables

    def show(self, what: Mapping[str, Json]) -> View:
        """Give the view that `hello` asked for: head, order, entries."""
        match what:
            case {"kind": "task", "task": int(task)}:
                return self.task(TaskId(task))
            case {"kind": "card", "card": int(number)}:
                return self.cards("card", [self._daemon.cards.get(number)])
            case {"kind": "inbox"}:
                return self.cards("inbox", self._daemon.cards.in_state(*WAITING))
            case {"kind": "tasks"}:
                head = {"kind": "tasks", "rows": self.rows(), "count": self._daemon.tasks.count(), "readonly": self._daemon.refusal_now}
                return {"head": head, "order": [], "entries": {}}
        raise BadCommand(f"{what!r} names no view: there are a task, a card, the inbox and the tasks")

    def cards(self, kind: str, cards: Sequence[Card]) -> View:
        """Give a list of cards: all are counted, and the first are drawn."""
        draw = self._draws_cards()
        entries = {f"c{card.number}": _card_entry(card, draw) for card in cards[:_CARDS]}
        head = {"kind": kind, "count": len(cards), "readonly": self._daemon.refusal_now}
        return {"head": head, "order": list(entries), "entries": entries}

    def _draws_cards(self) -> CardViews:
        return CardViews(self._daemon, Offers(self._daemon, self._variables))

    def rows(self) -> list[dict[str, Json]]:
        """Give a row for each task, newest first; of very many, the newest."""
        return [self._row(task) for task in self._daemon.tasks.newest(_ROWS)]

    def _row(self, task: Task) -> dict[str, Json]:
        status, waiting = self._daemon.glance(task)
        active = next((step["title"] for step in task.plan if step["status"] == "active"), None)
        return {
            "id": task.id,
            "title": task.title,
            "status": status,
            "status_text": STATUS_TEXT[status],
            "progress": task.progress,
            "plan_step": active,
            "waiting_for": waiting,
            "tokens": task.tokens,
            "usd": task.cost,
            "updated": iso(task.updated),
        }

    def task(self, task_id: TaskId, before: TurnId | None = None) -> View:
        """Give a task's thread; long ones from their newest turns, or those before a turn."""
        task = self._daemon.tasks.get(task_id)
        turns = self._daemon.conversations.newest(task_id, _TURNS, before=before)
        if turns and turns[0].role == "user" and turns[0].place:
            turns.pop(0)  # a page begins with an answer: it has a key that earlier ones can be asked for by
        earlier = turns[0].place if turns else 0
        span = (turns[0].at if earlier else 0.0, math.inf if before is None else self._daemon.conversations.get(before).at)
        entries = self._entries(task, turns, span)
        view = {"order": [entry["key"] for entry in entries], "entries": {entry["key"]: entry for entry in entries}}
        return {"head": self._head(task, earlier), **view}

    def _head(self, task: Task, earlier: int) -> dict[str, Json]:
        status, waiting = self._daemon.glance(task)
        asleep = task.sleep if status == "sleeping" else None
        why = self._daemon.agent.held(task.id) or task.why or task.paused or (asleep and asleep.error)
        return {
            "kind": "task",
            "id": task.id,
            "title": task.title,
            "status": status,
            "status_text": STATUS_TEXT[status],
            "why": why if status != "done" else None,
            "model": task.model,
            "rehearsal": task.model == "rehearsal",
            "progress": task.progress,
            "plan": [dict(step) for step in task.plan],
            "usage": {**{kind: task.usage.get(kind, 0) for kind in COUNTED}, "total": task.tokens, "usd": task.cost},
            "waiting_for": waiting,
            "retry_at": iso(asleep.until) if asleep else None,
            "readonly": self._daemon.refusal_now,
            "earlier": earlier,
            "reply_hint": _hint(status, waiting),
        }

    def _entries(self, task: Task, turns: list[Turn], span: tuple[float, float]) -> list[dict[str, Json]]:
        """Give what belongs to these turns, and the notes of their span of time; without an end of it, what is going on now as well."""
        newest = span[1] == math.inf
        who = _who(task.model)
        draw = self._draws_cards()
        dated: list[tuple[float, int, dict[str, Json]]] = []
        for turn in turns:
            if turn.role == "assistant":
                dated.append((turn.at, 1, _agent_entry(turn, who)))
                cards = self._daemon.cards.of_turn(turn.id) if turn.tool_uses else []
                dated += [(turn.at, 2, _card_entry(card, draw)) for card in cards]
            else:
                dated += [(letter.at, 0, _host_entry(letter)) for letter in self._daemon.mail.of_turn(task.id, turn.id)]
        # A message that waits stands at the end, where it will be delivered.
        dated += [(math.inf, 0, _host_entry(letter)) for letter in (self._daemon.mail.queued(task.id) if newest else ())]
        dated += [(note.at, 3, _note_entry(note, who)) for note in self._daemon.tasks.notes(task.id, *span)]
        dated.sort(key=lambda item: item[:2])
        entries = [entry for _, _, entry in dated if entry["kind"] != "agent" or entry["text"]]
        text = self._daemon.agent.text(task.id) if newest else None
        if text is not None:
            entries.append({"key": "live", "kind": "live", "at": iso(datetime.now(UTC).timestamp()), "who": who, "text": text})
        return entries


def _card_entry(card: Card, draw: CardViews) -> dict[str, Json]:
    return {"key": f"c{card.number}", "kind": "card", "at": iso(card.opened), "card": draw.card(card)}


def _host_entry(letter: Letter) -> dict[str, Json]:
    text = letter.text
    if len(text) > _LETTER:
        text = f"{text[:_LETTER]} ... ({len(letter.text) - _LETTER:,} more characters)"
    return {"key": f"m{letter.id}", "kind": "host", "at": iso(letter.at), "text": text, "queued": letter.turn == 0}


def _note_entry(note: Note, who: str) -> dict[str, Json]:
    entry: dict[str, Json] = {"key": f"n{note.id}", "at": iso(note.at), "text": note.text}
    return {**entry, "kind": "agent", "who": who} if note.level == "summary" else {**entry, "kind": "note", "level": note.level}


def _agent_entry(turn: Turn, who: str) -> dict[str, Json]:
    text = "\n\n".join(block["text"] for block in turn.content if block.get("type") == "text" and block.get("text"))
    return {"key": f"t{turn.id}", "kind": "agent", "at": iso(turn.at), "who": who, "text": text}


def _who(model: str) -> str:
    return "Claude" if model.startswith("claude") else model[:1].upper() + model[1:]


def _hint(status: Status, waiting: Sequence[int]) -> str:
    if status == "cancelled":
        return "This task was cancelled."
    if waiting:
        cards = ", ".join(f"#{number}" for number in waiting)
        return f"Write to this task. It is delivered with the decision on {cards}."
    if status in ("thinking", "running", "ready", "sleeping", "paused"):
        return "Write to this task. It is delivered with the next turn."
    return "Write to this task."
