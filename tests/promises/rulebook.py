"""The rules of tasks and cards, said again and small: what must be true after each act, whatever the order of the acts.

It knows nothing of stores, threads or messages. The random schedules hold the daemon against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

TERMINAL = ("done", "failed", "rejected", "withdrawn")


@dataclass
class RuledCard:
    """A card as the rules see it: whether its code works, and the cards whose results it needs."""

    number: int
    kind: str
    works: bool
    result: str | None
    needs: list[int]
    state: str = "open"


@dataclass
class RuledTask:
    """A task as the rules see it. `turn` says what the conversation is at: a call, the cards of the last turn, or nothing."""

    turn: str = "call"
    ended: str | None = None
    paused: bool = False
    sleeping: bool = False
    failures: int = 0
    cut_off: int = 0
    mid_turn: bool = False
    queued: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    cards: dict[int, RuledCard] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The one status that these facts allow."""
        if self.ended:
            return self.ended
        if self.paused:
            return "paused"
        if self.turn == "call":
            return "sleeping" if self.sleeping else "thinking"
        return "waiting" if self.turn == "cards" else "idle"

    @property
    def calling(self) -> bool:
        """Whether a model call is in flight."""
        return self.status == "thinking"

    def source(self, name: str) -> list[int] | None:
        """Give the cards that a result of this name would need; None where there is no such result."""
        pending = [card.number for card in self.cards.values() if card.state in ("open", "approved") and card.result == name]
        return pending[-1:] or ([] if name in self.names else None)

    def end_card(self, card: RuledCard, state: str) -> None:
        """End a card, and with it what needs its result, or what that sets free."""
        card.state = state
        if state == "done":
            if card.result:
                self.names.add(card.result)
            self.run_what_can()
            return
        for other in self.cards.values():
            if card.number in other.needs and other.state in ("open", "approved"):
                self.end_card(other, "failed" if other.state == "approved" else "withdrawn")

    def run_what_can(self) -> None:
        """Run each approved card whose inputs are there."""
        for card in self.cards.values():
            if card.state == "approved" and all(self.cards[number].state == "done" for number in card.needs):
                self.end_card(card, "done" if card.works else "failed")

    def withdraw(self, *, approved: bool) -> None:
        """End the open cards, and the approved ones too where that is asked."""
        for card in self.cards.values():
            if card.state == "open" or (approved and card.state == "approved"):
                self.end_card(card, "withdrawn")

    def go_on(self) -> None:
        """Do what is due: deliver once every card of the turn is settled."""
        if self.ended or self.paused or self.turn == "call":
            return
        if all(card.state in TERMINAL for card in self.cards.values()) and (self.turn == "cards" or self.queued):
            self.deliver()
            self.turn = "call"

    def answered(self, turn: str, *, mid_turn: bool = False, cut_off: bool = False) -> None:
        """Take note of an answer, and of what the conversation is at after it; three that were cut off in a row end the task."""
        self.turn, self.mid_turn, self.sleeping, self.failures = turn, mid_turn, False, 0
        self.cut_off = self.cut_off + 1 if cut_off else 0
        if self.cut_off >= 3:
            self.ended = "failed"

    def reopen(self) -> None:
        """Let a task go on that was paused, sleeping or ended."""
        self.ended, self.paused, self.sleeping, self.failures = None, False, False, 0

    def write(self, text: str) -> None:
        """Queue a message; it goes with a call that failed, and else waits for its turn."""
        self.queued.append(text)
        if self.ended == "failed" and self.turn == "call" and not self.mid_turn:
            self.deliver()
        if self.ended:
            self.reopen()

    def deliver(self) -> None:
        """Hand over what the host wrote, with the results or behind a call that failed."""
        self.delivered += self.queued
        self.queued = []

    def opened(self) -> Iterable[RuledCard]:
        """Give the cards that a person can decide on."""
        return [card for card in self.cards.values() if card.state == "open"]
