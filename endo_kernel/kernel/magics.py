"""`%endo` and `%%endo`: the verbs in a cell."""

from __future__ import annotations

import shlex
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from endo_kernel.errors import BadBinding, BadCommand, EndoError
from endo_kernel.facade import Endo
from endo_kernel.host import Edits, Gift, GivenName
from endo_kernel.session import Session
from endo_kernel.verbs import make_parser, split_bindings


@magics_class
class EndoMagics(Magics):
    """The magics of one notebook."""

    def __init__(self, shell: Any, session: Session, endo: Endo) -> None:
        super().__init__(shell)
        self._shell = shell
        self._session = session
        self._endo = endo
        self._parser = make_parser("%endo", terminal=False)

    @line_cell_magic
    def endo(self, line: str, cell: str | None = None) -> Any:
        """Tasks of agents, and the cards that wait for you: %endo tasks, %endo endow 7 --bind data:df, %%endo task ..."""
        if not line.strip() and cell is None:
            return self._endo
        try:
            given = self._parser.parse_args(_split(line))
            return getattr(self, f"_{given.verb}")(given, cell)
        except SystemExit:  # --help has printed what it had to say
            return None
        except BadCommand as error:
            raise UsageError(str(error)) from None

    def _tasks(self, given: Any, cell: str | None) -> Any:
        return self._endo.tasks

    def _inbox(self, given: Any, cell: str | None) -> Any:
        return self._endo.inbox

    def _names(self, given: Any, cell: str | None) -> Any:
        return self._endo.names

    def _show(self, given: Any, cell: str | None) -> Any:
        return self._endo.inbox[given.number]

    def _task(self, given: Any, cell: str | None) -> Any:
        prompt = " ".join(given.text) if cell is None else "\n".join(part for part in (" ".join(given.text), cell.strip()) if part)
        if not prompt.strip():
            raise BadCommand("%%endo task needs the prompt in the cell, below the magic")
        return self._endo.task(prompt, title=given.title)

    def _send(self, given: Any, cell: str | None) -> Any:
        self._endo.tasks[given.number].send(" ".join(given.text), withdraw=given.withdraw)

    def _endow(self, given: Any, cell: str | None) -> Any:
        gifts = {slot: self._gift(expression) for slot, expression in split_bindings(given.bind).items()}
        return self._endo.endow_with(given.number, gifts, Edits(code=cell, result=given.name))

    def _reject(self, given: Any, cell: str | None) -> Any:
        self._endo.reject(given.number, " ".join(given.text))

    def _answer(self, given: Any, cell: str | None) -> Any:
        if given.value is not None:
            gift = self._gift(given.value)
            return self._endo.answer(given.number, gift if isinstance(gift, GivenName) else gift.value)
        fields = {field: self._evaluate(expression) for field, expression in split_bindings(given.bind).items()}
        return self._endo.answer(given.number, **fields)

    def _rerun(self, given: Any, cell: str | None) -> Any:
        return self._endo.rerun(given.number)

    def _fail(self, given: Any, cell: str | None) -> Any:
        self._endo.fail(given.number, " ".join(given.text))

    def _pause(self, given: Any, cell: str | None) -> Any:
        self._endo.tasks[given.number].pause()

    def _resume(self, given: Any, cell: str | None) -> Any:
        self._endo.tasks[given.number].resume()

    def _cancel(self, given: Any, cell: str | None) -> Any:
        self._endo.tasks[given.number].cancel(" ".join(given.text) or None)

    def _gift(self, expression: str) -> Gift:
        if expression not in self._shell.user_ns and expression in self._endo.names:
            return GivenName(expression)
        return self._session.given(self._evaluate(expression))

    def _evaluate(self, expression: str) -> Any:
        try:
            return self._shell.ev(expression)
        except EndoError:
            raise
        except Exception as error:  # noqa: BLE001 - a cell: the expression is the user's own
            raise BadBinding(
                f"{expression!r} is neither a variable, nor a pet name, nor a literal: {type(error).__name__}: {error}"
            ) from None


def _split(line: str) -> list[str]:
    """Split as a shell does, but leave what is said to an agent as it was written, unless the whole of it stands in quotes."""
    words = line.split()
    try:
        parts = shlex.split(line)
    except ValueError:  # an apostrophe in plain words, as in: %endo reject 7 it's wrong
        return words
    said_in_one = len([part for part in parts if not part.startswith("--")]) <= 3
    return parts if said_in_one or words[0] not in _TALKING else words


_TALKING = ("send", "reject", "fail", "cancel")

VERBS: tuple[str, ...] = (
    "tasks",
    "inbox",
    "names",
    "show",
    "task",
    "send",
    "endow",
    "reject",
    "answer",
    "rerun",
    "fail",
    "pause",
    "resume",
    "cancel",
)


def complete(shell: Any, event: Any) -> list[str]:
    """Complete the verb after `%endo`."""
    words = event.line.split()
    return list(VERBS) if len(words) <= 2 else []
