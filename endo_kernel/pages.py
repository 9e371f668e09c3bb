"""Pages: the protocol between a daemon and whatever draws it, over any transport that carries JSON both ways.

A page sends commands and follows views; it keeps no state of its own. The kernel sends each view once and then what changed, with a
sequence number. Everything here runs on the daemon's thread. The wire is written down in `labextension/src/protocol.ts`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from endo_kernel import record
from endo_kernel.errors import BadBinding, EndoError
from endo_kernel.host import Edits, Gift, Given, GivenName
from endo_kernel.names import TaskId, TurnId
from endo_kernel.powers import Json
from endo_kernel.realms.facets import facet
from endo_kernel.session import Session

_log = logging.getLogger("endo_kernel")
Message = Mapping[str, Json]
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
OPS = (
    *("ping", "hello", "bye", "show", "texts", "names", "earlier"),
    *("endow", "reject", "answer", "rerun", "resolve", "fail"),
    *("make", "send", "pause", "resume", "cancel"),
)
"""What a page may ask for: to see, to decide, to steer."""


class Follower:
    """One view on one page: what it shows, and what it was sent last."""

    def __init__(self, view: str, show: Mapping[str, Json]) -> None:
        self.view = view
        self.show = show
        self._seq = 0
        self._sent: dict[str, Json] = {}
        self._rest: Json = None

    def message(self, drawn: Mapping[str, Json]) -> dict[str, Json] | None:
        """Give what the page does not have yet of a view, or None."""
        entries = {key: entry for key, entry in drawn["entries"].items() if self._sent.get(key) != entry}
        rest = [drawn["head"], drawn["order"]]
        if not entries and rest == self._rest:
            return None
        full = self._seq == 0
        self._seq += 1
        self._sent, self._rest = dict(drawn["entries"]), rest
        return {"type": "view", "view": self.view, "seq": self._seq, "full": full, **drawn, "entries": entries}

    def concerns(self, changed: set[TaskId]) -> bool:
        """Tell whether a change of these tasks may change this view."""
        return self.show.get("kind") != "task" or self.show.get("task") in changed


class Page:
    """One connected client. Its commands are the host's acts: only a person's own browser or terminal may hold one."""

    def __init__(self, session: Session, send: Callable[[Message], None], who: str = "you") -> None:
        self._session = session
        self._host = session.daemon.host
        self._send = send
        self._who = who
        self._followers: dict[str, Follower] = {}

    def receive(self, message: Message) -> None:
        """Carry out one command; the reply follows, also when it fails."""
        number = message.get("n")
        try:
            done = self._act(message)
        except EndoError as error:
            self._refuse(number, error)
            return
        except _UNREADABLE as error:
            self._refuse(number, _unreadable(message, error))
            return
        if isinstance(done, Awaitable):
            self._session.daemon.start(self._finish(message, done))
        else:
            self._reply(number, done)

    async def _finish(self, message: Message, work: Awaitable[Any]) -> None:
        number = message.get("n")
        try:
            await work
        except EndoError as error:
            self._refuse(number, error)
        except _UNREADABLE as error:
            self._refuse(number, _unreadable(message, error))
        else:
            self._reply(number, None)

    def _reply(self, number: Json, result: Json) -> None:
        self._send({"type": "reply", "n": number, "ok": True, "result": result})

    def _refuse(self, number: Json, error: EndoError) -> None:
        self._send({"type": "reply", "n": number, "ok": False, "error": str(error), "kind": type(error).__name__})

    def _act(self, message: Message) -> Any:
        act = getattr(self, f"_on_{message['op']}", None) if message["op"] in OPS else None
        if act is None:
            raise BadBinding(f"there is no command {message['op']!r}; there are: {', '.join(OPS)}")
        return act(message)

    def _on_ping(self, message: Message) -> None:
        """Say that the kernel hears."""

    def _on_hello(self, message: Message) -> None:
        if message.get("store") not in (None, self._session.daemon.store.id):
            raise BadBinding("this record is of another notebook's tasks, so nothing can be decided here; it shows how they were")
        drawn = self._session.views.show(message["show"])
        view = str(message["view"])
        follower = self._followers[view] = Follower(view, message["show"])
        self._push(follower, drawn)

    def _on_bye(self, message: Message) -> None:
        self._followers.pop(message["view"], None)

    def _on_show(self, message: Message) -> Json:
        return self._session.views.show(message["show"])

    def _on_texts(self, message: Message) -> Json:
        texts = record.bundle("", message["show"], self._session.views.show(message["show"]))
        return {mime: texts[mime] for mime in ("text/html", "text/plain")}

    def _on_names(self, message: Message) -> Json:
        detail = self._session.daemon.graph.detail
        return [{"name": entry.name, "type": detail(entry.formula), "origin": entry.origin} for entry in self._host.names()]

    def _on_earlier(self, message: Message) -> Json:
        before = str(message["before"])
        if before[:1] not in ("t", "c") or not before[1:].isdigit():
            raise BadBinding(f"{before!r} is not the key of a turn or of a card")
        number = int(before[1:])
        turn = TurnId(number) if before.startswith("t") else self._session.daemon.cards.get(number).proposal.turn
        view = self._session.views.task(TaskId(message["task"]), before=turn)
        return {"entries": [view["entries"][key] for key in view["order"]], "earlier": view["head"]["earlier"]}

    def _on_endow(self, message: Message) -> Awaitable[Any]:
        gifts = {slot: self._gift(given) for slot, given in message["bindings"].items()}
        edits = Edits(message.get("code"), message.get("realm"), message.get("result"))
        return self._host.endow(message["card"], gifts, edits, digest=message["digest"], who=self._who)

    def _on_reject(self, message: Message) -> None:
        self._host.reject(message["card"], message["reason"], digest=message.get("digest"), who=self._who)

    def _on_answer(self, message: Message) -> Awaitable[Any] | None:
        digest = message.get("digest")
        if "values" in message:
            self._host.answer_form(message["card"], message["values"], digest=digest, who=self._who)
            return None
        return self._host.answer_request(message["card"], self._gift(message["binding"]), digest=digest, who=self._who)

    def _on_rerun(self, message: Message) -> Awaitable[Any]:
        return self._host.rerun(message["card"], who=self._who)

    def _on_resolve(self, message: Message) -> Awaitable[Any]:
        return self._host.resolve(message["card"], self._gift(message["binding"]), who=self._who)

    def _on_fail(self, message: Message) -> None:
        self._host.fail(message["card"], message["reason"], who=self._who)

    def _on_make(self, message: Message) -> Json:
        return self._session.make_task(message["prompt"], message.get("title"))

    def _on_send(self, message: Message) -> None:
        self._host.send(TaskId(message["task"]), message["text"], withdraw=bool(message.get("withdraw")), who=self._who)

    def _on_pause(self, message: Message) -> None:
        self._host.pause(TaskId(message["task"]))

    def _on_resume(self, message: Message) -> None:
        self._session.resume(TaskId(message["task"]))

    def _on_cancel(self, message: Message) -> None:
        self._host.cancel(TaskId(message["task"]), message.get("reason"), who=self._who)

    def _gift(self, given: Message) -> Gift:
        """Resolve what a page names to the live value itself, now, in the host's namespace."""
        if "name" in given:
            return GivenName(given["name"])
        if "literal" in given:
            return Given(given["literal"])
        if given.get("or_name") and self._is_only_a_name(given["variable"]):
            return GivenName(given["variable"])
        value, origin = self._session.variables.get(given["variable"], given.get("token"))
        if "allow" in given:
            value = facet(value, *given["allow"])
            origin = self._session.given(value).origin
        return Given(value, origin)

    def _is_only_a_name(self, word: str) -> bool:
        """Tell whether a word is a pet name and no variable. An agent can make names but no variables, so those go first."""
        return word not in self._session.variables and any(entry.name == word for entry in self._host.names())

    def _push(self, follower: Follower, drawn: Mapping[str, Json]) -> None:
        message = follower.message(drawn)
        if message is not None:
            self._send(message)

    def draw(self, changed: set[TaskId] | None = None) -> None:
        """Send each view that may have changed; all of them without `changed`."""
        for follower in list(self._followers.values()):
            if changed is None or follower.concerns(changed):
                try:
                    self._push(follower, self._session.views.show(follower.show))
                except EndoError as error:
                    _log.warning("view %s cannot be drawn: %s", follower.show, error)

    def stream(self, heard: set[TaskId]) -> None:
        """Send the text that is coming in for the tasks that this page shows."""
        for follower in self._followers.values():
            task = follower.show.get("task")
            text = self._session.daemon.agent.text(task) if task in heard else None
            if text is not None:
                self._send({"type": "text", "view": follower.view, "key": "live", "text": text})


def _unreadable(message: Message, error: Exception) -> EndoError:
    return BadBinding(f"the message {message.get('op')!r} cannot be read: {type(error).__name__} {error}")


class Pages:
    """All connected pages of one session; draws them when something changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pages: dict[str, Page] = {}
        session.daemon.watch(self._changed)

    def open(self, key: str, send: Callable[[Message], None], who: str = "you") -> Page:
        """Take a client in."""
        page = self._pages[key] = Page(self._session, send, who)
        return page

    def find(self, key: str) -> Page | None:
        """Give the page of a client, or None."""
        return self._pages.get(key)

    def close(self, key: str) -> None:
        """Let a client go. Twice is harmless."""
        self._pages.pop(key, None)

    def draw(self) -> None:
        """Draw everything again, for instance because the notebook's variables changed."""
        for page in list(self._pages.values()):
            page.draw()

    def _changed(self, changed: set[TaskId], heard: set[TaskId]) -> None:
        for page in list(self._pages.values()):
            if changed:
                page.draw(changed)
            page.stream(heard - changed)
