"""Each row of the design's table of deaths: the process is killed exactly there, and the next life finds what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from endo_kernel.errors import CardDecided
from endo_kernel.store import Store, where
from tests.loopback_rules import check_conversation
from tests.promises.lives import Death, Life, Play, check_asked, die, effect, live
from tests.world import define

Next = Callable[[Play], Life]


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Next]:
    """Opens the store that a life left behind, in this process."""
    lives: list[Life] = []

    def reopen_store(play: Play) -> Life:
        lives.append(Life(tmp_path, play))
        return lives[-1]

    yield reopen_store
    for life in lives:
        life.close()
        check_asked(life.asked(), life.model._play)  # type: ignore[attr-defined]


# What a person does in the life that ends


def gives_a_task(life: Life) -> None:
    life.endo.task("Say it").wait(10)


def writes_twice(life: Life) -> None:
    task = life.endo.task("Say it")
    task.wait(10)
    task.send("and again")
    task.wait(10)


def endows_the_first(life: Life) -> None:
    gives_a_task(life)
    life.endo.endow(1)
    life.endo.tasks[1].wait(10)


def endows_the_second(life: Life) -> None:
    gives_a_task(life)
    life.endo.endow(2)


def endows_with_a_value(life: Life) -> None:
    gives_a_task(life)
    life.endo.endow(1, n=20)


def endows_with_a_live_value(life: Life) -> None:
    life.namespace["engine"] = engine = object()
    gives_a_task(life)
    life.endo.endow(1, n=engine)


def dies_with_open_cards(life: Life) -> None:
    gives_a_task(life)
    die()


class Bomb:
    """Something live that ends the process when confined code calls it."""

    def ring(self) -> None:
        die()


def endows_with_a_bomb(life: Life) -> None:
    gives_a_task(life)
    life.endo.endow(1, bomb=life.endo.facet(Bomb(), "ring"))


def rejects_the_first(life: Life) -> None:
    gives_a_task(life)
    life.endo.endow(2)
    life.endo.reject(1, "not this")


# What is true at the moment of death


def a_message_is_stored(store: Store) -> bool:
    return len(store.table("mail")) == 1


def a_second_message_is_stored(store: Store) -> bool:
    return len(store.table("mail")) == 2


def an_answer_is_stored(store: Store) -> bool:
    return store.table("turns").last(where("role") == "assistant") is not None


def one_card_is_stored(store: Store) -> bool:
    return len(store.table("cards")) == 1


def a_card_is_approved(store: Store) -> bool:
    return bool(store.table("cards").search(where("state") == "approved"))


def the_first_is_settled(store: Store) -> bool:
    card = store.table("cards").get(doc_id=1)
    return card is not None and card["state"] in ("done", "failed", "rejected")


def the_results_are_sent(store: Store) -> bool:
    return len(store.table("turns")) == 3


def states(life: Life) -> list[str]:
    return [card.state for card in life.endo.tasks[1].cards]


def test_a_message_that_was_stored_is_handled_once(tmp_path: Path, reopen: Next) -> None:
    assert live(tmp_path, ["Said."], gives_a_task, Death(fact=a_message_is_stored))
    life = reopen(["Said."])

    assert life.endo.tasks[1].wait(10) == "idle"

    assert [message.text for message in life.endo.tasks[1].messages] == ["Say it", "Said."]
    assert len(life.asked()) == 1


def test_a_follow_up_that_was_stored_is_handled_once(tmp_path: Path, reopen: Next) -> None:
    play: Play = ["Said.", "Said again."]
    assert live(tmp_path, play, writes_twice, Death(fact=a_second_message_is_stored))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "idle"

    assert [message.text for message in life.endo.tasks[1].messages] == ["Say it", "Said.", "and again", "Said again."]
    assert [turn for turn, _ in life.asked()] == [0, 1]


def test_a_model_call_in_flight_is_sent_again_and_leaves_nothing_in_the_history(tmp_path: Path, reopen: Next) -> None:
    assert live(tmp_path, ["Said."], gives_a_task, Death(asked=0))
    life = reopen(["Said."])

    assert life.endo.tasks[1].wait(10) == "idle"

    first, second = life.asked()
    assert first == second
    assert [message.text for message in life.endo.tasks[1].messages] == ["Say it", "Said."]


@pytest.mark.parametrize("fact", [an_answer_is_stored, one_card_is_stored])
def test_an_answer_that_was_stored_gives_each_of_its_cards_once(tmp_path: Path, reopen: Next, fact: Callable[[Store], bool]) -> None:
    play: Play = [[define("One", "1"), define("Two", "2")]]
    assert live(tmp_path, play, gives_a_task, Death(fact=fact))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "waiting"

    assert [(card.number, card.title) for card in life.endo.inbox] == [(1, "One"), (2, "Two")]
    assert len(life.asked()) == 1


def test_open_cards_are_the_same_cards_and_deciding_them_works(tmp_path: Path, reopen: Next) -> None:
    play: Play = [[define("One", "1"), define("Two", "2")]]
    assert live(tmp_path, play, dies_with_open_cards)
    life = reopen(play)
    one, two = life.endo.inbox
    assert [one.number, two.number] == [1, 2]

    assert life.endo.endow(one) == 1
    life.endo.reject(two, "no")

    assert life.endo.tasks[1].wait(10) == "idle"
    assert len(life.asked()) == 2


def test_an_approved_card_runs_once_after_a_death(tmp_path: Path, reopen: Next) -> None:
    play: Play = [[define("Double", effect(tmp_path, "doubled", "n * 2"), n="a number", result="double")]]
    assert live(tmp_path, play, endows_with_a_value, Death(fact=a_card_is_approved))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "idle"

    assert life.happened() == ["doubled"]
    assert life.endo["double"] == 40


def test_an_approved_card_whose_live_value_died_is_open_again_and_says_which(tmp_path: Path, reopen: Next) -> None:
    play: Play = [[define("Start", effect(tmp_path, "started", "n"), n="the engine", result="start")]]
    assert live(tmp_path, play, endows_with_a_live_value, Death(fact=a_card_is_approved))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "waiting"

    (card,) = life.endo.inbox
    assert "engine" in card.log[-1]["why"]
    assert "'n'" in card.log[-1]["why"]
    assert life.happened() == []
    assert life.endo.endow(card, n=3) == 3
    assert life.happened() == ["started"]


@pytest.mark.parametrize("realm", ["notebook", "confined"])
def test_a_card_that_was_running_is_unknown_and_is_never_run_again_by_itself(tmp_path: Path, reopen: Next, realm: str) -> None:
    once = f"import os\nif open({str(tmp_path / 'effects')!r}).read() == 'begun\\n':\n    os.kill(os.getpid(), 9)"
    code = effect(tmp_path, "begun", once)
    if realm == "confined":
        play: Play = [[define("Ring", "bomb.ring()", realm, bomb="a bomb", result="rang")]]
        assert live(tmp_path, play, endows_with_a_bomb)
    else:
        play = [[define("Ring", code, result="rang")]]
        assert live(tmp_path, play, endows_the_first)
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "waiting"

    (card,) = life.endo.inbox
    assert (card.number, card.state) == (1, "unknown")
    assert [step.status for step in card.steps] == ["unknown"]
    with pytest.raises(CardDecided, match=r"endo.rerun, endo.resolve or endo.fail"):
        life.endo.endow(1)
    assert life.happened() == ([] if realm == "confined" else ["begun"])


def test_a_card_whose_outcome_was_not_committed_is_unknown(tmp_path: Path, reopen: Next) -> None:
    play: Play = [[define("Do", effect(tmp_path, "done", "7"), result="seven")]]
    assert live(tmp_path, play, endows_the_first, Death(concluding=True))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "waiting"

    assert states(life) == ["unknown"]
    assert life.happened() == ["done"]


@pytest.mark.parametrize("way", ["rerun", "resolve", "fail"])
def test_a_card_in_state_unknown_ends_as_the_host_says(tmp_path: Path, reopen: Next, way: str) -> None:
    play: Play = [
        [
            define("Do", effect(tmp_path, "done", "7"), result="seven"),
            define("Use", effect(tmp_path, "used", "seven + 1"), seven={"label": "seven", "from": "seven"}, result="eight"),
        ]
    ]
    assert live(tmp_path, play, endows_the_second) is False
    assert live(tmp_path, play, _endows_one, Death(concluding=True))
    life = reopen(play)
    task = life.endo.tasks[1]
    assert task.wait(10) == "waiting"
    assert states(life) == ["unknown", "approved"]

    if way == "rerun":
        assert life.endo.rerun(1) == 7
    elif way == "resolve":
        life.endo.resolve(1, 70)
    else:
        life.endo.fail(1, "it half ran")

    assert task.wait(10) == "idle"
    after = {
        "rerun": (["done", "done"], ["done", "done", "used"]),
        "resolve": (["done", "done"], ["done", "used"]),
        "fail": (["failed", "failed"], ["done"]),
    }
    assert (states(life), life.happened()) == after[way]
    check_conversation(task.conversation)


def _endows_one(life: Life) -> None:
    life.endo.endow(1)


@pytest.mark.parametrize("fact", [the_first_is_settled, the_results_are_sent])
def test_after_an_outcome_the_model_is_called_once_and_the_code_never_again(
    tmp_path: Path, reopen: Next, fact: Callable[[Store], bool]
) -> None:
    play: Play = [[define("Do", effect(tmp_path, "done", "7"), result="seven")]]
    assert live(tmp_path, play, endows_the_first, Death(fact=fact))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "idle"

    assert life.happened() == ["done"]
    assert life.endo["seven"] == 7
    assert [turn for turn, _ in life.asked()] == [0, 1]


@pytest.mark.parametrize(
    ("first", "host"),
    [(define("First", "1 / 0", result="first"), endows_the_first), (define("First", "1", result="first"), rejects_the_first)],
)
def test_what_needs_a_result_that_will_never_come_ends_with_it_whatever_dies(
    tmp_path: Path, reopen: Next, first: tuple[str, dict[str, object]], host: Callable[[Life], None]
) -> None:
    play: Play = [[first, define("Second", "base", base={"label": "first", "from": "first"})]]
    assert live(tmp_path, play, host, Death(fact=the_first_is_settled))
    life = reopen(play)

    assert life.endo.tasks[1].wait(10) == "idle"

    assert states(life)[1] in ("failed", "withdrawn")
    check_conversation(life.endo.tasks[1].conversation)


def test_a_death_inside_any_write_leaves_nothing_half_written(tmp_path: Path) -> None:
    play: Play = [[define("Do", "7", result="seven"), define("Use", "seven + 1", seven={"label": "seven", "from": "seven"})]]
    place = 1
    while live(tmp_path / str(place), play, goes_on, Death(writing=place)):
        assert not live(tmp_path / str(place), play, goes_on)
        place += 1

    assert place > 5


def goes_on(life: Life) -> None:
    """Take the task to its end from wherever it is, and hold its parts against one another."""
    task = life.endo.tasks[1] if len(life.endo.tasks) else life.endo.task("Say it")
    while task.wait(10) == "waiting":
        for card in life.endo.inbox:
            if card.state == "unknown":
                life.endo.fail(card, "it may have run")
            elif card.state == "open":
                life.endo.endow(card)
    assert task.status == "idle"
    check_conversation(task.conversation)
    mail = life.daemon.call(lambda: life.daemon.mail.all(task.id))
    assert [letter.text for letter in mail] == ["Say it"]
    for card in task.cards:
        ran = [step.status for step in card.steps]
        assert (card.state == "done") == ("done" in ran)
        assert "running" not in ran
    assert ("seven" in life.endo) == (states(life)[0] == "done")
