"""Every error that endo_kernel raises on purpose.

    EndoError
    ├── BadName                 a name that is not a pet name or not an identifier
    ├── NameUnknown             a pet name that is not in the directory
    ├── BadCommand              a magic or a terminal command that cannot be read
    ├── BadDefinition           a definition (code, slots, realm) that cannot become a card
    ├── BadBinding              a slot left out, unknown, or bound to something that cannot go there
    ├── CardUnknown             no card of that number
    ├── CardDecided             a second decision
    ├── CardChanged             a decision on something other than what would run now
    ├── TaskUnknown             no task of that id
    ├── TaskEnded               an act that an ended task cannot take
    ├── ValueLost               a value that did not survive a restart
    ├── StepFailed              the approved code failed, or its outcome is not known
    ├── StoreError
    │   ├── StoreLocked         another kernel writes this store
    │   ├── StoreDamaged        the files cannot be read
    │   ├── StoreTooNew         written by a later version
    │   └── StoreUnwritable     full disk, read-only folder, wrong owner
    ├── ModelUnavailable        the model failed for now; trying again may help
    ├── ModelFailed             the model refused; trying again unchanged will not help
    └── DaemonClosed            the daemon behind this object has ended

Each message says what was asked, and what would have worked.
"""

from __future__ import annotations


class EndoError(Exception):
    """The root of every error here."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the sentence alone: the frames between the cell and it are ours, and help nobody."""
        return [f"{type(self).__name__}: {self}"]


class BadName(EndoError):
    """A name does not have the form that its place asks for."""


class NameUnknown(EndoError):
    """A pet name is not in the directory that was asked."""


class BadCommand(EndoError):
    """A magic or a terminal command cannot be read."""


class BadDefinition(EndoError):
    """A definition, form or request cannot become a card."""


class BadBinding(EndoError):
    """A slot or field was left out, is unknown, or was given something that cannot go there."""


class CardUnknown(EndoError):
    """There is no card of that number."""


class CardDecided(EndoError):
    """The card is not in a state that allows the decision."""


class CardChanged(EndoError):
    """What would run now is not what the decision was made on."""


class TaskUnknown(EndoError):
    """There is no task of that id."""


class TaskEnded(EndoError):
    """The task has ended in a way that does not allow the act."""


class ValueLost(EndoError):
    """A value did not survive a restart, and only the host can give it again."""


class StepFailed(EndoError):
    """Approved code failed where its own exception cannot be raised here."""


class StoreError(EndoError):
    """The store cannot be used as asked."""


class StoreLocked(StoreError):
    """Another process writes this store."""


class StoreDamaged(StoreError):
    """The store's files cannot be read."""


class StoreTooNew(StoreError):
    """The store was written by a later version of this program."""


class StoreUnwritable(StoreError):
    """The folder or the disk does not take writes."""


class ModelUnavailable(EndoError):
    """The model failed for now.

    `retry_after` is what the server asked for, in seconds, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelFailed(EndoError):
    """The model refused the request; sending it again unchanged will not help."""


class DaemonClosed(EndoError):
    """The daemon has ended; opening the store again starts another."""
