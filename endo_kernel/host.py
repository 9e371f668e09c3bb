"""The host: all that the person may do, and so all authority. Each act is durable before it is seen.

These acts run on the daemon's thread; what a notebook, a page or a terminal offers is a face on them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from endo_kernel import replies
from endo_kernel.cards import Binding, Card, already
from endo_kernel.credentials import clean_kept, held, holds, without
from endo_kernel.directory import HOST, Entry
from endo_kernel.errors import BadBinding, BadDefinition, CardChanged, CardDecided, TaskEnded, ValueLost
from endo_kernel.forms import check_answers
from endo_kernel.formulas import Answer, Formula, Literal, NotebookValue, Origin, Stored
from endo_kernel.names import FormulaId, TaskId, near, parse_pet_name
from endo_kernel.parts import Parts
from endo_kernel.powers import Json, Outcome, Realm
from endo_kernel.steps import Steps
from endo_kernel.tasks import Settings, Task
from endo_kernel.values import Kept, describe, is_json, is_utf8, keep, mismatch


@dataclass(frozen=True, slots=True)
class Given:
    """A live value that the host gives, and where it came from."""

    value: object
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True)
class GivenName:
    """A value that the host gives by one of its pet names."""

    name: str


Gift = Given | GivenName


@dataclass(frozen=True, slots=True)
class Edits:
    """What the host changed before approving."""

    code: str | None = None
    realm: str | None = None
    result: str | None = None


class Host:
    """The person's acts on one store."""

    def __init__(self, parts: Parts, steps: Steps) -> None:
        self._store = parts.store
        self._graph = parts.graph
        self._directory = parts.directory
        self._mail = parts.mail
        self._cards = parts.cards
        self._tasks = parts.tasks
        self._conversations = parts.conversations
        self._steps = steps
        self._realms = parts.realms
        self._main = parts.main
        self._bell = parts.bell

    # Tasks

    def make_task(self, prompt: object, title: str | None, settings: Settings) -> Task:
        """Write a task with its first message, and wake it."""
        if not isinstance(prompt, str) or not prompt.strip():
            raise BadDefinition("a task needs a prompt that says what to do, such as endo.task('Summarise my data')")
        _check_text(prompt)
        _check_text(title or "")
        with self._store.transaction():
            task = self._tasks.make(title or _title(prompt), prompt, settings)
            self._mail.write(task.id, prompt)
        self._ring(task.id)
        return task

    def send(self, task: TaskId, text: object, *, withdraw: bool = False, who: str = "you") -> None:
        """Queue a message; with `withdraw`, settle the task's open cards first, so that it is delivered at once."""
        if not isinstance(text, str) or not text.strip():
            raise BadDefinition("the message is empty")
        _check_text(text)
        now = self._tasks.get(task)
        if now.ended == "cancelled":
            raise TaskEnded(f"task {task} was cancelled ({now.why}); start another with endo.task(...)")
        with self._store.transaction():
            if withdraw:
                self._withdraw(task, who, "the host withdrew it to say something else", end_unknown=True)
            self._mail.write(task, text)
            if now.ended:
                self._tasks.reopen(task)
            if now.ended == "failed":
                self._add_to_what_failed(task)
        self._ring(task)

    def _add_to_what_failed(self, task: TaskId) -> None:
        """Deliver the queued messages behind a user turn that the model would not answer: sent again unchanged, it would fail again."""
        last = self._conversations.last(task)
        if last is not None and last.role == "user":
            letters = self._mail.queued(task)
            turn = self._conversations.append_user(task, [{"type": "text", "text": letter.text} for letter in letters])
            self._mail.deliver(letters, turn.id)

    def pause(self, task: TaskId, why: str = "paused by you") -> None:
        """Let no model call start until `resume`; what is approved still runs."""
        now = self._tasks.get(task)
        if now.ended:
            raise TaskEnded(f"task {task} is {now.ended}; there is nothing to pause")
        if now.paused is None:
            with self._store.transaction():
                self._tasks.update(task, paused=why)
                self._tasks.note(task, "info", why[0].upper() + why[1:])
        self._ring(task)

    def resume(self, task: TaskId, settings: Settings | None = None) -> None:
        """Carry on a paused, sleeping or failed task.

        `settings` replace those of a task that no model has answered yet, as after a wrong model name: there is no conversation that they
        could break.
        """
        now = self._tasks.get(task)
        if now.ended in ("done", "cancelled"):
            raise TaskEnded(f"task {task} is {now.ended}; {'write to it with task.send(...)' if now.ended == 'done' else 'start another'}")
        if now.ended or now.paused is not None or now.sleep is not None:
            with self._store.transaction():
                self._tasks.reopen(task)
                if settings is not None and not now.usage:
                    self._tasks.renew(task, settings)
                    self._tasks.note(task, "info", f"Resumed with the model {settings.model}")
                else:
                    self._tasks.note(task, "info", "Resumed")
        self._ring(task)

    def cancel(self, task: TaskId, why: str | None = None, who: str = "you") -> None:
        """End a task: its open cards are withdrawn, and a step that can be stopped is stopped."""
        now = self._tasks.get(task)
        if now.ended in ("done", "cancelled"):
            raise TaskEnded(f"task {task} is already {now.ended}")
        reason = why or "cancelled by the host"
        _check_text(reason)
        with self._store.transaction():
            self._withdraw(task, who, f"the task was cancelled: {reason}", end_unknown=True, end_approved=True)
            self._tasks.end(task, "cancelled", reason)
            self._tasks.note(task, "warn", f"Cancelled: {reason}")
        for card in self._cards.unsettled(task, "running"):
            self._steps.interrupt(card.number)
        self._ring(task)

    def _withdraw(self, task: TaskId, who: str, why: str, *, end_unknown: bool = False, end_approved: bool = False) -> None:
        for number in [card.number for card in self._cards.unsettled(task)]:
            card = self._cards.get(number)  # the end of one card may have ended others, which needed its result
            if card.state == "open" or (card.state == "approved" and end_approved):
                self._cards.move(card, "withdrawn", who=who, why=why)
                self._steps.settle(card, replies.refused(card.proposal.tool_use, "withdrawn", why))
            elif card.state == "unknown" and end_unknown:
                self._cards.move(card, "failed", who=who, why=why)
                self._steps.settle(card, replies.refused(card.proposal.tool_use, "failed", f"it may have run before a crash; {why}"))
            else:
                continue
            self._steps.give_up(card, f"card {card.number} was withdrawn")

    # Decisions on definitions

    async def endow(
        self,
        number: int,
        gifts: Mapping[str, Gift],
        edits: Edits = Edits(),
        *,
        digest: str | None = None,
        who: str = "you",
    ) -> asyncio.Future[Outcome] | None:
        """Bind every slot, approve, and start; give a future of the outcome, or None while an input is still pending.

        Nothing is decided and nothing runs where this raises: the error names the slot, the binding or the earlier decision.
        """
        card = self._open_card(number, "definition", digest)
        realm = self._checked_edits(card, edits)
        self._check_slots(card, gifts)
        types = {slot.name: slot.type for slot in card.proposal.slots}
        values = {slot: await self._admitted(realm, slot, types[slot], gift) for slot, gift in gifts.items()}
        bound_now = self._held(card)
        for slot, bound in bound_now.items():
            if slot not in gifts and bound.formula is not None:
                await self._admit_result(realm, slot, bound.formula)
        live: dict[FormulaId, object] = {}
        changed = {key: value for key, value in (("code", edits.code), ("realm", edits.realm), ("result", edits.result)) if value}
        with self._store.transaction():
            bindings = dict(bound_now)
            for slot, gift in gifts.items():
                formula = self._formula_of(gift, live, values[slot])
                bindings[slot] = Binding(formula=formula)
            card = self._cards.move(card, "approved", who=who, bindings=bindings, edits=changed or None)
        for formula, value in live.items():
            self._graph.live(formula, value)
        self._bell.changed(card.task)
        outcome = self._steps.expect(card.number) if self._steps.inputs(card) is not None else None
        self._steps.start(card.task)
        return outcome

    def _checked_edits(self, card: Card, edits: Edits) -> Realm:
        name = edits.realm or card.realm or ""
        if name not in self._realms:
            raise BadDefinition(f"{name!r} is not a realm: use {' or '.join(map(repr, sorted(self._realms)))}")
        realm = self._realms[name]
        if edits.code or edits.realm:
            realm.check(edits.code or card.code or "", [slot.name for slot in card.proposal.slots])
        if edits.result:
            parse_pet_name(edits.result)
        return realm

    def _held(self, card: Card) -> dict[str, Binding]:
        """Give the bindings that a card has by itself: what it says `from`, and of an earlier approval what is still there."""
        there = {
            slot: bound for slot, bound in card.bindings.items() if bound.formula is None or self._graph.standing(bound.formula) != "gone"
        }
        return {**card.prebound, **there}

    def _check_slots(self, card: Card, gifts: Mapping[str, Gift]) -> None:
        slots = {slot.name: slot for slot in card.proposal.slots}
        for name in gifts:
            if name not in slots:
                raise BadBinding(f"card {card.number} has no slot {name!r}; {near(name, slots)}")
        bound_now = self._held(card)
        missing = [slot for slot in slots.values() if slot.name not in gifts and slot.name not in bound_now]
        if missing:
            needs = "; ".join(f"{slot.name!r} ({slot.label})" for slot in missing)
            call = ", ".join(f"{slot.name}=..." for slot in missing)
            raise BadBinding(f"card {card.number} still needs {needs}: endo.endow({card.number}, {call})")

    async def _admitted(self, realm: Realm, slot: str, wanted: str | None, gift: Gift) -> object:
        value = await self._graph.provide(self._named(gift)) if isinstance(gift, GivenName) else gift.value
        realm.admit(slot, value)
        wrong = mismatch(wanted, value)
        if wrong:
            raise BadBinding(f"slot {slot!r}: {wrong}")
        return value

    async def _admit_result(self, realm: Realm, slot: str, formula: FormulaId) -> None:
        standing = self._graph.standing(formula)
        if standing == "gone":
            raise ValueLost(f"slot {slot!r}: {self._graph.loss(formula)}")
        if standing == "live":  # one that has to be read back first is looked at when the step begins
            realm.admit(slot, await self._graph.provide(formula))

    def _named(self, gift: GivenName) -> FormulaId:
        return self._directory.get(HOST, gift.name).formula

    def _formula_of(self, gift: Gift, live: dict[FormulaId, object], value: object) -> FormulaId:
        if isinstance(gift, GivenName):
            return self._named(gift)
        recipe: Formula = Literal(value) if is_json(value) and not holds(value) else NotebookValue(gift.origin)
        formula = self._graph.formulate(recipe)
        live[formula] = value
        return formula

    def reject(self, number: int, reason: str = "", *, digest: str | None = None, who: str = "you") -> None:
        """Refuse a card; the agent is told why."""
        card = self._open_card(number, None, digest)
        why = reason.strip() or "no reason given"
        _check_text(why)
        with self._store.transaction():
            self._cards.move(card, "rejected", who=who, why=why)
            self._steps.settle(card, replies.refused(card.proposal.tool_use, "rejected", why))
            self._steps.give_up(card, f"card {card.number} was rejected")
        self._ring(card.task)

    # Forms and requests

    def answer_form(self, number: int, values: Mapping[str, Json], *, digest: str | None = None, who: str = "you") -> None:
        """Fill in a form."""
        card = self._open_card(number, "form", digest)
        answers = check_answers(card, values)
        with self._store.transaction():
            formula = self._graph.formulate(Answer(card.number, answers))
            self._cards.move(card, "done", who=who, bindings={"answers": Binding(formula=formula)})
            self._steps.settle(card, replies.told(card.proposal.tool_use, answers))
        self._ring(card.task)

    async def answer_request(self, number: int, gift: Gift, *, digest: str | None = None, who: str = "you") -> None:
        """Give the value that a request asks for."""
        card = self._open_card(number, "request", digest)
        value = await self._graph.provide(self._named(gift)) if isinstance(gift, GivenName) else gift.value
        wrong = mismatch(card.proposal.type, value)
        if wrong:
            raise BadBinding(f"card {number}: {wrong}")
        summary = without(await self._main.run(lambda: describe(value), f"card {number}"), held())
        live: dict[FormulaId, object] = {}
        with self._store.transaction():
            formula = self._formula_of(gift, live, value)
            self._cards.move(card, "done", who=who, bindings={"value": Binding(formula=formula)})
            name = self._steps.give_name(card, formula)
            self._steps.settle(card, replies.done(card.proposal.tool_use, name=name, summary=summary))
        for formula, value in live.items():
            self._graph.live(formula, value)
        self._ring(card.task)

    # Cards that may have run before a crash

    async def rerun(self, number: int, *, who: str = "you") -> asyncio.Future[Outcome] | object:
        """Run a card in state unknown again, or rebuild the lost value of a card that is done."""
        card = self._cards.get(number)
        if card.state == "done" and card.proposal.kind == "definition":
            return await self._steps.replay(card)
        self._must_be_unknown(card)
        inputs = self._steps.inputs(card) or {}
        for slot, formula in inputs.items():
            if self._graph.standing(formula) == "gone":
                raise ValueLost(f"slot {slot!r} of card {number}: {self._graph.loss(formula)} Or end it with endo.fail({number}, 'why').")
        card = self._cards.move(card, "approved", who=who, why="run again after a crash")
        outcome = self._steps.expect(card.number)
        self._bell.changed(card.task)
        self._steps.start(card.task)
        return outcome

    async def resolve(self, number: int, gift: Gift, *, who: str = "you") -> None:
        """Give the result of a card in state unknown by hand, or the lost value of a card that is done."""
        card = self._cards.get(number)
        lost = self._steps.result_of(card.number) if card.state == "done" else None
        if lost is None or self._graph.standing(lost) != "gone":
            self._must_be_unknown(card)
        value = await self._graph.provide(self._named(gift)) if isinstance(gift, GivenName) else gift.value
        if lost is not None:
            self._graph.live(lost, value)
            self._bell.changed(card.task)
            return
        kept = None if isinstance(gift, GivenName) else await self._main.run(lambda: clean_kept(keep(value)), f"card {number}")
        with self._store.transaction():
            formula = self._keep_value(gift, value, kept)
            self._steps.resolve(card, formula, who)
        self._graph.live(formula, value)
        self._ring(card.task)
        self._steps.start(card.task)

    def fail(self, number: int, reason: str = "", *, who: str = "you") -> None:
        """Mark a card in state unknown as failed."""
        card = self._cards.get(number)
        self._must_be_unknown(card)
        why = reason.strip() or "the kernel died while it ran"
        _check_text(why)
        with self._store.transaction():
            self._cards.move(card, "failed", who=who, why=why)
            note = f"The kernel died while this ran, so it may have had effects. The host marked it failed: {why}"
            self._steps.settle(card, replies.refused(card.proposal.tool_use, "failed", note))
            self._steps.give_up(card, f"card {card.number} failed")
        self._ring(card.task)

    def _must_be_unknown(self, card: Card) -> None:
        if card.state == "unknown":
            return
        if card.state == "open":
            raise CardDecided(f"card {card.number} is open and has not run: approve it with endo.endow({card.number}, ...)")
        raise CardDecided(already(card))

    def _open_card(self, number: int, kind: str | None, digest: str | None) -> Card:
        card = self._cards.get(number)
        if card.state != "open":
            raise CardDecided(already(card))
        if kind is not None and card.proposal.kind != kind:
            verb = "endo.endow" if card.proposal.kind == "definition" else "endo.answer"
            raise BadBinding(f"card {number} is a {card.proposal.kind}: use {verb}({number}, ...)")
        if digest is not None and digest != card.digest:
            raise CardChanged(f"card {number} is not what you were shown: read it again, then decide")
        return card

    # Names

    def names(self) -> list[Entry]:
        """Give the host's directory."""
        return self._directory.entries(HOST)

    async def value(self, name: str) -> object:
        """Give the value of a pet name."""
        return await self._graph.provide(self._directory.get(HOST, name).formula)

    async def store_value(self, name: str, gift: Given) -> None:
        """Keep a value under a pet name, by snapshot where that can be done."""
        pet = parse_pet_name(name)
        kept = await self._main.run(lambda: clean_kept(keep(gift.value)), "keeping a value")
        with self._store.transaction():
            formula = self._keep_value(gift, gift.value, kept)
            self._directory.write(HOST, pet, formula, "stored by you")
        self._graph.live(formula, gift.value)

    def _keep_value(self, gift: Gift, value: object, kept: Kept | None) -> FormulaId:
        if isinstance(gift, GivenName):
            return self._named(gift)
        assert kept is not None
        formula = self._graph.formulate(Literal(value) if kept.how == "json" else Stored(gift.origin))
        self._graph.keep(formula, kept)
        return formula

    def draw(self, number: int, drawn: Mapping[str, Mapping[str, Json]]) -> None:
        """Keep what was offered for each slot of an open card, so that its loss can be told after a restart."""
        self._cards.draw(number, drawn)

    def _ring(self, task: TaskId) -> None:
        self._bell.changed(task)
        self._bell.wake(task)


def _check_text(text: str) -> None:
    if not is_utf8(text):
        raise BadDefinition("the text holds half of a surrogate pair, which no model can be sent: leave it out")


def _title(prompt: str) -> str:
    line = prompt.strip().splitlines()[0].strip()
    return line if len(line) <= 80 else line[:77].rstrip() + "..."
