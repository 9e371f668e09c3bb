"""The tour, as a person goes through it: the cells run in order, what the prose says is done in the cards, and what it promises is seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Seen
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook


@pytest.fixture(scope="module")
def tour(open_page: Open, lab: Lab) -> Notebook:
    return Notebook(open_page(), lab, "tour.ipynb").ready()


def test_flow_1_a_task_uses_only_what_it_was_given_and_a_follow_up_goes_on(tour: Notebook, seen: Seen) -> None:
    tour.run("counter")
    tour.run("counter-task")
    first = tour.card("counter-task", 1)
    first.choose("counter", "counter")
    expect(first.button("Approve and run")).to_be_disabled()
    first.allow("incr", "read")
    seen(tour.output("counter-task"), "tour-1-card")
    first.approve()
    thread = tour.thread("counter-task")
    expect(thread.get_by_text("The counter says 3.")).to_be_visible()
    seen(tour.output("counter-task"), "tour-1-result")

    tour.write("counter-task", "now count to ten")
    second = tour.card("counter-task", 2)
    second.choose("counter", "counter")
    second.allow("incr", "read")
    second.approve()

    expect(thread.get_by_text("Now it says 10.")).to_be_visible()
    assert "10" in tour.run("counter-read").inner_text()
    seen(tour.output("counter-task"), "tour-1-follow-up")


def test_flow_2_steps_that_build_on_each_other(tour: Notebook, seen: Seen) -> None:
    tour.run("diabetes")
    tour.run("analysis-task")
    thread = tour.thread("analysis-task")
    look = tour.card("analysis-task", 3)
    look.choose("data", "diabetes")
    expect(thread.get_by_role("progressbar", name="Plan")).to_have_attribute("aria-valuenow", "0")
    look.approve()
    fit, check = tour.card("analysis-task", 4), tour.card("analysis-task", 5)
    expect(check.button("Approve and run")).to_be_enabled()
    seen(tour.output("analysis-task"), "tour-2-two-cards")

    check.approve()
    check.expect("approved")
    expect(check.node).to_contain_text("It runs when card 4 is done")
    seen(tour.output("analysis-task"), "tour-2-second-first")
    fit.approve()
    draw = tour.card("analysis-task", 6)
    expect(draw.button("Approve and run")).to_be_enabled()
    check.expect("done")
    expect(thread.get_by_role("progressbar", name="Plan")).to_have_attribute("aria-valuenow", "5")
    draw.approve()

    expect(thread.get_by_text("Done", exact=True)).to_be_visible()
    expect(draw.node.get_by_role("img").last).to_be_visible()
    expect(thread.get_by_role("progressbar", name="Plan")).to_have_attribute("aria-valuenow", "7")
    seen(tour.output("analysis-task"), "tour-2-done")
    assert "first-model" in tour.run("names").inner_text()
    seen(tour.output("names"), "tour-2-names")


def test_flow_3_a_restart_in_the_middle(tour: Notebook, seen: Seen) -> None:
    tour.run("wine")
    tour.run("groups-task")
    ask = tour.card("groups-task", 7)
    ask.choose("the value", "wine")
    ask.button("Give this value").click()
    compare = tour.card("groups-task", 8)
    expect(compare.button("Approve and run")).to_be_enabled()
    seen(tour.output("groups-task"), "tour-3-before")

    tour.menu("Kernel", "Restart Kernel…")
    tour.confirm("Restart")
    expect(compare.node.get_by_text("did not survive")).to_be_visible(timeout=60_000)
    expect(compare.button("Reject…")).to_be_enabled()
    expect(compare.button("Approve and run")).to_be_disabled()
    seen(tour.output("groups-task"), "tour-3-restarted")
    tour.run("wine-again")
    compare.choose("table", "wine")
    compare.approve()

    expect(tour.thread("groups-task").get_by_text("These columns tell the groups apart best")).to_be_visible()
    seen(tour.output("groups-task"), "tour-3-after")
    expect(tour.run("inbox-after-restart").get_by_text("Nothing waits for you.")).to_be_visible()


def test_flow_4_what_the_tasks_are_doing(tour: Notebook, seen: Seen) -> None:
    tour.run("two-tasks")
    tasks = tour.output("two-tasks").get_by_role("region", name="Tasks")
    row = tasks.get_by_role("row").filter(has_text="Find the outliers in my data")
    for told in ("Waiting for you", "0 of 3", "Ask how strict to be", "#9", "tokens"):
        expect(row).to_contain_text(told)
    seen(tour.output("two-tasks"), "tour-4-tasks")
    tour.run("outliers-thread")
    thread = tour.thread("outliers-thread")
    expect(thread.get_by_text("0 of 3")).to_be_visible()
    form = tour.card("outliers-thread", 9)
    form.node.get_by_role("textbox", name="Standard deviations").fill("2.5")
    seen(tour.output("outliers-thread"), "tour-4-form")
    form.button("Answer").click()
    find = tour.card("outliers-thread", 11)
    find.choose("data", "wine")
    expect(row).to_contain_text("#11")
    find.approve()

    expect(thread.get_by_text("There are 16 of 178 rows with an outlier.")).to_be_visible()
    expect(row).not_to_contain_text("Waiting for you")
    expect(row).to_contain_text("3 of 3")
    seen(tour.output("outliers-thread"), "tour-4-found")


def test_flow_5_back_from_lunch(tour: Notebook, seen: Seen) -> None:
    assert tour.run("lunch-inbox").get_by_role("article").count() == 1
    tour.save()
    tour.menu("Kernel", "Shut Down Kernel")
    expect(tour.output("lunch-inbox").get_by_text("Start the kernel to decide on these cards.")).to_be_visible()
    tour.page.reload()
    tour.ready()
    tour.run("wine-again")
    card = tour.card("lunch-inbox", 10)
    card.choose("data", "wine")
    seen(tour.output("lunch-inbox"), "tour-5-inbox")
    card.approve()

    expect(tour.output("lunch-inbox").get_by_text("Nothing waits for you.")).to_be_visible()
    table = tour.run("tasks-at-the-end")
    expect(table.get_by_role("row").filter(has_text="Summarize my data")).to_contain_text("2 of 2")
    seen(table, "tour-5-tasks")
