"""The words of `%endo` and `jupyter endo`: one grammar for both, mirroring Endo's own command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from endo_kernel.errors import BadCommand


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise BadCommand(f"{self.prog}: {message}\n{self.format_usage().strip()}")


def make_parser(prog: str, *, terminal: bool) -> argparse.ArgumentParser:
    """Give the parser of all verbs; the terminal has a few options of its own."""
    parser = _Parser(prog=prog, description="Tasks of agents, and the cards that wait for you.")
    verbs = parser.add_subparsers(dest="verb", metavar="verb", parser_class=_Parser, required=True)
    verbs.add_parser("tasks", help="list the tasks")
    verbs.add_parser("inbox", help="list the cards that wait for you")
    verbs.add_parser("names", help="list your names for values")
    _numbered(verbs.add_parser("show", help="show a card"))
    task = verbs.add_parser(
        "task", help="give an agent a task" if terminal else "give an agent a task: %%%%endo task, the cell is the prompt"
    )
    task.add_argument("--title")
    task.add_argument("text", nargs="*" if not terminal else "+")
    send = verbs.add_parser("send", help="write to a task")
    send.add_argument("--withdraw", action="store_true", help="settle its open cards first, so that it is delivered at once")
    _numbered(send, "task").add_argument("text", nargs="+")
    endow = _numbered(verbs.add_parser("endow", help="bind the slots of a card and approve it"))
    endow.add_argument("--bind", action="append", default=[], metavar="slot:value", help="a notebook variable, a pet name or a literal")
    endow.add_argument("--as", dest="name", metavar="name", help="the pet name of the result")
    _numbered(verbs.add_parser("reject", help="refuse a card")).add_argument("text", nargs="*", metavar="reason")
    answer = _numbered(verbs.add_parser("answer", help="fill in a form, or give a request its value"))
    answer.add_argument("--bind", action="append", default=[], metavar="field:value")
    answer.add_argument("--value", help="a notebook variable, a pet name or a literal, for a request")
    _numbered(verbs.add_parser("rerun", help="run a card that may have run before a crash"))
    _numbered(verbs.add_parser("fail", help="mark such a card as failed")).add_argument("text", nargs="*", metavar="reason")
    for verb, about in (("pause", "let no model call start"), ("resume", "carry a task on"), ("cancel", "end a task")):
        _numbered(verbs.add_parser(verb, help=about), "task").add_argument("text", nargs="*", metavar="why")
    return parser


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
