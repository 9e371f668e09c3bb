"""The record of a view in a notebook's output: a versioned JSON snapshot, with HTML and plain text for pages that do not know it.

The HTML is escaped text and tables only: nothing that an agent wrote becomes markup here, or an order to a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from endo_kernel.powers import Json
from endo_kernel.visible import visible_code, visible_words

TASK_MIME = "application/vnd.endo.task+json"
CARDS_MIME = "application/vnd.endo.cards+json"
VERSION = 1


def bundle(store: str, show: Mapping[str, Json], view: Mapping[str, Json]) -> dict[str, Json]:
    """Give the MIME bundle of a view: the record, HTML and text."""
    mime = TASK_MIME if show["kind"] == "task" else CARDS_MIME
    snapshot = {"v": VERSION, "show": dict(show), "store": store, "view": dict(view)}
    return {mime: snapshot, "text/html": _html(view), "text/plain": _text(view)}


def table_html(rows: Sequence[Mapping[str, Json]], nothing: str) -> str:
    """Draw rows as an HTML table, escaped."""
    if not rows:
        return f"<p>{escape(nothing)}</p>"
    head = "".join(f"<th style='text-align:left'>{escape(str(name))}</th>" for name in rows[0])
    body = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left;white-space:pre-wrap'>{escape(_cell(value))}</td>" for value in row.values())
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def table_text(rows: Sequence[Mapping[str, Json]], nothing: str) -> str:
    """Draw rows as aligned text."""
    if not rows:
        return nothing
    cells = [list(rows[0]), *([_cell(value).replace("\n", " ")[:60] for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def tasks_text(rows: Sequence[Mapping[str, Json]]) -> str:
    """Draw the table of tasks as text."""
    return table_text(task_rows(rows), "No tasks yet: endo.task('...') gives an agent one.")


def task_rows(rows: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """Choose what a person needs to see of each task."""
    return [
        {
            "id": row["id"],
            "title": row["title"],
            "status": row["status"],
            "step": _progress(row),
            "waits for": ", ".join(f"#{number}" for number in row["waiting_for"]),
            "tokens": f"{row['tokens']:,}",
            "cost": "" if row["usd"] is None else f"${row['usd']:.2f}",
        }
        for row in rows
    ]


def _progress(row: Mapping[str, Json]) -> str:
    if not row["progress"]:
        return ""
    done, total = row["progress"]
    return f"{done} of {total}" + (f": {row['plan_step']}" if row["plan_step"] else "")


def _cell(value: Json) -> str:
    return "" if value is None else visible_words(str(value))


def _html(view: Mapping[str, Json]) -> str:
    head = view["head"]
    if head["kind"] == "tasks":
        return table_html(task_rows(head["rows"]), "No tasks yet.")
    lines = [f"<p><b>{escape(title)}</b></p>" for title in [_title(head)] if title]
    lines += [_entry_html(view["entries"][key]) for key in view["order"]]
    return "<div>" + "".join(lines) + "</div>" if lines else "<p>Nothing waits for you.</p>"


def _entry_html(entry: Mapping[str, Json]) -> str:
    if entry["kind"] != "card":
        return f"<p><i>{escape(_who(entry))}</i> <span style='white-space:pre-wrap'>{escape(visible_words(entry['text']))}</span></p>"
    card = entry["card"]
    code = f"<pre>{escape(visible_code(card['code']))}</pre>" if card["code"] else ""
    result = escape(_outcome(card))
    return f"<p>{escape(_card_line(card))}</p>{code}" + (f"<pre>{result}</pre>" if result else "")


def _text(view: Mapping[str, Json]) -> str:
    head = view["head"]
    if head["kind"] == "tasks":
        return tasks_text(head["rows"])
    lines = [title for title in [_title(head)] if title]
    for key in view["order"]:
        entry = view["entries"][key]
        if entry["kind"] == "card":
            parts = [_card_line(entry["card"]), visible_code(entry["card"]["code"] or ""), _outcome(entry["card"])]
            lines += [part for part in parts if part]
        else:
            lines.append(f"{_who(entry)} {visible_words(entry['text'])}")
    return "\n\n".join(lines) or "Nothing waits for you."


def _title(head: Mapping[str, Json]) -> str:
    return visible_words(f"Task {head['id']}: {head['title']} ({head['status_text']})") if head["kind"] == "task" else ""


def _who(entry: Mapping[str, Json]) -> str:
    return {"host": "You:", "note": "Note:"}.get(entry["kind"]) or f"{entry['who']}:"


def _card_line(card: Mapping[str, Json]) -> str:
    slots = ", ".join(f"{slot['name']}: {slot['label']}" for slot in card["slots"])
    where = f", {card['realm']} realm" if card["realm"] else ""
    return visible_words(f"#{card['number']} {card['title']} [{card['state']}{where}]" + (f" slots: {slots}" if slots else ""))


def _outcome(card: Mapping[str, Json]) -> str:
    outcome = card["outcome"]
    if not outcome:
        return ""
    if outcome["error"]:
        return visible_words(f"{outcome['error']['type']}: {outcome['error']['message']}")
    named = f"{outcome['result']}: " if outcome["result"] else ""
    return named + visible_words(str(outcome["text"] or outcome["detail"] or outcome["answer"] or ""))
