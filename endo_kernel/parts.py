"""The parts of one daemon, as one record: what the parties and the agent work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from endo_kernel.cards import Cards
from endo_kernel.conversation import Conversations
from endo_kernel.directory import Directory
from endo_kernel.graph import Graph
from endo_kernel.mail import Mail
from endo_kernel.powers import Bell, Clock, MainThread, Realm
from endo_kernel.store import Store
from endo_kernel.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything on one store, and the powers that are needed to act on it."""

    store: Store
    graph: Graph
    directory: Directory
    mail: Mail
    cards: Cards
    tasks: Tasks
    conversations: Conversations
    realms: Mapping[str, Realm]
    main: MainThread
    clock: Clock
    bell: Bell
