"""What is kept of a value when its process may end: JSON, a snapshot, or only the recipe of how it came to be."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import dataclass, field
from typing import Literal

from endo_kernel.errors import ValueLost
from endo_kernel.powers import Json
from endo_kernel.values.descriptions import describe
from endo_kernel.values.displays import display_text, table
from endo_kernel.values.glances import glance
from endo_kernel.values.plain import is_json

LARGEST_SNAPSHOT = 64 << 20
LARGEST_JSON = 256 << 10


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one value. `how` says which of `json` and `pickle` holds it; for a `recipe` neither does, and `why` says why not.

    `description` is what a model may be told; `detail`, `table` and `text` are what a person is shown.
    """

    how: Literal["json", "snapshot", "recipe"]
    json: Json = None
    pickle: bytes | None = None
    why: str | None = None
    description: dict[str, Json] = field(default_factory=dict)
    detail: str = ""
    table: dict[str, Json] | None = None
    text: str | None = None


def keep(value: object, limit: int = LARGEST_SNAPSHOT) -> Kept:
    """Keep what can be kept of a value, and describe it.

    Runs code of the value's, on the thread that owns it; the failures of that code are recorded, not raised.
    """
    description = describe(value)
    detail, rows = str(glance(value)), table(value)
    text = None if rows or "image" in description else display_text(value, description)
    if is_json(value, most=LARGEST_JSON) and _json_size(value) <= LARGEST_JSON:
        return Kept("json", json=value, description=description, detail=detail, table=rows, text=text)
    data, why = _snapshot(value, limit)
    how: Literal["snapshot", "recipe"] = "recipe" if data is None else "snapshot"
    return Kept(how, pickle=data, why=why, description=description, detail=detail, table=rows, text=text)


def unkept(value: object, why: str = "only its recipe was kept") -> Kept:
    """Say of a value what can be said from any thread, where nothing of it was kept."""
    looked = glance(value)
    return Kept("recipe", why=why, description={"type": looked.type, "summary": looked.detail}, detail=str(looked))


def _json_size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _snapshot(value: object, limit: int) -> tuple[bytes | None, str | None]:
    """Give the pickle of a value, or why there is none."""
    file = _Bounded(limit)
    try:
        pickle.Pickler(file, protocol=5).dump(value)
    except _TooLarge:
        return None, f"it is larger than {limit >> 20} MiB" if limit >= 1 << 20 else f"it is larger than {limit} bytes"
    except Exception as error:  # noqa: BLE001  # part of a step: pickling runs the value's own code, which may raise anything
        return None, f"it cannot be pickled ({_first_line(error)})"
    return file.getvalue(), None


class _TooLarge(Exception):
    """A snapshot has outgrown its limit."""


class _Bounded(io.BytesIO):
    """A file in memory that refuses to grow over a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._left = limit

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # the pickler writes bytes only
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise _TooLarge
        return super().write(data)


def restore(data: bytes) -> object:
    """Build a value again from its snapshot; ValueLost says what is missing for it.

    Runs code of the value's, so it belongs on the thread that will own it. Only what this store's own digest vouches for may come here.
    """
    reader = _Reader(io.BytesIO(data))
    try:
        return reader.load()
    except ValueLost:
        raise
    except Exception as error:
        where = f" while building {reader.latest}" if reader.latest else ""
        raise ValueLost(
            f"its snapshot cannot be read here ({_first_line(error)}{where}). Make the value again, then bind it again."
        ) from error


class _Reader(pickle.Unpickler):
    """Reads a snapshot, and says which class is missing where one is."""

    latest = ""

    def find_class(self, module: str, name: str) -> object:
        self.latest = f"{module}.{name}"
        try:
            return super().find_class(module, name)
        except ModuleNotFoundError as error:
            missing = error.name or module
            raise ValueLost(
                f"its snapshot needs the module {missing!r}, which is not installed here. Install it, then try again."
            ) from error
        except AttributeError as error:
            where = "the notebook" if module == "__main__" else f"the module {module!r}"
            raise ValueLost(
                f"its snapshot needs {name!r} from {where}, which is not there now. Define it again, then try again."
            ) from error


def _first_line(error: BaseException) -> str:
    try:
        said = str(error).strip().split("\n", 1)[0][:200]
    except Exception:  # noqa: BLE001  # part of a step: an exception of the user's, which may not even print
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
