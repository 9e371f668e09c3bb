"""Steps: approved evaluations, each run at most once, and their outcomes.

There is one way to start a step, `start`, and asking twice is harmless. The start is durable before the first instruction; the
outcome, the agent's result and the name are one transaction. What was running when a process died is `unknown`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from endo_kernel import replies
from endo_kernel.cards import Card, depends_on
from endo_kernel.conversation import Result
from endo_kernel.credentials import cleaned
from endo_kernel.directory import HOST, guest_of
from endo_kernel.errors import DaemonClosed, EndoError, StepFailed, StoreError, ValueLost
from endo_kernel.formulas import Evaluation, Literal, NotebookValue
from endo_kernel.names import CardNumber, FormulaId, PetName, TaskId
from endo_kernel.parts import Parts
from endo_kernel.powers import Backoff, Failure, Json, Outcome
from endo_kernel.powers import Evaluation as Work
from endo_kernel.store import Document, where
from endo_kernel.values import unkept

_log = logging.getLogger("endo_kernel")


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a card's code: its outcome as it is shown. `value` is what the display needs of the result."""

    card: CardNumber
    task: TaskId
    formula: FormulaId
    started: float
    status: str
    seconds: float | None = None
    failure: Mapping[str, str] | None = None
    output: tuple[Mapping[str, Json], ...] = ()
    value: Mapping[str, Json] | None = None


@dataclass(slots=True)
class _Run:
    """One run that is under way: its step once it has begun, and whether it may not begin any more."""

    card: Card
    recipe: Evaluation
    step: int | None = None
    stopped: bool = False


class Steps:
    """Runs approved cards, and keeps what came of them."""

    def __init__(self, parts: Parts, backoff: Backoff) -> None:
        self._backoff = backoff
        self._store = parts.store
        self._steps = parts.store.table("steps")
        self._graph = parts.graph
        self._cards = parts.cards
        self._conversations = parts.conversations
        self._directory = parts.directory
        self._tasks = parts.tasks
        self._realms = parts.realms
        self._clock = parts.clock
        self._bell = parts.bell
        self._closing = False
        self._going: dict[CardNumber, asyncio.Task[None]] = {}
        self._waiting: dict[CardNumber, list[asyncio.Future[Outcome]]] = {}

    # What there is

    def of_card(self, number: CardNumber) -> list[Step]:
        """Give the runs of a card, oldest first."""
        return [_step(doc) for doc in self._steps.search(where("card") == number)]

    def of_task(self, task: TaskId) -> list[Step]:
        """Give the runs of a task, oldest first."""
        return [step for card in self._cards.of_task(task) for step in self.of_card(card.number)]

    def result_of(self, number: CardNumber) -> FormulaId | None:
        """Give the formula that is a card's result, or None before it is done."""
        doc = self._steps.last(where("card") == number)
        return FormulaId(doc["formula"]) if doc and doc["status"] == "done" else None

    def inputs(self, card: Card) -> dict[str, FormulaId] | None:
        """Resolve a card's bindings to formulas; None while another card has yet to give one."""
        found: dict[str, FormulaId] = {}
        for slot, bound in card.bindings.items():
            formula = bound.formula if bound.card is None else self.result_of(bound.card)
            if formula is None:
                return None
            found[slot] = formula
        return found

    # Running

    def expect(self, number: CardNumber) -> asyncio.Future[Outcome]:
        """Give a future for the outcome of a card's next run."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        # Whoever asked may not care for the outcome; it is in the store all the same.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting.setdefault(number, []).append(future)
        return future

    def start(self, task: TaskId) -> None:
        """Start every approved card of a task whose inputs are there and that has not been started."""
        for card in self._cards.unsettled(task, "approved") if not self._closing else ():
            if card.number not in self._going and self.inputs(card) is not None:
                run = asyncio.get_running_loop().create_task(self._run(card), name=f"card {card.number}")
                self._going[card.number] = run
                run.add_done_callback(partial(self._ended, card.number))

    def interrupt(self, number: CardNumber) -> bool:
        """Stop a run that has not begun, or that its realm can stop; tells whether there was one."""
        run = self._going.get(number)
        return run.cancel() if run else False

    def _ended(self, number: CardNumber, run: asyncio.Task[None]) -> None:
        self._going.pop(number, None)
        error = None if run.cancelled() else run.exception()
        if isinstance(error, StoreError):
            asyncio.get_running_loop().call_later(self._backoff.disk, self.start, self._cards.get(number).task)
        for future in self._waiting.pop(number, []):
            if not future.done():
                future.set_exception(error or DaemonClosed(f"card {number} was stopped"))

    async def _run(self, card: Card) -> None:
        inputs = self.inputs(card)
        assert inputs is not None
        run = _Run(card, Evaluation(card.number, card.code or "", card.realm or "", inputs))
        try:
            slots = await self._provide(card, inputs)
        except asyncio.CancelledError:
            if self._closing:
                raise
            outcome = _interrupted()
        except EndoError as error:
            self._reopen(card, str(error))
            raise
        else:
            outcome = await self._evaluate(run, slots)
        if run.step is None:
            # It ended before its first instruction: interrupted, or the realm could not start. That is an outcome like any other.
            run.step = self._begin(run)
        await self._conclude(card, run.step, cleaned(outcome))

    async def _evaluate(self, run: _Run, slots: Mapping[str, object]) -> Outcome:
        """Run the code in its realm. Code that has begun and cannot be stopped is waited for, since its effects happen."""
        realm = self._realms[run.recipe.realm]
        work = Work(f"card {run.card.number}", run.recipe.code, slots, partial(self._bell.call, partial(self._begin_if_wanted, run)))
        evaluation = asyncio.ensure_future(realm.evaluate(work))
        while True:
            try:
                return await asyncio.shield(evaluation)
            except asyncio.CancelledError:
                if not (self._closing or realm.stoppable or run.step is None or evaluation.done()):
                    continue
                run.stopped = True
                evaluation.cancel()
                await asyncio.wait([evaluation])
                if self._closing:
                    raise
                return _interrupted() if evaluation.cancelled() else evaluation.result()
            except EndoError:
                raise
            except Exception as error:  # noqa: BLE001 - a step: a realm that breaks must not leave a card that never ends
                _log.exception("the realm %r failed at card %s", realm.name, run.card.number)
                return Outcome(failure=Failure(type(error).__name__, str(error), ""), exception=error)

    async def _provide(self, card: Card, inputs: Mapping[str, FormulaId]) -> dict[str, object]:
        slots = {}
        for slot, formula in inputs.items():
            try:
                slots[slot] = await self._graph.provide(formula)
            except ValueLost as error:
                raise ValueLost(f"card {card.number} is open again: the value of slot {slot!r} is gone ({error})") from None
        return slots

    def _reopen(self, card: Card, why: str) -> None:
        with self._store.transaction():
            self._cards.move(card, "open", who="endo", why=why)
            self._tasks.note(card.task, "warn", why)
        self._bell.changed(card.task)

    def _begin_if_wanted(self, run: _Run) -> None:
        """Make the start durable, right before the first instruction. Raises where the code must not run any more."""
        if self._closing:
            raise DaemonClosed(f"card {run.card.number} has not begun: the endo daemon was closed")
        if run.stopped:
            raise StepFailed(f"card {run.card.number} was interrupted before it began")
        self._begin(run)

    def _begin(self, run: _Run) -> int:
        card = run.card
        with self._store.transaction():
            self._cards.move(card, "running", who="endo")
            formula = self._graph.formulate(run.recipe)
            step = {"card": card.number, "task": card.task, "formula": formula, "started": self._clock.now(), "status": "running"}
            number = self._steps.insert(step)
        run.step = number
        self._bell.changed(card.task)
        return number

    async def _conclude(self, card: Card, step: int, outcome: Outcome) -> None:
        while True:
            try:
                self._write(card, step, outcome)
                break
            except StoreError as error:
                # The effects have happened: the outcome stays in memory and is written as soon as the disk takes it.
                self._tell(card.number, Outcome(failure=Failure(type(error).__name__, str(error), ""), exception=error))
                await asyncio.sleep(self._backoff.disk)
        self._tell(card.number, outcome)
        self._bell.changed(card.task)
        self._bell.wake(card.task)
        self.start(card.task)

    def _tell(self, number: CardNumber, outcome: Outcome) -> None:
        for future in self._waiting.pop(number, []):
            if not future.done():
                future.set_result(outcome)

    def _write(self, card: Card, step: int, outcome: Outcome) -> None:
        now = self._cards.get(card.number)
        begun = self._steps.get(doc_id=step)
        assert begun is not None, step
        formula = FormulaId(begun["formula"])
        failure, kept = outcome.failure, outcome.kept or unkept(outcome.value)
        with self._store.transaction():
            fields = {
                "status": "failed" if failure else "done",
                "seconds": outcome.seconds,
                "failure": failure and {"type": failure.type, "message": failure.message, "traceback": failure.traceback},
                "output": list(outcome.output),
                "value": None if failure else {"detail": kept.detail, "table": kept.table, "text": kept.text},
            }
            self._steps.update(fields, doc_ids=[step])
            if failure:
                self._cards.move(now, "failed", who="endo", why=f"{failure.type}: {failure.message}")
                result = replies.failed(card.proposal.tool_use, failure, outcome.output, now.code if now.edited else None)
                self.give_up(card, f"the code of card {card.number} failed")
            else:
                self._graph.keep(formula, kept)
                name = self.give_name(now, formula)
                self._cards.move(now, "done", who="endo")
                result = replies.done(
                    card.proposal.tool_use,
                    name=name,
                    summary=kept.description,
                    output=outcome.output,
                    code=now.code if now.edited else None,
                )
            self.settle(card, result)
        if not failure:
            self._graph.live(formula, outcome.value)
        self.let_go(now)

    # What ends a card

    def give_name(self, card: Card, formula: FormulaId) -> PetName | None:
        """Name a result in the agent's directory and in the host's; where the host's name is taken, with a number."""
        if card.result is None:
            return None
        name = PetName(card.result)
        asked = PetName(card.proposal.result or name)
        origin = f"card {card.number} of task {card.task}"
        self._directory.write(guest_of(card.task), name, formula, f"result of card {card.number}")
        if asked != name:
            self._directory.write(guest_of(card.task), asked, formula, f"result of card {card.number}, which the host calls {name}")
        self._directory.write(HOST, self._directory.free(HOST, name, formula), formula, origin)
        return name

    def settle(self, card: Card, result: Result) -> None:
        """Give the tool use behind a card its one result."""
        turn = self._conversations.get(card.proposal.turn)
        self._conversations.settle(turn, result)

    def give_up(self, card: Card, why: str) -> None:
        """End the cards that need the result of one that will not give it."""
        for found in depends_on(self._cards.unsettled(card.task), card.number):
            other = self._cards.get(found.number)
            if other.state != found.state:  # it needs two results, and ended for want of the other one
                continue
            slot = next(name for name, bound in {**other.prebound, **other.bindings}.items() if bound.card == card.number)
            reason = f"its slot {slot!r} needs the result of card {card.number}, and {why}"
            with self._store.transaction():
                self._cards.move(other, "failed" if other.state == "approved" else "withdrawn", who="endo", why=reason)
                self.settle(other, replies.refused(other.proposal.tool_use, "withdrawn", f"not run: {reason}"))
            self._tell(other.number, Outcome(failure=Failure("StepFailed", reason, "")))
            self.give_up(other, f"card {other.number} was not run")

    def let_go(self, card: Card) -> None:
        """Forget the live values that only this card held, and those that can be read again."""
        for bound in card.bindings.values():
            if bound.formula is not None and isinstance(self._graph.get(bound.formula), NotebookValue | Literal):
                self._graph.forget(bound.formula)

    # After a restart

    def recover(self) -> set[TaskId]:
        """Mark what may have run as unknown, and give the tasks that were touched."""
        touched = set()
        for card in self._cards.in_state("running"):
            if card.number in self._going:
                continue
            why = "the kernel died while it ran: it may have had effects"
            with self._store.transaction():
                self._cards.move(card, "unknown", who="endo", why=why)
                for doc in self._steps.search(where("card") == card.number):
                    if doc["status"] == "running":
                        self._steps.update({"status": "unknown"}, doc_ids=[doc.doc_id])
            touched.add(card.task)
        return touched

    def resolve(self, card: Card, formula: FormulaId, who: str) -> None:
        """End an unknown card with a value that the host gives; durable when the surrounding transaction is."""
        now = self._clock.now()
        with self._store.transaction():
            self._cards.move(card, "done", who=who, why="the host gave the result")
            value = {"detail": self._graph.detail(formula), "table": None, "text": None}
            step = {"card": card.number, "task": card.task, "formula": formula, "started": now, "status": "done", "seconds": 0.0}
            self._steps.insert({**step, "value": value, "failure": None, "output": []})
            name = self.give_name(card, formula)
            note = "The kernel died while this ran, so it may have had effects; the host gave the result by hand."
            self.settle(card, replies.done(card.proposal.tool_use, name=name, summary=self._graph.summary(formula), note=note))

    async def replay(self, card: Card) -> object:
        """Run the recipe of a done card again, on the host's act, because its value was lost. Decisions and results stay as they are."""
        formula = self.result_of(card.number)
        assert formula is not None
        recipe = self._graph.get(formula)
        if not isinstance(recipe, Evaluation):
            raise ValueLost(self._graph.loss(formula))
        slots = await self._provide(card, recipe.bindings)
        outcome = await self._realms[recipe.realm].evaluate(Work(f"card {card.number}, again", recipe.code, slots))
        if outcome.exception is not None:
            raise outcome.exception
        self._graph.live(formula, outcome.value)
        self._bell.changed(card.task)
        return outcome.value

    async def close(self) -> None:
        """Stop what can be stopped, writing nothing: what was running is found as unknown at the next start."""
        self._closing = True
        runs = [run for run in self._going.values() if not run.done()]
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


def _interrupted() -> Outcome:
    return Outcome(failure=Failure("Interrupted", "interrupted by the host", ""), exception=KeyboardInterrupt())


def _step(doc: Document) -> Step:
    return Step(
        card=CardNumber(doc["card"]),
        task=TaskId(doc["task"]),
        formula=FormulaId(doc["formula"]),
        started=doc["started"],
        status=doc["status"],
        seconds=doc.get("seconds"),
        failure=doc.get("failure"),
        output=tuple(doc.get("output") or ()),
        value=doc.get("value"),
    )
