"""A notebook as another program drives it: cells of a real kernel, the requests that arrive at the model, a real terminal."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

from tests.kernel.page import PATIENCE, Page
from tests.loopback import MessagesServer

PRICES = {"input": 1000.0, "output": 2000.0, "cache_write": 0.0, "cache_read": 0.0}


@dataclass
class Notebook:
    """One kernel, its store and its log, driven by cells alone."""

    page: Page
    log: Path

    def do(self, code: str) -> dict[str, Any]:
        """Run a cell that must succeed."""
        content: dict[str, Any] = self.page.run(code)["content"]
        assert content["status"] == "ok", content
        return content

    def value(self, expression: str) -> Any:
        """Give the value of an expression, by way of JSON."""
        said = self.page.evaluate(f"__import__('json').dumps({expression})")
        assert said.startswith(("'", '"')), said
        return json.loads(ast.literal_eval(said))

    def shown(self, expression: str) -> dict[str, Any]:
        """Give what a cell that ends in the expression displays."""
        asked = self.page.start(expression)
        self.page.reply(asked)
        self.page.wait_for_idle(asked)
        found = [m for m in self.page.seen if m["msg_type"] == "execute_result" and m["parent_header"]["msg_id"] == asked]
        return dict(found[-1]["content"]["data"])

    def refused(self, code: str) -> tuple[str, str]:
        """Run what must raise an EndoError; give its name and words."""
        self.do(f"caught = None\ntry:\n    {code}\nexcept Exception as error:\n    caught = error")
        name, words, ours = self.value("[type(caught).__name__, str(caught), isinstance(caught, __import__('endo_kernel').EndoError)]")
        assert ours, (name, words)
        return str(name), str(words)

    def give(self, prompt: str) -> str:
        """Give a task, wait until it rests, and give its status; it is `task` in the notebook."""
        self.do(f"task = endo.task({prompt!r})")
        return str(self.value("task.wait(20)"))

    def card(self, index: int = -1) -> int:
        """Give the number of a card of the task."""
        return int(self.value(f"[card.number for card in task.cards][{index}]"))


def start(log: Path, kernel: str = "endo", **env: str) -> Notebook:
    with log.open("ab") as said:
        manager, client = start_new_kernel(
            kernel_name=kernel, env={**os.environ, **env}, startup_timeout=PATIENCE, stdout=said, stderr=said
        )
    return Notebook(Page(manager, client), log)


def definition(code: str, realm: str = "notebook", title: str = "Compute", **parts: Any) -> dict[str, Any]:
    """The arguments of `define`; slots are given as name="label" or name={...}."""
    known = {key: parts.pop(key) for key in ("result", "explanation") if key in parts}
    slots = {name: {"label": ask} if isinstance(ask, str) else ask for name, ask in parts.items()}
    return {"title": title, "code": code, "slots": slots, "realm": realm, **known}


def calls(server: MessagesServer, prompt: str) -> list[Any]:
    """The requests of the conversation that began with the prompt."""
    return [request for request in server.requests if request.messages[0]["content"][0]["text"] == prompt]


def told(server: MessagesServer, prompt: str) -> list[dict[str, Any]]:
    """The content of the newest message that the model was sent in the conversation that began with the prompt."""
    content: list[dict[str, Any]] = calls(server, prompt)[-1].messages[-1]["content"]
    return content


def result(block: dict[str, Any]) -> Any:
    """What a tool_result says, parsed."""
    assert block["type"] == "tool_result"
    return json.loads(block["content"][0]["text"])


def terminal(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `jupyter endo ...` as a person would."""
    program = Path(sys.executable).with_name("jupyter")
    return subprocess.run([program, "endo", *words], env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=60)
