"""Cards: everything that waits for the host, with their states and the decisions on them.

A card's number counts up per store and is never used again. The tool use that asked for it is its idempotency key. Each
transition is one compare-and-set that records who, when and why; the second decision is an error that says what was decided.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from endo_kernel.errors import CardDecided, CardUnknown
from endo_kernel.names import CardNumber, FormulaId, TaskId, TurnId
from endo_kernel.powers import Clock, Json
from endo_kernel.store import Document, Store, where

Kind = Literal["definition", "form", "request"]
State = Literal["open", "approved", "running", "done", "failed", "unknown", "rejected", "withdrawn", "expired"]

WAITING: tuple[State, ...] = ("open", "unknown")
"""States in which a card waits for the host."""

UNSETTLED: tuple[State, ...] = ("open", "approved", "running", "unknown")
"""States in which the tool use behind a card has no result yet."""

_ALLOWED: dict[State, tuple[State, ...]] = {
    "open": ("approved", "done", "rejected", "withdrawn", "expired"),
    # An approved card that has not started goes back to open where a live value was lost, and ends where its input failed.
    "approved": ("running", "open", "failed", "withdrawn"),
    "running": ("done", "failed", "unknown"),
    "unknown": ("approved", "done", "failed"),
    "done": (),
    "failed": (),
    "rejected": (),
    "withdrawn": (),
    "expired": (),
}


@dataclass(frozen=True, slots=True)
class Binding:
    """What a slot is bound to: a formula, or the result that another card will give."""

    formula: FormulaId | None = None
    card: CardNumber | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A name free in the code: what it needs, and where it is `from` one of the agent's results, which."""

    name: str
    label: str
    type: str | None = None
    from_name: str | None = None
    source: Binding | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One transition of a card."""

    was: State
    state: State
    at: float
    who: str
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an agent asks the host for, before it is a card."""

    task: TaskId
    turn: TurnId
    tool_use: str
    kind: Kind
    title: str
    result: str | None = None
    explanation: str | None = None
    code: str | None = None
    realm: str | None = None
    slots: tuple[Slot, ...] = ()
    fields: Mapping[str, Json] | None = None
    label: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One card as it stands in the store. `code`, `realm` and `result` are what would run: the host's edits included."""

    number: CardNumber
    proposal: Proposal
    state: State
    opened: float
    code: str | None
    realm: str | None
    result: str | None
    edited: bool = False
    bindings: Mapping[str, Binding] = field(default_factory=dict)
    log: tuple[Change, ...] = ()
    drawn: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def task(self) -> TaskId:
        """The task that the card belongs to."""
        return self.proposal.task

    @property
    def prebound(self) -> dict[str, Binding]:
        """The bindings that the card has before anybody decides."""
        return {slot.name: slot.source for slot in self.proposal.slots if slot.source is not None}

    @property
    def digest(self) -> str:
        """A SHA-256 over what would run: code, slots, bindings, realm, result."""
        content = {
            "kind": self.proposal.kind,
            "code": self.code,
            "realm": self.realm,
            "result": self.result,
            "slots": [[slot.name, slot.label, slot.type, slot.from_name] for slot in self.proposal.slots],
            "bindings": sorted((name, bound.formula, bound.card) for name, bound in (self.bindings or self.prebound).items()),
            "asks": [self.proposal.fields, self.proposal.label, self.proposal.type],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()

    @property
    def decision(self) -> Change | None:
        """The last transition out of open, or None."""
        return next((change for change in reversed(self.log) if change.was in WAITING), None)


class Cards:
    """All cards of one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._cards = store.table("cards")
        self._clock = clock

    def open(self, proposal: Proposal) -> Card:
        """Make the card of a tool use; the same tool use finds the same card."""
        found = self.find_by_tool_use(proposal.turn, proposal.tool_use)
        if found is not None:
            return found
        doc = {
            **_proposal_doc(proposal),
            "state": "open",
            "settled": 0,
            "opened": self._clock.now(),
            "edits": None,
            "bindings": {},
            "log": [],
            "drawn": {},
        }
        return self.get(CardNumber(self._cards.insert(doc)))

    def get(self, number: object) -> Card:
        """Give a card in any state; raises CardUnknown."""
        doc = self._cards.get(doc_id=number) if isinstance(number, int) and not isinstance(number, bool) else None
        if not isinstance(doc, Document):
            newest = len(self._cards)
            have = f"they go from 1 to {newest}" if newest else "there are no cards yet"
            raise CardUnknown(f"there is no card {number!r}; {have}")
        return _card(doc)

    def find_by_tool_use(self, turn: TurnId, tool_use: str) -> Card | None:
        """Give the card of a tool use, or None. Some servers use an id again in a later turn, so the turn is part of the key."""
        found = self._cards.search((where("tool_use") == tool_use) & (where("turn") == turn))
        return _card(found[0]) if found else None

    def of_task(self, task: TaskId) -> list[Card]:
        """Give all cards of a task, oldest first."""
        return [_card(doc) for doc in self._cards.search(where("task") == task)]

    def unsettled(self, task: TaskId, *states: State) -> list[Card]:
        """Give the cards of a task that are in these states, oldest first; without any, those whose tool use has no result yet.

        What this reads does not grow with the cards that the task has had.
        """
        docs = self._cards.search((where("task") == task) & (where("settled") == 0))
        return [_card(doc) for doc in docs if not states or doc["state"] in states]

    def of_turn(self, turn: TurnId) -> list[Card]:
        """Give the cards that one assistant turn opened, oldest first."""
        return [_card(doc) for doc in self._cards.search(where("turn") == turn)]

    def numbers(self, *states: State) -> list[CardNumber]:
        """Give the numbers of the cards of the whole store that are in these states, oldest first, without reading the cards."""
        return [CardNumber(number) for number in self._cards.ids("state", *states)]

    def in_state(self, *states: State) -> list[Card]:
        """Give the cards of the whole store that are in these states, oldest first."""
        docs = [doc for state in states for doc in self._cards.search(where("state") == state)]
        return [_card(doc) for doc in sorted(docs, key=lambda doc: doc.doc_id)]

    def move(
        self,
        card: Card,
        state: State,
        *,
        who: str,
        why: str | None = None,
        bindings: Mapping[str, Binding] | None = None,
        edits: Mapping[str, str | None] | None = None,
    ) -> Card:
        """Move a card on, if it still is in the state in which the caller saw it; raises CardDecided otherwise."""
        now = self.get(card.number)
        if now.state != card.state or state not in _ALLOWED[now.state]:
            raise CardDecided(already(now))
        change = {"was": now.state, "state": state, "at": self._clock.now(), "who": who, "why": why}
        fields: dict[str, Any] = {"state": state, "settled": int(state not in UNSETTLED), "log": [*map(_change_doc, now.log), change]}
        if bindings is not None:
            fields["bindings"] = {name: {"formula": bound.formula, "card": bound.card} for name, bound in bindings.items()}
        if edits is not None:
            fields["edits"] = dict(edits)
        self._cards.update(fields, doc_ids=[card.number])
        return self.get(card.number)

    def draw(self, number: int, drawn: Mapping[str, Mapping[str, Json]]) -> None:
        """Keep which notebook variable was offered for each slot of an open card, if it is not what was offered before."""
        card = self.get(number)
        if card.state == "open" and dict(card.drawn) != dict(drawn):
            self._cards.update({"drawn": {slot: dict(offer) for slot, offer in drawn.items()}}, doc_ids=[number])


def already(card: Card) -> str:
    """Say what was decided on a card, and when."""
    words = {"done": "answered" if card.proposal.kind != "definition" else "approved", "failed": "approved", "running": "approved"}
    change = card.decision
    if change is None or card.state == "unknown":
        return f"card {card.number} is {card.state}: endo.rerun, endo.resolve or endo.fail decides on it"
    word = "approved" if change.state == "approved" else words.get(change.state, change.state)
    at = datetime.fromtimestamp(change.at, UTC).astimezone()
    when = f"at {at:%H:%M}" if at.date() == datetime.now(UTC).astimezone().date() else f"on {at:%Y-%m-%d} at {at:%H:%M}"
    then = "" if card.state in (change.state, "approved") else f"; it is now {card.state}"
    return f"card {card.number} was already {word} {when}{then}"


def depends_on(cards: Iterable[Card], number: CardNumber) -> list[Card]:
    """Give the unsettled cards among these that need the result of another."""
    found = []
    for card in cards:
        bound: Sequence[Binding] = [*card.bindings.values()] if card.bindings else [*card.prebound.values()]
        if card.state in ("open", "approved") and any(binding.card == number for binding in bound):
            found.append(card)
    return found


def _proposal_doc(proposal: Proposal) -> dict[str, Json]:
    return {
        "task": proposal.task,
        "turn": proposal.turn,
        "tool_use": proposal.tool_use,
        "kind": proposal.kind,
        "title": proposal.title,
        "result": proposal.result,
        "explanation": proposal.explanation,
        "code": proposal.code,
        "realm": proposal.realm,
        "slots": [
            {
                "name": slot.name,
                "label": slot.label,
                "type": slot.type,
                "from": slot.from_name,
                "source": slot.source and {"formula": slot.source.formula, "card": slot.source.card},
            }
            for slot in proposal.slots
        ],
        "fields": proposal.fields and dict(proposal.fields),
        "label": proposal.label,
        "type": proposal.type,
    }


def _card(doc: Document) -> Card:
    slots = tuple(
        Slot(slot["name"], slot["label"], slot["type"], slot["from"], slot["source"] and Binding(**slot["source"])) for slot in doc["slots"]
    )
    # Spelled out: an inbox reads a thousand of these, and passing them as keywords from a mapping takes twice as long.
    proposal = Proposal(
        doc["task"],
        doc["turn"],
        doc["tool_use"],
        doc["kind"],
        doc["title"],
        doc["result"],
        doc["explanation"],
        doc["code"],
        doc["realm"],
        slots,
        doc["fields"],
        doc["label"],
        doc["type"],
    )
    edits = doc["edits"] or {}
    return Card(
        number=CardNumber(doc.doc_id),
        proposal=proposal,
        state=doc["state"],
        opened=doc["opened"],
        code=edits.get("code") or proposal.code,
        realm=edits.get("realm") or proposal.realm,
        result=edits.get("result") or proposal.result,
        edited=bool(edits.get("code") or edits.get("realm")),
        bindings={name: Binding(**bound) for name, bound in doc["bindings"].items()},
        log=tuple(Change(**change) for change in doc["log"]),
        drawn=doc["drawn"],
    )


def _change_doc(change: Change) -> dict[str, Json]:
    return {"was": change.was, "state": change.state, "at": change.at, "who": change.who, "why": change.why}
