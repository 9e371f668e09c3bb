"""What the outside world hands in, as one record: clock, models, realms, the main thread.

Everything that is not deterministic comes through here, so that a test, a script and a kernel run the same daemon.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Json = Any
"""What `json.loads` gives."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call of a model: everything that its answer may depend on. `compact` lets a model summarise what no longer fits its window."""

    model: str
    max_tokens: int
    system: str
    tools: Sequence[Mapping[str, Json]]
    messages: Sequence[Mapping[str, Json]]
    thinking: Mapping[str, Json] | None = None
    compact: bool = False


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One complete assistant turn.

    `content` holds the raw content blocks as the API gave them, to be sent back unchanged. `malformed` maps the id of a tool
    use whose arguments were not a JSON object to what was wrong with them; its block carries an empty input.
    """

    content: list[dict[str, Json]]
    stop_reason: str
    usage: Mapping[str, int]
    stop_details: str | None = None
    malformed: Mapping[str, str] = field(default_factory=dict)


class Model(Protocol):
    """Answers conversations. Knows nothing of tasks or cards."""

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Give the next assistant turn; call `on_text` with each piece of text as it comes.

        Raises ModelUnavailable where trying again may help, ModelFailed where it will not.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. Twice is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One approved run: the code, and the live value of each slot.

    `begin` is called right before the first instruction, on the thread that runs it; where it raises, nothing is run and
    `evaluate` raises the same. That is where the start becomes durable.
    """

    label: str
    code: str
    slots: Mapping[str, object]
    begin: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Failure:
    """How code failed, in the words that the host and the agent are shown. The traceback begins at the agent's code."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one evaluation gave.

    `output` holds bounded notebook outputs in order: {"kind": "stream", "name": "stdout" | "stderr", "text": str} and
    {"kind": "display", "data": {mime type: str}}. `exception` is the live exception behind `failure`, where there is one.
    `kept` is what was kept of the value, made where the value lives.
    """

    value: object = None
    kept: Any = None
    failure: Failure | None = None
    exception: BaseException | None = None
    output: tuple[dict[str, Json], ...] = ()
    seconds: float = 0.0


class Models(Protocol):
    """Gives models by name."""

    def __call__(self, name: str) -> Model:
        """Give the model of a name."""
        ...

    async def close(self) -> None:
        """Let go of all connections. Twice is harmless."""
        ...


class Realm(Protocol):
    """A place where approved code runs. `stoppable` says whether cancelling an evaluation stops code that has begun."""

    name: str
    stoppable: bool

    def check(self, code: str, slots: Sequence[str]) -> None:
        """Raise BadDefinition, saying what to change, where the code can be seen not to run here."""
        ...

    def admit(self, slot: str, value: object) -> None:
        """Raise BadBinding where this live value cannot be given to code in this realm."""
        ...

    async def evaluate(self, work: Evaluation) -> Outcome:
        """Run the code once. Failures of the code are outcomes, never exceptions. Cancelling drops it before its first instruction."""
        ...

    async def close(self) -> None:
        """Let go of processes. Twice is harmless."""
        ...


class MainThread(Protocol):
    """The thread that owns the user's objects."""

    def run(self, job: Callable[[], T], label: str) -> Awaitable[T]:
        """Run the job there when no cell is running, and give its result to the awaiting loop."""
        ...


class Clock(Protocol):
    """Wall-clock time, in seconds since the epoch, UTC."""

    def now(self) -> float:
        """Give the time."""
        ...


class SystemClock:
    """The computer's clock."""

    def now(self) -> float:
        """Give the time."""
        return time.time()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How what failed for now is tried again.

    Model calls: seconds before the first retry, the longest wait, and how many failures in a row end it. A disk that takes no writes:
    seconds between the tries, which have no end, since what is to be written has happened.
    """

    first: float = 1.0
    longest: float = 600.0
    attempts: int = 14
    disk: float = 5.0


class Bell(Protocol):
    """How parts of a daemon tell one another that something was committed. Rung after the commit, never before."""

    def changed(self, task: int) -> None:
        """Tell whoever draws that a task is to be drawn again."""
        ...

    def heard(self, task: int) -> None:
        """Tell whoever draws that more text of a task's answer has come in."""
        ...

    def wake(self, task: int) -> None:
        """Tell the agent that a task may be able to go on; asking for nothing is harmless."""
        ...

    def call(self, act: Callable[[], T]) -> T:
        """Do something on the daemon's thread and give its result; from that thread it is an ordinary call."""
        ...
