"""A task and a card as they are used in a cell. They hold an id and ask the daemon; a handle is never out of date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from endo_kernel import record
from endo_kernel.cards import Card
from endo_kernel.cardviews import iso
from endo_kernel.names import CardNumber, TaskId
from endo_kernel.powers import Json
from endo_kernel.session import Session
from endo_kernel.steps import Step
from endo_kernel.tasks import COUNTED, RESTING, Status, Task


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that was said: by `you` or by the `agent`."""

    who: str
    text: str
    at: str

    def __str__(self) -> str:
        return f"{self.who}: {self.text}"


class Rows(Sequence[Any]):
    """A list that displays as a table."""

    def __init__(self, items: Sequence[Any], rows: Sequence[Mapping[str, Json]], nothing: str) -> None:
        self._items = items
        self._rows = rows
        self._nothing = nothing

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        return {"text/html": record.table_html(self._rows, self._nothing), "text/plain": record.table_text(self._rows, self._nothing)}

    def __repr__(self) -> str:
        return record.table_text(self._rows, self._nothing)


class TaskHandle:
    """A task. Displays as its live thread; equal to its id."""

    def __init__(self, session: Session, task: TaskId) -> None:
        self._session = session
        self._daemon = session.daemon
        self.id = task

    def _task(self) -> Task:
        return self._daemon.call(lambda: self._daemon.tasks.get(self.id))

    @property
    def title(self) -> str:
        """The title: the first line of the prompt, unless one was given."""
        return self._task().title

    @property
    def status(self) -> Status:
        """One word: ready, thinking, running, waiting, idle, sleeping, paused, done, failed or cancelled."""
        return self._daemon.call(lambda: self._daemon.status(self._daemon.tasks.get(self.id)))

    @property
    def why(self) -> str | None:
        """Why it failed, ended, sleeps or is paused, in words; None otherwise."""
        task = self._task()
        return task.why or task.paused or (task.sleep.error if task.sleep else None)

    @property
    def model(self) -> str:
        """The model that this task runs on."""
        return self._task().model

    @property
    def plan(self) -> list[dict[str, str]]:
        """The agent's plan: title and status of each step."""
        return [dict(step) for step in self._task().plan]

    @property
    def progress(self) -> tuple[int, int] | None:
        """Steps of the plan that are done, and all; None without a plan."""
        return self._task().progress

    @property
    def usage(self) -> dict[str, Any]:
        """Tokens by kind, and cost in USD where a price is configured for the model."""
        task = self._task()
        tokens: dict[str, Any] = {kind: task.usage.get(kind, 0) for kind in COUNTED}
        return tokens if task.cost is None else {**tokens, "cost_usd": task.cost}

    @property
    def cards(self) -> list[CardHandle]:
        """All cards of the task, oldest first."""
        return [CardHandle(self._session, card.number) for card in self._daemon.call(lambda: self._daemon.cards.of_task(self.id))]

    @property
    def steps(self) -> Rows:
        """What ran: one row for each run of approved code."""
        steps = self._daemon.call(lambda: self._daemon.steps.of_task(self.id))
        return Rows(steps, [_step_row(step) for step in steps], "Nothing has run yet.")

    @property
    def messages(self) -> Rows:
        """What was said, by you and by the agent."""
        messages = self._daemon.call(self._messages)
        rows = [{"at": message.at, "who": message.who, "text": message.text} for message in messages]
        return Rows(messages, rows, "Nothing was said yet.")

    def _messages(self) -> list[Message]:
        said = [(letter.at, Message("you", letter.text, iso(letter.at))) for letter in self._daemon.mail.all(self.id)]
        for turn in self._daemon.conversations.turns(self.id):
            text = "\n\n".join(block["text"] for block in turn.content if block.get("type") == "text") if turn.role == "assistant" else ""
            if text:
                said.append((turn.at, Message("agent", text, iso(turn.at))))
        return [message for _, message in sorted(said, key=lambda item: item[0])]

    @property
    def conversation(self) -> list[dict[str, Json]]:
        """The raw API messages, as they would be sent now."""
        return self._daemon.call(lambda: self._daemon.conversations.messages(self.id, self._daemon.mail.queued(self.id)))

    def send(self, text: str, withdraw: bool = False) -> None:
        """Write to the agent. While cards are open the message is queued; with `withdraw` they are settled and it is delivered at once."""
        self._daemon.call(lambda: self._daemon.host.send(self.id, text, withdraw=withdraw))

    def pause(self) -> None:
        """Let no model call start until `resume`."""
        self._daemon.call(lambda: self._daemon.host.pause(self.id))

    def resume(self) -> None:
        """Carry on a paused, sleeping or failed task."""
        self._daemon.call(lambda: self._session.resume(self.id))

    def cancel(self, why: str | None = None) -> None:
        """End the task; its open cards are withdrawn."""
        self._daemon.call(lambda: self._daemon.host.cancel(self.id, why))

    def wait(self, timeout: float | None = None) -> Status:
        """Wait until the task rests: waiting, idle, sleeping, paused or ended; give its status, also when `timeout` seconds have passed."""
        return self._session.serve(lambda: self._rest(seconds=timeout))

    async def _rest(self, seconds: float | None) -> Status:
        found: asyncio.Future[Status] = asyncio.get_running_loop().create_future()

        def look(changed: set[TaskId], heard: set[TaskId]) -> None:
            if self.id in changed and not found.done():
                now = self._daemon.status(self._daemon.tasks.get(self.id))
                if now in RESTING:
                    found.set_result(now)

        with self._daemon.watched(look):
            look({self.id}, set())
            await asyncio.wait([found], timeout=seconds)
        return found.result() if found.done() else self._daemon.status(self._daemon.tasks.get(self.id))

    def __eq__(self, other: object) -> bool:
        return self.id == (other.id if isinstance(other, TaskHandle) else other)

    def __hash__(self) -> int:
        return hash(self.id)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        return self._session.bundle({"kind": "task", "task": self.id})

    def __repr__(self) -> str:
        return f"<task {self.id}: {self.title!r}, {self.status}>"


class CardHandle:
    """A card in any state. Displays as the card; decide on it with endo.endow, endo.reject or endo.answer."""

    def __init__(self, session: Session, number: CardNumber) -> None:
        self._session = session
        self._daemon = session.daemon
        self.number = number

    def _card(self) -> Card:
        return self._daemon.call(lambda: self._daemon.cards.get(self.number))

    @property
    def kind(self) -> str:
        """definition, form or request."""
        return self._card().proposal.kind

    @property
    def task(self) -> TaskHandle:
        """The task that it belongs to."""
        return TaskHandle(self._session, self._card().task)

    @property
    def title(self) -> str:
        """What it is for."""
        return self._card().proposal.title

    @property
    def explanation(self) -> str | None:
        """What the agent says about it."""
        return self._card().proposal.explanation

    @property
    def code(self) -> str | None:
        """The code that would run, or that ran."""
        return self._card().code

    @property
    def realm(self) -> str | None:
        """Where it runs: confined or notebook."""
        return self._card().realm

    @property
    def result(self) -> str | None:
        """The pet name of its result."""
        return self._card().result

    @property
    def slots(self) -> dict[str, dict[str, str | None]]:
        """Each slot's label, type, and the result that it is `from`."""
        return {slot.name: {"label": slot.label, "type": slot.type, "from": slot.from_name} for slot in self._card().proposal.slots}

    @property
    def fields(self) -> dict[str, Any] | None:
        """A form's fields."""
        fields = self._card().proposal.fields
        return dict(fields) if fields is not None else None

    @property
    def label(self) -> str | None:
        """What a request asks for."""
        return self._card().proposal.label

    @property
    def digest(self) -> str:
        """A SHA-256 over what would run: code, slots, bindings, realm."""
        return self._card().digest

    @property
    def state(self) -> str:
        """open, approved, running, done, failed, unknown, rejected, withdrawn or expired."""
        return self._card().state

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every transition: from what to what, when, by whom, why."""
        return [
            {"was": change.was, "state": change.state, "at": iso(change.at), "who": change.who, "why": change.why}
            for change in self._card().log
        ]

    @property
    def steps(self) -> list[Step]:
        """The runs of its code."""
        return self._daemon.call(lambda: self._daemon.steps.of_card(self.number))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        return self._session.bundle({"kind": "card", "card": self.number})

    def __repr__(self) -> str:
        card = self._card()
        return f"<card {card.number}: {card.proposal.kind} {card.proposal.title!r} of task {card.task}, {card.state}>"


def _step_row(step: Step) -> dict[str, Json]:
    seconds = "" if step.seconds is None else f"{step.seconds:.2f} s"
    result = (step.failure or {}).get("message") or (step.value or {}).get("detail") or ""
    return {"card": step.card, "status": step.status, "result": result, "time": seconds, "started": iso(step.started)}
