"""The boundary of one sandboxed run: which objects are known there, and what a call on one of them does here.

The sandbox never holds a live object, only a stand-in without any power. Every use of one comes back as a name, which must be
listed by the facet; then it happens on the main thread, and plain data goes back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from endo_kernel.realms.facets import Facet
from endo_kernel.realms.failures import describe
from endo_kernel.realms.plain import NotPlain, not_plain, plain
from endo_kernel.realms.program import run_to_end

if TYPE_CHECKING:
    from pydantic_monty import ClassType

    from endo_kernel.realms.standins import Held, StandIn


@dataclass(frozen=True, slots=True)
class Raised:
    """What a live object raised: the exception itself, and how it is told in the sandbox."""

    original: BaseException
    told_as: str
    message: str


@dataclass(frozen=True, slots=True)
class Gave:
    """What a live object gave, ready to cross."""

    value: Any


class Crossing:
    """What one run has been given; lives as long as the run."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[type[Held], ClassType]] = {}
        self._stand_ins: dict[UUID, StandIn] = {}
        self._first: dict[int, StandIn] = {}
        self._sending = ""
        self.holds_live = False

    def send_slots(self, slots: Mapping[str, object]) -> dict[str, Any]:
        """Make ready every slot; raises NotPlain."""
        ready = {}
        for slot, value in slots.items():
            self._sending = slot
            ready[slot] = plain(value, self._send_facet)
        return ready

    def find(self, object_id: UUID | None) -> StandIn | None:
        """Give the stand-in that the sandbox speaks of, or None where it is none."""
        return None if object_id is None else self._stand_ins.get(object_id)

    def receive_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Take the arguments of a call out of the sandbox: a facet among them becomes the live object for the host's method."""
        return plain(args, self._receive_target, inside=True), plain(kwargs, self._receive_target, inside=True)

    def receive_result(self, value: object) -> Any:
        """Take the result of the run out of the sandbox: a facet stays a facet."""
        return plain(value, self._receive_facet, inside=True)

    def call(self, held: Held, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Gave | Raised:
        """Call a listed method; on the main thread."""

        def act() -> object:
            result = getattr(held.facet.target, name)(*args, **kwargs)
            return run_to_end(result) if inspect.iscoroutine(result) else result

        return self._answer(act, f"{held.said}.{name}()")

    def look_up(self, held: Held, name: str) -> Gave | Raised:
        """Read a listed attribute; on the main thread."""

        def act() -> object:
            value = getattr(held.facet.target, name)
            if inspect.isroutine(value):
                raise NotPlain(f"{held.said}.{name} is a method: call it where it is named, as {held.said}.{name}(...)")
            return value

        return self._answer(act, f"{held.said}.{name}")

    def _answer(self, act: Callable[[], object], said: str) -> Gave | Raised:
        try:
            result = act()
        except Exception as error:  # noqa: BLE001 - the live object's own code, called for a step
            return Raised(error, _told_as(type(error)), _told_words(error))
        try:
            self._sending = said
            return Gave(plain(result, self._send_facet))
        except TypeError as error:
            words = (
                f"{said} gave what cannot cross into the confined realm: {error}. Plain data can, or an endo.facet that the method gives"
            )
            return Raised(TypeError(words), "TypeError", words)

    def _send_facet(self, value: object) -> StandIn:
        """Give the stand-in of a facet; an object that gives itself back keeps the facet it has."""
        from endo_kernel.realms.standins import stand_in

        target = value.target if isinstance(value, Facet) else value
        known = self._first.get(id(target))
        if known is not None and (value is target or known.value.facet.names == value.names):  # type: ignore[attr-defined]
            return known
        if not isinstance(value, Facet):
            raise not_plain(value)
        new = stand_in(value, self._sending, *self._kind(value.kind))
        self._stand_ins[new.id] = new
        self._first.setdefault(id(target), new)
        return new

    def _kind(self, name: str) -> tuple[type[Held], ClassType]:
        from pydantic_monty import ClassType

        from endo_kernel.realms.standins import class_named

        if name not in self._kinds:
            made = class_named(name)
            self._kinds[name] = (
                made,
                ClassType(made, id=uuid4()),
            )  # an id of this run's own: names repeat, and the library keeps ids for ever
        return self._kinds[name]

    def _receive_facet(self, value: object) -> Facet:
        from endo_kernel.realms.standins import Held

        if isinstance(value, Held):
            self.holds_live = True
            return value.facet
        name = getattr(value, "name", None) or type(value).__name__
        raise NotPlain(f"it is or holds a {str(name)[:80]}, which exists only in the sandbox")

    def _receive_target(self, value: object) -> object:
        return self._receive_facet(value).target


def _told_words(error: BaseException) -> str:
    if isinstance(error, KeyError) and len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0][:2_000]
    return describe(error)


@cache
def _known_there() -> frozenset[str]:
    from typing import get_args

    from pydantic_monty import ExcType

    # KeyboardInterrupt and SystemExit are never told there; a UnicodeError cannot be made from words alone
    return frozenset(get_args(ExcType)) - {"BaseException", "KeyboardInterrupt", "SystemExit", "UnicodeDecodeError", "UnicodeEncodeError"}


def _told_as(kind: type[BaseException]) -> str:
    """Name the nearest exception type that the sandbox knows."""
    return next((base.__name__ for base in kind.__mro__ if base.__module__ == "builtins" and base.__name__ in _known_there()), "Exception")
