"""`endo` in the notebook: the host's facet. Everything here may be used from a cell, and all but waiting returns at once.

These objects hold no state: each property asks the daemon, so it is never out of date.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from endo_kernel import record
from endo_kernel.cards import WAITING, Card
from endo_kernel.directory import Entry
from endo_kernel.errors import BadBinding, StepFailed
from endo_kernel.handles import CardHandle, TaskHandle
from endo_kernel.host import Edits, Gift, GivenName
from endo_kernel.names import CardNumber, TaskId
from endo_kernel.powers import Json, Outcome
from endo_kernel.realms.facets import Facet, facet
from endo_kernel.session import Session
from endo_kernel.visible import visible_words


class Endo:
    """The host. `endo.task(...)` gives an agent a task; `endo.inbox` is what waits for you."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._daemon = session.daemon

    # Tasks

    def task(self, prompt: str, title: str | None = None) -> TaskHandle:
        """Give an agent a task. It works in the background; the result displays as a live thread."""
        return TaskHandle(self._session, self._daemon.call(lambda: self._session.make_task(prompt, title)))

    @property
    def tasks(self) -> TaskList:
        """All tasks, oldest first; `endo.tasks[3]` by id."""
        return TaskList(self._session)

    @property
    def inbox(self) -> Inbox:
        """The cards that wait for you, oldest first; `endo.inbox[7]` is card 7 in any state."""
        return Inbox(self._session)

    # Decisions

    def endow(
        self,
        card: int | CardHandle,
        /,
        *,
        _code: str | None = None,
        _realm: str | None = None,
        _name: str | None = None,
        **bindings: object,
    ) -> Any:
        """Bind the slots of a card by value, approve, and run; gives the result, and raises what the code raised.

        Where an input is still pending this gives None at once, and the code runs when the input is there. `_code`, `_realm` and
        `_name` approve with changes; the agent is told.
        """
        __tracebackhide__ = True
        gifts = {slot: self._session.given(value) for slot, value in bindings.items()}
        return self.endow_with(_number(card), gifts, Edits(_code, _realm, _name))

    def endow_with(self, number: int, gifts: Mapping[str, Gift], edits: Edits) -> Any:
        """Do the same for bindings that may name a pet name instead of a value."""
        __tracebackhide__ = True
        return self._outcome(number, lambda: self._daemon.host.endow(number, gifts, edits))

    def reject(self, card: int | CardHandle, reason: str = "") -> None:
        """Refuse a card; the agent is told why."""
        self._daemon.call(lambda: self._daemon.host.reject(_number(card), reason))

    def answer(self, card: int | CardHandle, /, *value: object, **fields: Json) -> None:
        """Answer a form with its fields, or a request with a value."""
        number = _number(card)
        if (value and fields) or len(value) > 1:
            raise BadBinding(
                f"answer a form with fields, endo.answer({number}, name=...), or a request with one value, endo.answer({number}, df)"
            )
        if not value:
            kind = self._daemon.call(lambda: self._daemon.cards.get(number).proposal.kind)
            if kind == "request":
                raise BadBinding(f"card {number} asks for one value: endo.answer({number}, value)")
            self._daemon.call(lambda: self._daemon.host.answer_form(number, fields))
            return
        gift = value[0] if isinstance(value[0], GivenName) else self._session.given(value[0])
        self._serve(lambda: self._daemon.host.answer_request(number, gift))

    def rerun(self, card: int | CardHandle) -> Any:
        """Run a card in state unknown again; for one that is done, rebuild its value if that was lost."""
        return self._outcome(_number(card), lambda: self._daemon.host.rerun(_number(card)))

    def resolve(self, card: int | CardHandle, value: object) -> None:
        """Give the result of a card in state unknown by hand."""
        given = self._session.given(value)
        self._serve(lambda: self._daemon.host.resolve(_number(card), given))

    def fail(self, card: int | CardHandle, reason: str = "") -> None:
        """Mark a card in state unknown as failed."""
        self._daemon.call(lambda: self._daemon.host.fail(_number(card), reason))

    def facet(self, target: object, *names: str) -> Facet:
        """Give a facet of a live object for the confined realm: only these methods and attributes exist."""
        return facet(target, *names)

    def _outcome(self, number: int, act: Callable[[], Awaitable[Any]]) -> Any:
        __tracebackhide__ = True  # what the code raised is shown from the cell to the code, without what lies between

        async def run() -> Any:
            given = await act()
            return await given if hasattr(given, "__await__") else given

        outcome = self._session.serve(run, lambda: self._daemon.steps.interrupt(CardNumber(number)))
        if not isinstance(outcome, Outcome):
            return outcome
        self._session.show(outcome.output)
        if outcome.failure is None:
            return outcome.value
        if outcome.exception is not None:
            raise outcome.exception
        raise StepFailed(f"card {number}: {outcome.failure.type}: {outcome.failure.message}")

    def _serve(self, act: Callable[[], Awaitable[Any]]) -> Any:
        return self._session.serve(act)

    # Names

    def __getitem__(self, name: str) -> Any:
        return self._serve(lambda: self._daemon.host.value(name))

    def __setitem__(self, name: str, value: object) -> None:
        given = self._session.given(value)
        self._serve(lambda: self._daemon.host.store_value(name, given))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @property
    def names(self) -> Names:
        """Your directory: each name, the type of its value, and where it came from."""
        return Names(self._session)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        return self.tasks._repr_mimebundle_()

    def __repr__(self) -> str:
        waiting = len(self.inbox)
        return f"<endo: {len(self.tasks)} tasks, {waiting} {'card waits' if waiting == 1 else 'cards wait'} for you>"


def _number(card: object) -> Any:
    return card.number if isinstance(card, CardHandle) else card


class TaskList(Sequence[TaskHandle]):
    """All tasks of the store; indexed by task id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __len__(self) -> int:
        return len(self._ids())

    def __iter__(self) -> Iterator[TaskHandle]:
        return iter([TaskHandle(self._session, task) for task in self._ids()])

    def __getitem__(self, task: Any) -> Any:
        number = task.id if isinstance(task, TaskHandle) else task
        return TaskHandle(self._session, self._session.daemon.call(lambda: self._session.daemon.tasks.get(number)).id)

    def _ids(self) -> list[TaskId]:
        return [task.id for task in self._session.daemon.call(self._session.daemon.tasks.all)]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        return self._session.bundle({"kind": "tasks"})

    def __repr__(self) -> str:
        return record.tasks_text(self._session.daemon.call(self._session.views.rows))


class Inbox:
    """The cards that wait for the host: open, or unknown after a crash."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _cards(self) -> list[Card]:
        return self._session.daemon.call(lambda: self._session.daemon.cards.in_state(*WAITING))

    def _numbers(self) -> list[CardNumber]:
        return self._session.daemon.call(lambda: self._session.daemon.cards.numbers(*WAITING))

    def __len__(self) -> int:
        return len(self._numbers())

    def __iter__(self) -> Iterator[CardHandle]:
        return iter([CardHandle(self._session, number) for number in self._numbers()])

    def __getitem__(self, number: int) -> CardHandle:
        return CardHandle(self._session, self._session.daemon.call(lambda: self._session.daemon.cards.get(number)).number)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        return self._session.bundle({"kind": "inbox"})

    def __repr__(self) -> str:
        lines = [f"#{card.number}  {card.proposal.kind:10}  task {card.task}  {card.proposal.title}" for card in self._cards()]
        return visible_words("\n".join(lines)) or "Nothing waits for you."


class Names(Mapping[str, str]):
    """The host's directory: name to the type of its value; displays with where each came from."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _entries(self) -> list[Entry]:
        return self._session.daemon.call(self._session.daemon.host.names)

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[str]:
        return iter([str(entry.name) for entry in self._entries()])

    def __getitem__(self, name: str) -> str:
        return {row["name"]: row["type"] for row in self.rows()}[name]

    def rows(self) -> list[dict[str, str]]:
        """Give name, type and origin of each."""
        graph = self._session.daemon.graph

        def rows() -> list[dict[str, str]]:
            return [
                {"name": entry.name, "type": graph.detail(entry.formula), "value": graph.standing(entry.formula), "origin": entry.origin}
                for entry in self._entries()
            ]

        return self._session.daemon.call(rows)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Json]:
        rows = self.rows()
        return {"text/html": record.table_html(rows, "No names yet."), "text/plain": record.table_text(rows, "No names yet.")}

    def __repr__(self) -> str:
        return record.table_text(self.rows(), "No names yet.")
