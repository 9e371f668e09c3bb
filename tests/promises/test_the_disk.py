"""What becomes of acts, answers and outcomes when the disk does not take them; and of a kernel whose store cannot be used at all.

Nothing that was acknowledged is lost, nothing is done or paid for twice, and once the disk takes writes again everything goes on.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from endo_kernel.daemon import Daemon
from endo_kernel.errors import StoreUnwritable
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import ModelAnswer, ModelRequest
from endo_kernel.store import Store
from tests.kernel.page import Page
from tests.world import World, define

LARGE = "x" * 40_000
"""More than any page of a database has left."""

LEAST, MOST = 1, 4_294_967_294
FAILS = {"full": f"max_page_count = {LEAST}", "read-only": "query_only = ON"}
WORKS = {"full": f"max_page_count = {MOST}", "read-only": "query_only = OFF"}


class Disk:
    """The disk under a world, which takes no more writes when a test says so. SQLite itself refuses them."""

    def __init__(self, world: World, how: str) -> None:
        self._world = world
        self._how = how

    def fail(self) -> None:
        """Take no more writes; a maximum below the size of the database is its size."""
        self._say(FAILS[self._how])

    def work(self) -> None:
        """Take writes again."""
        self._say(WORKS[self._how])

    def _say(self, setting: str) -> None:
        self._world.daemon.call(lambda: self._world.daemon.store._database._connection.execute(f"PRAGMA {setting}"))


@pytest.fixture(params=FAILS)
def disk(world: World, request: pytest.FixtureRequest) -> Iterator[Disk]:
    disk = Disk(world, request.param)
    yield disk
    disk.work()


def wait_until(world: World, true: Callable[[], object]) -> None:
    """Wait until something that the daemon tells of is true."""
    seen = threading.Event()

    def look(*_: object) -> None:
        if true():
            seen.set()

    with world.daemon.watched(look):
        world.daemon.call(look)
        assert seen.wait(20)


def test_a_task_that_cannot_be_written_is_refused_and_there_is_none(world: World, disk: Disk) -> None:
    disk.fail()
    with pytest.raises(StoreUnwritable, match=r"What was committed before is safe\. Make room on the disk"):
        world.endo.task(LARGE)
    assert len(world.endo.tasks) == 0

    disk.work()

    assert world.endo.task(LARGE).wait(10) == "idle"


def test_a_letter_that_cannot_be_written_is_refused_and_is_not_delivered_later(world: World, disk: Disk) -> None:
    task = world.endo.task("go")
    task.wait(10)
    disk.fail()
    with pytest.raises(StoreUnwritable):
        task.send(LARGE)
    disk.work()

    task.send("instead")

    assert task.wait(10) == "idle"
    assert [message.text for message in task.messages] == ["go", "Done.", "instead", "Done."]


def test_a_decision_that_cannot_be_written_is_refused_and_the_card_is_open(world: World, disk: Disk) -> None:
    world.model.will_use(define("Measure", "len(words)", words="words", result="length"))
    task = world.endo.task("go")
    task.wait(10)
    disk.fail()
    with pytest.raises(StoreUnwritable):
        world.endo.endow(1, words=LARGE)
    assert world.endo.inbox[1].state == "open"
    assert task.status == "waiting"

    disk.work()

    assert world.endo.endow(1, words=LARGE) == 40_000
    assert task.wait(10) == "idle"


def test_an_answer_that_cannot_be_written_is_held_and_not_paid_for_twice(world: World, disk: Disk) -> None:
    def answer(request: ModelRequest) -> ModelAnswer:
        disk.fail()
        return ModelAnswer([{"type": "text", "text": LARGE}], "end_turn", {"input": 7})

    world.model.will(answer)
    task = world.endo.task("go")
    wait_until(world, lambda: world.daemon.agent.held(task.id))
    head = world.daemon.call(lambda: world.session.views.show({"kind": "task", "task": task.id}))["head"]
    assert head["status"] == "thinking"
    assert "did not take the write" in head["why"]
    assert len(task.conversation) == 1

    disk.work()

    assert task.wait(10) == "idle"
    assert task.conversation[-1]["content"][0]["text"] == LARGE
    assert len(world.model.requests) == 1
    assert task.usage["input"] == 7


def test_an_outcome_that_cannot_be_written_is_held_and_its_code_runs_once(world: World, disk: Disk) -> None:
    effects: list[int] = []
    code = "effects.append(1)\nfail()\n'x' * 40_000"
    world.model.will_use(define("Act", code, effects="where to write", fail="what happens", result="text"))
    task = world.endo.task("go")
    task.wait(10)

    with pytest.raises(StoreUnwritable):
        world.endo.endow(1, effects=effects, fail=disk.fail)
    assert world.endo.inbox[1].state == "running"
    assert effects == [1]
    disk.work()

    assert task.wait(10) == "idle"
    assert world.endo.inbox[1].state == "done"
    assert world.endo["text"] == LARGE
    assert effects == [1]


@pytest.mark.parametrize("disk", ["read-only"], indirect=True)
def test_a_step_whose_start_cannot_be_written_does_not_run_before_it_is(world: World, disk: Disk) -> None:
    effects: list[int] = []
    world.model.will_use(define("Act", "effects.append(1)\nlen(effects)", effects="where to write"))
    task = world.endo.task("go")
    task.wait(10)
    world.daemon.store.on_commit = lambda count: disk.fail() if world.daemon.cards.get(1).state == "approved" else None

    with pytest.raises(StoreUnwritable):
        world.endo.endow(1, effects=effects)
    assert world.endo.inbox[1].state == "approved"
    assert effects == []
    world.daemon.store.on_commit = None
    disk.work()

    assert task.wait(10) == "idle"
    assert effects == [1]


def test_a_card_whose_tool_use_could_not_be_handled_opens_when_it_can(world: World, disk: Disk) -> None:
    name, given = define("Look", LARGE)
    uses = [{"type": "tool_use", "id": "toolu_large", "name": name, "input": given}]
    world.daemon.store.on_commit = lambda count: disk.fail() if len(world.daemon.store.table("turns")) == 2 else None
    world.model.will_turn(uses, "tool_use")
    task = world.endo.task("go")
    wait_until(world, lambda: len(task.conversation) == 2 and not world.daemon.agent.calling(task.id))
    assert len(world.endo.inbox) == 0
    world.daemon.store.on_commit = None

    disk.work()

    assert task.wait(10) == "waiting"
    assert len(world.endo.inbox) == 1
    assert len(world.model.requests) == 1


def test_what_is_there_can_be_read_and_drawn_while_nothing_can_be_written(world: World, disk: Disk) -> None:
    world.model.will_use(define("Look", "len(table)", table="the table"))
    task = world.endo.task("go")
    task.wait(10)
    world.namespace["table"] = [1, 2, 3]
    disk.fail()

    inbox = world.daemon.call(lambda: world.session.views.show({"kind": "inbox"}))

    assert inbox["entries"]["c1"]["card"]["slots"][0]["candidates"][0]["label"] == "table"
    assert len(task.messages) == 1


class _LateDaemon(Daemon):
    """A daemon that opens its store while the disk takes no writes."""

    def _open_store(self) -> Store:
        store = super()._open_store()
        store._database._connection.execute("PRAGMA query_only = ON")
        return store


class _LateWorld(World):
    def start(self, main: MainQueue) -> Daemon:
        """Give a daemon that cannot write yet."""
        return _LateDaemon(self.folder, self.powers(main))


def test_what_may_have_run_is_unknown_as_soon_as_that_can_be_written(world: World) -> None:
    world.model.will_use(define("Look", "1 + 1"))
    world.endo.task("go").wait(10)
    world.daemon.call(lambda: world.daemon.cards.move(world.daemon.cards.get(1), "approved", who="you"))
    world.daemon.call(lambda: world.daemon.cards.move(world.daemon.cards.get(1), "running", who="endo"))
    world.close()

    late = _LateWorld(world.folder)
    try:
        assert late.endo.inbox[1].state == "running"
        Disk(late, "read-only").work()
        assert late.endo.tasks[1].wait(10) == "waiting"
        assert late.endo.inbox[1].state == "unknown"
    finally:
        late.close()


def test_wrong_modes_are_repaired_and_everything_is_there(world: World) -> None:
    world.model.will_use(define("Look", "1 + 1"))
    world.endo.task("go").wait(10)
    world.close()
    for path in (world.folder, *world.folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)

    world.restart()

    assert world.endo.endow(1) == 2
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (world.folder, *world.folder.rglob("*"))}
    assert modes == {0}


def overwrite(database: Path) -> None:
    database.write_bytes(b"hello, this was a database once. " * 1000)


def tear(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:-5000])


def come_from_the_future(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("damage", "words"),
    [(overwrite, "is damaged"), (tear, "is damaged"), (come_from_the_future, "Upgrade endo-kernel")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_kernel_on_a_store_that_cannot_be_read_is_a_python_kernel_that_says_why(
    damage: Callable[[Path], None], words: str, world: World, start_kernel: Callable[..., Page], store: Path
) -> None:
    world.close()
    damage(store / "store.sqlite")
    before = (store / "store.sqlite").read_bytes()

    page = start_kernel()

    assert page.evaluate("1 + 1") == "2"
    for code in ("endo.tasks", "endo.task('go')", "endo['x'] = 1", "%endo tasks", "%%endo task\ngo"):
        told = page.run(code)["content"]
        assert told["ename"] == "EndoError"
        assert words in told["evalue"]
    assert "endo is not available" in page.evaluate("endo")
    assert page.evaluate("2 + 2") == "4"
    assert (store / "store.sqlite").read_bytes() == before


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs a folder that takes no writes, whoever asks")
def test_a_kernel_whose_store_has_no_place_is_a_python_kernel_that_says_why(start_kernel: Callable[..., Page]) -> None:
    page = start_kernel(ENDO_STORE="/proc/endo")

    assert page.evaluate("1 + 1") == "2"
    assert "/proc/endo cannot be written" in page.run("endo.inbox")["content"]["evalue"]


FULL = """
import resource
size = (store / 'store.sqlite-wal').stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""
ROOM = "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_under_a_kernel_costs_nothing_that_was_acknowledged(start_kernel: Callable[..., Page], store: Path) -> None:
    """Every write of the store fails at once; the log was made larger than any other file that the kernel writes."""
    page = start_kernel(ENDO_MODEL="rehearsal")
    page.run(
        f"from pathlib import Path\nstore = Path({str(store)!r})\nendo['large'] = list(range(400_000))\ntask = endo.task('Build a counter')"
    )
    assert page.evaluate("task.wait(20)") == "'waiting'"
    page.run(FULL)

    refused = page.run("endo.task('Another')")["content"]
    assert refused["ename"] == "StoreUnwritable"
    assert "Make room on the disk" in refused["evalue"]
    assert page.evaluate("sum(range(10))") == "45"
    assert page.evaluate("len(endo.tasks), len(endo.inbox), task.status") == "(1, 1, 'waiting')"
    page.run(ROOM)

    assert page.evaluate("endo.task('Another').wait(20), len(endo.tasks)") == "('idle', 2)"
    page.run("endo.reject(1, 'no')")
    assert page.evaluate("endo.inbox[1].state") == "'rejected'"


CHILD = """
import os, sys
from pathlib import Path
from endo_kernel.errors import StoreError
from endo_kernel.store import open_store
folder, mode, file_mode = Path(sys.argv[1]), int(sys.argv[2], 8), int(sys.argv[3], 8)
with open_store(folder) as store:
    number = store.table("turns").insert({"said": "hello"})
(folder / "store.sqlite").chmod(file_mode)
folder.chmod(mode)
if os.geteuid() == 0:
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
try:
    open_store(folder)
except StoreError as error:
    print(type(error).__name__, error)
try:
    with open_store(folder, readonly=True) as store:
        print(store.table("turns").get(doc_id=number)["said"])
except StoreError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder whose parents anybody may enter, since root is not kept out by modes and another user has to try."""
    home = Path(tempfile.mkdtemp(prefix="endo-disk-"))
    home.chmod(0o755)
    yield home / "store"
    shutil.rmtree(home)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "writer", "reader"),
    [
        ("0500", "0600", "StoreUnwritable", "hello"),
        ("0700", "0400", "StoreUnwritable", "hello"),
        ("0700", "0000", "StoreUnwritable", "Store"),
        ("0000", "0600", "StoreUnwritable", "Store"),
    ],
)
def test_a_folder_that_may_not_be_written_says_so_and_can_be_read_where_that_is_allowed(
    folder_mode: str, file_mode: str, writer: str, reader: str, open_folder: Path
) -> None:
    command = [sys.executable, "-c", CHILD, str(open_folder), folder_mode, file_mode]

    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)

    assert done.returncode == 0, done.stderr
    refused, read = done.stdout.splitlines()
    assert refused.startswith(writer)
    assert str(open_folder) in refused
    assert read.startswith(reader)
