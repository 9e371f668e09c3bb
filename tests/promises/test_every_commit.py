"""The process is killed after each commit of a whole task in turn: whatever the commit, the next life takes the task to the same end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from endo_kernel.store import open_store, where
from tests.loopback_rules import check_conversation
from tests.promises.lives import Death, Life, Play, check_asked, effect, live
from tests.world import define

PROMPT, FOLLOW_UP = "Count the flowers", "and mind the tulips"
CARDS = {1: ("Count", "toolu_0_1"), 2: ("Double", "toolu_0_2"), 3: ("Guess", "toolu_0_3"), 4: ("Report", "toolu_1_0")}
"""Title and tool use of each card, by its number."""
VALUES = {1: 3, 2: 6, 4: "6 flowers"}
"""What each card gives where it runs as the host approved it."""


def a_task(home: Path) -> Play:
    """Three cards of one turn, one of them from another, then one more, which the host edits."""
    return [
        [
            ("plan", {"steps": [{"title": "Count", "status": "active"}, {"title": "Report", "status": "pending"}]}),
            define("Count", effect(home, "count", "3"), result="flowers"),
            define("Double", effect(home, "double", "n * 2"), n={"label": "how many", "from": "flowers"}, result="twice"),
            define("Guess", effect(home, "guess"), result="guess"),
        ],
        [define("Report", effect(home, "report-unedited"), n={"label": "how many", "from": "twice"}, result="report")],
        [("finish", {"summary": "Counted."})],
    ]


def who_fails(life: Life) -> None:
    _take_to_the_end(life, lambda card: life.endo.fail(card, "it may have run"))


def who_reruns(life: Life) -> None:
    _take_to_the_end(life, lambda card: _acknowledge(life, card.number, life.endo.rerun(card)))


def who_resolves(life: Life) -> None:
    _take_to_the_end(life, lambda card: life.endo.resolve(card, VALUES[card.number]))


def _take_to_the_end(life: Life, settle: Callable[[Any], None]) -> None:
    """Do what is left to do, from whatever an earlier life has left."""
    task = life.endo.tasks[1] if len(life.endo.tasks) else life.endo.task(PROMPT)
    while task.wait(10) == "waiting":
        if FOLLOW_UP not in [message.text for message in task.messages]:
            task.send(FOLLOW_UP)
        for card in sorted(life.endo.inbox, key=lambda card: card.title != "Double"):
            if card.state == "unknown":
                settle(card)
            elif card.state == "open":
                _decide(life, card)
    assert task.status in ("done", "idle")


def _decide(life: Life, card: Any) -> None:
    if card.title == "Guess":
        life.endo.reject(card, "no guesses")
    elif card.title == "Report":
        _acknowledge(life, card.number, life.endo.endow(card, _code=effect(life.home, "report", "f'{n} flowers'")))
    else:
        _acknowledge(life, card.number, life.endo.endow(card))


def _acknowledge(life: Life, card: int, value: object) -> None:
    """Note that a result was seen."""
    if value is not None:
        with (life.home / "seen").open("a") as file:
            print(json.dumps([card, value]), file=file)


def _seen(home: Path) -> list[Any]:
    path = home / "seen"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def check_the_end(life: Life, play: Play) -> None:
    """Hold what is left at the end of all lives against what was promised."""
    task = life.endo.tasks[1]
    check_asked(life.asked(), play)
    check_conversation(task.conversation)
    assert len(life.endo.inbox) == 0
    assert [card.title for card in task.cards] == [CARDS[card.number][0] for card in task.cards]
    assert [message.text for message in task.messages if message.who == "you"] == [PROMPT, FOLLOW_UP]
    told = _told(task.conversation)
    for card in task.cards:
        approvals = [change for change in card.log if change["state"] == "approved"]
        starts = [change for change in card.log if change["state"] == "running"]
        word = "report" if card.title == "Report" else card.title.lower()
        happened = life.happened().count(word)
        assert happened <= len(starts) <= len(approvals)
        assert json.loads(told[CARDS[card.number][1]])["status"] in (card.state, "withdrawn")
        if card.state == "done":
            assert life.endo[str(card.result)] == VALUES[card.number]
            assert happened or card.log[-1]["why"] == "the host gave the result"
    assert {"guess", "report-unedited"}.isdisjoint(life.happened())
    for number, value in _seen(life.home):
        assert life.endo.inbox[number].state == "done"
        assert life.endo[str(life.endo.inbox[number].result)] == value


def _told(conversation: list[dict[str, Any]]) -> dict[str, str]:
    """Give what the agent was told of each of its tool uses; what one was told twice would fail the rules of the API."""
    results = [block for message in conversation if message["role"] == "user" for block in message["content"]]
    return {block["tool_use_id"]: block["content"][0]["text"] for block in results if block["type"] == "tool_result"}


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Callable[[Path], Life]]:
    lives: list[Life] = []

    def reopen_store(home: Path) -> Life:
        lives.append(Life(home, []))
        return lives[-1]

    yield reopen_store
    for life in lives:
        life.close()


def was_running(home: Path) -> bool:
    with open_store(home / "store", readonly=True) as store:
        return bool(store.table("cards").search(where("state") == "running"))


def test_nothing_is_lost_and_nothing_happens_twice_whichever_commit_was_the_last(tmp_path: Path, reopen: Callable[[Path], Life]) -> None:
    for commit in count(1):
        for person in (who_fails, who_reruns, who_resolves):
            home = tmp_path / f"{commit}-{person.__name__}"
            died = live(home, a_task(home), person, Death(commit=commit))
            unknown = died and was_running(home)
            if died:
                assert not live(home, a_task(home), person)
            check_the_end(reopen(home), a_task(home))
            if not unknown:  # then it makes no difference who the person is
                break
        if not died:
            break

    assert commit > 20


@pytest.mark.parametrize("person", [who_fails, who_resolves])
def test_a_task_ends_although_each_of_its_lives_ends_with_its_first_commit(
    tmp_path: Path, reopen: Callable[[Path], Life], person: Callable[[Life], None]
) -> None:
    lives = 1
    while live(tmp_path, a_task(tmp_path), person, Death(commit=1)):
        lives += 1
        assert lives < 100

    check_the_end(reopen(tmp_path), a_task(tmp_path))
