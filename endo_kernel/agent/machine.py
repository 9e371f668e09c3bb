"""The agent: a state machine over durable facts that moves each task on, and then lets go.

`wake` looks at what is stored and does the one thing that is due: handle the tool uses of the last turn, compose the next user turn,
or call the model. While a task waits for the host there is nothing here: no thread, no timer, no open call. After a restart the same
function carries on, since it never relied on anything but the store.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from endo_kernel import replies
from endo_kernel.agent.compaction import has_outgrown
from endo_kernel.agent.models import can_compact
from endo_kernel.agent.refusals import OUTGROWN, without_secrets
from endo_kernel.agent.tools import in_order, parse_call
from endo_kernel.cards import Card
from endo_kernel.conversation import Result, ToolUse, Turn
from endo_kernel.errors import EndoError, ModelFailed, ModelUnavailable, StoreError
from endo_kernel.guest import Guest
from endo_kernel.names import TaskId
from endo_kernel.parts import Parts
from endo_kernel.powers import Backoff, ModelAnswer, ModelRequest, Models
from endo_kernel.tasks import Task

_log = logging.getLogger("endo_kernel")
_CALLS_AT_ONCE = 8
_CUT_OFF = 3
_CUT = (
    "Your answer reached the limit of output tokens inside this call, so nothing was done with it. "
    "Send it again, smaller: shorter code, or one definition at a time."
)


@dataclass(slots=True)
class Call:
    """One model call in flight, and the text that has come so far. It is not durable: a broken call leaves nothing."""

    task: asyncio.Task[None]
    text: str = ""
    held: str | None = None
    """Why what came of it cannot be written yet, where it cannot."""


class Agent:
    """Moves the tasks of one store on."""

    def __init__(self, parts: Parts, guest: Guest, models: Models, backoff: Backoff) -> None:
        self._store = parts.store
        self._tasks = parts.tasks
        self._conversations = parts.conversations
        self._mail = parts.mail
        self._cards = parts.cards
        self._clock = parts.clock
        self._bell = parts.bell
        self._guest = guest
        self._models = models
        self._backoff = backoff
        self._calls: dict[TaskId, Call] = {}
        self._timers: dict[TaskId, asyncio.TimerHandle] = {}
        self._room = asyncio.Semaphore(_CALLS_AT_ONCE)

    def calling(self, task: TaskId) -> bool:
        """Tell whether a model call of this task is in flight."""
        return task in self._calls

    def text(self, task: TaskId) -> str | None:
        """Give the text of the answer that is coming in, or None."""
        call = self._calls.get(task)
        return call.text if call else None

    def held(self, task: TaskId) -> str | None:
        """Say why an answer that is here cannot be written, or None."""
        call = self._calls.get(task)
        return call.held if call else None

    def wake(self, task_id: TaskId) -> None:
        """Do what is due for a task; where nothing is, nothing happens. Raises StoreError where the store does not allow it now."""
        try:
            self._move_on(task_id)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a task that this program cannot move on must say so, not stand still
            self._fail(task_id, _broken(task_id, error))
            self._bell.changed(task_id)

    def _move_on(self, task_id: TaskId) -> None:
        task = self._tasks.get(task_id)
        if task.ended or task.paused is not None:
            self._stop(task_id)
            return
        if self.calling(task_id):
            return
        last = self._conversations.last(task_id)
        if last is not None and last.role == "assistant":
            self._handle(last)
            task = self._tasks.get(task_id)
            if task.ended:
                self._bell.changed(task_id)
                return
            if not last.goes_on and not self._answer(task_id, last):
                self._bell.changed(task_id)
                return
        elif last is None and not self._answer(task_id, None):
            return
        self._call_when_due(task)
        self._bell.changed(task_id)

    # From an assistant turn to the next user turn

    def _handle(self, turn: Turn) -> None:
        """Give each tool use of a turn a result or a card. The tool use id is the key: handling a turn twice finds the same cards."""
        # A card that is there needs no second look: its code was checked when it was opened, and a thousand may be parked.
        known = {*self._conversations.results(turn), *(card.proposal.tool_use for card in self._cards.of_turn(turn.id))}
        for use in in_order(turn.tool_uses):
            if use.id not in known:
                with self._store.transaction():
                    done = self._act(turn, use)
                    if isinstance(done, Result):
                        self._conversations.settle(turn, done)

    def _act(self, turn: Turn, use: ToolUse) -> Result | Card:
        if turn.stop_reason not in ("tool_use", "end_turn", "pause_turn", "stop_sequence"):
            return replies.wrong(use.id, _CUT)
        try:
            act = parse_call(use)
            with self._store.transaction():
                return self._guest.act(turn, use, act)
        except StoreError:
            raise
        except EndoError as error:
            return replies.wrong(use.id, str(error))
        except Exception as error:  # noqa: BLE001 - a tool call: whatever it was given, the model gets an answer
            return replies.wrong(use.id, _broken(turn.task, error))

    def _answer(self, task: TaskId, last: Turn | None) -> bool:
        """Write the next user turn if all that it must carry is there; tells whether a model call is due."""
        letters = self._mail.queued(task)
        content = self._conversations.next_user_content(last, letters)
        if not content:
            return False
        with self._store.transaction():
            turn = self._conversations.append_user(task, content)
            self._mail.deliver(letters, turn.id)
        return True

    # Calling the model

    def _call_when_due(self, task: Task) -> None:
        wait = task.sleep.until - self._clock.now() if task.sleep else 0.0
        timer = self._timers.pop(task.id, None)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        if wait > 0:
            self._timers[task.id] = loop.call_later(wait, self._again, task.id)
        else:
            self._calls[task.id] = Call(loop.create_task(self._call(task.id), name=f"model call of task {task.id}"))

    def _again(self, task: TaskId) -> None:
        self._timers.pop(task, None)
        self._bell.wake(task)

    async def _call(self, task_id: TaskId) -> None:
        later = 0.0
        try:
            conclude = await self._asked(task_id)
            await self._durably(task_id, conclude)
        except StoreError as error:
            _log.warning("task %s waits for the store: %s", task_id, error)
            later = self._backoff.disk
        finally:
            # A call that was broken off by a pause is woken too: the host may have resumed meanwhile.
            self._calls.pop(task_id, None)
            self._bell.changed(task_id)
            asyncio.get_running_loop().call_later(later, self._bell.wake, task_id)

    async def _asked(self, task_id: TaskId) -> Callable[[], None]:
        """Call the model, and give the act that writes what came of it."""
        try:
            async with self._room:
                answer = await self._ask(task_id)
            _check(answer)
        except ModelUnavailable as error:
            return partial(self._sleep, task_id, error)
        except ModelFailed as error:
            return partial(self._fail, task_id, str(error))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a model that breaks must not leave a task that is ready for ever
            return partial(self._fail, task_id, _broken(task_id, error))
        return partial(self._take, task_id, answer)

    async def _durably(self, task: TaskId, conclude: Callable[[], None]) -> None:
        """Write what came of a call, as soon as the disk takes it: an answer is not asked, nor paid, for twice."""
        while not self._tasks.get(task).ended:
            try:
                conclude()
                return
            except StoreError as error:
                _log.warning("the answer to task %s waits for the store: %s", task, error)
                self._calls[task].held = str(error)
                self._bell.changed(task)
                await asyncio.sleep(self._backoff.disk)
            except Exception as error:  # noqa: BLE001 - as above: an answer that cannot be written is no answer
                conclude = partial(self._fail, task, _broken(task, error))

    async def _ask(self, task_id: TaskId) -> ModelAnswer:
        settings = self._tasks.settings(self._tasks.get(task_id))
        turns = self._conversations.turns(task_id)
        request = ModelRequest(
            model=settings.model,
            max_tokens=settings.max_tokens,
            system=settings.system,
            tools=settings.tools,
            messages=[turn.message() for turn in turns],
            thinking=settings.thinking,
            compact=can_compact(settings.model) and has_outgrown(turns),
        )
        return await self._models(settings.model).answer(request, lambda text: self._hear(task_id, text))

    def _hear(self, task: TaskId, text: str) -> None:
        call = self._calls.get(task)
        if call is not None:
            call.text += text
            self._bell.heard(task)

    def _take(self, task: TaskId, answer: ModelAnswer) -> None:
        """Write a complete answer."""
        with self._store.transaction():
            turn = self._conversations.append_answer(task, answer)
            self._tasks.add_usage(task, answer.usage)
            if self._tasks.get(task).sleep is not None:
                self._tasks.update(task, sleep=None)
            over = self._tasks.over_budget(task)
            if over is not None:
                self._tasks.update(task, paused=over)
                self._tasks.note(task, "warn", f"Paused: {over}")
            if turn.compacted:
                self._tasks.note(task, "info", "The model summarised the conversation up to here, to fit its window. This record is whole.")
            if answer.stop_reason == "max_tokens":
                self._check_cut_off(task)

    def _check_cut_off(self, task: TaskId) -> None:
        answers = [turn for turn in self._conversations.newest(task, 2 * _CUT_OFF) if turn.role == "assistant"][-_CUT_OFF:]
        if len(answers) == _CUT_OFF and all(turn.stop_reason == "max_tokens" for turn in answers):
            self._fail(
                task, f"the model reached its limit of output tokens {_CUT_OFF} times in a row; raise c.Endo.max_tokens for new tasks"
            )
        elif not answers[-1].tool_uses:
            self._tasks.note(task, "warn", "The answer was cut off at the limit of output tokens. Write 'go on' to have the rest.")

    def _sleep(self, task: TaskId, error: ModelUnavailable) -> None:
        now = self._tasks.get(task)
        failures = now.sleep.failures + 1 if now.sleep else 1
        if failures >= self._backoff.attempts:
            self._fail(task, f"{error} (tried {failures} times)")
            return
        # Full jitter up to the doubled wait, so that many tasks do not come back at once; never before the server asked.
        wait = min(self._backoff.longest, self._backoff.first * 2 ** (failures - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter keeps no secret
        until = self._clock.now() + max(wait, error.retry_after or 0.0)
        self._tasks.update(task, sleep={"until": until, "failures": failures, "error": str(error)})

    def _fail(self, task: TaskId, words: str) -> None:
        with self._store.transaction():
            self._tasks.end(task, "failed", words)
            self._tasks.note(task, "error", f"Failed: {words}. task.resume() tries again once the cause is mended.")

    def _stop(self, task: TaskId) -> None:
        timer = self._timers.pop(task, None)
        if timer is not None:
            timer.cancel()
        call = self._calls.get(task)
        if call is not None:
            call.task.cancel()

    async def close(self) -> None:
        """Break off calls in flight; the next start sends them again."""
        calls = [call.task for call in self._calls.values()]
        for task in [*self._calls, *self._timers]:
            self._stop(task)
        await asyncio.gather(*calls, return_exceptions=True)


def _check(answer: ModelAnswer) -> None:
    """Raise ModelFailed where an answer is none: it must not enter the history."""
    if answer.stop_reason == "refusal":
        why = f": {answer.stop_details}" if answer.stop_details else ""
        raise ModelFailed(f"the model refused to go on{why}. Write to the task to ask for something else")
    if answer.stop_reason == "model_context_window_exceeded":
        raise ModelFailed(f"the model's answer did not fit its window any more. {OUTGROWN}")
    if not answer.content:
        raise ModelFailed("the model gave an empty answer. Write to the task to say how to go on")


def _broken(task: TaskId, error: Exception) -> str:
    """Log what nobody foresaw, and give the words for it. Both are rid of what has the shape of a key."""
    _log.error("task %s broke:\n%s", task, without_secrets("".join(traceback.format_exception(error)), ()))
    return without_secrets(f"something broke that should not: {type(error).__name__}: {error}", ())
