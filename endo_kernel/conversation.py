"""The conversation of a task with its model: raw API messages, append-only, and always in a shape that the API accepts.

An assistant turn is kept as it came. Each of its tool uses gets exactly one result; when all have one, the next user turn
carries them in order, results first, then what the host wrote meanwhile. Nothing that was sent is ever changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from endo_kernel.mail import Letter
from endo_kernel.names import TaskId, TurnId
from endo_kernel.powers import Clock, Json, ModelAnswer
from endo_kernel.store import Document, Store, where


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool use of an assistant turn. `malformed` says what was wrong with its arguments, if they were not an object."""

    id: str
    name: str
    input: dict[str, Json]
    malformed: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The one result of a tool use: content blocks for the model."""

    tool_use: str
    content: Sequence[dict[str, Json]]
    is_error: bool = False

    def block(self) -> dict[str, Json]:
        """Give the API's tool_result block."""
        block: dict[str, Json] = {"type": "tool_result", "tool_use_id": self.tool_use, "content": list(self.content)}
        return {**block, "is_error": True} if self.is_error else block


@dataclass(frozen=True, slots=True)
class Turn:
    """One API message, raw."""

    id: TurnId
    task: TaskId
    role: str
    content: list[dict[str, Json]]
    at: float
    stop_reason: str | None = None
    malformed: dict[str, str] = field(default_factory=dict)
    read: int = 0
    """How many tokens the model read for this answer, cached ones among them."""
    place: int = 0
    """How many turns of its task come before it."""

    @property
    def goes_on(self) -> bool:
        """Whether the model only took a breath: sent back as it is, the turn goes on."""
        return self.stop_reason in ("pause_turn", "compaction") and not self.tool_uses

    @property
    def compacted(self) -> bool:
        """Whether the model summarised the conversation up to here, and reads no further back from now on."""
        return self.role == "assistant" and any(block.get("type") == "compaction" for block in self.content)

    @property
    def tool_uses(self) -> list[ToolUse]:
        """The tool uses of an assistant turn, in order."""
        if self.role != "assistant":
            return []
        return [
            ToolUse(block["id"], block["name"], block["input"], self.malformed.get(block["id"]))
            for block in self.content
            if block.get("type") == "tool_use"
        ]

    def message(self) -> dict[str, Json]:
        """Give the turn as an API message."""
        return {"role": self.role, "content": self.content}


class Conversations:
    """The conversations of all tasks of one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._turns = store.table("turns")
        self._results = store.table("results")
        self._clock = clock

    def last(self, task: TaskId) -> Turn | None:
        """Give the newest turn, or None before the first."""
        doc = self._turns.last(where("task") == task)
        return _turn(doc) if doc else None

    def get(self, turn: TurnId) -> Turn:
        """Give a turn."""
        doc = self._turns.get(doc_id=turn)
        assert isinstance(doc, Document), turn
        return _turn(doc)

    def turns(self, task: TaskId) -> list[Turn]:
        """Give all turns, oldest first."""
        return [_turn(doc) for doc in self._turns.search(where("task") == task)]

    def newest(self, task: TaskId, limit: int, before: TurnId | None = None) -> list[Turn]:
        """Give up to `limit` turns that end before a turn, oldest of them first."""
        found = self._turns.search(where("task") == task, newest=True, limit=limit, before=before)
        return [_turn(doc) for doc in reversed(found)]

    def append_answer(self, task: TaskId, answer: ModelAnswer) -> Turn:
        """Write a complete assistant turn as it came."""
        read = sum(answer.usage.get(kind, 0) for kind in ("input", "cache_read", "cache_write"))
        fields = {"stop_reason": answer.stop_reason, "malformed": dict(answer.malformed), "read": read}
        return self._append(task, "assistant", answer.content, fields)

    def append_user(self, task: TaskId, content: list[dict[str, Json]]) -> Turn:
        """Write a user turn."""
        return self._append(task, "user", content, {})

    def _append(self, task: TaskId, role: str, content: list[dict[str, Json]], fields: dict[str, Json]) -> Turn:
        last = self.last(task)
        place = last.place + 1 if last else 0
        doc = {"task": task, "role": role, "content": content, "at": self._clock.now(), "place": place, **fields}
        return _turn(Document(doc, doc_id=self._turns.insert(doc)))

    def settle(self, turn: Turn, result: Result) -> bool:
        """Write the result of a tool use, once; tells whether this was the time."""
        if self._results.search((where("tool_use") == result.tool_use) & (where("turn") == turn.id)):
            return False
        doc = {
            "task": turn.task,
            "turn": turn.id,
            "tool_use": result.tool_use,
            "content": list(result.content),
            "is_error": result.is_error,
        }
        self._results.insert(doc)
        return True

    def results(self, turn: Turn) -> dict[str, Result]:
        """Give the results that the tool uses of a turn have so far."""
        docs = self._results.search(where("turn") == turn.id)
        return {doc["tool_use"]: Result(doc["tool_use"], doc["content"], doc["is_error"]) for doc in docs}

    def messages(self, task: TaskId, letters: Sequence[Letter]) -> list[dict[str, Json]]:
        """Give the raw API messages as they would be sent now, with these queued messages of the host."""
        turns = self.turns(task)
        messages = [turn.message() for turn in turns]
        content = self.next_user_content(turns[-1] if turns else None, letters)
        return [*messages, {"role": "user", "content": content}] if content else messages

    def next_user_content(self, last: Turn | None, letters: Sequence[Letter]) -> list[dict[str, Json]]:
        """Compose the user turn that can be sent now; empty where none can or need be."""
        texts: list[dict[str, Json]] = [{"type": "text", "text": letter.text} for letter in letters]
        if last is None:
            return texts
        if last.role == "user":
            return []
        uses = last.tool_uses
        results = self.results(last)
        if any(use.id not in results for use in uses):
            return []
        return [*(results[use.id].block() for use in uses), *texts]


def _turn(doc: Document) -> Turn:
    return Turn(
        id=TurnId(doc.doc_id),
        task=TaskId(doc["task"]),
        role=doc["role"],
        content=doc["content"],
        at=doc["at"],
        stop_reason=doc.get("stop_reason"),
        malformed=doc.get("malformed") or {},
        read=doc.get("read", 0),
        place=doc["place"],
    )
