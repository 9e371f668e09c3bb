"""Lives of a daemon, each in a process of its own, that end by SIGKILL at a point that a test names.

The points exist only here: they hang on the count of commits, and on the powers that a daemon is handed. A model that plays a
conversation answers by how far that conversation is, so the life after a death needs nothing but the store to go on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from endo_kernel.daemon import Daemon, Powers
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Evaluation, ModelAnswer, ModelRequest, Outcome, Realm, SystemClock
from endo_kernel.store import Store
from tests.loopback_rules import Rules
from tests.world import ScriptedModel, World

PATIENCE = 30.0

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["pytest", "tests.promises.lives"])

Uses = list[tuple[str, Mapping[str, Any]]]
Play = list[str | Uses]
"""What the model says, turn by turn: words that end the turn, or tool uses."""


def die() -> None:
    """End this process here and now."""
    os.kill(os.getpid(), signal.SIGKILL)


class Player(ScriptedModel):
    """Plays a conversation, and keeps a journal of what it was asked over all lives."""

    def __init__(self, play: Play, journal: Path) -> None:
        super().__init__()
        self._play = play
        self._journal = journal
        self.die_asked: int | None = None

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Give the turn that is due, or die half-way into it."""
        turn = sum(message["role"] == "assistant" for message in request.messages)
        _append(self._journal, json.dumps([turn, list(request.messages)]))
        if self.die_asked == turn:
            on_text("Half an ans")
            die()
        said = self._play[turn] if turn < len(self._play) else "Done."
        self.will(_played(turn, said))
        return await super().answer(request, on_text)


def _played(turn: int, said: str | Uses) -> ModelAnswer:
    usage = {"input": 10, "output": 1, "cache_read": 0, "cache_write": 0}
    if isinstance(said, str):
        return ModelAnswer([{"type": "text", "text": said}], "end_turn", usage)
    uses = [
        {"type": "tool_use", "id": f"toolu_{turn}_{place}", "name": name, "input": dict(given)} for place, (name, given) in enumerate(said)
    ]
    return ModelAnswer(uses, "tool_use", usage)


@dataclass(frozen=True)
class Death:
    """Where a life ends; nowhere without any of these."""

    commit: int | None = None
    """Right after the commit of this number, counted from the opening of the store."""
    fact: Callable[[Store], bool] | None = None
    """Right after the commit that makes this true."""
    asked: int | None = None
    """In the model call for this turn, half of its text received."""
    concluding: bool = False
    """After the code has run to its end, before its outcome is committed."""
    writing: int | None = None
    """Inside a transaction that has written, the n-th time that one looks at the clock."""


class _MortalDaemon(Daemon):
    def __init__(self, death: Death, folder: Path, powers: Powers) -> None:
        self._death = death
        super().__init__(folder, powers)

    def _open_store(self) -> Store:
        store = super()._open_store()
        store.on_commit = lambda count: die() if count == self._death.commit or _true(self._death.fact, store) else None
        if isinstance(self.powers.clock, _MortalClock):
            self.powers.clock.store = store
        return store


def _true(fact: Callable[[Store], bool] | None, store: Store) -> bool:
    return fact is not None and fact(store)


class _MortalClock(SystemClock):
    def __init__(self, dies_at: int) -> None:
        self._left = dies_at
        self.store: Store

    def now(self) -> float:
        self._left -= self.store._database._dirty
        if not self._left:
            die()
        return super().now()


class _MortalRealm:
    """A realm in which the process dies when the code has ended."""

    def __init__(self, realm: Realm) -> None:
        self.__dict__.update(name=realm.name, check=realm.check, admit=realm.admit, close=realm.close, stoppable=realm.stoppable)
        self._realm = realm

    async def evaluate(self, work: Evaluation) -> Outcome:
        await self._realm.evaluate(work)
        die()
        raise AssertionError


class Life(World):
    """One life of a daemon on a folder; what it leaves is the store, the effects and the journals beside it."""

    def __init__(self, home: Path, play: Play, death: Death = Death()) -> None:
        self.home = home
        self.effects = home / "effects"
        self._death = death
        player = Player(play, home / "asked")
        player.die_asked = death.asked
        super().__init__(home / "store", player)

    def start(self, main: MainQueue) -> Daemon:
        """Give a daemon that dies where it was told."""
        return _MortalDaemon(self._death, self.folder, self.powers(main))

    def powers(self, main: MainQueue) -> Powers:
        """Give the powers, those that kill among them."""
        powers = super().powers(main)
        if self._death.concluding:
            powers = replace(powers, realms=[_MortalRealm(realm) for realm in powers.realms])
        if self._death.writing is not None:
            powers = replace(powers, clock=_MortalClock(self._death.writing))
        return powers

    def happened(self) -> list[str]:
        """Give the effects so far, over all lives."""
        return _lines(self.effects)

    def asked(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """Give what the model was asked over all lives: which turn, with what messages."""
        return [tuple(json.loads(line)) for line in _lines(self.home / "asked")]


def effect(home: Path, word: str, value: str = "None") -> str:
    """Give code with an effect that outlives the process, and a value."""
    return f"with open({str(home / 'effects')!r}, 'a') as file:\n    print({word!r}, file=file)\n{value}"


def live(home: Path, play: Play, host: Callable[[Life], None], death: Death = Death()) -> bool:
    """Live one life in a process of its own, and tell whether it was killed; a life that fails otherwise fails the test."""
    process = _processes.Process(target=_live, args=(home, play, host, death))
    process.start()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"the life did not end in {PATIENCE:g} s")
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _live(home: Path, play: Play, host: Callable[[Life], None], death: Death) -> None:
    life = Life(home, play, death)
    host(life)
    life.close()


def check_asked(asked: Iterable[tuple[int, list[dict[str, Any]]]], play: Play) -> None:
    """Raise RefusedError where the API would have refused any of what the model was asked, with the lives before in its memory."""
    rules = Rules()
    for turn, messages in asked:
        body = {"model": "scripted", "max_tokens": 1, "messages": messages}
        rules.check(body)
        rules.remember(body, _played(turn, play[turn] if turn < len(play) else "Done.").content)


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        print(line, file=file)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
