"""The guest: what an agent may do, by name. These acts are all the authority that a model has.

Each act is for one tool use of one task. It answers at once, or opens a card and answers when the host has decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from endo_kernel import replies
from endo_kernel.cards import Binding, Card, Kind, Proposal, Slot
from endo_kernel.conversation import Result, ToolUse, Turn
from endo_kernel.directory import guest_of
from endo_kernel.errors import BadDefinition, NameUnknown
from endo_kernel.forms import fits
from endo_kernel.formulas import Literal
from endo_kernel.names import TaskId, near, parse_identifier, parse_pet_name, suggest_pet_name
from endo_kernel.parts import Parts
from endo_kernel.powers import Json


@dataclass(frozen=True, slots=True)
class SlotAsk:
    """One slot as the agent asks for it."""

    label: str
    type: str | None = None
    from_name: str | None = None


@dataclass(frozen=True, slots=True)
class Define:
    """Propose code."""

    title: str
    code: str
    slots: Mapping[str, SlotAsk]
    realm: str
    result: str | None = None
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """Ask the host to fill in fields."""

    title: str
    fields: Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Request:
    """Ask the host for a value."""

    title: str
    label: str
    result: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what the steps are and how far they are."""

    steps: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ListNames:
    """List the agent's own names."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Ask for the summary of one name."""

    name: str


@dataclass(frozen=True, slots=True)
class StoreValue:
    """Keep JSON under a name."""

    name: str
    value: Json


@dataclass(frozen=True, slots=True)
class Finish:
    """Say that the task is done."""

    summary: str
    results: Sequence[str] = ()


Act = Define | Form | Request | Plan | ListNames | Lookup | StoreValue | Finish


class Guest:
    """Carries out the acts of agents, each within its own task's directory."""

    def __init__(self, parts: Parts) -> None:
        self._graph = parts.graph
        self._directory = parts.directory
        self._mail = parts.mail
        self._cards = parts.cards
        self._tasks = parts.tasks
        self._realms = parts.realms

    def act(self, turn: Turn, use: ToolUse, act: Act) -> Result | Card:
        """Do what a tool use asks: a result at once, or the card that will give it. Raises EndoError for what cannot be done."""
        match act:
            case Define():
                return self._define(turn, use, act)
            case Form():
                return self._open(turn, use, "form", title=act.title, fields=_checked_fields(act.fields))
            case Request():
                name = parse_pet_name(act.result)
                return self._open(turn, use, "request", title=act.title, label=act.label, type=act.type, result=name)
            case Plan():
                self._tasks.update(turn.task, plan=[dict(step) for step in act.steps])
                return replies.told(use.id, {"status": "done"})
            case ListNames():
                return replies.told(use.id, {"names": self._names(turn.task)})
            case Lookup():
                entry = self._directory.get(guest_of(turn.task), act.name)
                return replies.told(use.id, {"name": act.name, **self._graph.summary(entry.formula)})
            case StoreValue():
                formula = self._graph.formulate(Literal(act.value))
                self._directory.write(guest_of(turn.task), parse_pet_name(act.name), formula, "stored by the agent")
                return replies.told(use.id, {"status": "done", "result": act.name})
            case Finish():
                return self._finish(turn, use, act)

    def _define(self, turn: Turn, use: ToolUse, act: Define) -> Card:
        realm = self._realms.get(act.realm)
        if realm is None:
            raise BadDefinition(f"{act.realm!r} is not a realm: use {' or '.join(repr(name) for name in sorted(self._realms))}")
        slots = tuple(self._slot(turn.task, name, ask) for name, ask in act.slots.items())
        realm.check(act.code, [slot.name for slot in slots])
        result = parse_pet_name(act.result) if act.result else suggest_pet_name(act.title)
        return self._open(
            turn,
            use,
            "definition",
            title=act.title,
            code=act.code,
            realm=act.realm,
            slots=slots,
            result=result,
            explanation=act.explanation,
        )

    def _slot(self, task: TaskId, name: str, ask: SlotAsk) -> Slot:
        source = self._source(task, name, ask.from_name) if ask.from_name else None
        return Slot(parse_identifier(name, "slot name"), ask.label, ask.type, ask.from_name, source)

    def _source(self, task: TaskId, slot: str, name: str) -> Binding:
        """Find what a name means to this agent now: the newest card that will give it, or what its directory says."""
        pending = [card for card in self._cards.unsettled(task) if card.result and card.proposal.kind != "form"]
        for card in reversed(pending):
            if card.result == name:
                return Binding(card=card.number)
        entry = self._directory.find(guest_of(task), name)
        if entry is None:
            known = [*(entry.name for entry in self._directory.entries(guest_of(task))), *(str(card.result) for card in pending)]
            raise NameUnknown(
                f"slot {slot!r} says from {name!r}, which is not one of your results; {near(name, known)}. "
                "Leave `from` out to ask the host for a value."
            )
        return Binding(formula=entry.formula)

    def _open(self, turn: Turn, use: ToolUse, kind: Kind, **parts: Any) -> Card:
        return self._cards.open(Proposal(task=turn.task, turn=turn.id, tool_use=use.id, kind=kind, **parts))

    def _names(self, task: TaskId) -> list[dict[str, Json]]:
        entries = self._directory.entries(guest_of(task))
        return [{"name": entry.name, "type": self._graph.detail(entry.formula), "origin": entry.origin} for entry in entries]

    def _finish(self, turn: Turn, use: ToolUse, act: Finish) -> Result:
        if len(turn.tool_uses) > 1:
            raise BadDefinition("finish must be the only tool use of a turn: wait for the results of the others, then call it")
        if self._mail.queued(turn.task):
            raise BadDefinition("not finished: the person has written to you meanwhile. Read that, then go on or call finish again")
        for name in act.results:
            self._directory.get(guest_of(turn.task), name)
        self._tasks.note(turn.task, "summary", act.summary)
        self._tasks.end(turn.task, "done", act.summary, act.results)
        return replies.told(use.id, {"status": "done"})


def _checked_fields(fields: Mapping[str, Mapping[str, Json]]) -> dict[str, dict[str, Json]]:
    checked = {}
    for name, asked in fields.items():
        parse_identifier(name, "field name")
        if asked["type"] == "choice" and not asked.get("choices"):
            raise BadDefinition(f"field {name!r} is a choice without choices: give `choices` as a list of strings")
        if asked.get("default") is not None and not fits(asked, asked["default"]):
            wanted = "one of its choices" if asked["type"] == "choice" else f"a {asked['type']}"
            raise BadDefinition(f"the default of field {name!r} is {asked['default']!r}: give {wanted}, or leave `default` out")
        checked[name] = dict(asked)
    if not checked:
        raise BadDefinition("a form needs at least one field")
    return checked
