"""The formula graph: which formulas there are, and the values that they have become.

`formulate` is the only way to add a formula, and writes it before anything knows its id. `provide` finds a live value or builds it
from what was kept; asking twice gives the same object. What cannot be built without running code again is `ValueLost`:
code has effects, so only the host replays it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal as Choice

from endo_kernel import formulas
from endo_kernel.errors import ValueLost
from endo_kernel.formulas import Answer, Evaluation, Formula, Literal, NotebookValue, Stored
from endo_kernel.names import FormulaId
from endo_kernel.powers import Json
from endo_kernel.store import Document, Store
from endo_kernel.values import Kept

Standing = Choice["live", "kept", "gone"]


class Graph:
    """All formulas of one store, and the live values of this process."""

    def __init__(self, store: Store, restore: Callable[[bytes], Awaitable[object]]) -> None:
        self._store = store
        self._formulas = store.table("formulas")
        self._kept = store.table("values")
        self._restore = restore
        self._live: dict[FormulaId, object] = {}

    def formulate(self, formula: Formula) -> FormulaId:
        """Write a formula and give its id; durable when the surrounding transaction is."""
        return FormulaId(self._formulas.insert(formulas.to_doc(formula)))

    def get(self, formula: FormulaId) -> Formula:
        """Give the formula of an id."""
        doc = self._formulas.get(doc_id=formula)
        assert isinstance(doc, Document), formula
        return formulas.from_doc(doc)

    def live(self, formula: FormulaId, value: object) -> None:
        """Say what a formula has become in this process."""
        self._live[formula] = value

    def forget(self, formula: FormulaId) -> None:
        """Let go of a live value, so that the user's memory is the user's again."""
        self._live.pop(formula, None)

    def keep(self, formula: FormulaId, kept: Kept) -> None:
        """Write what was kept of a formula's value."""
        blob = self._store.blobs.put(kept.pickle) if kept.how == "snapshot" and kept.pickle is not None else None
        doc = {
            "how": kept.how,
            "json": kept.json if kept.how == "json" else None,
            "blob": blob,
            "why": kept.why,
            "detail": kept.detail,
            "description": kept.description,
        }
        self._kept.insert(Document(doc, doc_id=formula))

    def summary(self, formula: FormulaId) -> dict[str, Json]:
        """Give the bounded description of a value that a model may be shown."""
        found = self.get(formula)
        match found:
            case Literal(value) | Answer(values=value):
                return {"json": value}
            case NotebookValue(origin) if self._find_kept(formula) is None:
                return {"type": origin.type, "summary": origin.detail}
        kept = self._find_kept(formula)
        return dict(kept["description"]) if kept else {"type": "unknown"}

    def detail(self, formula: FormulaId) -> str:
        """Give type and size in a few words, for the host."""
        found = self.get(formula)
        match found:
            case Literal(value) | Answer(values=value):
                text = repr(value)
                return text if len(text) <= 60 else text[:57] + "..."
            case NotebookValue(origin):
                return f"{origin.type} {origin.detail}".strip()
        kept = self._find_kept(formula)
        return str(kept["detail"]) if kept else ""

    def standing(self, formula: FormulaId) -> Standing:
        """Tell whether the value is live, can be built again without running code, or is gone."""
        if formula in self._live:
            return "live"
        found = self.get(formula)
        if isinstance(found, Literal | Answer):
            return "kept"
        kept = self._find_kept(formula)
        return "kept" if kept and kept["how"] in ("json", "snapshot") else "gone"

    async def provide(self, formula: FormulaId) -> object:
        """Give the live value, from memory or from what was kept; raises ValueLost where only the host can help."""
        if formula in self._live:
            return self._live[formula]
        found = self.get(formula)
        if isinstance(found, Literal):
            value = found.value
        elif isinstance(found, Answer):
            value = dict(found.values)
        else:
            value = await self._rebuild(formula, found)
        return self._live.setdefault(formula, value)

    async def _rebuild(self, formula: FormulaId, found: NotebookValue | Stored | Evaluation) -> object:
        kept = self._find_kept(formula)
        if kept and kept["how"] == "json":
            return kept["json"]
        if kept and kept["blob"]:
            return await self._restore(self._store.blobs.get(kept["blob"]))
        raise ValueLost(self._loss(found, kept))

    def loss(self, formula: FormulaId) -> str:
        """Say what is lost with this value and how to give it again."""
        return self._loss(self.get(formula), self._find_kept(formula))

    def _loss(self, found: Formula, kept: Document | None) -> str:
        match found:
            case NotebookValue(origin) | Stored(origin):
                return f"{origin.sentence()}: it did not survive the restart. Run the cell that makes it, then bind it again."
            case Evaluation(card=card):
                what = f"the result of card {card}" + (f" ({kept['detail']})" if kept and kept["detail"] else "")
                why = f", since {kept['why']}" if kept and kept["why"] else ""
                return f"{what} was not kept{why}. endo.rerun({card}) runs its code again; endo.resolve({card}, value) gives it by hand."
        return "the value is gone"

    def _find_kept(self, formula: FormulaId) -> Document | None:
        doc = self._kept.get(doc_id=formula)
        return doc if isinstance(doc, Document) else None
