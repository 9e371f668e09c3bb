"""A key is used and never kept: not in the store, not in an output, not in a log."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.loopback import KEY, MessagesServer
from tests.outside.notebook import Notebook


def test_a_wrong_key_fails_the_task_in_the_apis_words_until_it_is_mended(notebook: Notebook, server: MessagesServer) -> None:
    server.about("wrong key").will_say("Now I can.")
    notebook.do("import os\nright = os.environ['ANTHROPIC_API_KEY']\nos.environ['ANTHROPIC_API_KEY'] = 'sk-ant-wrong-0123456789'")

    assert notebook.give("wrong key") == "failed"

    assert "invalid x-api-key" in notebook.value("task.why")
    notebook.do("os.environ['ANTHROPIC_API_KEY'] = right\ntask.resume()")
    assert notebook.value("task.wait(20)") == "idle"
    assert notebook.value("task.messages[-1].text") == "Now I can."


def test_a_key_that_the_server_echoes_is_not_repeated(notebook: Notebook, server: MessagesServer) -> None:
    server.about("echoes").will_fail(401, f"the key {KEY} is not allowed here", kind="authentication_error")

    assert notebook.give("echoes") == "failed"

    assert KEY not in notebook.value("task.why")
    assert "is not allowed here" in notebook.value("task.why")


def test_no_secret_is_in_the_store_the_outputs_or_the_log(notebook: Notebook, store: Path) -> None:
    notebook.do("endo.inbox, endo.tasks, endo.names")
    for each in notebook.value("[task.id for task in endo.tasks]"):
        notebook.shown(f"endo.tasks[{each}]")

    files = [path for path in store.rglob("*") if path.is_file()]

    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        for secret in (KEY, "sk-ant-wrong"):
            assert secret.encode() not in path.read_bytes(), path
    said = json.dumps([message["content"] for message in notebook.page.seen if message["msg_type"] != "execute_input"], default=str)
    assert KEY not in said
    assert KEY.encode() not in notebook.log.read_bytes()
