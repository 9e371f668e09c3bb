"""One card as a page draws it: the code exactly as it will run, what each slot is or could be bound to, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache

from endo_kernel.cards import Binding, Card, Slot
from endo_kernel.daemon import Daemon
from endo_kernel.errors import BadDefinition, StoreError
from endo_kernel.formulas import Answer, Evaluation, Literal, NotebookValue, Stored
from endo_kernel.names import FormulaId
from endo_kernel.offers import Offers
from endo_kernel.powers import Json
from endo_kernel.realms.reading import free_names, names_read, read
from endo_kernel.steps import Step

_FITS = 0.5


def iso(at: float) -> str:
    """Write a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class CardViews:
    """Draws the cards of one daemon, with what could be bound during one drawing."""

    def __init__(self, daemon: Daemon, offers: Offers) -> None:
        self._daemon = daemon
        self._offers = offers

    def card(self, card: Card) -> dict[str, Json]:
        """Give a card as JSON."""
        asked = card.proposal
        request = asked.kind == "request"
        decision = card.decision
        return {
            "number": card.number,
            "kind": asked.kind,
            "task": card.task,
            "task_title": self._daemon.tasks.get(card.task).title,
            "title": asked.title,
            "explanation": asked.explanation,
            "state": card.state,
            "at": iso(card.opened),
            "digest": card.digest,
            "realm": card.realm,
            "code": card.code,
            "reading": _reading(card),
            "result": card.result,
            "slots": self._slots(card),
            "fields": _fields(card),
            "label": asked.label,
            "type": asked.type,
            "candidates": self._offers.candidates(Slot("value", asked.label or "", asked.type), None)
            if request and card.state == "open"
            else None,
            "decided": decision
            and {
                "what": decision.state if decision.state in ("rejected", "withdrawn", "expired") else "approved",
                "at": iso(decision.at),
                "who": decision.who,
                "why": decision.why,
                "edited": card.edited,
            },
            "queued": self._queued(card),
            "outcome": self._outcome(card),
        }

    def _slots(self, card: Card) -> list[dict[str, Json]]:
        drawn: dict[str, dict[str, Json]] = {}
        slots = [self._slot(card, slot, drawn) for slot in card.proposal.slots]
        if card.state == "open" and not self._daemon.readonly:
            with suppress(StoreError):  # a card can be read while the disk takes no writes
                self._daemon.host.draw(card.number, {**card.drawn, **drawn})
        return slots

    def _slot(self, card: Card, slot: Slot, drawn: dict[str, dict[str, Json]]) -> dict[str, Json]:
        bound = card.bindings.get(slot.name) or slot.source
        lost = self._lost(card, slot, bound) if card.state == "open" else None
        candidates = self._offers.candidates(slot, card.realm) if card.state == "open" and (bound is None or lost) else []
        best = candidates[0] if candidates else None
        if best and bound is None and best["fit"] >= _FITS and "variable" in best["ref"]:
            drawn[slot.name] = {
                "expression": f"variable {best['label']}",
                "type": best["type"],
                "detail": best["detail"],
                "cell": best["origin"],
            }
            lost = None
        return {
            "name": slot.name,
            "label": slot.label,
            "type": slot.type,
            "from": slot.from_name,
            "bound": self._bound(bound, slot) if bound and not lost else None,
            "lost": lost,
            "candidates": candidates,
        }

    def _bound(self, bound: Binding, slot: Slot) -> dict[str, Json]:
        if bound.card is not None:
            formula = self._daemon.steps.result_of(bound.card)
            detail = self._daemon.graph.detail(formula) if formula else "not there yet"
            origin = f"agent's step #{bound.card}"
            return {"label": slot.from_name, "origin": origin, "detail": detail, "pending": formula is None, "gone": False}
        assert bound.formula is not None
        label, origin = self._told(bound.formula, slot)
        detail = self._daemon.graph.detail(bound.formula)
        return {"label": label, "origin": origin, "detail": detail, "pending": False, "gone": False}

    def _told(self, formula: FormulaId, slot: Slot) -> tuple[str, str]:
        match self._daemon.graph.get(formula):
            case Evaluation(card=number):
                return slot.from_name or f"result of #{number}", f"agent's step #{number}"
            case NotebookValue(origin) | Stored(origin):
                where = f" · cell [{origin.execution_count}]" if origin.execution_count else ""
                return (origin.expression or "a value").removeprefix("variable "), f"bound by you{where}"
            case Answer(card=number):
                return f"form #{number}", "filled in by you"
            case Literal():
                return slot.from_name or "a value", "given by you"

    def _lost(self, card: Card, slot: Slot, bound: Binding | None) -> str | None:
        graph = self._daemon.graph
        if bound is not None:
            formula = bound.formula if bound.card is None else self._daemon.steps.result_of(bound.card)
            return graph.loss(formula) if formula is not None and graph.standing(formula) == "gone" else None
        offer = card.drawn.get(slot.name)
        if offer is None:
            return None
        what = f"{offer['type']} {offer['detail']}".strip()
        name = str(offer["expression"]).removeprefix("variable ")
        return f"{name} was a {what}, from {offer['cell']}. It is gone: run that cell again, then bind it here."

    def _queued(self, card: Card) -> str | None:
        if card.state != "approved":
            return None
        if self._daemon.steps.inputs(card) is None:
            pending = [
                f"card {bound.card}" for bound in card.bindings.values() if bound.card and self._daemon.steps.result_of(bound.card) is None
            ]
            return f"Approved. It runs when {' and '.join(pending)} is done."
        return "Approved. It runs when the running cell has finished." if card.realm == "notebook" else "Approved. It starts now."

    def _outcome(self, card: Card) -> dict[str, Json] | None:
        runs = self._daemon.steps.of_card(card.number)
        if runs and card.state in ("done", "failed", "unknown"):
            return _ran(card, runs[-1])
        if card.proposal.kind == "form" and card.state == "done":
            return _empty_outcome("done", answer=self._daemon.graph.summary(_only(card))["json"])
        if card.proposal.kind == "request" and card.state == "done":
            return _empty_outcome("done", result=card.result, detail=self._daemon.graph.detail(_only(card)))
        if card.state == "failed":
            why = card.log[-1].why or "it was not run"
            return _empty_outcome("failed", error={"type": "Not run", "message": why, "traceback": ""})
        return None


def _reading(card: Card) -> dict[str, Json] | None:
    """Say what reading the code finds, names that nothing defines and slots that nothing uses among it."""
    return None if card.code is None else dict(_read(card.code, frozenset(slot.name for slot in card.proposal.slots)))


@lru_cache(maxsize=512)
def _read(code: str, slots: frozenset[str]) -> Mapping[str, Json]:
    found = read(code)
    try:
        missing, unused = free_names(code) - slots, set(slots) - names_read(code)
    except BadDefinition:
        missing, unused = set(), set()
    loose = [f"uses {name}, which is neither a slot nor defined" for name in sorted(missing)]
    idle = [f"does not use the slot {name}" for name in sorted(unused)]
    return {"imports": found["imports"], "finds": [*found["finds"], *loose, *idle]}


def _only(card: Card) -> FormulaId:
    """Give the one formula that the host answered a form or a request with."""
    (bound,) = card.bindings.values()
    assert bound.formula is not None
    return bound.formula


def _empty_outcome(status: str, **parts: Json) -> dict[str, Json]:
    nothing: dict[str, Json] = {
        "result": None,
        "detail": "",
        "seconds": None,
        "table": None,
        "text": None,
        "output": [],
        "error": None,
        "answer": None,
    }
    return {"status": status, **nothing, **parts}


def _ran(card: Card, step: Step) -> dict[str, Json]:
    value: Mapping[str, Json] = step.value or {}
    return _empty_outcome(
        step.status,
        result=card.result if step.status == "done" else None,
        detail=value.get("detail") or "",
        seconds=step.seconds,
        table=value.get("table"),
        text=value.get("text"),
        output=[dict(item) for item in step.output],
        error=step.failure and dict(step.failure),
    )


def _fields(card: Card) -> list[dict[str, Json]] | None:
    if card.proposal.fields is None:
        return None
    return [{"name": name, "choices": None, "default": None, **field} for name, field in card.proposal.fields.items()]
