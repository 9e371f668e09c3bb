"""What an agent writes is shown, and does nothing. The agent is a model of the test's own, behind a real kernel and the real SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Seen
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook
from tests.loopback import MessagesServer

SCRIPT = "<script>window.reached = 'script'</script>"
PICTURE = "<img src=x onerror=\"window.reached = 'picture'\">"
LINK = "[a link](javascript:window.reached='link')"
BIDI, ZERO_WIDTH = "\u202e", "\u200b"
CODE = f"""\
from IPython.display import HTML, display
# {BIDI}sdrawkcab daer eb lliw siht
name = "{ZERO_WIDTH}"
display(HTML({PICTURE!r}))
print({SCRIPT!r})
raise ValueError({PICTURE!r})
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server


@pytest.fixture(scope="module")
def notebook(lab: Lab, agent: MessagesServer, open_page: Open) -> Notebook:
    """Give a notebook whose kernel talks to that agent, as a person's who has a key does."""
    kernel = lab.add_kernel("endo-agent", {**agent.environment(), "ENDO_MODEL": "claude-test"})
    lab.write("hostile.ipynb", {"task": "endo.task('Say something')", "inbox": "endo.inbox", "tasks": "endo.tasks"}, kernel)
    return Notebook(open_page(), lab, "hostile.ipynb").ready()


def test_markup_and_hidden_characters_of_an_agent_are_seen_and_do_nothing(notebook: Notebook, agent: MessagesServer, seen: Seen) -> None:
    agent.will_use(
        say=f"I say {SCRIPT} and {PICTURE} and {LINK}.",
        define={
            "title": f"Title {SCRIPT} {BIDI}eltit {ZERO_WIDTH}",
            "explanation": f"Why {PICTURE}",
            "code": CODE,
            "realm": "notebook",
            "slots": {"data": {"label": f"Label {PICTURE}", "type": f"Type {SCRIPT}"}},
        },
    )
    agent.will_say(f"In the end {PICTURE}{BIDI}.")
    notebook.run("task")
    for key in ("inbox", "tasks"):
        notebook.run(key)
    output = notebook.output("task")
    card = notebook.card("task", 1)
    for words in (
        f"I say {SCRIPT} and {PICTURE}",
        f"Title {SCRIPT} ⟨U+202E⟩eltit ⟨U+200B⟩",
        f"Why {PICTURE}",
        f"Label {PICTURE}",
        "⟨U+200B⟩",
    ):
        expect(output.get_by_text(words).first).to_be_visible()
    seen(output, "hostile-card")
    card.picker("data").select_option(label="type a value…")
    card.node.get_by_role("textbox", name="data: a value").fill(PICTURE)
    card.approve()
    card.expect("failed")
    expect(output.get_by_text("In the end <img")).to_be_visible()
    card.node.get_by_role("img", name="failed").click()
    seen(output, "hostile-outcome")

    page = notebook.page
    assert page.evaluate("window.reached") is None
    for key in ("task", "inbox", "tasks"):
        assert notebook.output(key).locator("script, img[src=x], a[href^='javascript:']").count() == 0
        assert BIDI not in notebook.output(key).inner_text()
    assert agent.complaints == []
