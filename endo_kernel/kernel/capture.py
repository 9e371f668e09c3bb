"""Catches what a step shows in IPython: its streams, and everything that goes through the shell's display publisher.

`display()`, `update_display`, `clear_output` and figures shown by the inline backend all go that way. The publisher is put back
when the step ends; threads that ran before the step go on publishing to their own cells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from endo_kernel.realms.capture import Outputs, Residents, standard_streams

DEAD_AFTER_THE_STEP = {"application/vnd.jupyter.widget-view+json"}
"""Displays that are only a pointer into the page of this moment: kept, they would show nothing."""


class StepPublisher(DisplayPublisher):
    """Stands in for the shell's publisher while one step runs."""

    def __init__(self, outputs: Outputs, beside: DisplayPublisher, residents: Residents) -> None:
        super().__init__(parent=beside.parent)  # type: ignore[no-untyped-call]
        self._outputs = outputs
        self._beside = beside
        self._residents = residents

    def publish(
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        source: object = None,
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **rest: Any,
    ) -> None:
        """Keep a display of the step; pass on an update of a display that an earlier cell shows."""
        if self._residents.is_speaking():
            self._beside.publish(data, metadata, transient=transient, update=update, **rest)
            return
        lasting = {mime: value for mime, value in data.items() if mime not in DEAD_AFTER_THE_STEP}
        display_id = (transient or {}).get("display_id")
        if not update:
            self._outputs.display(lasting, display_id)
        elif display_id is not None and not self._outputs.update(lasting, display_id):
            self._beside.publish(data, metadata, transient=transient, update=True, **rest)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the step showed."""
        if self._residents.is_speaking():
            self._beside.clear_output(wait)  # type: ignore[no-untyped-call]
        else:
            self._outputs.clear()


@contextlib.contextmanager
def capture_displays(shell: InteractiveShell) -> Iterator[Outputs]:
    """Catch streams and displays of one step; hand it to a realm with the shell bound: `partial(capture_displays, shell)`."""
    outputs = Outputs()
    residents = Residents()
    beside = shell.display_pub
    with standard_streams(outputs, residents):
        shell.display_pub = StepPublisher(outputs, beside, residents)
        try:
            yield outputs
        finally:
            shell.display_pub = beside
