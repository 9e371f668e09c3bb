"""A conversation that outgrows its model's window is compacted by the API where it can be, and fails with advice where it cannot.

The record stays whole and append-only in both cases, and an open card is an open card.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from endo_kernel.session import Defaults
from tests.loopback import Answer, MessagesServer, Recorded, text, use
from tests.loopback_window import BETA
from tests.promises.claudes import ClaudesWorld
from tests.world import define

WINDOW = 150_000
A_THIRD = "word " * 40_000
"""A letter of some 50,000 tokens."""


def asked(request: Recorded) -> bool:
    """Tell whether a request asks for compaction."""
    assert ("context_management" in request.body) == (BETA in request.headers.get("anthropic-beta", ""))
    return "context_management" in request.body


def propose(title: str) -> dict[str, Any]:
    return use(*define(title, "1 + 1", "confined"))


@pytest.fixture
def outgrowing(claude: ClaudesWorld, server: MessagesServer) -> ClaudesWorld:
    server.window = WINDOW
    return claude


def test_a_conversation_that_outgrows_the_window_goes_on_and_its_record_is_whole(outgrowing: ClaudesWorld, server: MessagesServer) -> None:
    server.will_say("Read.")
    task = outgrowing.endo.task(A_THIRD)
    assert task.wait(20) == "idle"
    snapshots = [task.conversation]
    for _ in range(4):
        server.will_turn([text("I propose this."), propose("Look")])
        server.will_say("Looked.")
        task.send(A_THIRD)
        assert task.wait(20) == "waiting"
        (card,) = outgrowing.endo.inbox
        outgrowing.endo.endow(card)
        assert task.wait(20) == "idle"
        snapshots.append(task.conversation)

    assert len(str(task.conversation)) // 4 > WINDOW
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(snapshots))
    assert server.requests[-1].messages == task.conversation[:-1]


def test_nothing_of_compaction_is_sent_below_the_threshold_and_all_that_is_given_comes_back(
    outgrowing: ClaudesWorld, server: MessagesServer
) -> None:
    for _ in range(2):
        server.will_say("Read.")
    task = outgrowing.endo.task(A_THIRD)
    task.wait(20)
    task.send(A_THIRD)
    assert task.wait(20) == "idle"
    assert not any(asked(request) for request in server.requests)
    server.will_turn([text("So:"), propose("Look")])

    task.send("and now?")

    assert task.wait(20) == "waiting"
    assert asked(server.requests[-1])
    assert server.requests[-1].body.keys() - server.requests[0].body.keys() == {"context_management"}
    given = task.conversation[-1]["content"]
    assert [block["type"] for block in given] == ["compaction", "text", "tool_use"]
    assert given[0]["content"] == "Summary of 5 messages."
    assert len(given[0]["encrypted_content"]) == 32
    assert "summarised the conversation" in str(outgrowing.show(task))


def test_a_card_that_the_compacting_turn_opened_outlives_a_restart(outgrowing: ClaudesWorld, server: MessagesServer) -> None:
    for _ in range(2):
        server.will_say("Read.")
    server.will_turn([text("So:"), propose("Look")])
    task = outgrowing.endo.task(A_THIRD)
    for letter in (A_THIRD, "and now?"):
        task.wait(20)
        task.send(letter)
    assert task.wait(20) == "waiting"
    read = task.usage["input"]
    server.will_say("Two.")

    outgrowing.restart()

    (card,) = outgrowing.endo.inbox
    assert outgrowing.endo.endow(card) == 2
    task = outgrowing.endo.tasks[task.id]
    assert task.wait(20) == "idle"
    assert asked(server.requests[-1])
    assert server.requests[-1].messages == task.conversation[:-1]
    assert read > 250_000
    assert task.usage["input"] - read < 10_000


def test_a_model_that_does_not_compact_fails_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MessagesServer(plain=True, models=["llama3"], window=WINDOW) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        world = ClaudesWorld(tmp_path / "store", server)
        world.session.defaults = Defaults(lambda: "llama3", max_tokens=1000)
        server.will_answer(lambda _: Answer([text("Read.")]))
        task = world.endo.task(A_THIRD)
        task.wait(20)
        for _ in range(2):
            task.send(A_THIRD)
            status = task.wait(20)
        world.close()

        assert status == "failed"
        assert not any(asked(request) for request in server.requests)

    again = ClaudesWorld(tmp_path / "store", server)
    assert "maximum" in str(again.endo.tasks[task.id].why)
    assert "Start another task with endo.task(...)" in str(again.endo.tasks[task.id].why)
    again.close()
