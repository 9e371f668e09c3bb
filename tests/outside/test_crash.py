"""What may have run when a kernel died waits for the host's word."""

from __future__ import annotations

from pathlib import Path

from tests.kernel.page import PATIENCE
from tests.loopback import MessagesServer, use
from tests.outside.notebook import definition, result, start, told


def test_a_card_that_may_have_run_waits_for_the_hosts_word(server: MessagesServer, tmp_path: Path) -> None:
    flag, spin = tmp_path / "flag", "while True:\n    pass"
    die = "import os\nif not os.path.exists(flag):\n    open(flag, 'w').close()\n    os.kill(os.getpid(), 9)\n'ran again'"
    cards = [definition(die, flag="a path", result="ran"), definition(spin, "confined", result="spun"), definition(spin, "confined")]
    server.about("dies").will_turn([use("define", card) for card in cards])
    server.about("dies").will_say("Done.")
    env = {"ENDO_STORE": str(tmp_path / "store"), "ENDO_MODEL": "claude-test", **server.environment()}
    first = start(tmp_path / "kernel.log", **env)
    assert first.give("dies") == "waiting"
    first.do(
        "import threading\nfor number in (2, 3):\n    threading.Thread(target=endo.endow, args=(number,), daemon=True).start()\n"
        "while not {endo.inbox[2].state, endo.inbox[3].state} == {'running'}:\n    pass"
    )
    first.page.start(f"endo.endow(1, flag={str(flag)!r})")
    first.page.manager.provisioner.process.wait(PATIENCE)
    first.page.close()

    second = start(tmp_path / "kernel.log", **env)
    try:
        assert second.value("[(c.number, c.state) for c in endo.inbox]") == [[1, "unknown"], [2, "unknown"], [3, "unknown"]]
        assert "endo.rerun" in second.refused(f"endo.endow(1, flag={str(flag)!r})")[1]
        assert second.value("endo.rerun(1)") == "ran again"
        second.do("endo.resolve(2, {'by': 'hand'})\nendo.fail(3, 'why')")
        assert second.value("[endo.tasks[1].wait(20), endo['ran'], endo['spun']]") == ["idle", "ran again", {"by": "hand"}]
        assert [block.get("is_error", False) for block in told(server, "dies")] == [False, False, True]
        assert second.value("[c.state for c in endo.tasks[1].cards]") == ["done", "done", "failed"]
        assert "why" in result(told(server, "dies")[2])["reason"]
    finally:
        second.page.close()
