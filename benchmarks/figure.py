"""The figure: a durable step as the conversation grows, and how much of each aim is used. Readable on light and on dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.samples import Row, Sample, short

_TEXT, _FAINT = "#7a828c", "#7a828c55"
_COLOURS = ("#3b82f6", "#8b949e", "#2f9e6e", "#d97706")
_MISS = "#dc5b4b"
_OURS = "Endo"
_LEAST = 0.003
_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "endo",
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _FAINT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the rows into an SVG file with a transparent ground."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    with mpl.rc_context(_SETTINGS):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), width_ratios=(1, 1.05))
        _steps(left, [row for row in rows if row.group == "step" and "messages" in row.name and row.beside])
        _aims(right, [row for row in rows if row.aim is not None])
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)


def _steps(axes: Any, rows: Sequence[Row]) -> None:
    sizes = [int(re.sub(r"\D", "", row.name)) for row in rows]
    lines: dict[str, list[Sample]] = {_OURS: [row.sample for row in rows]}
    for name in rows[0].beside:
        lines[name] = [row.beside[name] for row in rows]
    for (name, samples), colour in zip(lines.items(), _COLOURS, strict=False):
        axes.plot(sizes, [sample.median for sample in samples], "o-", label=name, color=colour, lw=2, ms=4)
    axes.set(xscale="log", yscale="log", xlabel="messages in the conversation", title="One message made durable (ms)")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, place: f"{value:g}")
    axes.grid(axis="y", color=_FAINT, lw=0.5)
    axes.legend(frameon=False, fontsize=9)


def _aims(axes: Any, rows: Sequence[Row]) -> None:
    newest: dict[str, Row] = {}
    for row in rows:
        assert row.aim is not None
        before = newest.get(row.group)
        if before is None or before.aim is None or row.aim.figure / row.aim.limit > before.aim.figure / before.aim.limit:
            newest[row.group] = row
    worst = list(reversed(newest.values()))
    shares = [max(row.aim.figure / row.aim.limit, _LEAST) for row in worst if row.aim]
    axes.barh([_LABELS[row.group] for row in worst], shares, color=[_COLOURS[0] if row.aim and row.aim.met else _MISS for row in worst])
    for place, row in enumerate(worst):
        words = str(Sample((row.sample.median,), row.sample.unit))
        axes.text(1.02, place, words, va="center", fontsize=9, transform=axes.get_yaxis_transform())
    axes.axvline(1, color=_TEXT, lw=1, ls="--")
    axes.set(
        xscale="log", xlim=(_LEAST, max(3, *(share * 2 for share in shares))), title="Worst figure of each kind, as a share of its aim"
    )
    axes.xaxis.set_major_formatter(
        lambda value, place: f"{short(100 * value).rstrip('0').rstrip('.') if value < 1 else f'{100 * value:g}'} %"
    )
    axes.tick_params(left=False)


_LABELS = {
    "step": "durable step",
    "bytes": "bytes on disk",
    "resume": "resume an approval",
    "parked": "a parked task",
    "inbox": "inbox of 1,000",
    "start": "kernel start",
    "cell": "a cell's round trip",
    "click": "click while a cell runs",
}
