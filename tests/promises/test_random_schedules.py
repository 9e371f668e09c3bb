"""Whatever a person and a model do, in whatever order, the rules hold: the conversation, the statuses, and that decisions are final."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from endo_kernel.agent.tools import in_order
from endo_kernel.conversation import ToolUse
from endo_kernel.daemon import Powers
from endo_kernel.errors import CardDecided, ModelFailed, ModelUnavailable, TaskEnded
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Backoff, ModelAnswer
from endo_kernel.tasks import RESTING
from tests.loopback_rules import check_conversation
from tests.promises.rulebook import TERMINAL, RuledCard, RuledTask
from tests.world import HeldModel, World, define

ATTEMPTS = 3
NAMES = st.sampled_from(["first", "second", "third"])
WORKS, BREAKS = "1", "1 / 0"
Use = tuple[str, dict[str, Any]]


class PatientWorld(World):
    """A world in which a model that failed is not tried again before the host says so."""

    def powers(self, main: MainQueue) -> Powers:
        return replace(super().powers(main), backoff=Backoff(first=3600, longest=3600, attempts=ATTEMPTS))


def definition(result: str, code: str, source: str | None) -> Use:
    slots = {} if source is None else {"given": {"label": "what is given", "from": source}}
    return define("A step", code if source is None else f"given; {code}", result=result, **slots)


DEFINITIONS = st.builds(definition, NAMES, st.sampled_from([WORKS, BREAKS]), st.none() | NAMES)
FINISH: Use = ("finish", {"summary": "All is well."})
OTHERS: st.SearchStrategy[Use] = st.sampled_from(
    [
        ("form", {"title": "Ask", "fields": {"n": {"label": "how many", "type": "number"}}}),
        ("request", {"title": "A table", "label": "the table", "result": "third"}),
        ("list_names", {}),
        ("store", {"name": "first", "value": [1, 2]}),
        ("plan", {"steps": [{"title": "Look", "status": "active"}]}),
        FINISH,
        ("finish", {"summary": "All is well.", "results": ["nowhere"]}),
        ("lookup", {"name": "nowhere"}),
        ("fly", {}),
        ("define", {"title": "No code"}),
        ("define", {"title": "Bad code", "code": "x +", "slots": {}, "realm": "notebook"}),
        ("form", {"title": "No fields", "fields": {}}),
    ]
)
TURNS = st.lists(DEFINITIONS, min_size=1, max_size=4) | st.lists(DEFINITIONS | OTHERS, min_size=1, max_size=4) | st.just([FINISH])
DEAD_ENDS = st.sampled_from([ModelUnavailable("529 overloaded"), ModelFailed("401 no such key"), "refusal", "empty", "cut off", "pause"])


class Schedule(RuleBasedStateMachine):
    """Acts of a host and of a model, with the rules beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.model = HeldModel()
        self.world = PatientWorld(self.home / "store", self.model)
        self.tasks: dict[int, RuledTask] = {}
        self.uses = 0
        self.letters = 0
        self.spent: Counter[str] = Counter()

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.home)

    # Choosing

    def _choose(self, data: st.DataObject, wanted: Mapping[int, RuledTask]) -> tuple[int, RuledTask]:
        number = data.draw(st.sampled_from(sorted(wanted)), label="task")
        return number, wanted[number]

    def _that_are(self, *statuses: str) -> dict[int, RuledTask]:
        return {number: task for number, task in self.tasks.items() if task.status in statuses}

    def _open_cards(self) -> list[tuple[RuledTask, RuledCard]]:
        return [(task, card) for task in self.tasks.values() for card in task.opened()]

    def _may(self, act: str, most: int) -> bool:
        """Say whether a run has room for one more of an act that would crowd out the others."""
        return self.spent[act] < most

    # The model acts

    @initialize()
    def begin(self) -> None:
        self._make_task()

    @precondition(lambda self: len(self.tasks) < 3)
    @rule()
    def give_a_task(self) -> None:
        self._make_task()

    def _make_task(self) -> None:
        number = len(self.tasks) + 1
        self.world.endo.task(f"task {number}")
        self.tasks[number] = RuledTask(delivered=[f"task {number}"])

    def _answer(self, number: int, reply: Any) -> None:
        self.world.daemon.call(lambda: self.model.calls[f"task {number}"].set_result(reply))

    @precondition(lambda self: self._that_are("thinking"))
    @rule(data=st.data())
    def the_model_says(self, data: st.DataObject) -> None:
        number, task = self._choose(data, self._that_are("thinking"))
        self._answer(number, ModelAnswer([{"type": "text", "text": "So it is."}], "end_turn", {}))
        task.answered("idle")

    @precondition(lambda self: self._that_are("thinking"))
    @rule(data=st.data(), turn=TURNS)
    def the_model_uses(self, data: st.DataObject, turn: list[Use]) -> None:
        number, task = self._choose(data, self._that_are("thinking"))
        ids = [f"toolu_{self.uses + place}" for place in range(len(turn))]
        self.uses += len(turn)
        blocks = [{"type": "tool_use", "id": id, "name": name, "input": given} for id, (name, given) in zip(ids, turn, strict=True)]
        self._answer(number, ModelAnswer(blocks, "tool_use", {}))
        self._settle()
        task.answered("cards")
        numbers = iter(sorted({card.number for card in self.world.endo.tasks[number].cards} - set(task.cards)))
        for use in in_order([ToolUse(id, name, given) for id, (name, given) in zip(ids, turn, strict=True)]):
            self._rule_use(task, use, numbers, alone=len(turn) == 1)
        assert list(numbers) == []

    def _rule_use(self, task: RuledTask, use: ToolUse, numbers: Any, *, alone: bool) -> None:
        given = use.input
        if use.name == "define" and given.get("slots") is not None and given["code"] != "x +":
            sources = [slot["from"] for slot in given["slots"].values()]
            needs = task.source(sources[0]) if sources else []
            if needs is not None:
                card = RuledCard(next(numbers), "definition", BREAKS not in given["code"], given["result"], needs)
                task.cards[card.number] = card
        elif (use.name == "form" and given["fields"]) or use.name == "request":
            card = RuledCard(next(numbers), use.name, True, given.get("result"), [])
            task.cards[card.number] = card
        elif use.name == "store":
            task.names.add(given["name"])
        elif use.name == "finish" and alone and not task.queued and "results" not in given:
            task.ended = "done"

    @precondition(lambda self: self._may("dead end", 3) and self._that_are("thinking"))
    @rule(data=st.data(), end=DEAD_ENDS)
    def the_model_comes_to_a_dead_end(self, data: st.DataObject, end: Any) -> None:
        self.spent["dead end"] += 1
        number, task = self._choose(data, self._that_are("thinking"))
        text = [{"type": "text", "text": "I"}]
        half = [{"type": "tool_use", "id": f"toolu_{self.uses}", "name": "define", "input": {}}]
        self.uses += 1
        stops = {
            "refusal": ModelAnswer(text, "refusal", {}),
            "empty": ModelAnswer([], "end_turn", {}),
            "cut off": ModelAnswer(half, "max_tokens", {}),
            "pause": ModelAnswer(text, "pause_turn", {}),
        }
        self._answer(number, stops[end] if isinstance(end, str) else end)
        if isinstance(end, ModelUnavailable):
            task.failures += 1
            task.sleeping = task.failures < ATTEMPTS
            task.ended = None if task.sleeping else "failed"
        elif end in ("cut off", "pause"):
            task.answered("cards" if end == "cut off" else "call", mid_turn=end == "pause", cut_off=end == "cut off")
        else:
            task.ended = "failed"

    # The host acts

    @precondition(lambda self: self.letters < 5 or not self._that_are("thinking", "waiting", "paused", "sleeping", "failed"))
    @rule(data=st.data(), withdraw=st.sampled_from([False, False, True]))
    def the_host_writes(self, data: st.DataObject, withdraw: bool) -> None:
        number, task = self._choose(data, self.tasks)
        self.letters += 1
        text = f"letter {self.letters}"
        if task.ended == "cancelled":
            with pytest.raises(TaskEnded):
                self.world.endo.tasks[number].send(text, withdraw=withdraw)
            return
        self.world.endo.tasks[number].send(text, withdraw=withdraw)
        if withdraw:
            task.withdraw(approved=False)
        task.write(text)

    @precondition(lambda self: self._open_cards())
    @rule(data=st.data(), most=st.integers(1, 4), edit=st.sampled_from([None, None, None, WORKS, BREAKS]))
    def the_host_approves(self, data: st.DataObject, most: int, edit: str | None) -> None:
        for task, card in data.draw(st.permutations(self._open_cards()), label="cards")[:most]:
            if card.state == "open":  # an earlier one of these may have ended it
                self._approve(task, card, edit)
                self._settle()

    def _approve(self, task: RuledTask, card: RuledCard, edit: str | None) -> None:
        endo = self.world.endo
        if card.kind != "definition":
            endo.answer(card.number, n=2) if card.kind == "form" else endo.answer(card.number, {"a": 1})
            task.end_card(card, "done")
            return
        card.works = card.works if edit is None else edit == WORKS
        runs = all(task.cards[number].state == "done" for number in card.needs)
        card.state = "approved"
        task.run_what_can()
        if runs and not card.works:
            with pytest.raises(ZeroDivisionError):
                endo.endow(card.number, _code=edit)
        else:
            assert endo.endow(card.number, _code=edit) == (1 if runs else None)

    @precondition(lambda self: self._open_cards())
    @rule(data=st.data())
    def the_host_rejects(self, data: st.DataObject) -> None:
        task, card = data.draw(st.sampled_from(self._open_cards()), label="card")
        self.world.endo.reject(card.number, "not this")
        task.end_card(card, "rejected")

    def _decided_cards(self) -> list[int]:
        return [card.number for task in self.tasks.values() for card in task.cards.values() if card.state != "open"]

    @precondition(lambda self: self._may("decide again", 3) and self._decided_cards())
    @rule(data=st.data(), again=st.sampled_from(["endow", "reject", "answer"]))
    def the_host_decides_once_more(self, data: st.DataObject, again: str) -> None:
        self.spent["decide again"] += 1
        number = data.draw(st.sampled_from(self._decided_cards()), label="card")
        endo = self.world.endo
        acts = {"endow": lambda: endo.endow(number), "reject": lambda: endo.reject(number), "answer": lambda: endo.answer(number, 1)}
        with pytest.raises(CardDecided, match=f"card {number} was already"):
            acts[again]()

    @precondition(lambda self: self._may("pause", 2) and any(not task.ended for task in self.tasks.values()))
    @rule(data=st.data())
    def the_host_pauses(self, data: st.DataObject) -> None:
        self.spent["pause"] += 1
        number, task = self._choose(data, {number: task for number, task in self.tasks.items() if not task.ended})
        self.world.endo.tasks[number].pause()
        task.paused = True

    @precondition(lambda self: self._may("resume", 3) or self._that_are("paused", "sleeping", "failed"))
    @rule(data=st.data(), at_once=st.booleans())
    def the_host_resumes(self, data: st.DataObject, at_once: bool) -> None:
        self.spent["resume"] += 1
        number, task = self._choose(data, self.tasks)
        handle = self.world.endo.tasks[number]
        if task.ended in ("done", "cancelled"):
            with pytest.raises(TaskEnded):
                handle.resume()
            return
        if at_once and not task.ended:  # so that a call which the pause broke off is still winding down
            handle.pause()
            task.paused = True
        handle.resume()
        task.reopen()

    @precondition(lambda self: self._may("cancel", 1) and len(self.tasks) > 2)
    @rule(data=st.data())
    def the_host_cancels(self, data: st.DataObject) -> None:
        self.spent["cancel"] += 1
        number, task = self._choose(data, self.tasks)
        handle = self.world.endo.tasks[number]
        if task.ended in ("done", "cancelled"):
            with pytest.raises(TaskEnded):
                handle.cancel()
            return
        handle.cancel("not needed")
        task.withdraw(approved=True)
        task.ended = "cancelled"

    @precondition(lambda self: self._may("restart", 4))
    @rule()
    def the_kernel_restarts(self) -> None:
        self.spent["restart"] += 1
        self.world.restart()

    # What must be true

    def _settle(self) -> None:
        """Wait until nothing goes on by itself any more; the main thread does its work meanwhile."""

        async def quiet() -> None:
            daemon, calm = self.world.daemon, 0
            while calm < 4:
                await asyncio.sleep(0)
                calm = calm + 1 if all(self._rests(task) for task in daemon.tasks.all()) and not daemon.steps._going else 0

        self.world.session.serve(lambda: asyncio.wait_for(quiet(), 20))

    def _rests(self, task: Any) -> bool:
        status = self.world.daemon.status(task)
        return status in RESTING or (status == "thinking" and f"task {task.id}" in self.model.calls)

    @invariant()
    def the_rules_hold(self) -> None:
        if not self.tasks:
            return
        self._settle()
        for number, task in self.tasks.items():
            task.go_on()
            handle = self.world.endo.tasks[number]
            assert {card.number: card.state for card in handle.cards} == {card.number: card.state for card in task.cards.values()}
            assert handle.status == task.status, handle.why
            assert (f"task {number}" in self.model.calls) == task.calling
            self._check_conversation(number, task)

    def _check_conversation(self, number: int, task: RuledTask) -> None:
        daemon = self.world.daemon
        turns, letters = daemon.call(lambda: (daemon.conversations.turns(number), daemon.mail.all(number)))
        messages = [turn.message() for turn in turns]
        waiting = bool(turns) and turns[-1].role == "assistant" and bool(turns[-1].tool_uses)
        check_conversation(messages[:-1] if waiting else messages)
        said = [block["text"] for turn in turns if turn.role == "user" for block in turn.content if block["type"] == "text"]
        assert said == task.delivered
        assert [letter.text for letter in letters] == [*task.delivered, *task.queued]
        results = daemon.call(lambda: [doc["tool_use"] for doc in daemon.store.table("results")])
        assert len(results) == len(set(results))
        if all(card.state in TERMINAL for card in task.cards.values()):
            assert {use.id for turn in turns for use in turn.tool_uses} <= set(results) or task.paused or task.ended


def test_the_rules_hold_in_any_order_of_acts() -> None:
    run_state_machine_as_test(
        Schedule,
        settings=settings(
            max_examples=70,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
