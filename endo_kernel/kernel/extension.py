"""Puts a daemon into an IPython shell: the name `endo`, the magics, and, in a kernel, the page's messages.

The kernel `endo` calls `attach` at its start and `detach` at its end; in a plain ipykernel `%load_ext endo_kernel` does the same.
Where the store cannot be used, the shell stays as it is and `endo` says why.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from endo_kernel.agent.models import choose_model, default_thinking, make_models
from endo_kernel.daemon import Daemon, Powers
from endo_kernel.errors import EndoError
from endo_kernel.facade import Endo
from endo_kernel.kernel.capture import capture_displays
from endo_kernel.kernel.compat import Arrival, DirectComms, MainShell
from endo_kernel.kernel.config import Endo as Settings
from endo_kernel.kernel.config import read_settings
from endo_kernel.kernel.magics import EndoMagics, complete
from endo_kernel.mainthread import MainQueue
from endo_kernel.pages import Pages
from endo_kernel.powers import Json, Realm
from endo_kernel.realms.confined import ConfinedRealm
from endo_kernel.realms.notebook import NotebookRealm
from endo_kernel.session import Defaults, Session
from endo_kernel.values import keep
from endo_kernel.variables import Variables

TARGET = "endo.v1"
"""The comm target that pages and terminals open."""

_log = logging.getLogger("endo_kernel")
_attached: list[Attachment] = []


class Unavailable:
    """Stands in for `endo` where the daemon could not start; says why whenever it is used."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise EndoError(str(self._error))

    def __getitem__(self, name: str) -> Any:
        raise EndoError(str(self._error))

    def __setitem__(self, name: str, value: object) -> None:
        raise EndoError(str(self._error))

    def refuse(self, line: str, cell: str | None = None) -> None:
        """Say why, where the magic is used."""
        raise EndoError(str(self._error))

    def __repr__(self) -> str:
        return f"endo is not available: {self._error}"


class Attachment:
    """A daemon in a shell; lives from `attach` to `detach`."""

    def __init__(self, shell: Any, kernel: Any) -> None:
        self._shell = shell
        self.main = MainQueue()
        settings = read_settings(kernel or shell)
        self._cells = MainShell(kernel) if kernel is not None else None
        try:
            self.daemon = self._open_daemon(settings, kernel)
        except BaseException:
            if self._cells is not None:
                self._cells.close()
            raise
        self._variables = Variables(shell.user_ns, lambda: shell.user_ns_hidden)
        self.session = Session(self.daemon, self.main, self._variables, _defaults(settings), show=_show, widget=self._widget)
        self.endo = Endo(self.session)
        self._extensions: set[str] = set()
        self.pages = self.daemon.call(lambda: Pages(self.session))
        self._comms = self._listen(kernel)
        shell.push({"endo": self.endo}, interactive=False)
        shell.register_magics(EndoMagics(shell, self.session, self.endo))
        shell.set_hook("complete_command", complete, str_key="%endo")
        shell.events.register("post_run_cell", self._after_cell)
        if self._cells is not None:
            self.main.nudge = self._nudge
            self._nudge()

    def _open_daemon(self, settings: Settings, kernel: Any) -> Daemon:
        realms: list[Realm] = [
            ConfinedRealm(self.main, keep),
            NotebookRealm(self.main, partial(capture_displays, self._shell), keep),
        ]
        owner = {"notebook": os.environ.get("JPY_SESSION_NAME") or None, "connection_file": _connection_file(kernel)}
        return Daemon(settings.folder, Powers(self.main, make_models(), realms), owner)

    def _listen(self, kernel: Any) -> DirectComms | None:
        if kernel is None or self._cells is None:
            return None
        comms = DirectComms(kernel, self._cells, self.daemon.loop)
        comms.serve(TARGET, self._receive)
        return comms

    def _receive(self, arrival: Arrival, send: Callable[[Mapping[str, Json]], None] | None = None) -> None:
        """Take what a page or a widget sent. On the daemon's thread."""
        key = arrival.comm.comm_id
        if arrival.kind == "close":
            self.pages.close(key)
            self._extensions.discard(key)
            return
        data = arrival.data if isinstance(arrival.data, Mapping) else {}
        page = self.pages.find(key) or self.pages.open(key, send or arrival.comm.send)
        if arrival.kind == "message":
            page.receive(data)
        elif data.get("client") == "jupyterlab":
            self._extensions.add(key)

    def _nudge(self) -> None:
        assert self._cells is not None
        self._cells.between_cells(self.main.drain, due=lambda: self.main.waiting)

    def _after_cell(self, result: Any) -> None:
        cell = self._cells.latest if self._cells is not None else None
        count = getattr(result, "execution_count", None) or (cell.number if cell else None)
        self._variables.note_cell(count, cell.id if cell else None)
        self.daemon.post(self.pages.draw)
        if self._cells is None:
            self.main.drain()

    def _widget(self, show: Mapping[str, Json], view: Mapping[str, Json]) -> Mapping[str, Json]:
        """Give a live widget, unless a page with the extension is there, which draws the record itself, and live."""
        comms = self._comms
        if comms is None or self._extensions:
            return {}
        from endo_kernel.widgets.view import make_view

        return make_view(show, view, lambda widget: comms.claim(widget.comm, lambda arrival: self._receive(arrival, widget.send)))

    def close(self) -> None:
        """Take everything out again, and close the daemon. Twice is harmless."""
        self.main.nudge = None
        if self._comms is not None:
            self._comms.close()
        if self._cells is not None:
            self._cells.close()
        if self._after_cell in self._shell.events.callbacks["post_run_cell"]:
            self._shell.events.unregister("post_run_cell", self._after_cell)
        if self._shell.user_ns.get("endo") is self.endo:
            self._shell.user_ns.pop("endo")
        self.daemon.close()


def attach(shell: Any, kernel: Any) -> None:
    """Open the daemon of this shell; where that fails, `endo` says why and nothing else changes."""
    if _attached:
        return
    try:
        _attached.append(Attachment(shell, kernel))
    except EndoError as error:
        _log.warning("endo is not available: %s", error)
        missing = Unavailable(error)
        shell.push({"endo": missing}, interactive=False)
        shell.register_magic_function(missing.refuse, "line_cell", "endo")


def detach() -> None:
    """Close the daemon. Twice is harmless."""
    while _attached:
        _attached.pop().close()


def current() -> Attachment | None:
    """Give what is attached in this process."""
    return _attached[-1] if _attached else None


def _defaults(settings: Settings) -> Defaults:
    # A name from the environment is read again for each task, as the credentials are: a cell may set it right.
    configured = settings.model if settings.trait_has_value("model") else None
    return Defaults(
        model=lambda: choose_model(configured),
        max_tokens=settings.max_tokens,
        thinking=lambda model: settings.thinking or default_thinking(model),
        prices=settings.prices,
        budget_tokens=settings.budget_tokens,
        budget_usd=settings.budget_usd,
    )


def _connection_file(kernel: Any) -> str | None:
    parent = getattr(kernel, "parent", None)
    return getattr(parent, "abs_connection_file", None)


def _show(output: Sequence[Mapping[str, Json]]) -> None:
    """Show in the cell what a step printed and displayed."""
    import sys

    from IPython.display import display

    for item in output:
        if item["kind"] == "stream":
            (sys.stderr if item["name"] == "stderr" else sys.stdout).write(item["text"])
        else:
            display(item["data"], raw=True)  # type: ignore[no-untyped-call]
