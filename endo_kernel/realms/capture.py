"""What a step shows while it runs: text and displays, in order and with bounds.

The default catches the standard streams of plain Python; the kernel hands in one that also catches IPython's displays.
Threads that ran before the step keep their own output.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TextIO


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one step may show: characters of text, number of displays, and bytes of one and of all displays."""

    text: int = 64 * 1024
    displays: int = 20
    display: int = 1024 * 1024
    all_displays: int = 2 * 1024 * 1024


class Capture(Protocol):
    """The output of one step while it is caught."""

    def display(self, data: Mapping[str, object]) -> None:
        """Add a rich display: a value for each MIME type."""
        ...

    def outputs(self) -> tuple[dict[str, Any], ...]:
        """Give what was caught, in order, in the shape of `Outcome.output`."""
        ...


CapturePower = Callable[[], AbstractContextManager[Capture]]
"""Starts to catch on entry, and gives the streams back on exit."""


class Outputs:
    """The bounded list of what one step showed. Safe to use from several threads."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._lock = threading.RLock()
        self.clear()
        self._text_used = 0

    def clear(self) -> None:
        """Forget what was shown; the allowance for text is not given back."""
        with self._lock:
            self._items: list[dict[str, Any]] = []
            self._sizes: list[int] = []
            self._by_id: dict[str, int] = {}
            self._left_out = 0

    def write(self, name: str, text: str) -> None:
        """Add text to a stream; what goes over the bound is dropped, and the last line says so."""
        with self._lock:
            room = self._bounds.text - self._text_used
            if not text or room < 0:
                return
            if len(text) > room:
                text = f"{text[:room]}\n[output cut after {self._bounds.text // 1024} KiB]\n"
                room = 0
                self._text_used = self._bounds.text + 1
            else:
                self._text_used += len(text)
            last = self._items[-1] if self._items else None
            if last is not None and last.get("name") == name:
                last["text"].append(text)
            else:
                self._append({"kind": "stream", "name": name, "text": [text]}, 0)

    def display(self, data: Mapping[str, object], display_id: str | None = None) -> None:
        """Add a display, or count it as left out."""
        with self._lock:
            number = sum(item["kind"] == "display" for item in self._items)
            if number >= self._bounds.displays:
                self._left_out += 1
                return
            bounded, size = self._bound(data, sum(self._sizes))
            self._append({"kind": "display", "data": bounded}, size)
            if display_id is not None:
                self._by_id[display_id] = len(self._items) - 1

    def update(self, data: Mapping[str, object], display_id: str) -> bool:
        """Replace the display of that id, and say whether it was shown here."""
        with self._lock:
            place = self._by_id.get(display_id)
            if place is None:
                return False
            bounded, size = self._bound(data, sum(self._sizes) - self._sizes[place])
            self._items[place] = {"kind": "display", "data": bounded}
            self._sizes[place] = size
            return True

    def outputs(self) -> tuple[dict[str, Any], ...]:
        """Give what was shown, in order."""
        with self._lock:
            shown = [{**item, "text": "".join(item["text"])} if item["kind"] == "stream" else dict(item) for item in self._items]
            if self._left_out:
                note = f"[{self._left_out} more displays left out: a step shows {self._bounds.displays}]\n"
                shown.append({"kind": "stream", "name": "stderr", "text": note})
            return tuple(shown)

    def _append(self, item: dict[str, Any], size: int) -> None:
        self._items.append(item)
        self._sizes.append(size)

    def _bound(self, data: Mapping[str, object], used: int) -> tuple[dict[str, str], int]:
        room = min(self._bounds.display, self._bounds.all_displays - used)
        kept: dict[str, str] = {}
        dropped: list[str] = []
        size = 0
        for mime in sorted(data, key=lambda mime: mime != "text/plain"):  # the plain text is what stays when the rest is too large
            text = _as_text(data[mime])
            if text is None or size + len(text) > room:
                dropped.append(mime)
            else:
                kept[mime] = text
                size += len(text)
        if dropped and not any(mime != "text/plain" for mime in kept):
            note = f"[{', '.join(dropped)} left out: too large to show]"
            kept["text/plain"] = f"{kept.get('text/plain', '')} {note}".strip()
        return kept, size


def _as_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


class Residents:
    """The threads that were there before a step began, other than the one that runs it."""

    def __init__(self) -> None:
        here = threading.get_ident()
        self._idents = {thread.ident for thread in threading.enumerate()} - {here}

    def is_speaking(self) -> bool:
        """Say whether the calling thread is one of them."""
        return threading.get_ident() in self._idents


class _Stream(io.TextIOBase):
    """Stands in for a standard stream while a step runs."""

    def __init__(self, name: str, into: Outputs, beside: TextIO, residents: Residents) -> None:
        self._name = name
        self._into = into
        self._beside = beside
        self._residents = residents

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        if self._residents.is_speaking():
            return self._beside.write(text)
        self._into.write(self._name, str(text))
        return len(text)


@contextlib.contextmanager
def standard_streams(into: Outputs, residents: Residents) -> Iterator[None]:
    """Send what this thread and its new threads print to `into`."""
    out, err = sys.stdout, sys.stderr
    ours = _Stream("stdout", into, out, residents), _Stream("stderr", into, err, residents)
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        if sys.stdout is ours[0]:  # code that put its own stream there keeps it: it may be a notebook's wish
            sys.stdout = out
        if sys.stderr is ours[1]:
            sys.stderr = err


@contextlib.contextmanager
def capture_streams() -> Iterator[Outputs]:
    """Catch the standard streams of plain Python: the capture power where there is no IPython."""
    outputs = Outputs()
    with standard_streams(outputs, Residents()):
        yield outputs
