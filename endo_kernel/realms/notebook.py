"""The notebook realm: approved code in the user's own Python process, on the main thread, like a cell.

Nothing confines code here. It gets a fresh namespace with its slots, which are the live objects themselves; what else it reaches, it
reaches as any Python code does. The card says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from endo_kernel.errors import StepFailed
from endo_kernel.powers import Evaluation, MainThread, Outcome
from endo_kernel.realms.capture import Capture, CapturePower, capture_streams
from endo_kernel.realms.failures import failure_of, interrupted, raisable, trim, was_interrupted
from endo_kernel.realms.figures import open_figures, show_new_figures
from endo_kernel.realms.program import Program
from endo_kernel.realms.reading import parse


class NotebookRealm:
    """Runs steps in this process; lives as long as the daemon. `keep` is called on the main thread, where the value lives."""

    name = "notebook"
    stoppable = False

    def __init__(self, main: MainThread, capture: CapturePower = capture_streams, keep: Callable[[object], Any] | None = None) -> None:
        self._main = main
        self._capture = capture
        self._keep = keep

    def check(self, code: str, slots: Sequence[str]) -> None:
        """Raise BadDefinition where the code does not parse."""
        parse(code)

    def admit(self, slot: str, value: object) -> None:
        """Take any value: the code gets the live object itself."""

    async def evaluate(self, work: Evaluation) -> Outcome:
        """Run the code once on the main thread. Once it runs there, only an interrupt stops it."""
        try:
            return await self._main.run(lambda: self._run(work), work.label)
        except StepFailed as error:  # an interrupt that hit between the code and its outcome
            failure, raised = interrupted(work.label)
            if was_interrupted(error):
                return Outcome(failure=failure, exception=raised)
            return Outcome(failure=failure_of(error), exception=error)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _run(self, work: Evaluation) -> Outcome:
        program = Program(work.label, work.code)
        work.begin()
        started = time.perf_counter()
        value: object = None
        raised: BaseException | None = None
        with self._capture() as captured:
            figures = open_figures()
            try:
                program.prepare()
                value = program.run(work.slots)
            except BaseException as error:  # noqa: BLE001 - a step: whatever its code raises is its outcome
                raised = error.with_traceback(trim(error.__traceback__, program.filename))
            _show_figures(figures, captured)
            output = captured.outputs()
        seconds = time.perf_counter() - started
        if raised is not None:
            return Outcome(failure=failure_of(raised), exception=raisable(raised), output=output, seconds=seconds)
        return Outcome(value=value, kept=self._kept(value), output=output, seconds=seconds)

    def _kept(self, value: object) -> Any:
        if self._keep is None:
            return None
        try:
            return self._keep(value)
        except (Exception, KeyboardInterrupt):  # noqa: BLE001 - the value's own code: the step is done all the same, its value is only not kept
            return None


def _show_figures(before: frozenset[int], captured: Capture) -> None:
    try:
        show_new_figures(before, captured)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the step's drawing code runs here
        captured.display({"text/plain": f"[a figure could not be drawn: {type(error).__name__}: {error}]"[:500]})
