"""The table, as Markdown and as JSON."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.samples import Row, Sample, ratio, short

_HEAD = ("", "measured", "aim", "", "beside it, in the same rounds")


def markdown(rows: Sequence[Row]) -> str:
    """Give the table, with what the rows' notes say below it."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|"]
    for row in rows:
        verdict = "" if row.aim is None else "pass" if row.aim.met else "**miss**"
        cells = (row.name, str(row.sample), row.aim.words if row.aim else "", verdict, _beside(row))
        lines.append("| " + " | ".join(cells) + " |")
    notes = [f"- {row.name}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, "", *notes])


def _beside(row: Row) -> str:
    return "; ".join(f"{name} {sample}{_times(row.sample, sample)}" for name, sample in row.beside.items())


def _times(ours: Sample, other: Sample) -> str:
    comparable = len(ours.rounds) == len(other.rounds) and ours.unit == other.unit
    return f" ({short(1 / ratio(ours, other))}x ours)" if comparable and len(ours.rounds) > 1 else ""


def machine() -> str:
    """Say what it was measured on."""
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()} on {os.cpu_count()} cores, "
        f"load {short(os.getloadavg()[0]) if hasattr(os, 'getloadavg') else 'unknown'} at the end. Median [min..max] of the rounds."
    )


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Give everything that was measured, round by round."""
    return {
        "python": sys.version,
        "machine": machine(),
        "rows": [
            {
                "group": row.group,
                "name": row.name,
                "unit": row.sample.unit,
                "median": row.sample.median,
                "rounds": row.sample.rounds,
                "aim": row.aim and {"words": row.aim.words, "figure": row.aim.figure, "limit": row.aim.limit, "met": row.aim.met},
                "beside": {name: {"unit": sample.unit, "rounds": sample.rounds} for name, sample in row.beside.items()},
                "note": row.note,
            }
            for row in rows
        ],
    }
