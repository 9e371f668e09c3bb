"""Code in the confined realm has its slots and nothing else, whatever it tries; and the realm is there for the next step."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Evaluation, Outcome
from endo_kernel.realms.confined import ConfinedRealm, Limits
from endo_kernel.realms.facets import facet


class Vault:
    """A live object whose one harmless method is listed; everything else here is what an attack wants."""

    token = "the secret"

    def __init__(self) -> None:
        self.opened: list[str] = []

    def peek(self, *args: object, **kwargs: object) -> int:
        return len(args)

    def open(self) -> str:
        self.opened.append("open")
        return self.token

    def __call__(self) -> str:
        self.opened.append("call")
        return self.token

    def __getitem__(self, key: object) -> str:
        self.opened.append("item")
        return self.token

    def __iter__(self) -> Iterator[str]:
        self.opened.append("iter")
        return iter([self.token])

    def __len__(self) -> int:
        self.opened.append("len")
        return 1

    def __repr__(self) -> str:
        self.opened.append("repr")
        return self.token

    def __eq__(self, other: object) -> bool:
        self.opened.append("eq")
        return True

    def __hash__(self) -> int:
        return 1

    def __reduce__(self) -> str:
        self.opened.append("reduce")
        return "vault"

    def __getattr__(self, name: str) -> str:
        self.opened.append(name)
        raise AttributeError(name)


class Sandbox:
    """The realm as a daemon has it, with this thread as the main one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.main = MainQueue(owner=threading.current_thread())
        self.realm = ConfinedRealm(self.main, limits=Limits(seconds=1.0, memory=64 * 1024 * 1024))

    def run(self, code: str, **slots: object) -> Outcome:
        return self.main.serve(asyncio.run_coroutine_threadsafe(self.realm.evaluate(Evaluation("card 1", code, slots)), self.loop))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.realm.close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def still_serves(sandbox: Sandbox) -> Iterator[None]:
    yield
    assert sandbox.run("6 * 7").value == 42


ATTEMPTS_AT_FILES = [
    "open('{file}').read()",
    "from pathlib import Path\nPath('{file}').read_text()",
    "from pathlib import Path\nlist(Path('{folder}').iterdir())",
    "from pathlib import Path\nPath('{folder}/new').write_text('x')",
    "import os\nos.listdir('{folder}')",
    "import os\nos.remove('{file}')",
    "import os\nos.rename('{file}', '{file}2')",
    "import os\nos.mkdir('{folder}/new')",
    "import tomllib\ntomllib.load(open('{file}', 'rb'))",
    "exec(\"open('{file}').read()\")",
    "eval(\"open('{file}').read()\")",
]


@pytest.mark.usefixtures("still_serves")
@pytest.mark.parametrize("attempt", ATTEMPTS_AT_FILES)
def test_no_file_can_be_read_made_or_removed(sandbox: Sandbox, tmp_path: Path, attempt: str) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("the secret")

    outcome = sandbox.run(attempt.format(file=file, folder=tmp_path))

    assert outcome.failure is not None
    assert "the secret" not in outcome.failure.traceback.replace(str(file), "")
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


@pytest.mark.usefixtures("still_serves")
@pytest.mark.parametrize(
    "code",
    [
        "import socket\nsocket.create_connection(('127.0.0.1', {port}))",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}')",
        "import http.client\nhttp.client.HTTPConnection('127.0.0.1', {port}).connect()",
        "import asyncio\nawait asyncio.open_connection('127.0.0.1', {port})",
        "import os\nos.system('true')",
        "import subprocess\nsubprocess.run(['true'])",
        "from os import popen",
        "import ctypes",
        "import importlib\nimportlib.import_module('socket')",
        "import sys\nsys.modules['socket']",
    ],
)
def test_no_socket_process_or_other_module_can_be_had(sandbox: Sandbox, code: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)

        outcome = sandbox.run(code.format(port=server.getsockname()[1]))

        assert outcome.failure is not None
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.usefixtures("still_serves")
@pytest.mark.parametrize(
    "code", ["import os\nos.environ['ENDO_SECRET']", "import os\nos.getenv('ENDO_SECRET')", "import os\ndict(os.environ)"]
)
def test_the_environment_is_not_there(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("ENDO_SECRET", "the secret")

    outcome = sandbox.run(code)

    assert "the secret" not in str((outcome.value, outcome.failure))


def test_a_worker_starts_without_this_processs_environment(sandbox: Sandbox) -> None:
    async def pid() -> int | None:
        await sandbox.realm.evaluate(Evaluation("card 1", "1", {}))
        assert sandbox.realm._pool is not None
        async with sandbox.realm._pool.checkout() as worker:
            return worker.worker_pid

    worker = asyncio.run_coroutine_threadsafe(pid(), sandbox.loop).result()

    assert os.environ["PATH"].encode() not in Path(f"/proc/{worker}/environ").read_bytes()


@pytest.mark.usefixtures("still_serves")
@pytest.mark.parametrize(
    "attack",
    [
        "vault.open()",
        "vault.open",
        "vault.token",
        "vault.opened",
        "getattr(vault, 'open')()",
        "vault()",
        "type(vault)()",
        "type(vault).open(vault)",
        "type(vault).peek(vault)",
        "vault.__class__()",
        "vault.__class__.token",
        "vault.__class__.__mro__",
        "vault.__class__.__subclasses__()",
        "vault.__dict__",
        "vault.__init__.__globals__",
        "vault.peek.__self__",
        "vault.peek.__func__.__globals__",
        "vault.peek.__globals__['os']",
        "vault.__getattribute__('open')",
        "vault.__reduce__()",
        "vault.__reduce_ex__(4)",
        "vault.facet",
        "vault.said",
        "vault.value",
        "vault[0]",
        "len(vault)",
        "list(vault)",
        "for x in vault: x",
        "vault == 1 or vault.open()",
        "str(vault) + 'x'\nvault.open()",
        "'{0.token}'.format(vault)",
        "'{0.__class__.__init__.__globals__}'.format(vault)",
        "f'{vault.token}'",
        "'%s' % vault.token",
        "vars(vault)",
        "dir(vault)",
        "with vault as v: v.open()",
        "vault.peek(vault.token)",
        "vault.peek(**{'__class__': vault.open()})",
        "import copy\ncopy.deepcopy(vault).open()",
        "import functools\nfunctools.reduce(lambda a, n: getattr(a, n), ['__class__', 'token'], vault)",
        "setattr(vault, 'names', ['open'])\nvault.open()",
        "vault.names = ('open',)\nvault.open()",
        "class Fake:\n    pass\nfake = Fake()\nfake.__class__ = type(vault)\nfake.open()",
        "import json\njson.dumps(vault)",
        "import sys\nsys._getframe(0).f_globals",
        "import sys\nsys.modules['os'].system('true')",
        "[].__class__.__base__.__subclasses__()",
        "().__class__.__bases__[0].__subclasses__()",
        "(lambda: 0).__globals__",
        "(lambda: 0).__code__",
        "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_back.f_globals",
        "__builtins__['open']",
        "__builtins__.open('/etc/passwd')",
        "__loader__",
        "__spec__.loader",
    ],
)
def test_no_walk_from_a_facet_reaches_more_than_it_lists(sandbox: Sandbox, attack: str) -> None:
    vault = Vault()
    outcome = sandbox.run(attack, vault=facet(vault, "peek"))

    assert outcome.failure is not None, outcome.value
    assert "the secret" not in str((outcome.value, outcome.failure, outcome.output))
    assert vault.opened == []


def test_the_text_of_a_facet_says_nothing_of_the_object(sandbox: Sandbox) -> None:
    vault = Vault()

    outcome = sandbox.run("[str(vault), repr(vault), f'{vault}', vault == 3]", vault=facet(vault, "peek"))

    assert outcome.value == ["Vault()", "Vault()", "Vault()", False]
    assert vault.opened == []


@pytest.mark.usefixtures("still_serves")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("while True: pass", "TimeoutError"),
        ("try:\n    while True: pass\nexcept BaseException:\n    pass\nwhile True: pass", "TimeoutError"),
        ("sum(range(10**12))", "TimeoutError"),
        ("10**10**8", "MemoryError"),
        ("import time\ntime.sleep(60)", "TimeoutError"),
        ("import asyncio\nawait asyncio.sleep(60)", "TimeoutError"),
        ("while True: print('x' * 1000)", "TimeoutError"),
        ("x = [0] * 10**12", "MemoryError"),
        ("x = 'a' * 10**9", "MemoryError"),
        ("x = 'a' * (40 * 2**20)\ny = x.upper() + 'b'", "MemoryError"),
        ("x = []\nwhile True: x.append('a' * 10**6)", "MemoryError"),
        ("def f(n): return f(n + 1)\nf(0)", "RecursionError"),
        ("x = []\nfor i in range(100_000): x = [x]\nx", "TypeError"),
        ("(" * 20_000 + ")" * 20_000, "SyntaxError"),
    ],
)
def test_a_greedy_step_fails_in_clear_words_and_alone(sandbox: Sandbox, code: str, kind: str) -> None:
    outcome = sandbox.run(code)

    assert outcome.failure is not None
    assert outcome.failure.type == kind, outcome.failure
    assert isinstance(outcome.exception, Exception)
    assert "monty" not in outcome.failure.message.lower()


def test_limits_are_named_in_the_failure(sandbox: Sandbox) -> None:
    late, large = sandbox.run("while True: pass").failure, sandbox.run("'a' * 10**9").failure

    assert late is not None
    assert late.message == "the code ran for more than 1 s, which is as long as a confined step may run"
    assert large is not None
    assert large.message == "the code needed more than 64 MiB, which is as much as a confined step may hold"


def test_many_calls_are_served(sandbox: Sandbox) -> None:
    assert sandbox.run("n = 0\nfor i in range(3000):\n    n += vault.peek(1)\nn", vault=facet(Vault(), "peek")).value == 3000


def test_steps_share_nothing(sandbox: Sandbox) -> None:
    sandbox.run("import math\nleft = 1\nmath.pi = 3\ndef len(x): return 9")
    outcome = sandbox.run("import math\n[len([]), math.pi > 3]")

    assert outcome.value == [0, True]
    assert sandbox.run("left").failure is not None


@pytest.mark.usefixtures("still_serves")
@pytest.mark.parametrize("code", ["raise KeyboardInterrupt", "raise BaseException('out')"])
def test_no_exception_of_the_code_can_end_or_interrupt_the_host(sandbox: Sandbox, code: str) -> None:
    outcome = sandbox.run(code)

    assert outcome.failure is not None
    assert isinstance(outcome.exception, (Exception, type(None)))
