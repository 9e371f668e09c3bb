"""What the sandbox holds in place of a live object: a wrapper of nothing, that answers only what was made ready for it.

This module imports the sandbox's library; others import it when a step needs it, never at the start of a kernel.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Any

from pydantic_monty import ClassInstance, ClassType

from endo_kernel.realms.facets import Facet


class Held:
    """Comes back from the sandbox where its code names the object; subclassed for each type so that errors there use its name."""

    def __init__(self, facet: Facet, said: str) -> None:
        self.facet = facet
        self.said = said


@dataclass(eq=False)
class StandIn(ClassInstance):
    """One facet in one run. It exposes nothing of itself: all its policies are empty."""

    refusal: tuple[str, str] | None = None
    """Type and words of the exception that the next look-up of a name raises in the sandbox."""

    def lookup_lazy_attrs(self, name: str) -> Any:
        """Raise what was made ready; a value is never given from here."""
        told_as, words = self.refusal or ("AttributeError", f"no {name!r} here")
        self.refusal = None
        kind = getattr(builtins, told_as, Exception)
        raise kind(words)


def class_named(name: str) -> type[Held]:
    """Make the class that stands for a type of that name."""
    return type(name, (Held,), {"__module__": "endo_facets"})


def stand_in(facet: Facet, said: str, kind: type[Held], class_type: ClassType) -> StandIn:
    """Make the stand-in of a facet, called `said` in messages."""
    return StandIn(kind(facet, said), class_type=class_type)
