"""How code failed, in bounded words: what the host and the agent are shown, and the exception that a cell can raise."""

from __future__ import annotations

import traceback
from types import TracebackType

from endo_kernel.errors import StepFailed
from endo_kernel.powers import Failure

MESSAGE = 2_000
TRACEBACK = 16_000
INTERRUPTED = "interrupted by the host"


def bounded(text: str, limit: int) -> str:
    """Give the text with its middle left out where it is too long: the ends of a traceback say most."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def describe(raised: BaseException) -> str:
    """Give the exception's own words, whatever its `__str__` does."""
    try:
        return bounded(str(raised), MESSAGE)
    except Exception as broken:  # noqa: BLE001 - the step's own code, run once more to describe it
        return f"<its message cannot be made: {type(broken).__name__}>"


def failure_of(raised: BaseException) -> Failure:
    """Describe an exception whose traceback already begins at the agent's code."""
    if isinstance(raised, KeyboardInterrupt):
        message = INTERRUPTED
    elif isinstance(raised, SystemExit):
        message = f"the code called exit ({describe(raised)}); a step cannot end the kernel"
    else:
        message = describe(raised)
    try:
        trace = "".join(traceback.format_exception(raised))
    except Exception:  # noqa: BLE001 - the step's own code, as above
        trace = f"{type(raised).__name__}: {message}\n"
    return Failure(type(raised).__name__[:200], message, bounded(trace, TRACEBACK))


def raisable(raised: BaseException) -> BaseException:
    """Give an exception that says the same and is safe to raise in a cell: an exit of the code must not be one of the kernel."""
    if isinstance(raised, (Exception, KeyboardInterrupt)):
        return raised
    instead = StepFailed(f"the code raised {type(raised).__name__}: {describe(raised)}")
    instead.__cause__ = raised
    return instead


def was_interrupted(error: StepFailed) -> bool:
    """Say whether a job on the main thread ended by the host's interrupt."""
    return isinstance(error.__cause__, KeyboardInterrupt)


def interrupted(label: str) -> tuple[Failure, KeyboardInterrupt]:
    """Give the failure of a step that the host interrupted."""
    raised = KeyboardInterrupt(f"{label} was {INTERRUPTED}")
    return Failure("KeyboardInterrupt", INTERRUPTED, f"KeyboardInterrupt: {label} was {INTERRUPTED}\n"), raised


def trim(trace: TracebackType | None, filename: str) -> TracebackType | None:
    """Drop the frames before the first one of that file; all of it where the file is not there."""
    inner = trace
    while inner is not None and inner.tb_frame.f_code.co_filename != filename:
        inner = inner.tb_next
    return inner or trace
