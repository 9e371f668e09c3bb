"""Formulas: the durable, immutable recipes of values.

    Literal         plain JSON that the host or the agent gave
    NotebookValue   a live object of the user's process; only what it was is kept, never the object
    Stored          an object that the host put under a name on purpose; kept by snapshot
    Evaluation      approved code over other formulas
    Answer          what the host filled into a form

A formula is a frozen record here and a JSON document in the store; `to_doc` and `from_doc` are inverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from endo_kernel.errors import StoreDamaged
from endo_kernel.names import CardNumber, FormulaId
from endo_kernel.powers import Json


@dataclass(frozen=True, slots=True)
class Literal:
    """Plain JSON."""

    value: Json


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a notebook value came from: the expression, its type and a short summary, the cell and its execution count."""

    expression: str | None = None
    type: str = "object"
    detail: str = ""
    cell: str | None = None
    execution_count: int | None = None

    def sentence(self) -> str:
        """Say what the value was, in words for the host."""
        what = f"{self.type} {self.detail}".strip()
        where = f", from {self.expression}" if self.expression else ""
        cell = f" in cell [{self.execution_count}]" if self.execution_count else ""
        return f"{what}{where}{cell}"


@dataclass(frozen=True, slots=True)
class NotebookValue:
    """A live object that the host bound."""

    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that the host stored under a name."""

    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Approved code and what each slot was bound to."""

    card: CardNumber
    code: str
    realm: str
    bindings: Mapping[str, FormulaId]


@dataclass(frozen=True, slots=True)
class Answer:
    """A form's fields as the host filled them in."""

    card: CardNumber
    values: Mapping[str, Json]


Formula = Literal | NotebookValue | Stored | Evaluation | Answer
_KINDS: dict[str, type[Any]] = {
    "literal": Literal,
    "notebook": NotebookValue,
    "stored": Stored,
    "evaluation": Evaluation,
    "answer": Answer,
}
_KIND_OF = {kind: name for name, kind in _KINDS.items()}


def to_doc(formula: Formula) -> dict[str, Json]:
    """Write a formula as a JSON document."""
    return {"kind": _KIND_OF[type(formula)], **asdict(formula)}


def from_doc(doc: Mapping[str, Json]) -> Formula:
    """Read a formula back; raises StoreDamaged for a kind that this version does not know."""
    parts = {key: part for key, part in doc.items() if key != "kind"}
    if "origin" in parts:
        parts["origin"] = Origin(**parts["origin"])
    try:
        formula: Formula = _KINDS[doc["kind"]](**parts)
    except (KeyError, TypeError) as error:
        raise StoreDamaged(f"a formula of kind {doc.get('kind')!r} cannot be read by this version: {error}") from error
    return formula
