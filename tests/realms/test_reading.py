"""What a card can say of code without running it."""

from __future__ import annotations

import pytest

from endo_kernel.errors import BadDefinition
from endo_kernel.realms.reading import free_names, names_read, parse, read

OBEYS = [
    "[x for x in rows if x]",
    "{k: v for k, v in table.items()}",
    "def f(a, *b, c=1, **d): return a, b, c, d\nf(1)",
    "(lambda a, b=table: a + b)(1)",
    "if (n := len(rows)) > 1: n",
    "try:\n    1\nexcept ValueError as e:\n    str(e)",
    "match rows:\n    case {'a': q, **r}: (q, r)\n    case [s, *t]: (s, t)",
    "class A:\n    x = 1\n    y = x\n    def f(self): return __class__, self.y\nA()",
    "import os.path as p, json\np, json",
    "from math import *\nsqrt(anything)",
    "def f():\n    global g\n    g = 1\nf()\ng",
    "x = 1\ndel x",
    "for i in rows: pass\ni",
    "with rows as (a, b): a, b",
    "exec('q = 1')\nq",
    "globals()['q'] = 1\nq",
    "try:\n    q\nexcept NameError:\n    0",
    "__name__, __doc__, print, display(rows)",
    "await rows",
    "[y async for y in rows]",
    "async with rows as r: r",
    "rows += 1",
    "def outer():\n    v = 1\n    def inner():\n        nonlocal v\n        v += 1\n        return v\n    return inner\nouter()",
    "[w := 1 for _ in rows]\nw",
]


@pytest.mark.parametrize("code", OBEYS)
def test_no_name_is_called_free_that_the_code_defines(code: str) -> None:
    assert free_names(code) <= {"rows", "table"}


@pytest.mark.parametrize(
    ("code", "free"),
    [
        ("df.head()", {"df"}),
        ("def f(): return df\nf()", {"df"}),
        ("[x for x in xs if y]", {"xs", "y"}),
        ("class A:\n    z = base\nA()", {"base"}),
        ("lambda a: a + b", {"b"}),
        ("def f(a: T = d) -> R: return a", {"T", "d", "R"}),
        ("@dec\ndef f(): pass", {"dec"}),
        ("f'{name!r:>{width}}'", {"name", "width"}),
        ("del gone", set()),
    ],
)
def test_a_name_that_nothing_defines_is_free(code: str, free: set[str]) -> None:
    assert free_names(code) == free


def test_a_slot_that_is_read_and_then_rebound_counts_as_used() -> None:
    assert "data" in names_read("data = data.dropna()\ndata")
    assert "total" in names_read("total += 1")
    assert "unused" not in names_read("data.sum()")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = (1,\ny = 2", "line 1: '\\(' was never closed"),
        ("a = 1\n%matplotlib inline", "line 2: '%matplotlib inline' is IPython syntax"),
        ("!ls", "line 1: '!ls' is IPython syntax"),
        ("df?", "line 1: 'df\\?' is IPython syntax"),
        ("   ", "the code is empty"),
        ("return 3", "line 1: 'return' outside a function"),
        ("if 1:\n    yield 2", "line 2: 'yield' outside a function"),
        ("nonlocal x", "line 1: nonlocal declaration not allowed"),
        ("x = 1\0", "null"),
        ("(" * 5000 + ")" * 5000, "nested|parse"),
    ],
)
def test_code_that_does_not_parse_is_refused_with_line_and_reason(code: str, words: str) -> None:
    with pytest.raises(BadDefinition, match=words):
        parse(code)


def test_the_card_lists_packages_and_what_reading_finds() -> None:
    imports = "import os, numpy as np\nfrom sklearn.linear_model import Ridge\nimport requests\n"
    code = imports + "open('x')\nos.environ['A']\nos.remove('x')\nos.remove('y')\neval('1')"

    found = read(code)

    assert found["imports"] == ["numpy", "os", "requests", "sklearn"]
    assert found["finds"] == [
        "reaches the network: imports requests, line 3",
        "opens files: open(...), line 4",
        "reads the environment: os.environ, line 5",
        "deletes or moves files: os.remove(...), lines 6, 7",
        "runs code that is not in sight: eval(...), line 8",
    ]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("from os import system as s\ns('ls')", "starts or ends processes"),
        ("import os\nos.execv('a', [])", "starts or ends processes"),
        ("import subprocess", "starts or ends processes"),
        ("from urllib.request import urlopen", "reaches the network"),
        ("from urllib import request", "reaches the network"),
        ("import pandas as pd\npd.read_csv('x')", "opens files"),
        ("df.to_csv('x')", "opens files"),
        ("from pathlib import Path\nPath('x').unlink()", "deletes or moves files"),
        ("().__class__.__subclasses__()", "reaches into Python itself"),
        ("getattr(x, 'a' + 'b')", "reaches into Python itself"),
        ("import pickle", "runs code that is not in sight"),
    ],
)
def test_uses_of_the_outside_world_are_found(code: str, what: str) -> None:
    assert any(find.startswith(what) for find in read(code)["finds"])


@pytest.mark.parametrize(
    "code", ["import urllib.parse", "def open(x): return x\nopen(1)", "table.remove(1)", "df.describe()", "getattr(x, 'name')"]
)
def test_ordinary_code_has_no_finds(code: str) -> None:
    assert read(code)["finds"] == []
