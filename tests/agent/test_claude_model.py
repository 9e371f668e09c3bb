"""What a task may rely on when its model is behind the Messages API. Through the real SDK, on the loopback address."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

from endo_kernel.agent.claude import ClaudeModel
from endo_kernel.errors import ModelFailed, ModelUnavailable
from endo_kernel.powers import ModelAnswer, ModelRequest
from tests.loopback import Answer, MessagesServer, redacted, text, thinking, use

TOOLS = [{"name": "define", "description": "Propose code.", "input_schema": {"type": "object", "properties": {}}}]
ASK: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "Build a counter"}]}
Ask = Callable[..., ModelAnswer]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
        assert server.complaints == []


def request(*messages: dict[str, Any], **changes: Any) -> ModelRequest:
    given: dict[str, Any] = {"model": "claude-test", "max_tokens": 1000, "system": "You are a guest.", "tools": TOOLS, **changes}
    return ModelRequest(messages=messages or (ASK,), **given)


def ask(*requests: ModelRequest, pieces: list[str] | None = None, **options: Any) -> list[ModelAnswer]:
    """Ask one model these things in turn."""

    async def talk() -> list[ModelAnswer]:
        model = ClaudeModel(**options)
        try:
            return [await model.answer(one, (pieces if pieces is not None else []).append) for one in requests]
        finally:
            await model.close()

    return asyncio.run(talk())


def result(tool_use: str, words: str = "done") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": tool_use, "content": [{"type": "text", "text": words}]}


def test_text_comes_in_pieces_and_whole(server: MessagesServer) -> None:
    server.will_say("A counter counts, and says how far it came.")
    pieces: list[str] = []

    [answer] = ask(request(), pieces=pieces)

    assert answer.content == [text("A counter counts, and says how far it came.")]
    assert "".join(pieces) == "A counter counts, and says how far it came."
    assert len(pieces) > 2
    assert answer.stop_reason == "end_turn"


def test_tool_uses_of_one_turn_keep_their_order_and_arguments(server: MessagesServer) -> None:
    first, second = use("define", {"title": "Zählen", "deep": {"a": [1, None]}}), use("define", {})
    server.will_turn([text("Two things."), first, second])

    [answer] = ask(request())

    assert answer.content == [text("Two things."), first, second]
    assert answer.stop_reason == "tool_use"
    assert answer.malformed == {}


def test_thinking_goes_back_exactly_as_it_came(server: MessagesServer) -> None:
    called = use("define", {"title": "Count"})
    server.will_turn([thinking("What do they want? " * 9), redacted(), called])
    server.will_say("Done.")
    adaptive = {"type": "adaptive"}

    async def talk() -> None:
        model = ClaudeModel()
        turn = await model.answer(request(thinking=adaptive), lambda _: None)
        results = {"role": "user", "content": [result(called["id"])]}
        await model.answer(request(ASK, {"role": "assistant", "content": turn.content}, results, thinking=adaptive), lambda _: None)
        await model.close()

    asyncio.run(talk())

    assert [recorded.status for recorded in server.requests] == [200, 200]
    assert server.requests[0].body["thinking"] == adaptive


def test_blocks_of_unknown_kinds_and_citations_are_kept_as_given(server: MessagesServer) -> None:
    strange = {"type": "hologram", "data": {"layers": [1, 2]}, "note": None}
    cited = {"type": "text", "text": "It is so.", "citations": [{"type": "char_location", "cited_text": "so"}]}
    server.will_turn([strange, cited])

    [answer] = ask(request())

    assert answer.content == [strange, cited]


def test_blank_text_that_the_api_would_not_take_back_is_left_out(server: MessagesServer) -> None:
    called = use("define")
    server.will_turn([text(""), text("\n\n"), called])
    server.will_turn([text(""), text("\n"), text("words")])

    [silent, spoken] = ask(request(), request())

    assert silent.content == [called]
    assert spoken.content == [text("\n"), text("words")]


@pytest.mark.parametrize("arguments", ['{"title": "Half', "[1, 2]", '"text"', "{'title': 1}", '{"a": NaN}', '{"a": "\\ud800"}'])
def test_arguments_that_are_not_an_object_are_reported_and_never_an_empty_call(server: MessagesServer, arguments: str) -> None:
    server.will_use_unreadable("define", arguments)

    [answer] = ask(request())

    [block] = answer.content
    assert block["input"] == {}
    assert answer.malformed[block["id"]].startswith("the arguments ")


def test_an_answer_that_ran_out_inside_a_tool_use_says_so(server: MessagesServer) -> None:
    server.will_run_out()

    [answer] = ask(request())

    assert answer.stop_reason == "max_tokens"
    assert "max_tokens" in answer.malformed[answer.content[0]["id"]]


def test_every_stop_reason_comes_through(server: MessagesServer) -> None:
    server.will_refuse("this could do harm")
    server.will_outgrow([text("So far")])
    server.will_pause()
    server.will_say_nothing()

    refusal, outgrown, paused, empty = ask(*[request()] * 4)

    assert (refusal.stop_reason, refusal.stop_details) == ("refusal", "cyber: this could do harm")
    assert outgrown.stop_reason == "model_context_window_exceeded"
    assert paused.stop_reason == "pause_turn"
    assert (empty.stop_reason, empty.content) == ("end_turn", [])


def test_fifty_tool_uses_are_one_turn(server: MessagesServer) -> None:
    server.will_use_many(50, "define", lambda index: {"title": f"Step {index}"})

    [answer] = ask(request())

    assert [block["input"]["title"] for block in answer.content] == [f"Step {index}" for index in range(50)]


def test_usage_counts_tokens_by_kind(server: MessagesServer) -> None:
    counted = {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3}
    server.will_say("Done.", usage=counted)

    [answer] = ask(request())

    assert answer.usage == {"input": 11, "output": 7, "cache_read": 5, "cache_write": 3}


def test_a_server_that_is_not_anthropics_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with MessagesServer(plain=True, models=["llama3"], key="local") as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        server.will_use(say="Here.", define={"title": "Count"})

        [answer] = ask(request(model="llama3"))

        assert answer.usage["cache_read"] == answer.usage["cache_write"] == 0
        assert answer.usage["input"] > 0
        assert answer.stop_details is None
        assert server.requests[0].body["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("after", range(1, 7))
def test_a_stream_that_is_cut_is_not_an_answer(server: MessagesServer, after: int) -> None:
    server.will_cut(after=after)

    with pytest.raises(ModelUnavailable):
        ask(request())


def test_a_silent_stream_is_given_up(server: MessagesServer) -> None:
    server.will_stall()

    with pytest.raises(ModelUnavailable, match="fell silent"):
        ask(request(), idle_timeout=0.2)


def test_a_server_that_never_begins_is_given_up(server: MessagesServer) -> None:
    gate = threading.Event()
    server.will_say("Too late.", hold=gate)

    with pytest.raises(ModelUnavailable, match="in time"):
        ask(request(), first_bytes=0.2)
    gate.set()


@pytest.mark.parametrize(
    "garbage",
    [
        b'event: content_block_delta\ndata: {"type": "content_bl\n\n',
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"x"}}\n\n',
        b'data: ["not", "an event"]\n\n',
        b'data: {"type":"content_block_stop","index":0}\n\ndata: {"type":"content_block_stop","index":0}\n\n',
        b'data: {"type":"message_stop"}\n\n',
        b"data: \xff\xfe\n\n",
    ],
)
def test_a_malformed_stream_is_not_an_answer(server: MessagesServer, garbage: bytes) -> None:
    server.will_babble(garbage)

    with pytest.raises(ModelUnavailable):
        ask(request())


def test_events_and_comments_that_nobody_knows_are_passed_over(server: MessagesServer) -> None:
    server.will_babble(b': still here\n\nevent: weather\ndata: {"type":"weather","sky":"blue"}\r\n\r\n')

    [answer] = ask(request())

    assert answer.content == [text("This sentence is broken.")]


def test_an_error_inside_a_stream_means_what_its_type_says(server: MessagesServer) -> None:
    server.will_break_off("overloaded_error", "Overloaded")
    server.will_break_off("invalid_request_error", "prompt is too long")

    with pytest.raises(ModelUnavailable, match="Overloaded"):
        ask(request())
    with pytest.raises(ModelFailed, match="prompt is too long"):
        ask(request())


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_passes_is_unavailable_and_is_asked_once(server: MessagesServer, status: int) -> None:
    server.will_fail(status, "try later")

    with pytest.raises(ModelUnavailable, match="try later"):
        ask(request())
    assert server.calls == 1


@pytest.mark.parametrize("status", [400, 402, 403, 413, 422])
def test_what_lasts_is_a_failure_in_the_apis_own_words(server: MessagesServer, status: int) -> None:
    server.will_fail(status, "your credit balance is too low", kind="invalid_request_error")

    with pytest.raises(ModelFailed, match=r"your credit balance is too low \(invalid_request_error, status \d+, request req_loopback\)"):
        ask(request())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": formatdate(2_000_000_030, usegmt=True), "x-date": "x"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_server_says_when_to_come_back(server: MessagesServer, headers: dict[str, str], seconds: float | None) -> None:
    server.will_fail(429, "slow down", headers=headers)

    with pytest.raises(ModelUnavailable) as caught:
        ask(request())

    wait = caught.value.retry_after
    if "x-date" in headers:
        assert wait == pytest.approx(2_000_000_030 - time.time(), abs=5)
    else:
        assert wait == seconds


def test_a_limit_that_waiting_does_not_lift_is_a_failure(server: MessagesServer) -> None:
    server.will_fail(429, "monthly limit reached", headers={"x-should-retry": "false"})

    with pytest.raises(ModelFailed, match="monthly limit reached"):
        ask(request())


def test_a_wrong_key_fails_without_showing_it_and_a_right_one_carries_on(server: MessagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.will_say("Done.")

    async def talk() -> ModelAnswer:
        model = ClaudeModel()
        monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong-key-very-secret")
        with pytest.raises(ModelFailed, match=r"invalid x-api-key \(authentication_error, status 401") as caught:
            await model.answer(request(), lambda _: None)
        assert "secret" not in str(caught.value)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        answer = await model.answer(request(), lambda _: None)
        await model.close()
        return answer

    assert asyncio.run(talk()).content == [text("Done.")]


def test_a_wrong_model_name_fails_with_that_name(server: MessagesServer) -> None:
    with pytest.raises(ModelFailed, match=r"model: claude-nope \(not_found_error"):
        ask(request(model="claude-nope"))


@pytest.mark.parametrize("key", ["sk-ant-verysecret\n", "sk-ant-verysecret-ü"])
def test_a_key_that_cannot_be_sent_is_not_shown(server: MessagesServer, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)

    with pytest.raises(ModelFailed) as caught:
        ask(request())

    assert "verysecret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_gateway_that_echoes_the_key_is_not_quoted(server: MessagesServer) -> None:
    server.will_fail(403, f"bad key {server.key}, starts with {server.key[:9]}, or sk-proj-12ab34")

    with pytest.raises(ModelFailed) as caught:
        ask(request())

    assert server.key[:9] not in str(caught.value)
    assert "12ab34" not in str(caught.value)


def test_no_credentials_at_all_is_a_failure_that_says_what_to_set(
    server: MessagesServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(ModelFailed, match="set ANTHROPIC_API_KEY"):
        ask(request())


def test_nobody_at_the_address_is_unavailable(monkeypatch: pytest.MonkeyPatch, server: MessagesServer) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")

    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        ask(request())


def test_an_address_that_is_none_is_a_failure(monkeypatch: pytest.MonkeyPatch, server: MessagesServer) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "localhost:11434")

    with pytest.raises(ModelFailed, match="ANTHROPIC_BASE_URL"):
        ask(request())


def test_a_cancelled_call_lets_the_next_one_through(server: MessagesServer) -> None:
    gate = threading.Event()
    server.will_say("Too late.", hold=gate)
    server.will_say("In time.")

    async def talk() -> ModelAnswer:
        model = ClaudeModel()
        call = asyncio.create_task(model.answer(request(), lambda _: None))
        await asyncio.to_thread(server.wait_for_calls, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        answer = await model.answer(request(), lambda _: None)
        await model.close()
        await model.close()
        return answer

    assert asyncio.run(talk()).content == [text("In time.")]
    gate.set()


def test_answers_can_depend_on_the_request_and_tasks_can_talk_at_once(server: MessagesServer) -> None:
    server.about("counter").will_say("For the counter.")
    server.will_answer(lambda body: Answer([text(f"{len(body['messages'])} message")]))
    other = {"role": "user", "content": "Something else"}

    async def talk() -> list[ModelAnswer]:
        model = ClaudeModel()
        answers = await asyncio.gather(*(model.answer(request(one), lambda _: None) for one in (ASK, other)))
        await model.close()
        return answers

    assert [answer.content[0]["text"] for answer in asyncio.run(talk())] == ["For the counter.", "1 message"]


def test_the_sdk_is_not_imported_before_the_first_answer() -> None:
    import subprocess

    code = "import sys, endo_kernel.agent.claude as c; c.ClaudeModel(); print('anthropic' in sys.modules or 'httpx2' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


class TestTheServerIsAsStrictAsTheApi:
    """Without these the promises above would be held against nothing."""

    @pytest.fixture
    def strict(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
        with MessagesServer() as server:
            for name, value in server.environment().items():
                monkeypatch.setenv(name, value)
            server.will_answer(lambda _: Answer([text("Well.")]))
            yield server

    @pytest.mark.parametrize(
        ("messages", "words"),
        [
            ([{"role": "assistant", "content": "Hello"}], "first message must use the user role"),
            ([ASK, {"role": "assistant", "content": [use("define", key="a")]}, ASK], "without `tool_result` blocks"),
            ([ASK, {"role": "assistant", "content": [use("define", key="a")]}], "end with a user message"),
            (
                [
                    ASK,
                    {"role": "assistant", "content": [use("define", key="a"), use("define", key="b")]},
                    {"role": "user", "content": [result("a")]},
                ],
                "without `tool_result` blocks",
            ),
            (
                [
                    ASK,
                    {"role": "assistant", "content": [use("define", key="a")]},
                    {"role": "user", "content": [text("and"), result("a")]},
                ],
                "must come first",
            ),
            ([ASK, {"role": "assistant", "content": "x"}, {"role": "user", "content": [result("a")]}], "unexpected `tool_use_id`"),
            ([{"role": "user", "content": []}], "non-empty content"),
            ([{"role": "user", "content": [text("")]}], "must be non-empty"),
            ([ASK, {"role": "assistant", "content": [{**thinking("hm"), "signature": "forged"}]}, ASK], "Invalid signature"),
        ],
    )
    def test_a_broken_conversation_is_refused(self, strict: MessagesServer, messages: list[dict[str, Any]], words: str) -> None:
        with pytest.raises(ModelFailed, match=words):
            ask(request(*messages))
        assert strict.complaints

    @pytest.mark.parametrize("change", [{"system": "You are a host."}, {"tools": []}, {"max_tokens": 5}, {"model": "claude-opus-5-5"}])
    def test_a_conversation_whose_frame_changed_is_refused(self, strict: MessagesServer, change: dict[str, Any]) -> None:
        more: list[dict[str, Any]] = [ASK, {"role": "assistant", "content": [text("Well.")]}, {"role": "user", "content": "And?"}]

        ask(request())
        with pytest.raises(ModelFailed, match="bound to a different conversation"):
            ask(request(*more, **change))

    def test_a_conversation_whose_past_changed_is_refused(self, strict: MessagesServer) -> None:
        more: list[dict[str, Any]] = [ASK, {"role": "assistant", "content": [text("Well.")]}, {"role": "user", "content": "And?"}]
        ask(request(), request(*more))
        rewritten: list[dict[str, Any]] = [ASK, {"role": "assistant", "content": [text("Well, well.")]}, *more[2:]]

        with pytest.raises(ModelFailed, match="bound to a different conversation"):
            ask(request(*rewritten))
