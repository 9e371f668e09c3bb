"""The words of `%endo` and `jupyter endo`: one grammar for both, mirroring Endo's own command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from endo_kernel.errors import BadCommand


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise BadCommand(f"{self.prog}: {message}\n{self.format_usage().strip()}")


def make_parser(prog: str, *, terminal: bool) -> argparse.ArgumentParser:
    """Give the parser of all verbs; the terminal has a few options of its own, before or behind the verb."""
    options = _terminal_options() if terminal else _Parser(add_help=False)
    parser = _Parser(prog=prog, description="Tasks of agents, and the cards that wait for you.", parents=[options])
    parser.set_defaults(json=False, store=None, notebook=None)
    group = parser.add_subparsers(dest="verb", metavar="verb", parser_class=_Parser, required=True)

    def add(verb: str, about: str) -> argparse.ArgumentParser:
        return group.add_parser(verb, help=about, parents=[options])

    add("tasks", "list the tasks")
    add("inbox", "list the cards that wait for you")
    add("names", "list your names for values")
    _numbered(add("show", "show a card"))
    task = add("task", "give an agent a task" if terminal else "give an agent a task; the cell is the prompt")
    task.add_argument("--title")
    task.add_argument("text", nargs="+" if terminal else "*")
    send = add("send", "write to a task")
    send.add_argument("--withdraw", action="store_true", help="settle its open cards first, so that it is delivered at once")
    _numbered(send, "task").add_argument("text", nargs="+")
    endow = _numbered(add("endow", "bind the slots of a card and approve it"))
    endow.add_argument("--bind", action="append", default=[], metavar="slot:value", help="a notebook variable, a pet name or a literal")
    endow.add_argument("--as", dest="name", metavar="name", help="the pet name of the result")
    _numbered(add("reject", "refuse a card")).add_argument("text", nargs="*", metavar="reason")
    answer = _numbered(add("answer", "fill in a form, or give a request its value"))
    answer.add_argument("--bind", action="append", default=[], metavar="field:value")
    answer.add_argument("--value", help="a notebook variable, a pet name or a literal, for a request")
    _numbered(add("rerun", "run a card that may have run before a crash"))
    _numbered(add("fail", "mark such a card as failed")).add_argument("text", nargs="*", metavar="reason")
    for verb, about in (("pause", "let no model call start"), ("resume", "carry a task on"), ("cancel", "end a task")):
        _numbered(add(verb, about), "task").add_argument("text", nargs="*", metavar="why")
    if terminal:
        install = add("install", "install the kernel's specification, as `ipykernel install` does")
        install.add_argument("--user", action="store_true")
        install.add_argument("--sys-prefix", action="store_true")
        install.add_argument("--prefix")
        install.add_argument("--name", default="endo")
        install.add_argument("--display-name", default="Python 3 (Endo)")
    return parser


def _terminal_options() -> _Parser:
    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--json", action="store_true", help="print JSON")
    options.add_argument("--store", type=Path, help="the store's folder; else ENDO_STORE, or the one store that there is")
    options.add_argument("--notebook", type=Path, help="the notebook whose store it is")
    return options


def _numbered(parser: argparse.ArgumentParser, what: str = "card") -> argparse.ArgumentParser:
    parser.add_argument("number", type=int, metavar=what)
    return parser


def split_bindings(bindings: Sequence[str]) -> dict[str, str]:
    """Read `slot:expression` arguments; raises BadCommand for one that has no colon or comes twice."""
    found: dict[str, str] = {}
    for binding in bindings:
        slot, colon, expression = binding.partition(":")
        if not colon or not slot.strip() or not expression.strip():
            raise BadCommand(f"{binding!r} is not a binding: write slot:variable, such as --bind data:df")
        if slot.strip() in found:
            raise BadCommand(f"slot {slot.strip()!r} is bound twice")
        found[slot.strip()] = expression.strip()
    return found
