"""Figures that a step draws with pyplot and leaves open: shown as images of the step, then closed.

matplotlib is never imported from here; where no code has imported it, there are no figures.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from endo_kernel.realms.capture import Capture


def open_figures() -> frozenset[int]:
    """Give the numbers of pyplot's open figures."""
    plt = _pyplot()
    return frozenset(plt.get_fignums()) if plt is not None else frozenset()


def show_new_figures(before: frozenset[int], into: Capture) -> None:
    """Render and close the figures that were not open before."""
    plt = _pyplot()
    if plt is None:
        return
    for number in sorted(open_figures() - before):
        figure = plt.figure(number)
        try:
            if figure.get_children()[1:]:  # the first child is the background: an empty figure shows nothing
                into.display({"image/png": _png(figure), "text/plain": repr(figure)})
        finally:
            plt.close(number)


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


def _pyplot() -> Any:
    return sys.modules.get("matplotlib.pyplot")
