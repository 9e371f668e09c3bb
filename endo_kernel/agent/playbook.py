"""The scripts of the rehearsal: data files that say what a guest would say and propose, turn by turn.

A script is chosen by words of the task; a turn by the turn before it, by what became of that, and by words of the host.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from endo_kernel.powers import Json

START = "start"


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """One assistant turn of a script: when it comes, what it says, and the tools that it uses.

    It comes after one of the turns in `after`, if the outcome of that is one of `on`, and the host's words hold one of `words`
    (where it names any). `step` is how far the script's plan is then: the number of the step that begins.
    """

    name: str
    after: tuple[str, ...]
    on: tuple[str, ...]
    words: tuple[str, ...]
    say: str
    step: int | None
    uses: tuple[tuple[str, dict[str, Json]], ...]

    def fits(self, before: str, outcome: str, host: str) -> bool:
        """Tell whether this turn comes now."""
        return before in self.after and outcome in self.on and (not self.words or count_words(host, self.words) > 0)


@dataclass(frozen=True, slots=True)
class Script:
    """One script: the prompt it is for, the words it is known by, the titles of its plan, its turns, what else the host may write."""

    name: str
    prompt: str
    words: tuple[str, ...]
    plan: tuple[str, ...]
    hint: str
    turns: tuple[ScriptedTurn, ...]

    def next(self, before: str, outcome: str, host: str) -> ScriptedTurn | None:
        """Choose the turn that comes now; those that wait for a word of the host's first."""
        fitting = [turn for turn in self.turns if turn.fits(before, outcome, host)]
        return min(fitting, key=lambda turn: not turn.words, default=None)


@cache
def load_scripts() -> tuple[Script, ...]:
    """Read the scripts that this package brings, by name."""
    folder = files("endo_kernel.agent") / "scripts"
    found = [item for item in folder.iterdir() if item.name.endswith(".toml")]
    return tuple(
        parse_script(item.name.removesuffix(".toml"), item.read_text("utf-8")) for item in sorted(found, key=lambda item: item.name)
    )


def parse_script(name: str, text: str) -> Script:
    """Read one script."""
    told = tomllib.loads(text)
    turns = tuple(_turn(turn) for turn in told["turn"])
    return Script(name, told["prompt"], tuple(told["words"]), tuple(told.get("plan", ())), told.get("hint", ""), turns)


def _turn(told: dict[str, Json]) -> ScriptedTurn:
    after = _several(told["after"])
    return ScriptedTurn(
        name=told["name"],
        after=after,
        on=_several(told.get("on", "said" if after == (START,) else "done")),
        words=tuple(told.get("words", ())),
        say=told["say"].strip(),
        step=told.get("step"),
        uses=tuple((use["tool"], {key: value for key, value in use.items() if key != "tool"}) for use in told.get("use", ())),
    )


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def find_script(scripts: Sequence[Script], text: str) -> Script | None:
    """Find the script whose words the text holds most of."""
    best = max(scripts, key=lambda script: count_words(text, script.words), default=None)
    return best if best is not None and count_words(text, best.words) else None


def count_words(text: str, words: Sequence[str]) -> int:
    """Count how many of these words, or their beginnings, are in a text; '#' stands for any number."""
    held = re.findall(r"[a-z]+|\d+", text.lower())
    return sum(find_number(text) is not None if word == "#" else any(one.startswith(word) for one in held) for word in words)


_NUMBERS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "twenty": 20,
    "fifty": 50,
    "hundred": 100,
}


def find_number(text: str) -> int | None:
    """Find the first number of a text, in digits or as a plain word."""
    for word in re.findall(r"[a-z]+|\d+", text.lower()):
        if word.isdigit():
            return int(word[:9])
        if word in _NUMBERS:
            return _NUMBERS[word]
    return None
