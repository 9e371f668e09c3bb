"""LangGraph with its SQLite saver, doing the same. Run by path in an interpreter that has it; needs nothing of ours.

It answers on its standard output, one line of JSON for each line that it reads: `steps N COUNT`, `bytes STEPS`, `park N FILE`.
`peer.py resume FILE` resumes one parked approval in a fresh process and says how long that took after the imports.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

TEXT = "x" * 400
THREAD: dict[str, Any] = {"configurable": {"thread_id": "1"}, "recursion_limit": 10_000_000}


def stepping(saver: SqliteSaver, count: int) -> Any:
    """Give a graph of which each superstep appends one message, and that ends after so many."""
    left = [count]

    def step(state: MessagesState) -> Any:
        left[0] -= 1
        return {"messages": [AIMessage(TEXT)]}

    graph = StateGraph(MessagesState)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if left[0] > 0 else END)
    return graph.compile(checkpointer=saver)


def approving(saver: SqliteSaver) -> Any:
    """Give a graph that asks for an approval, runs what was approved, and lets a model say one thing."""

    def ask(state: MessagesState) -> Any:
        return {"messages": [AIMessage(f"{interrupt('approve?')}: {sum(range(10))}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("model", lambda state: {"messages": [AIMessage(TEXT)]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "model")
    return graph.compile(checkpointer=saver)


def saver_of(path: str) -> SqliteSaver:
    """Open the saver on a database."""
    saver = SqliteSaver(sqlite3.connect(path, check_same_thread=False))
    saver.setup()
    return saver


def past(messages: int) -> dict[str, Any]:
    """Give a conversation of so many messages."""
    return {"messages": [(HumanMessage, AIMessage)[number % 2](TEXT) for number in range(messages)]}


def steps(messages: int, count: int) -> float:
    """Give the milliseconds of one superstep on a conversation of so many messages."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        saver = saver_of(f"{folder}/peer.sqlite")
        stepping(saver, 1).invoke(past(messages), THREAD, durability="sync")
        graph = stepping(saver, count)
        began = time.perf_counter()
        graph.invoke({"messages": []}, THREAD, durability="sync")
        return (time.perf_counter() - began) * 1e3 / count


def kib(count: int) -> float:
    """Give the KiB on disk after so many supersteps."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        saver = saver_of(f"{folder}/peer.sqlite")
        stepping(saver, count).invoke({"messages": []}, THREAD, durability="sync")
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024


def park(messages: int, path: str) -> float:
    """Leave an approval parked in a database."""
    saver = saver_of(path)
    approving(saver).invoke(past(messages), THREAD, durability="sync")
    saver.conn.close()
    return 0.0


def resume(path: str) -> float:
    """Give the milliseconds that one parked approval takes from the opening of its database to the end."""
    began = time.perf_counter()
    approving(saver_of(path)).invoke(Command(resume="yes"), THREAD, durability="sync")
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    if sys.argv[1:]:
        print(resume(sys.argv[2]))
        return
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        act, *words = line.split()
        if act == "steps":
            figure = steps(int(words[0]), int(words[1]))
        elif act == "bytes":
            figure = kib(int(words[0]))
        else:
            figure = park(int(words[0]), words[1])
        print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
