"""One live view as a widget. It draws what the daemon says over its comm, and keeps nothing of its own but what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from endo_kernel.powers import Json

_STATIC = Path(__file__).parent / "static"


class EndoView(anywidget.AnyWidget):
    """A thread, a card or a list; lives as long as its output."""

    _esm = _STATIC / "thread.js"
    _css = _STATIC / "thread.css"

    show = traitlets.Dict(help="What is shown, as in the protocol's `hello`.").tag(sync=True)
    snapshot = traitlets.Dict(help="The view as it was when the output was made, for a page without a kernel.").tag(sync=True)


def make_view(show: Mapping[str, Json], snapshot: Mapping[str, Json], claim: Callable[[EndoView], None]) -> dict[str, Any]:
    """Make a view, have `claim` connect it, and give its part of a MIME bundle."""
    view = EndoView(show=dict(show), snapshot=dict(snapshot))
    claim(view)
    bundle: Any = view._repr_mimebundle_() or {}
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    mime = "application/vnd.jupyter.widget-view+json"
    return {mime: data[mime]} if mime in data else {}
