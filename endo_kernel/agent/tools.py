"""The agent's tools: their schemas, and reading a call into an act of the guest.

The schemas are kept with each task, so that a later version does not change a conversation that is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from endo_kernel.agent.schemas import problems
from endo_kernel.conversation import ToolUse
from endo_kernel.errors import BadDefinition
from endo_kernel.guest import Act, Define, Finish, Form, ListNames, Lookup, Plan, Request, SlotAsk, StoreValue
from endo_kernel.names import near
from endo_kernel.powers import Json

_NAME = {"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": 64}
_TITLE = {"type": "string", "minLength": 1, "maxLength": 80}


def _object(properties: dict[str, Json], required: Sequence[str]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _pet_name(about: str) -> dict[str, Json]:
    return {**_NAME, "description": f"{about} Lower-case words joined by hyphens, such as clean-data."}


_SLOT = _object(
    {
        "label": {"type": "string", "minLength": 1, "maxLength": 200, "description": "What the slot needs, in words for the person."},
        "type": {"type": "string", "maxLength": 80, "description": "The Python type it should have, such as DataFrame or float."},
        "from": _pet_name("One of your own results, done or pending, that fills the slot."),
    },
    ["label"],
)
_FIELD = _object(
    {
        "label": {"type": "string", "minLength": 1, "maxLength": 200},
        "type": {"enum": ["string", "number", "boolean", "choice"]},
        "choices": {"type": "array", "items": {"type": "string"}, "maxItems": 50},
        "default": {"type": ["string", "number", "boolean"]},
    },
    ["label", "type"],
)

TOOLS: list[dict[str, Json]] = [
    {
        "name": "define",
        "description": (
            "Propose Python code with named slots. Nothing runs until the person has read it, bound each slot and approved. The value of "
            "the last expression is the result. You get its name, a bounded summary and what was printed, or the reason why not."
        ),
        "input_schema": _object(
            {
                "title": {**_TITLE, "description": "What the code does, in a few words."},
                "code": {"type": "string", "minLength": 1, "maxLength": 50_000},
                "slots": {
                    "type": "object",
                    "additionalProperties": _SLOT,
                    "maxProperties": 20,
                    "description": "Every name that the code uses and does not define, import or find among Python's builtins.",
                },
                "realm": {
                    "enum": ["confined", "notebook"],
                    "description": "confined: a sandbox without libraries. notebook: the person's own Python process.",
                },
                "result": _pet_name("What you call the result."),
                "explanation": {"type": "string", "maxLength": 1_000, "description": "One or two sentences on what it does and why."},
            },
            ["title", "code", "slots", "realm"],
        ),
    },
    {
        "name": "form",
        "description": "Ask the person to fill in a few fields. You get the values.",
        "input_schema": _object({"title": _TITLE, "fields": {"type": "object", "additionalProperties": _FIELD}}, ["title", "fields"]),
    },
    {
        "name": "request",
        "description": "Ask the person for a value of theirs, which gets a name that slots can say `from`. You get a summary.",
        "input_schema": _object(
            {
                "title": _TITLE,
                "label": {"type": "string", "minLength": 1, "maxLength": 200},
                "type": {"type": "string", "maxLength": 80},
                "result": _pet_name("What you call the value."),
            },
            ["title", "label", "result"],
        ),
    },
    {
        "name": "plan",
        "description": "Say what the steps of the task are and how far each is. Send the whole list each time.",
        "input_schema": _object(
            {
                "steps": {
                    "type": "array",
                    "maxItems": 40,
                    "items": _object({"title": _TITLE, "status": {"enum": ["pending", "active", "done"]}}, ["title", "status"]),
                }
            },
            ["steps"],
        ),
    },
    {"name": "list_names", "description": "List your names, with types and where each came from.", "input_schema": _object({}, [])},
    {
        "name": "lookup",
        "description": "Give a bounded summary of one of your names.",
        "input_schema": _object({"name": {"type": "string"}}, ["name"]),
    },
    {
        "name": "store",
        "description": "Keep a JSON value under a name of yours.",
        "input_schema": _object({"name": _pet_name("The name."), "value": {}}, ["name", "value"]),
    },
    {
        "name": "finish",
        "description": "Say that the whole task is done. Call it alone, after every result has come.",
        "input_schema": _object(
            {
                "summary": {"type": "string", "minLength": 1, "maxLength": 4_000},
                "results": {"type": "array", "items": {"type": "string"}, "maxItems": 40},
            },
            ["summary"],
        ),
    },
]


_SCHEMAS: dict[str, dict[str, Json]] = {tool["name"]: tool["input_schema"] for tool in TOOLS}
_MOST_PROBLEMS = 5


def parse_call(use: ToolUse) -> Act:
    """Read a tool use as an act; raises BadDefinition, which says what to change."""
    if use.malformed:
        raise BadDefinition(f"the arguments of {use.name} were not a JSON object: {use.malformed}. Send the call again with valid JSON.")
    if use.name not in _SCHEMAS:
        raise BadDefinition(f"there is no tool {use.name!r}; {near(use.name, _SCHEMAS)}")
    found = list(islice(problems(_SCHEMAS[use.name], use.input), _MOST_PROBLEMS))
    if found:
        raise BadDefinition(f"the arguments of {use.name} do not fit its schema: {'; '.join(found)}")
    return _act(use.name, use.input)


def in_order(uses: Iterable[ToolUse]) -> list[ToolUse]:
    """Put definitions behind those of the same turn that they are `from`; everything else stays in place.

    The calls of one turn have no order of their own, so a definition may name a result that stands further down.
    """
    waiting = list(uses)
    done: list[ToolUse] = []
    while waiting:
        coming = {_result(use) for use in waiting} - {None}
        ready = next((use for use in waiting if not (_sources(use) & (coming - {_result(use)}))), waiting[0])
        waiting.remove(ready)
        done.append(ready)
    return done


def _result(use: ToolUse) -> str | None:
    result = use.input.get("result") if use.name in ("define", "request") and isinstance(use.input, dict) else None
    return result if isinstance(result, str) else None


def _sources(use: ToolUse) -> set[str]:
    slots = use.input.get("slots") if use.name == "define" and isinstance(use.input, dict) else None
    if not isinstance(slots, dict):
        return set()
    found = [slot.get("from") for slot in slots.values() if isinstance(slot, dict)]
    return {name for name in found if isinstance(name, str)}


def _act(name: str, given: dict[str, Json]) -> Act:
    match name:
        case "define":
            slots = {slot: SlotAsk(ask["label"], ask.get("type"), ask.get("from")) for slot, ask in given["slots"].items()}
            return Define(given["title"], given["code"], slots, given["realm"], given.get("result"), given.get("explanation"))
        case "form":
            return Form(given["title"], given["fields"])
        case "request":
            return Request(given["title"], given["label"], given["result"], given.get("type"))
        case "plan":
            return Plan(given["steps"])
        case "list_names":
            return ListNames()
        case "lookup":
            return Lookup(given["name"])
        case "store":
            return StoreValue(given["name"], given["value"])
        case _:
            return Finish(given["summary"], given.get("results", ()))
