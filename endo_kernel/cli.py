"""`jupyter endo`: the same verbs in a terminal. With a kernel running it talks to that kernel; without one it reads the store."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from endo_kernel import record
from endo_kernel.errors import BadCommand, EndoError
from endo_kernel.powers import Json
from endo_kernel.values import is_json
from endo_kernel.verbs import make_parser, split_bindings
from endo_kernel.visible import visible_words


class Source(Protocol):
    """Where the terminal gets its answers: a running kernel or a store."""

    def ask(self, op: str, **parts: Json) -> Any:
        """Send one command of the page protocol and give its result."""
        ...


class StoreReader:
    """Answers from a store that no kernel writes now; decides nothing."""

    def __init__(self, folder: Path) -> None:
        from endo_kernel.daemon import Daemon, Powers
        from endo_kernel.mainthread import MainQueue
        from endo_kernel.pages import Page
        from endo_kernel.session import Defaults, Session
        from endo_kernel.variables import empty

        main = MainQueue()
        self._daemon = Daemon(folder, Powers(main, _NoModels(), ()), readonly=True)
        self._replies: list[Mapping[str, Json]] = []
        self._page = Page(Session(self._daemon, main, empty(), Defaults(lambda: "rehearsal")), self._replies.append)

    def ask(self, op: str, **parts: Json) -> Any:
        """Answer what can be read; raises EndoError for what only a kernel can do."""
        if op not in ("show", "names"):
            raise EndoError("no kernel of this notebook is running, so nothing can be changed: open the notebook, then try again")
        self._daemon.call(lambda: self._page.receive({"n": 0, "op": op, **parts}))
        reply = self._replies.pop()
        if not reply["ok"]:
            raise EndoError(reply["error"])
        return reply["result"]

    def close(self) -> None:
        """Let go of the store."""
        self._daemon.close()


class _NoModels:
    """Calls no model: a terminal only reads a store."""

    def __call__(self, name: str) -> Any:
        raise EndoError(f"no model is called from a terminal, so not {name!r}")

    async def close(self) -> None:
        """Nothing to let go of."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors go to standard error as a sentence, with exit code 1."""
    try:
        given = make_parser("jupyter endo", terminal=True).parse_args(argv)
        if given.verb == "install":
            return _install(given)
        return _run(given)
    except BadCommand as error:
        print(error, file=sys.stderr)
        return 2
    except EndoError as error:
        print(visible_words(f"jupyter endo: {error}"), file=sys.stderr)
        return 1


def _run(given: Any) -> int:
    from endo_kernel.kernel.stores import find_store, running_kernel

    folder = find_store(given.store, given.notebook)
    with ExitStack() as stack:
        connection_file = running_kernel(folder)
        if connection_file is not None:
            from endo_kernel.kernel.client import connected

            source: Source = stack.enter_context(connected(connection_file))
        else:
            reader = StoreReader(folder)
            stack.callback(reader.close)
            source = reader
        result, text = _VERBS[given.verb](source, given)
    print(json.dumps(result, indent=2) if given.json else text)
    return 0


def _tasks(source: Source, given: Any) -> tuple[Json, str]:
    rows = source.ask("show", show={"kind": "tasks"})["head"]["rows"]
    return rows, record.tasks_text(rows)


def _inbox(source: Source, given: Any) -> tuple[Json, str]:
    view = source.ask("show", show={"kind": "inbox"})
    cards = [view["entries"][key]["card"] for key in view["order"]]
    rows = [
        {
            "card": card["number"],
            "kind": card["kind"],
            "state": card["state"],
            "title": card["title"],
            "task": card["task_title"],
            "since": card["at"],
        }
        for card in cards
    ]
    return cards, record.table_text(rows, "Nothing waits for you.")


def _names(source: Source, given: Any) -> tuple[Json, str]:
    rows = source.ask("names")
    return rows, record.table_text(rows, "No names yet.")


def _show(source: Source, given: Any) -> tuple[Json, str]:
    show = {"kind": "card", "card": given.number}
    view = source.ask("show", show=show)
    return view["entries"][view["order"][0]]["card"], str(record.bundle("", show, view)["text/plain"])


def _task(source: Source, given: Any) -> tuple[Json, str]:
    task = source.ask("make", prompt=" ".join(given.text), title=given.title)
    return {"task": task}, f"task {task}"


def _send(source: Source, given: Any) -> tuple[Json, str]:
    source.ask("send", task=given.number, text=" ".join(given.text), withdraw=given.withdraw)
    return {"task": given.number}, f"sent to task {given.number}"


def _endow(source: Source, given: Any) -> tuple[Json, str]:
    card = _card(source, given.number)
    bindings = {slot: _binding(expression) for slot, expression in split_bindings(given.bind).items()}
    source.ask("endow", card=given.number, digest=card["digest"], bindings=bindings, result=given.name)
    return {"card": given.number, "state": "approved"}, f"card {given.number} approved"


def _reject(source: Source, given: Any) -> tuple[Json, str]:
    source.ask("reject", card=given.number, reason=" ".join(given.text))
    return {"card": given.number, "state": "rejected"}, f"card {given.number} rejected"


def _answer(source: Source, given: Any) -> tuple[Json, str]:
    if given.value is not None:
        source.ask("answer", card=given.number, binding=_binding(given.value))
    else:
        fields = {field: _literal(expression, expression) for field, expression in split_bindings(given.bind).items()}
        source.ask("answer", card=given.number, values=fields)
    return {"card": given.number, "state": "done"}, f"card {given.number} answered"


def _rerun(source: Source, given: Any) -> tuple[Json, str]:
    source.ask("rerun", card=given.number)
    return {"card": given.number, "state": "approved"}, f"card {given.number} runs again"


def _fail(source: Source, given: Any) -> tuple[Json, str]:
    source.ask("fail", card=given.number, reason=" ".join(given.text))
    return {"card": given.number, "state": "failed"}, f"card {given.number} marked as failed"


def _steer(source: Source, given: Any) -> tuple[Json, str]:
    source.ask(given.verb, task=given.number, reason=" ".join(given.text) or None)
    return {"task": given.number}, f"task {given.number}: {given.verb}"


_VERBS = {
    "tasks": _tasks,
    "inbox": _inbox,
    "names": _names,
    "show": _show,
    "task": _task,
    "send": _send,
    "endow": _endow,
    "reject": _reject,
    "answer": _answer,
    "rerun": _rerun,
    "fail": _fail,
    "pause": _steer,
    "resume": _steer,
    "cancel": _steer,
}


def _card(source: Source, number: int) -> Mapping[str, Json]:
    view = source.ask("show", show={"kind": "card", "card": number})
    card: Mapping[str, Json] = view["entries"][view["order"][0]]["card"]
    return card


_NOT_LITERAL = object()


def _literal(expression: str, otherwise: Any = _NOT_LITERAL) -> Any:
    try:
        return ast.literal_eval(expression)
    except (ValueError, SyntaxError):
        return otherwise


def _binding(expression: str) -> dict[str, Json]:
    value = _literal(expression)
    if value is _NOT_LITERAL:
        return {"variable": expression, "or_name": True}
    if not is_json(value):
        raise BadCommand(f"{expression!r} cannot be given from a terminal: that takes JSON, notebook variables and pet names")
    return {"literal": value}


def _install(given: Any) -> int:
    from endo_kernel.kernel.install import install

    where = install(
        user=given.user, prefix=sys.prefix if given.sys_prefix else given.prefix, name=given.name, display_name=given.display_name
    )
    print(f"installed the kernel {given.name!r} in {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
