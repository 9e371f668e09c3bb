"""What a person is shown is a record, and text that hides nothing."""

from __future__ import annotations

from datetime import datetime

from tests.loopback import MessagesServer
from tests.outside.notebook import Notebook, definition


def test_tasks_cards_and_lists_display_as_records_with_text(notebook: Notebook, server: MessagesServer) -> None:
    server.about("displays").will_use(define=definition("1 < 2  # <b>bold</b>", title="Look <script>"))
    notebook.give("displays")
    number = notebook.card()

    task = notebook.shown("task")
    assert task["application/vnd.endo.task+json"]["show"]["kind"] == "task"
    assert "waiting" in notebook.shown("endo.tasks")["text/plain"]
    assert "application/vnd.endo.cards+json" in notebook.shown("endo.tasks")
    assert "application/vnd.endo.cards+json" in notebook.shown("endo.inbox")
    card = notebook.shown(f"endo.inbox[{number}]")
    assert "application/vnd.endo.cards+json" in card
    assert "1 < 2  # <b>bold</b>" in card["text/plain"]
    assert "<script>" not in card["text/html"]
    assert "<b>bold</b>" not in card["text/html"]


def test_text_shows_what_code_hides(notebook: Notebook, server: MessagesServer) -> None:
    hidden = "wipe = 1\x1b[2K\r\u202e  # harmless\u200b\n2".replace("\x1b[2K\r", "  # \x1b[2K")
    server.about("hides").will_use(define=definition(hidden, title="A \x1b[31mtitle\u202e"))
    notebook.give("hides")
    assert notebook.value("[task.status, len(task.cards)]") == ["waiting", 1]

    card = notebook.shown(f"endo.inbox[{notebook.card()}]")

    assert notebook.value("task.cards[-1].code") == hidden
    for mime in ("text/plain", "text/html"):
        assert not set("\x1b\u202e\u200b") & set(card[mime]), mime
        assert "wipe" in card[mime]


def test_times_in_machine_readable_output_are_iso_in_utc(server: MessagesServer, notebook: Notebook) -> None:
    server.about("iso").will_use(define=definition("1"))
    notebook.give("iso")

    view = notebook.shown(f"endo.inbox[{notebook.card()}]")["application/vnd.endo.cards+json"]["view"]

    (entry,) = view["entries"].values()
    assert datetime.fromisoformat(entry["at"]).utcoffset() is not None
