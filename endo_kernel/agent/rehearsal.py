"""The rehearsal: a model that needs no network and no key, and plays scripts.

It is a model like any other: it sees a conversation and gives the next turn. Where it is in a script it finds out each time by playing
the conversation from its beginning, so it keeps nothing between calls, nor over a restart. It says that it is the rehearsal.
"""

from __future__ import annotations

import asyncio
import json
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from endo_kernel.agent.past import Happened, Message, Told, check_conversation, tool_uses
from endo_kernel.agent.playbook import START, Script, ScriptedTurn, find_number, find_script, load_scripts
from endo_kernel.powers import Json, ModelAnswer, ModelRequest

_MARK = "(rehearsal) "
_WORDS_AT_ONCE = 3
_LONGEST = 0.6
_MOST = 200
_QUOTED = 300
_CLAUDE = "With `ANTHROPIC_API_KEY` set, new tasks go to Claude, who understands what you write."


@dataclass(frozen=True, slots=True)
class _Line:
    """What is said now: a scripted turn, or words beside the script."""

    happened: Happened
    turn: ScriptedTurn | None


@dataclass(slots=True)
class _Play:
    """A conversation as far as it has been played."""

    script: Script | None = None
    before: str = START
    told: Told = field(default_factory=Told)

    def hear(self, message: Message, uses: list[Mapping[str, Json]]) -> _Line:
        """Take a user message, and choose the line that answers it."""
        happened = self.told.read(message, uses)
        if self.script is None:
            self.script = find_script(load_scripts(), happened.host)
        turn = self.script.next(self.before, happened.outcome, happened.host) if self.script else None
        if turn is None and self.script and happened.outcome != "said" and happened.host:
            turn = self.script.next(self.before, "said", happened.host)
        if turn is not None:
            self.before = turn.name
        return _Line(happened, turn)


class RehearsalModel:
    """Plays scripts. Holds nothing; one serves all tasks. `pace` is the seconds between pieces of text, as if it were thinking."""

    def __init__(self, *, pace: float = 0.02, ids: Callable[[], str] = lambda: uuid4().hex[:20]) -> None:
        self._pace = pace
        self._ids = ids

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Give the next assistant turn; raises ModelFailed for a conversation that the Messages API would refuse."""
        check_conversation(request.messages)
        play, line = _played(request.messages)
        said, uses = _composed(play, line)
        if len(request.messages) == 1 or line.turn is None:
            said = _MARK + said
        await self._speak(said, on_text)
        # Two tasks may hold the same conversation, so an id cannot be made from it: ids are unique, as the API's are.
        blocks = [{"type": "tool_use", "id": f"toolu_rehearsal_{self._ids()}", "name": tool, "input": given} for tool, given in uses]
        content: list[dict[str, Json]] = [*([{"type": "text", "text": said}] if said else []), *blocks]
        return ModelAnswer(content=content, stop_reason="tool_use" if blocks else "end_turn", usage=_usage(request, content))

    async def _speak(self, said: str, on_text: Callable[[str], None]) -> None:
        words = re.findall(r"\S+\s*", said)
        pieces = ["".join(words[start : start + _WORDS_AT_ONCE]) for start in range(0, len(words), _WORDS_AT_ONCE)]
        for piece in pieces:
            on_text(piece)
            await asyncio.sleep(min(self._pace, _LONGEST / len(pieces)))

    async def close(self) -> None:
        """Nothing to let go of."""


def _played(messages: Iterable[Message]) -> tuple[_Play, _Line]:
    play = _Play()
    line = _Line(Happened("said", "", ""), None)
    uses: list[Mapping[str, Json]] = []
    for message in messages:
        if message["role"] == "user":
            line = play.hear(message, uses)
        uses = tool_uses(message)
    return play, line


def _composed(play: _Play, line: _Line) -> tuple[str, list[tuple[str, dict[str, Json]]]]:
    """Fill the line's blanks with what has been told."""
    turn, happened = line.turn, line.happened
    if turn is None or play.script is None:
        return _beside(play, happened), []
    blanks = _Blanks(play.told, happened)
    uses = [(tool, _renamed(tool, blanks.filled(given), play.told.names)) for tool, given in turn.uses]
    if turn.step is not None:
        uses.insert(0, ("plan", {"steps": _steps(play.script.plan, turn.step)}))
    said = str(blanks.filled(turn.say))
    unheard = happened.host if happened.outcome != "said" and not turn.words else ""
    if unheard:
        said = f"You also wrote: “{_quoted(unheard)}”. This script has no line for that. {said}"
    return said, uses


def _steps(titles: Iterable[str], active: int) -> list[dict[str, str]]:
    states = ["done", "active", "pending"]
    return [{"title": title, "status": states[1 + (number > active) - (number < active)]} for number, title in enumerate(titles, 1)]


def _renamed(tool: str, given: dict[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    """Use the names that results have now: the host may have chosen others than the script asked for."""
    if tool == "finish":
        return {**given, "results": [names[name] for name in given.get("results", ()) if name in names]}
    if tool == "define":
        slots = {
            slot: {**ask, "from": names.get(ask["from"], ask["from"])} if "from" in ask else ask for slot, ask in given["slots"].items()
        }
        return {**given, "slots": slots}
    return given


def _beside(play: _Play, happened: Happened) -> str:
    """Say something true where no script has a line."""
    if play.script is None:
        prompts = "\n".join(f"- {script.prompt}" for script in load_scripts())
        return f"This is the rehearsal: it plays a few scripts and understands nothing else. It can play:\n\n{prompts}\n\n{_CLAUDE}"
    hint = f" {play.script.hint}" if play.script.hint else ""
    match happened.outcome:
        case "done":
            return f"That is done.{hint} {_CLAUDE}"
        case "rejected":
            return f"You rejected it: “{_quoted(happened.reason)}”. This script has nothing else to propose, so it ends here. {_CLAUDE}"
        case "said":
            return f"The script “{play.script.prompt}” has no line for that.{hint} {_CLAUDE}"
        case _:
            return f"It came to nothing ({happened.outcome}): {_quoted(happened.reason)}. The script ends here. {_CLAUDE}"


class _Blanks(Mapping[str, str]):
    """What a script's `$number`, `$reason`, `$output` and `${result.part}` stand for now."""

    def __init__(self, told: Told, happened: Happened) -> None:
        number = find_number(happened.host)
        self._values: dict[str, Json] = {
            **told.values,
            "number": min(max(number if number is not None else 10, 1), _MOST),
            "reason": _quoted(happened.reason),
            "host": _quoted(happened.host),
        }

    def filled(self, given: Json) -> Json:
        """Fill the blanks in all strings of a JSON value."""
        if isinstance(given, str):
            return _Template(given).safe_substitute(self)
        if isinstance(given, dict):
            return {key: self.filled(value) for key, value in given.items()}
        return [self.filled(value) for value in given] if isinstance(given, list) else given

    def __getitem__(self, path: str) -> str:
        value: Json = self._values
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return "(not told)" if value is None else _shown(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class _Template(string.Template):
    braceidpattern = r"[a-z][a-z0-9_.\-]*"


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _QUOTED else one_line[: _QUOTED - 4] + " ..."


def _usage(request: ModelRequest, content: list[dict[str, Json]]) -> dict[str, int]:
    """Estimate tokens at four characters each, so that the rehearsal shows the counts that a model would about cost."""
    asked = len(request.system) + len(json.dumps([list(request.tools), list(request.messages)], ensure_ascii=False))
    return {"input": asked // 4, "output": max(1, len(json.dumps(content, ensure_ascii=False)) // 4), "cache_read": 0, "cache_write": 0}
