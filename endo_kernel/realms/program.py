"""Code made ready to run in this process: its last expression is the result, and its lines are there for tracebacks.

Top-level `await` runs to its end on the calling thread, on an event loop of its own, also where that thread already runs one, as a
notebook's main thread does. Objects that belong to the notebook's loop (an open session, a lock) cannot be awaited from there.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import inspect
import linecache
import re
import sys
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any

from endo_kernel.realms.reading import parse

_ANNOTATIONS = __future__.annotations.compiler_flag

_LINES_KEPT = 200
"""How many programs keep their source for tracebacks."""


class Program:
    """One piece of approved code, compiled under the name of its card."""

    def __init__(self, label: str, code: str) -> None:
        self.filename = f"<{label}>"
        self._module_name = "endo_" + re.sub(r"\W+", "_", label).strip("_")
        self._code = code
        self._parts: list[CodeType] = []

    def prepare(self) -> None:
        """Compile; raises SyntaxError where Python finds something that reading did not."""
        self._remember_lines()
        module = parse(self._code)
        last = module.body[-1] if module.body else None
        if isinstance(last, ast.Expr):
            module.body.pop()
            self._compile(module, "exec")
            self._compile(ast.Expression(last.value), "eval")
        else:
            self._compile(module, "exec")

    def run(self, slots: Mapping[str, object]) -> object:
        """Run in a fresh namespace of the slots and builtins, and give the value of the last expression."""
        module = ModuleType(self._module_name)
        namespace = module.__dict__
        namespace.update(slots)
        namespace["__builtins__"] = builtins
        value: object = None
        with _known_as(self._module_name, module):
            for part in self._parts:
                value = eval(part, namespace)  # noqa: S307 - the host approved this code
                if part.co_flags & inspect.CO_COROUTINE:
                    assert inspect.iscoroutine(value)
                    value = run_to_end(value)
        return value

    def _compile(self, unit: ast.Module | ast.Expression, mode: str) -> None:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | (self._parts[0].co_flags & _ANNOTATIONS if self._parts else 0)
        self._parts.append(compile(unit, self.filename, mode, flags, dont_inherit=True))

    def _remember_lines(self) -> None:
        ours = [name for name in linecache.cache if name.startswith("<card ")]
        for name in ours[: max(0, len(ours) - _LINES_KEPT)]:
            linecache.cache.pop(name, None)
        linecache.cache[self.filename] = (len(self._code), None, self._code.splitlines(keepends=True), self.filename)


@contextmanager
def _known_as(name: str, module: ModuleType) -> Iterator[None]:
    """Let the module be found while its code runs: dataclasses and type hints look for it by name.

    Not afterwards: a pickle of a class defined there could not be read back, so it must fail when it is made.
    """
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before


def run_to_end(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine to its end on this thread, whether or not a loop is running on it."""
    outer = _get_running_loop()
    task = asyncio.current_task(outer) if outer is not None else None
    if outer is not None and task is not None:
        _leave_task(outer, task)
    _set_running_loop(None)
    try:
        # a loop factory keeps Runner from replacing, and then removing, the thread's own event loop
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(coroutine)
    finally:
        _set_running_loop(outer)
        if outer is not None and task is not None:
            _enter_task(outer, task)
