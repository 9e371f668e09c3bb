"""Forms: checking what the host filled in against what the agent asked for."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real

from endo_kernel.cards import Card
from endo_kernel.errors import BadBinding
from endo_kernel.names import near
from endo_kernel.powers import Json
from endo_kernel.values import is_json

_WANTED = {"string": "a string", "number": "a number", "boolean": "true or false"}


def check_answers(card: Card, values: Mapping[str, Json]) -> dict[str, Json]:
    """Give one value for each field, defaults filled in; raises BadBinding naming the field and what it takes."""
    fields = card.proposal.fields or {}
    for name in values:
        if name not in fields:
            raise BadBinding(f"card {card.number} has no field {name!r}; {near(name, fields)}")
    answers: dict[str, Json] = {}
    for name, field in fields.items():
        if name not in values and field.get("default") is None:
            raise BadBinding(f"card {card.number} still needs {name!r} ({field['label']}): endo.answer({card.number}, {name}=...)")
        value = _as_json(values.get(name, field.get("default")))
        if not fits(field, value):
            wanted = _WANTED.get(field["type"]) or "one of " + ", ".join(map(repr, field["choices"]))
            raise BadBinding(f"field {name!r} of card {card.number} takes {wanted}, not {value!r}")
        answers[name] = value
    return answers


def _as_json(value: object) -> Json:
    """Give a number or text of a library's own type, such as NumPy's, as Python's; anything else as it is."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return str(value) if isinstance(value, str) else value


def fits(field: Mapping[str, Json], value: Json) -> bool:
    """Tell whether a value is one that a field takes, and can be told to a model: no NaN, no half of a surrogate pair."""
    if not is_json(value):
        return False
    match field["type"]:
        case "string":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return value in field["choices"]
