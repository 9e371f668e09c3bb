"""A key that is in the environment enters neither the store, nor a record, nor the conversation, whatever approved code does with it."""

from __future__ import annotations

import pytest

from endo_kernel.errors import ValueLost
from tests.world import World, define

KEY = "sk-ant-a-key-that-nobody-may-see"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def on_disk(world: World) -> bytes:
    world.close()
    return b"".join(path.read_bytes() for path in world.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "code",
    [
        "import os\nprint(os.environ['ANTHROPIC_API_KEY'])",
        "import os\ndict(os.environ)",
        "import os\n{(1, 2): os.environ['ANTHROPIC_API_KEY']}",
        "import os\nraise ValueError(os.environ['ANTHROPIC_API_KEY'])",
        "import os\nos.environ['ANTHROPIC_API_KEY']",
    ],
)
def test_what_approved_code_shows_of_it_is_kept_without_it(world: World, code: str) -> None:
    world.model.will_use(define("Look", code, result="seen"))
    task = world.endo.task("look")
    task.wait(10)

    world.daemon.submit(world.daemon.host.endow(1, {}))
    world.session.main.serve(world.daemon.submit(task._rest(10)))

    assert world.endo.inbox[1].state in ("done", "failed")
    assert KEY not in str(world.sent)
    assert KEY not in str(task._repr_mimebundle_())
    assert KEY.encode() not in on_disk(world)


def test_a_value_that_holds_it_is_live_and_is_not_kept(world: World) -> None:
    world.endo["settings"] = {"key": KEY}
    world.model.will_use(define("Use", "len(settings)", settings="a dict", result="size"))
    task = world.endo.task("use")
    task.wait(10)
    assert world.endo.endow(1, settings={"key": KEY}) == 1
    assert world.endo["settings"] == {"key": KEY}

    world.restart()

    with pytest.raises(ValueLost):
        _ = world.endo["settings"]
    assert KEY.encode() not in on_disk(world)
