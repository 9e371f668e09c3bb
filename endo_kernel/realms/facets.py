"""A live object as code in the confined realm may see it: the names that the host listed, and nothing else.

There is no list of what is denied. Whether a name is a method or an attribute is found when the code uses it.
"""

from __future__ import annotations

import difflib
import inspect
import keyword
from dataclasses import dataclass

from endo_kernel.errors import BadBinding

_MISSING = object()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Facet:
    """Permission to use the listed names of one live object; lives as long as somebody holds it."""

    target: object
    names: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The type of the object behind, by name."""
        return type(self.target).__name__

    def __repr__(self) -> str:
        listed = ", ".join(self.names[:8]) + (f" and {len(self.names) - 8} more" if len(self.names) > 8 else "")
        return f"<facet of {self.kind[:60]}: {listed[:300] or 'nothing'}>"


def facet(target: object, *names: str) -> Facet:
    """Give a facet of the target that has these methods and attributes only; without names, the empty facet.

    A facet of a facet can only narrow it. Raises BadBinding for a name that is not public or that the target does not have.
    """
    listed = tuple(dict.fromkeys(names))
    for name in listed:
        _check_public(name)
    if isinstance(target, Facet):
        for name in listed:
            if name not in target.names:
                raise BadBinding(f"{target!r} does not allow {name!r}{_closest(name, target.names)}")
        return Facet(target.target, listed)
    for name in listed:
        if not _has(target, name):
            raise BadBinding(f"{type(target).__name__} has no {name!r}{_closest(name, _known_names(target))}")
    return Facet(target, listed)


def _check_public(name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise BadBinding(f"{name!r} cannot be in a facet: list the names of public methods and attributes, as in endo.facet(x, 'read')")


def _has(target: object, name: str) -> bool:
    """Say whether the target has the name, asking the target itself only where its type answers names of its own."""
    if inspect.getattr_static(target, name, _MISSING) is not _MISSING:
        return True
    if inspect.getattr_static(type(target), "__getattr__", _MISSING) is _MISSING:
        return False
    try:
        return hasattr(target, name)
    except Exception:  # noqa: BLE001 - the target's own code: what it raises says that the name cannot be had
        return False


def _known_names(target: object) -> list[str]:
    owners = [target, *type(target).__mro__]
    return sorted(
        {name for owner in owners for name in getattr(owner, "__dict__", ()) if isinstance(name, str) and not name.startswith("_")}
    )


def _closest(name: str, known: list[str] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"; close names: {', '.join(close)}" if close else ""
