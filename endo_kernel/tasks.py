"""Tasks: the durable threads, with their settings, plan, usage, and a status that is derived and never stored.

What is stored of a task's course is only what nothing else says: that it ended, that it is paused, that the model failed for now
and when to try again. Everything else follows from its turns, results, cards and mail.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from endo_kernel.cards import Card
from endo_kernel.conversation import Turn
from endo_kernel.errors import TaskUnknown
from endo_kernel.names import TaskId, near
from endo_kernel.powers import Clock, Json
from endo_kernel.store import Document, Query, Store, where

Status = Literal["ready", "thinking", "running", "waiting", "idle", "sleeping", "paused", "done", "failed", "cancelled"]
End = Literal["done", "failed", "cancelled"]

RESTING: tuple[Status, ...] = ("waiting", "idle", "sleeping", "paused", "done", "failed", "cancelled")
"""Statuses in which nothing happens until the host acts or a time comes."""

COUNTED = ("input", "output", "cache_read", "cache_write")
"""The kinds of tokens."""


_PAGE = 50
_MOST_NOTES = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """What every model call of a task is made with; kept with the task, so that an upgrade cannot change it."""

    model: str
    max_tokens: int
    system: str
    tools: Sequence[Mapping[str, Json]]
    thinking: Mapping[str, Json] | None = None
    prices: Mapping[str, float] | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """The model failed for now: when to try again, after how many failures in a row, with what words."""

    until: float
    failures: int
    error: str


@dataclass(frozen=True, slots=True)
class Note:
    """One line in a thread that is neither the host's nor a turn of the model's: paused, retried, failed, and the last summary."""

    id: int
    at: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it stands in the store."""

    id: TaskId
    title: str
    prompt: str
    created: float
    updated: float
    model: str
    ended: End | None = None
    why: str | None = None
    paused: str | None = None
    sleep: Sleep | None = None
    plan: Sequence[Mapping[str, str]] = ()
    results: Sequence[str] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def progress(self) -> tuple[int, int] | None:
        """Steps of the plan that are done, and all; None without a plan."""
        if not self.plan:
            return None
        return sum(step["status"] == "done" for step in self.plan), len(self.plan)

    @property
    def tokens(self) -> int:
        """All tokens so far."""
        return sum(self.usage.get(kind, 0) for kind in COUNTED)

    @property
    def cost(self) -> float | None:
        """What it cost in USD, or None where no price is configured for its model."""
        prices = self.settings.get("prices")
        if not prices:
            return None
        return sum(self.usage.get(kind, 0) * float(prices.get(kind, 0.0)) for kind in COUNTED) / 1e6


class Tasks:
    """All tasks of one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._tasks = store.table("tasks")
        self._agreements = store.table("agreements")
        self._notes = store.table("notes")
        self._clock = clock

    def make(self, title: str, prompt: str, settings: Settings) -> Task:
        """Write a new task."""
        now = self._clock.now()
        doc = {
            "title": title,
            "prompt": prompt,
            "created": now,
            "updated": now,
            "state": "open",
            "why": None,
            "paused": None,
            "sleep": None,
            "plan": [],
            "results": [],
            "usage": {},
            "budget_from": {"tokens": 0, "usd": 0.0},
            "settings": self._settings_doc(settings),
        }
        return self.get(TaskId(self._tasks.insert(doc)))

    def renew(self, task: TaskId, settings: Settings) -> None:
        """Give a task that no model has answered yet other settings."""
        self.update(task, settings=self._settings_doc(settings))

    def _settings_doc(self, settings: Settings) -> dict[str, Json]:
        return {
            "model": settings.model,
            "max_tokens": settings.max_tokens,
            "thinking": settings.thinking and dict(settings.thinking),
            "prices": settings.prices and dict(settings.prices),
            "budget_tokens": settings.budget_tokens,
            "budget_usd": settings.budget_usd,
            "agreement": self._agree(settings.system, settings.tools),
        }

    def _agree(self, system: str, tools: Sequence[Mapping[str, Json]]) -> int:
        """Keep a system text and tools once, however many tasks have them."""
        digest = hashlib.sha256(json.dumps([system, list(tools)]).encode()).hexdigest()
        found = self._agreements.search(where("digest") == digest)
        if found:
            return found[0].doc_id
        return self._agreements.insert({"digest": digest, "system": system, "tools": [dict(tool) for tool in tools]})

    def settings(self, task: Task) -> Settings:
        """Give what the task's model calls are made with."""
        parts = dict(task.settings)
        agreement = self._agreements.get(doc_id=parts.pop("agreement"))
        assert isinstance(agreement, Document)
        return Settings(system=agreement["system"], tools=agreement["tools"], **parts)

    def get(self, task: object) -> Task:
        """Give a task; raises TaskUnknown."""
        doc = self._tasks.get(doc_id=task) if isinstance(task, int) and not isinstance(task, bool) else None
        if not isinstance(doc, Document):
            raise TaskUnknown(f"there is no task {task!r}; {near(str(task), [str(doc.doc_id) for doc in self._tasks])}")
        return _task(doc)

    def all(self) -> list[Task]:
        """Give all tasks, oldest first."""
        return [_task(doc) for doc in self._tasks]

    def newest(self, limit: int) -> list[Task]:
        """Give up to `limit` tasks that were made last, newest first."""
        return [_task(doc) for doc in self._tasks.search(Query().noop(), newest=True, limit=limit)]

    def count(self) -> int:
        """Count all tasks."""
        return len(self._tasks)

    def open(self) -> list[Task]:
        """Give the tasks that have not ended."""
        return [_task(doc) for doc in self._tasks.search(where("state") == "open")]

    def update(self, task: TaskId, **fields: Json) -> None:
        """Write some fields of a task."""
        self._tasks.update({**fields, "updated": self._clock.now()}, doc_ids=[task])

    def note(self, task: TaskId, level: Literal["info", "warn", "error", "summary"], text: str) -> None:
        """Write a line into the thread that is neither the host's nor a turn of the model's; a summary is what the model ended with."""
        self._notes.insert({"task": task, "at": self._clock.now(), "level": level, "text": text})

    def notes(self, task: TaskId, since: float = 0.0, until: float = math.inf) -> list[Note]:
        """Give those lines of a span of time, oldest first; of very many, the newest."""
        found: list[Document] = []
        before = None
        while page := self._notes.search(where("task") == task, newest=True, limit=_PAGE, before=before):
            found += [doc for doc in page if since <= doc["at"] < until]
            before = page[-1].doc_id
            if page[-1]["at"] < since or len(found) >= _MOST_NOTES:
                break
        return [Note(doc.doc_id, doc["at"], doc["level"], doc["text"]) for doc in reversed(found)]

    def end(self, task: TaskId, state: End, why: str | None, results: Sequence[str] = ()) -> None:
        """Write that a task ended."""
        self.update(task, state=state, why=why, results=list(results), sleep=None)

    def reopen(self, task: TaskId) -> None:
        """Write that an ended, paused or sleeping task goes on; a budget counts from here again."""
        now = self.get(task)
        self.update(task, state="open", why=None, paused=None, sleep=None, budget_from={"tokens": now.tokens, "usd": now.cost or 0.0})

    def add_usage(self, task: TaskId, usage: Mapping[str, int]) -> None:
        """Add the tokens of one model call."""
        now = self.get(task)
        self.update(task, usage={kind: now.usage.get(kind, 0) + int(usage.get(kind, 0)) for kind in COUNTED})

    def over_budget(self, task: TaskId) -> str | None:
        """Say which budget is reached, or None."""
        now = self.get(task)
        doc = self._tasks.get(doc_id=task)
        assert isinstance(doc, Document)
        start, tokens, usd = doc["budget_from"], now.settings.get("budget_tokens"), now.settings.get("budget_usd")
        if tokens is not None and now.tokens - start["tokens"] >= tokens:
            return f"the budget of {tokens:,} tokens is reached ({now.tokens:,} used); task.resume() grants it again"
        if usd is not None and now.cost is not None and now.cost - start["usd"] >= usd:
            return f"the budget of ${usd:g} is reached (${now.cost:.2f} used); task.resume() grants it again"
        return None


def status(task: Task, last: Turn | None, cards: Sequence[Card], settled: bool, queued: bool, calling: bool) -> Status:
    """Derive a task's status from facts.

    `last` is its newest turn, `cards` its unsettled cards, `settled` says that each tool use of the last turn has a result,
    `queued` that the host's mail waits, `calling` that a model call is in flight in this process.
    """
    states = {card.state for card in cards}
    if task.ended:
        return task.ended
    if "running" in states:
        return "running"
    if task.paused is not None:
        return "paused"
    if not settled:
        return "waiting" if states & {"open", "unknown"} else "running" if "approved" in states else "ready"
    if last is not None and last.role == "assistant" and not last.tool_uses and not queued and not last.goes_on:
        return "idle"
    if calling:
        return "thinking"
    return "sleeping" if task.sleep else "ready"


def _task(doc: Document) -> Task:
    return Task(
        id=TaskId(doc.doc_id),
        title=doc["title"],
        prompt=doc["prompt"],
        created=doc["created"],
        updated=doc["updated"],
        model=doc["settings"]["model"],
        ended=None if doc["state"] == "open" else doc["state"],
        why=doc["why"],
        paused=doc["paused"],
        sleep=doc["sleep"] and Sleep(**doc["sleep"]),
        plan=doc["plan"],
        results=doc["results"],
        usage=doc["usage"],
        settings=doc["settings"],
    )
