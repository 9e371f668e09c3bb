"""The confined realm: code in a sandbox process where nothing exists but its slots.

No files, no network, no environment, no imports beyond a few harmless modules; bounded time and memory. A live object is there only as a
facet: what it lists happens on the main thread, one call at a time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from endo_kernel.errors import BadBinding, BadDefinition, DaemonClosed, StepFailed
from endo_kernel.powers import Evaluation, MainThread, Outcome
from endo_kernel.realms.capture import Outputs
from endo_kernel.realms.crossing import Crossing, Raised
from endo_kernel.realms.dialect import check_dialect
from endo_kernel.realms.failures import interrupted, was_interrupted
from endo_kernel.realms.plain import NotPlain, only_facets, plain
from endo_kernel.realms.verdicts import Verdict, judge

if TYPE_CHECKING:
    from pydantic_monty import AsyncFunctionSnapshot, AsyncMonty, AsyncMontySession, AsyncNameLookupSnapshot, AsyncSnapshot

_PARSING = 5.0
"""Seconds that the sandbox may take to parse a definition."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one confined step may use: seconds of running and of sleeping, bytes, calls; and how many run at once.

    The time that calls on live objects take is not counted.
    """

    seconds: float = 30.0
    memory: int = 256 * 1024 * 1024
    calls: int = 10_000_000
    processes: int = 8

    def as_asked(self) -> Any:
        """Give them in the sandbox's own words."""
        return {
            "max_feed_duration_secs": self.seconds,
            "max_total_sleep_secs": self.seconds,
            "max_memory": self.memory,
            "max_suspensions": self.calls,
        }


class ConfinedRealm:
    """Runs steps in sandbox processes, which start with the first step and are kept; lives as long as the daemon."""

    name = "confined"
    stoppable = True

    def __init__(self, main: MainThread, keep: Callable[[object], Any] | None = None, limits: Limits | None = None) -> None:
        self._main = main
        self._keep = keep
        self._limits = limits or Limits()
        self._opening = asyncio.Lock()
        self._pool: AsyncMonty | None = None
        self._closed = False

    def check(self, code: str, slots: Sequence[str]) -> None:
        """Raise BadDefinition, saying what to change, where the code can be seen not to run in the sandbox."""
        check_dialect(code, slots)
        _check_in_sandbox(code)

    def admit(self, slot: str, value: object) -> None:
        """Raise BadBinding for a value that is neither plain data nor a facet."""
        try:
            plain(value, only_facets)
        except TypeError as error:
            raise BadBinding(
                f"slot {slot!r}: {type(value).__name__} cannot enter the confined realm: {error}. Plain data can; give any other object as "
                f'endo.facet(x, "method"), or run the code in the notebook realm'
            ) from None

    async def evaluate(self, work: Evaluation) -> Outcome:
        """Run the code once. Cancelling stops the sandbox."""
        run = _Run(work, self._main, self._limits)
        started = time.perf_counter()
        verdict = await self._verdict(run)
        kept = await self._kept(verdict, run) if verdict.failure is None else None
        return Outcome(verdict.value, kept, verdict.failure, verdict.exception, run.outputs.outputs(), time.perf_counter() - started)

    async def close(self) -> None:
        """End the sandbox processes."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.__aexit__(None, None, None)

    async def _verdict(self, run: _Run) -> Verdict:
        try:
            inputs = await asyncio.to_thread(run.crossing.send_slots, run.work.slots)
        except TypeError as error:  # it was admitted, and has changed since
            return Verdict.of(BadBinding(f"a slot cannot enter the confined realm any more: {error}"))
        try:
            pool = await self._open()
        except DaemonClosed as error:
            return Verdict.of(error)
        except (OSError, ImportError) as error:
            return Verdict.of(StepFailed(f"the sandbox cannot be started: {error}"))
        from pydantic_monty import MontyError

        try:
            async with self._living(pool) as sandbox:
                complete = await run.drive(sandbox, inputs)
                return await asyncio.to_thread(run.result, complete)
        except MontyError as error:
            return judge(error, run.work.label, run.raised, self._limits.seconds, self._limits.memory)
        except StepFailed as error:
            if not was_interrupted(error):
                return Verdict.of(error)
            failure, raised = interrupted(run.work.label)
            return Verdict(failure=failure, exception=raised)

    async def _kept(self, verdict: Verdict, run: _Run) -> Any:
        if self._keep is None:
            return None
        keep, value = self._keep, verdict.value
        try:
            if run.crossing.holds_live:
                return await self._main.run(lambda: keep(value), f"{run.work.label}, keeping its result")
            return await asyncio.to_thread(keep, value)
        except Exception:  # noqa: BLE001 - the value's own code: the step is done all the same, its value is only not kept
            return None

    @asynccontextmanager
    async def _living(self, pool: AsyncMonty) -> AsyncIterator[AsyncMontySession]:
        """Take a sandbox whose process is alive: one that died while it was idle is found out before the code is in it."""
        from pydantic_monty import MontyCrashedError

        async with AsyncExitStack() as taken:
            for last in (*[False] * self._limits.processes, True):
                try:
                    sandbox = await taken.enter_async_context(pool.checkout(limits=self._limits.as_asked()))
                    await sandbox.feed_run("None")
                    break
                except MontyCrashedError:
                    await taken.aclose()
                    if last:
                        raise
            yield sandbox

    async def _open(self) -> AsyncMonty:
        async with self._opening:
            if self._closed:
                raise DaemonClosed("the confined realm is closed; opening the store again starts another")
            if self._pool is None:
                from pydantic_monty import AsyncMonty

                pool = AsyncMonty(min_processes=1, max_processes=max(self._limits.processes, os.cpu_count() or 1))
                with out_of_reach_of_interrupts():
                    await pool.__aenter__()
                self._pool = pool
            return self._pool


class _Run:
    """One evaluation on its way through a sandbox."""

    def __init__(self, work: Evaluation, main: MainThread, limits: Limits) -> None:
        self.work = work
        self.outputs = Outputs()
        self.crossing = Crossing()
        self.raised: list[Raised] = []
        self._main = main

    async def drive(self, sandbox: AsyncMontySession, inputs: dict[str, Any]) -> Any:
        """Run the code, answering every use of a live object as it comes, and give the completion."""
        from pydantic_monty import AsyncFunctionSnapshot, AsyncNameLookupSnapshot, MontyComplete

        self.work.begin()
        pause: AsyncSnapshot = await sandbox.feed_start(self.work.code, inputs=inputs, print_callback=self.outputs.write)
        while not isinstance(pause, MontyComplete):
            if isinstance(pause, AsyncFunctionSnapshot):
                pause = await self._answer_call(pause)
            elif isinstance(pause, AsyncNameLookupSnapshot):
                pause = await self._answer_name(pause)
            else:
                raise StepFailed("the code waits for something that nobody will give: calls on slots are not awaited")
        return pause

    def result(self, complete: Any) -> Verdict:
        """Take the result out of the sandbox."""
        try:
            return Verdict(value=self.crossing.receive_result(complete.output))
        except (NotPlain, RecursionError) as error:
            words = (
                f"the code ran, and its result cannot leave the sandbox: {error}. End the code with plain data, such as a dict or a list"
            )
            return Verdict.of(TypeError(words))

    async def _answer_call(self, pause: AsyncFunctionSnapshot) -> AsyncSnapshot:
        if pause.is_os_function:
            return await pause.resume_not_handled()
        stand_in = self.crossing.find(pause.object_id)
        name = str(pause.function_name)
        if stand_in is None and pause.object_id is None:
            return await pause.resume_auto()
        if stand_in is None or name == "__call__":
            return await pause.resume(
                {"exc_type": "TypeError", "message": "neither a slot nor its type can be called; a slot's methods can"}
            )
        held = stand_in.value
        if name not in held.facet.names:
            words = f"{held.said} has no {name!r} here: its facet allows {', '.join(held.facet.names) or 'nothing'}"
            return await pause.resume({"exc_type": "AttributeError", "message": words})
        try:
            args, kwargs = self.crossing.receive_arguments(pause.args, pause.kwargs)
        except (NotPlain, RecursionError) as error:
            words = f"an argument of {held.said}.{name}() cannot leave the sandbox: {error}. Plain data and slots can"
            return await pause.resume({"exc_type": "TypeError", "message": words})
        answer = await self._main.run(lambda: self.crossing.call(held, name, args, kwargs), f"{held.said}.{name}() for {self.work.label}")
        if isinstance(answer, Raised):
            self.raised.append(answer)
            told: Any = {"exc_type": answer.told_as, "message": answer.message}
            return await pause.resume(told)
        return await pause.resume({"return_value": answer.value})

    async def _answer_name(self, pause: AsyncNameLookupSnapshot) -> AsyncSnapshot:
        stand_in = self.crossing.find(pause.object_id)
        name = pause.variable_name
        if stand_in is None:
            return await pause.resume()
        held = stand_in.value
        if name not in held.facet.names:
            return await pause.resume()
        answer = await self._main.run(lambda: self.crossing.look_up(held, name), f"{held.said}.{name} for {self.work.label}")
        if isinstance(answer, Raised):
            self.raised.append(answer)
            stand_in.refusal = answer.told_as, answer.message
            return await pause.resume_auto()
        return await pause.resume(value=answer.value)


def _check_in_sandbox(code: str) -> None:
    """Let the sandbox parse the code, without running it: an error before its first line is one of parsing."""
    from pydantic_monty import Monty, MontyError

    try:
        with (
            out_of_reach_of_interrupts(),
            Monty(min_processes=1, max_processes=1, request_timeout=_PARSING) as pool,
            pool.checkout() as sandbox,
        ):
            sandbox.feed_run(f"0/0\n{code}")
    except MontyError as error:
        raised = error.exception()
        if isinstance(raised, ZeroDivisionError):
            return
        words = str(raised).replace("The monty syntax parser does not yet support ", "the sandbox does not know ")
        raise BadDefinition(f"not in the confined realm: {words}") from None
    except OSError as error:
        raise BadDefinition(f"the confined realm cannot be used here: {error}; use the realm 'notebook'") from None


@contextmanager
def out_of_reach_of_interrupts() -> Iterator[None]:
    """Start processes that the terminal's or the notebook's interrupt of this process group does not end.

    They inherit the signal mask of the thread that starts them, and so do the threads that start more of them later.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
