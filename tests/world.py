"""A daemon as tests use it: the real one, on a real folder, with the real realms; only the model is scripted.

The scripted model holds the API's rules as the loopback server does, so that a conversation that the API would refuse fails here too.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from endo_kernel.daemon import Daemon, Powers
from endo_kernel.errors import ModelFailed
from endo_kernel.facade import Endo
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Backoff, ModelAnswer, ModelRequest
from endo_kernel.realms.capture import capture_streams
from endo_kernel.realms.confined import ConfinedRealm
from endo_kernel.realms.notebook import NotebookRealm
from endo_kernel.session import Defaults, Session
from endo_kernel.values import keep
from endo_kernel.variables import Variables
from tests.loopback_rules import RefusedError, Rules

Reply = ModelAnswer | Exception | Callable[[ModelRequest], "ModelAnswer"]


class ScriptedModel:
    """Answers with what a test said it would, in order; says "Done." when nothing is left."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.requests: list[ModelRequest] = []
        self._replies: list[Reply] = []
        self._ids = itertools.count(1)

    def will_say(self, words: str) -> None:
        """Answer with text, and end the turn."""
        self.will_turn([{"type": "text", "text": words}], "end_turn")

    def will_use(self, *uses: tuple[str, Mapping[str, Any]], say: str = "") -> list[str]:
        """Answer with tool uses, and give their ids."""
        ids = [f"toolu_{next(self._ids)}" for _ in uses]
        blocks = [{"type": "tool_use", "id": id, "name": name, "input": dict(given)} for id, (name, given) in zip(ids, uses, strict=True)]
        self.will_turn([*([{"type": "text", "text": say}] if say else []), *blocks], "tool_use")
        return ids

    def will_turn(self, blocks: list[dict[str, Any]], stop_reason: str) -> None:
        """Answer with these blocks."""
        self._replies.append(ModelAnswer(blocks, stop_reason, {"input": 100, "output": 10, "cache_read": 0, "cache_write": 0}))

    def will(self, reply: Reply) -> None:
        """Answer with this answer, or fail with this error."""
        self._replies.append(reply)

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Play the next reply; the API's rules are checked first."""
        self.requests.append(request)
        body = {
            "model": request.model,
            "max_tokens": request.max_tokens,
            "system": request.system,
            "tools": list(request.tools),
            "messages": list(request.messages),
        }
        try:
            self.rules.check(body)
        except RefusedError as error:
            raise ModelFailed(str(error)) from error
        reply = self._replies.pop(0) if self._replies else ModelAnswer([{"type": "text", "text": "Done."}], "end_turn", {})
        if isinstance(reply, Exception):
            raise reply
        answer = reply if isinstance(reply, ModelAnswer) else reply(request)
        self.rules.remember(body, answer.content, paused=answer.stop_reason == "pause_turn")
        for block in answer.content:
            if block["type"] == "text":
                on_text(block["text"])
        return answer

    async def close(self) -> None:
        """Nothing to let go of."""


class HeldModel(ScriptedModel):
    """Answers a call when the test says so, and not before. A conversation is told by its first words."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, asyncio.Future[Reply]] = {}
        self._waiting: list[asyncio.Future[None]] = []

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Wait until the test answers this call."""
        about = request.messages[0]["content"][0]["text"]
        assert about not in self.calls, "a second call of the same conversation is in flight"
        call = self.calls[about] = asyncio.get_running_loop().create_future()
        while self._waiting:
            self._waiting.pop().set_result(None)
        try:
            self.will(await call)
        finally:
            del self.calls[about]
        return await super().answer(request, on_text)

    async def asked(self, about: str) -> asyncio.Future[Reply]:
        """Wait for a call of this conversation, and give what answers it. On the daemon's loop."""
        while about not in self.calls or self.calls[about].done():
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]
        return self.calls[about]

    async def will_say_now(self, about: str, words: str) -> None:
        """Wait for a call of this conversation, and answer it with text. On the daemon's loop."""
        (await self.asked(about)).set_result(ModelAnswer([{"type": "text", "text": words}], "end_turn", {}))

    async def will_use_now(self, about: str, name: str, given: Mapping[str, Any]) -> None:
        """Wait for a call of this conversation, and answer it with a tool use. On the daemon's loop."""
        use = {"type": "tool_use", "id": f"toolu_{next(self._ids)}", "name": name, "input": dict(given)}
        (await self.asked(about)).set_result(ModelAnswer([use], "tool_use", {}))


class OneModel:
    """Gives the same model under every name."""

    def __init__(self, model: ScriptedModel) -> None:
        self._model = model

    def __call__(self, name: str) -> ScriptedModel:
        return self._model

    async def close(self) -> None:
        """Nothing to let go of."""


def define(title: str, code: str, realm: str = "notebook", **parts: Any) -> tuple[str, dict[str, Any]]:
    """A call of the tool `define`; slots are given as name=label, or name={...}."""
    known = {key: parts.pop(key) for key in ("result", "explanation") if key in parts}
    slots = {name: {"label": ask} if isinstance(ask, str) else ask for name, ask in parts.items()}
    return "define", {"title": title, "code": code, "slots": slots, "realm": realm, **known}


class World:
    """One store over several lives of a daemon."""

    def __init__(self, folder: Path, model: ScriptedModel | None = None) -> None:
        self.folder = folder
        self.model = model or ScriptedModel()
        self.namespace: dict[str, object] = {}
        self.daemon: Daemon
        self.endo: Endo
        self.session: Session
        self.open()

    def open(self) -> None:
        """Start a daemon on the folder."""
        main = MainQueue()
        self.daemon = self.start(main)
        self.session = Session(self.daemon, main, Variables(self.namespace), Defaults(lambda: "scripted", max_tokens=1000))
        self.endo = Endo(self.session)

    def start(self, main: MainQueue) -> Daemon:
        """Give a daemon on the folder, with the powers that it has here."""
        return Daemon(self.folder, self.powers(main), {"notebook": "test.ipynb"})

    def powers(self, main: MainQueue) -> Powers:
        """Give what the daemon gets from outside: all of it real but the model."""
        realms = [ConfinedRealm(main, keep), NotebookRealm(main, capture_streams, keep)]
        return Powers(main, OneModel(self.model), realms, backoff=Backoff(first=0.001, longest=0.01, attempts=4, disk=0.01))

    def restart(self) -> None:
        """End the daemon and start another on the same folder; live values are gone."""
        self.close()
        self.namespace.clear()
        self.open()

    def close(self) -> None:
        """End the daemon."""
        self.daemon.close()

    @property
    def sent(self) -> list[Mapping[str, Any]]:
        """The messages of the newest model call."""
        return list(self.model.requests[-1].messages)
