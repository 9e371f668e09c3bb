"""A task comes at once, and everything about it can be asked, said and steered from a cell."""

from __future__ import annotations

import threading
from importlib.metadata import entry_points

import pytest
from jupyter_client.kernelspec import KernelSpecManager

import endo_kernel
from tests.loopback import MessagesServer
from tests.outside.notebook import Notebook, calls, definition, result, told


def test_the_distribution_has_its_names() -> None:
    spec = KernelSpecManager().get_kernel_spec("endo")

    assert (spec.display_name, spec.language) == ("Python 3 (Endo)", "python")
    assert issubclass(endo_kernel.EndoError, Exception)
    assert [script.value for script in entry_points(group="console_scripts", name="jupyter-endo")] == ["endo_kernel.cli:main"]


def test_a_task_comes_at_once_and_is_told_by_its_attributes(notebook: Notebook, server: MessagesServer) -> None:
    gate = threading.Event()
    steps = [{"title": "Read", "status": "done"}, {"title": "Fit", "status": "active"}, {"title": "Tell", "status": "pending"}]
    server.about("attributes").will_use(say="Reading first.", plan={"steps": steps}, how={"hold": gate})
    server.about("attributes").will_say("That is all.")

    server.about("something else").will_say("Never heard.", hold=gate)
    notebook.do("task = endo.task('Tell me of attributes\\nin two lines'); other = endo.task('something else', title='Named')")
    assert notebook.value("task.wait(timeout=0)") in ("ready", "thinking")
    assert notebook.value("task.progress") is None
    notebook.do("other.cancel('one is enough')")
    gate.set()

    assert notebook.value("task.wait(20)") == "idle"
    assert notebook.value("[task.title, other.title]") == ["Tell me of attributes", "Named"]
    assert notebook.value("endo.tasks[task.id] == task and task.id in [each.id for each in endo.tasks]")
    assert isinstance(notebook.value("task.id"), int)
    assert notebook.value("[other.status, other.why]") == ["cancelled", "one is enough"]


def test_progress_messages_conversation_and_usage_are_of_the_whole_task(notebook: Notebook, server: MessagesServer) -> None:
    steps = [{"title": "Read", "status": "done"}, {"title": "Fit", "status": "active"}, {"title": "Tell", "status": "pending"}]
    server.about("progressing").will_use(say="Reading first.", plan={"steps": steps})
    server.about("progressing").will_say("That is all.")

    assert notebook.give("progressing") == "idle"

    assert notebook.value("task.progress") == [1, 3]
    assert notebook.value("[[m.who, m.text] for m in task.messages]") == [
        ["you", "progressing"],
        ["agent", "Reading first."],
        ["agent", "That is all."],
    ]
    sent = calls(server, "progressing")[-1].messages
    assert notebook.value("task.conversation[:-1]") == sent
    assert notebook.value("task.conversation[-1]") == {"role": "assistant", "content": [{"type": "text", "text": "That is all."}]}
    usage = notebook.value("task.usage")
    assert set(usage) == {"input", "output", "cache_read", "cache_write", "cost_usd"}
    assert usage["cost_usd"] == pytest.approx((usage["input"] * 1000 + usage["output"] * 2000) / 1e6)
    assert notebook.value("list(task.steps)") == []


def test_unknown_tasks_and_empty_words_are_refused_with_what_would_work(notebook: Notebook, server: MessagesServer) -> None:
    server.about("empty words").will_say("Done.")
    notebook.give("empty words")

    name, words = notebook.refused("endo.tasks[4711]")
    assert (name, "4711" in words) == ("TaskUnknown", True)
    assert "endo.task(" in notebook.refused("endo.task('  ')")[1]
    assert "empty" in notebook.refused("task.send('')")[1]
    assert "surrogate" in notebook.refused(r"task.cancel('half \ud800')")[1]
    assert "surrogate" in notebook.refused(r"task.send('half \ud800')")[1]
    assert "surrogate" in notebook.refused(r"endo.task('half \ud800')")[1]
    notebook.do("task.cancel('enough')")
    assert "cancelled" in notebook.refused("task.send('again')")[1]
    assert "cancelled" in notebook.refused("task.resume()")[1]


def test_a_message_waits_for_open_cards_unless_it_withdraws_them(notebook: Notebook, server: MessagesServer) -> None:
    server.about("also").will_use(define=definition("1"))
    server.about("also").will_use(define=definition("2"))
    server.about("also").will_say("Done.")
    notebook.give("also")

    notebook.do("task.send('also try ridge')")
    assert notebook.value("task.status") == "waiting"
    notebook.do(f"endo.endow({notebook.card()})")
    notebook.value("task.wait(20)")
    assert [block["type"] for block in told(server, "also")] == ["tool_result", "text"]
    assert told(server, "also")[1]["text"] == "also try ridge"

    notebook.do("task.send('stop, use the other table', withdraw=True)")
    assert notebook.value("task.wait(20)") == "idle"
    block, said = told(server, "also")
    assert (block["is_error"], result(block)["status"], said["text"]) == (True, "withdrawn", "stop, use the other table")
    assert notebook.value(f"endo.inbox[{notebook.card()}].state") == "withdrawn"


def test_a_follow_up_goes_on_in_the_same_conversation_also_after_the_end(notebook: Notebook, server: MessagesServer) -> None:
    server.about("follow up").will_use(finish={"summary": "All done."})
    server.about("follow up").will_say("Gladly.")
    assert notebook.give("follow up") == "done"

    notebook.do("task.send('one more thing')")

    assert notebook.value("task.wait(20)") == "idle"
    assert told(server, "follow up")[-1] == {"type": "text", "text": "one more thing"}


def test_a_paused_task_calls_no_model_until_it_is_resumed(notebook: Notebook, server: MessagesServer) -> None:
    server.about("pausing").will_use(define=definition("1"))
    server.about("pausing").will_say("Done.")
    notebook.give("pausing")

    notebook.do("task.pause()")
    assert notebook.value("task.status") == "paused"
    notebook.do(f"endo.endow({notebook.card()})")
    assert notebook.value("task.wait(20)") == "paused"
    assert len(calls(server, "pausing")) == 1

    notebook.do("task.resume()")
    assert notebook.value("task.wait(20)") == "idle"


def test_cancelling_withdraws_the_cards(notebook: Notebook, server: MessagesServer) -> None:
    server.about("cancelling").will_use(define=definition("1"))
    notebook.give("cancelling")
    number = notebook.card()

    notebook.do("task.cancel('why')")

    assert notebook.value(f"[task.status, endo.inbox[{number}].state]") == ["cancelled", "withdrawn"]
    assert "already withdrawn" in notebook.refused(f"endo.endow({number})")[1]
