"""A Messages API on the loopback address, as strict as the real one, that says what a test tells it to say.

    with MessagesServer() as server:
        server.will_use(define={"title": ..., ...}, text="I propose this.")
        server.will_fail(529, retry_after=0.01)
        server.will_say("Done.")
        os.environ.update(server.environment())        # or in the environment of a child process

Answers are given in order; `server.about("counter")` has an order of its own for the conversations whose first message holds that
word, and `will_answer` takes a function of the request. Everything that arrived is in `server.requests`. What breaks a rule of the API
is refused with 400 and kept in `server.complaints`, which a test can hold to be empty.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from uuid import uuid4

from tests.loopback_rules import RefusedError, Rules
from tests.loopback_script import Answer, Block, Script, redacted, sse, text, thinking, use
from tests.loopback_window import check_window, compacted, tokens

__all__ = ["KEY", "MODELS", "Answer", "MessagesServer", "Recorded", "Script", "redacted", "text", "thinking", "use"]

KEY = "test-key-3b1f6e0a9c"
MODELS = ("claude-opus-5-5", "claude-test")
# Whatever the SDK would look at before the key and the address that a test sets.
_CLEARED = (
    "AUTH_TOKEN",
    "PROFILE",
    "CONFIG_DIR",
    "CUSTOM_HEADERS",
    "IDENTITY_TOKEN",
    "IDENTITY_TOKEN_FILE",
    "FEDERATION_RULE_ID",
    "ORGANIZATION_ID",
)


@dataclass(frozen=True)
class Recorded:
    """One request that arrived, and the status it got."""

    body: dict[str, Any]
    headers: dict[str, str]
    status: int

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as it was sent."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages


class MessagesServer(Script):
    """A Messages API for one test. Threads of its own; gone when it is closed, with every connection."""

    def __init__(
        self, *, key: str = KEY, models: Sequence[str] = MODELS, plain: bool = False, rules: Rules | None = None, window: int | None = None
    ) -> None:
        super().__init__()
        self.window = window
        self.key = key
        self.models = set(models)
        self.plain = plain
        self.rules = rules or Rules()
        self.requests: list[Recorded] = []
        self.complaints: list[str] = []
        self._about: dict[str, Script] = {}
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": self}), bind_and_activate=False)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self._http.request_queue_size = 128

    def __enter__(self) -> Self:
        self._http.server_bind()
        self._http.server_activate()
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        for connection in list(self._sockets):
            _hang_up(connection)

    @property
    def url(self) -> str:
        """The address, for ANTHROPIC_BASE_URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """The variables that make the SDK use this server and nothing else, whatever the developer's own say."""
        cleared = {f"ANTHROPIC_{name}": "" for name in _CLEARED}
        return {**cleared, "ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": self.key}

    def about(self, word: str) -> Script:
        """What will be said in conversations whose first message holds the word."""
        return self._about.setdefault(word, Script())

    @property
    def calls(self) -> int:
        """How many requests have arrived."""
        return len(self.requests)

    def wait_for_calls(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many requests have arrived."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.calls >= count, timeout):
                raise TimeoutError(f"{self.calls} of {count} calls arrived in {timeout} s")

    def respond(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Judge a request and choose its answer."""
        try:
            self._authorize(body, headers)
            self.rules.check(body)
            check_window(body, headers, self.window)
            answer = compacted(body, self._choose(body))
        except RefusedError as refusal:
            if refusal.status == 400 and refusal.recorded:
                self.complaints.append(str(refusal))
            answer = Answer(status=refusal.status, kind=refusal.kind, message=str(refusal))
        if answer.status == 200:
            answer = replace(answer, blocks=self.rules.sign(body, answer.blocks), stop_reason=answer.stop_reason or _stop(answer.blocks))
        if answer.whole:
            self.rules.remember(body, _as_parsed(answer), paused=answer.stop_reason == "pause_turn")
        with self._changed:
            self.requests.append(Recorded(body, headers, answer.status))
            self._changed.notify_all()
        return answer

    def _authorize(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        given = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("x-api-key", "")
        if given != self.key:
            raise RefusedError("invalid x-api-key", 401, "authentication_error")
        if body.get("model") not in self.models:
            raise RefusedError(f"model: {body.get('model')}", 404, "not_found_error")

    def _choose(self, body: dict[str, Any]) -> Answer:
        first = json.dumps(body["messages"][0], ensure_ascii=False)
        scripts = [script for word, script in self._about.items() if word in first]
        for script in [*scripts, self]:
            answer = script.next(body)
            if answer is not None:
                return answer
        raise RefusedError("the test told this server no answer for this request")

    def opened(self, connection: socket.socket) -> None:
        """Keep a connection, to hang up when the server closes."""
        self._sockets.add(connection)

    def ended(self, connection: socket.socket) -> None:
        """Forget a connection."""
        self._sockets.discard(connection)

    def keep_silent(self, connection: socket.socket) -> None:
        """Send nothing until the client goes away or the server closes."""
        connection.settimeout(0.05)
        while not self._closing.is_set():
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


class _Handler(BaseHTTPRequestHandler):
    told: MessagesServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else delayed acknowledgements cost 40 ms a call
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.told.opened(self.connection)

    def finish(self) -> None:
        self.told.ended(self.connection)
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path.split("?")[0] != "/v1/messages":
            self._fail(Answer(status=404, kind="not_found_error", message=f"no such path: {self.path}"))
            return
        answer = self.told.respond(body, {key.lower(): value for key, value in self.headers.items()})
        try:
            self._send(answer, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, answer: Answer, body: dict[str, Any]) -> None:
        if answer.hold is not None:
            answer.hold.wait(30)
        if answer.status != 200:
            self._fail(answer)
        elif body.get("stream"):
            self._stream(answer, body)
        else:
            self._reply(200, _message(answer, body, self.told.plain), {})

    def _fail(self, answer: Answer) -> None:
        error = {"type": "error", "error": {"type": answer.kind, "message": answer.message}, "request_id": "req_loopback"}
        self._reply(answer.status, error, answer.headers)

    def _reply(self, status: int, content: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "request-id": "req_loopback", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, answer: Answer, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", "req_loopback")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for index, event in enumerate(_events(answer, body, self.told.plain)):
            if index == answer.cut_after:
                self.wfile.flush()
                _hang_up(self.connection)
                self.close_connection = True
                return
            if index == answer.stall_after:
                self.wfile.flush()
                self.told.keep_silent(self.connection)
                self.close_connection = True
                return
            if index == answer.garbage_after:
                self._chunk(answer.garbage)
            self._chunk(event)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the record is in `requests`."""


def _events(answer: Answer, body: dict[str, Any], plain: bool) -> Iterator[bytes]:
    message = _message(answer, body, plain)
    usage = message["usage"]
    first = {key: count for key, count in usage.items() if key != "iterations"}
    opening = {**message, "content": [], "stop_reason": None, "usage": {**first, "output_tokens": 1}}
    opening.pop("stop_details", None)
    yield sse("message_start", {"type": "message_start", "message": opening})
    yield sse("ping", {"type": "ping"})
    for index, block in enumerate(answer.blocks):
        yield from _block_events(index, block, answer.arguments)
    delta = {"stop_reason": answer.stop_reason, "stop_sequence": None}
    if not plain:
        delta["stop_details"] = answer.stop_details  # type: ignore[assignment]  # an object where there are details
    last = {key: usage[key] for key in ("output_tokens", "iterations") if key in usage}
    yield sse("message_delta", {"type": "message_delta", "delta": delta, "usage": last})
    yield sse("message_stop", {"type": "message_stop"})


def _block_events(index: int, block: Block, arguments: str | None) -> Iterator[bytes]:
    start, deltas = dict(block), []
    if block["type"] == "text":
        citations = start.pop("citations", None) or []
        start["text"] = ""
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"], 12)]
        deltas += [{"type": "citations_delta", "citation": citation} for citation in citations]
    elif block["type"] == "tool_use":
        start["input"] = {}
        whole = json.dumps(block["input"]) if arguments is None else arguments
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *_pieces(whole, 40)]]
    elif block["type"] == "thinking":
        start |= {"thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"], 20)]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "compaction":
        deltas = [{"type": "compaction_delta", "content": start.pop("content"), "encrypted_content": start.pop("encrypted_content")}]
        start["content"] = None
    yield sse("content_block_start", {"type": "content_block_start", "index": index, "content_block": start})
    for delta in deltas:
        yield sse("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield sse("content_block_stop", {"type": "content_block_stop", "index": index})


def _message(answer: Answer, body: dict[str, Any], plain: bool) -> dict[str, Any]:
    counted = {"input_tokens": tokens(body), "output_tokens": max(1, len(json.dumps(list(answer.blocks))) // 4)}
    if not plain:
        counted |= {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    message: dict[str, Any] = {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": list(answer.blocks),
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "usage": {**counted, **(answer.usage or {})},
    }
    return message if plain else {**message, "stop_details": answer.stop_details}


def _as_parsed(answer: Answer) -> list[Block]:
    """Give the blocks as a client keeps them: unreadable arguments become an empty input."""
    if answer.arguments is None:
        return list(answer.blocks)
    try:
        parsed = json.loads(answer.arguments)
    except ValueError:
        parsed = None
    arguments = parsed if isinstance(parsed, dict) else {}
    return [{**block, "input": arguments} if block["type"] == "tool_use" else block for block in answer.blocks]


def _stop(blocks: Sequence[Block]) -> str:
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _pieces(words: str, size: int) -> list[str]:
    return [words[start : start + size] for start in range(0, len(words), size)]


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)  # close alone waits for the handler's own files
    except OSError:
        return
