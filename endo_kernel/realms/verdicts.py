"""What became of a confined run: its value, or its failure in words that the host and the agent can use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from endo_kernel.errors import StepFailed
from endo_kernel.powers import Failure
from endo_kernel.realms.crossing import Raised
from endo_kernel.realms.failures import MESSAGE, TRACEBACK, bounded, describe

if TYPE_CHECKING:
    from pydantic_monty import MontyError

_INPUT = re.compile(r'File "<python-input-\d+>"')
"""What the sandbox calls the code in a traceback."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A value, or a failure with an exception that a cell can raise."""

    value: object = None
    failure: Failure | None = None
    exception: BaseException | None = None

    @classmethod
    def of(cls, raised: Exception, trace: str = "") -> Verdict:
        """Make the verdict that an exception of ours says."""
        kind, message = type(raised).__name__, describe(raised)
        return cls(failure=Failure(kind, message, trace or f"{kind}: {message}\n"), exception=raised)


def judge(error: MontyError, label: str, told: list[Raised], seconds: float, memory: int) -> Verdict:
    """Say how a run failed. `told` is what live objects raised during it: not caught, it is the failure under its own name."""
    from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

    trace = ""
    if isinstance(error, (MontyRuntimeError, MontySyntaxError)):
        trace = bounded(_INPUT.sub(f'File "<{label}>"', error.display("traceback")), TRACEBACK)
    overrun = _overrun(error, seconds, memory)
    if overrun is not None:
        return Verdict.of(overrun, trace)
    if isinstance(error, MontyCrashedError):
        return Verdict.of(StepFailed(f"the sandbox process ended while the code ran ({describe(error)}); the next step gets a new one"))
    raised = error.exception()
    source = next((one for one in reversed(told) if _is_telling_of(raised, one)), None)
    if source is not None:
        kind = type(source.original).__name__
        head, _, _ = trace.rstrip().rpartition("\n")
        return Verdict(failure=Failure(kind, source.message, f"{head}\n{kind}: {source.message}\n"), exception=source.original)
    message = bounded(_words(raised), MESSAGE)
    return Verdict(
        failure=Failure(type(raised).__name__, message, trace),
        exception=raised if isinstance(raised, Exception) else StepFailed(f"the code raised {type(raised).__name__}: {message}"),
    )


def _overrun(error: MontyError, seconds: float, memory: int) -> Exception | None:
    """Give the exception for a limit that was reached, in our words, or None."""
    from pydantic_monty import MontyCrashedError

    words = str(error.exception())
    if words.startswith("feed time limit exceeded") or (isinstance(error, MontyCrashedError) and error.timed_out):
        return TimeoutError(f"the code ran for more than {seconds:g} s, which is as long as a confined step may run")
    if words.startswith("sleep limit exceeded"):
        return TimeoutError(f"the code wanted to sleep for more than {seconds:g} s, which is as long as a confined step may sleep")
    if words.startswith(("memory limit exceeded", "the worker exceeded its memory limit")):
        return MemoryError(f"the code needed more than {memory // 1024**2} MiB, which is as much as a confined step may hold")
    return None


def _words(raised: BaseException) -> str:
    if isinstance(raised, KeyError) and len(raised.args) == 1 and isinstance(raised.args[0], str):
        return raised.args[0]
    return str(raised)


def _is_telling_of(raised: BaseException, one: Raised) -> bool:
    return type(raised).__name__ == one.told_as and _words(raised) == one.message
