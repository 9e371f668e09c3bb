"""The tables of what a reader of code would want pointed out, and the walk that finds it.

Each find is a sentence like "opens files: open(...), line 3". Nothing is refused because of a find.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

FILES = "opens files"
NETWORK = "reaches the network"
PROCESSES = "starts or ends processes"
ENVIRONMENT = "reads the environment"
RUNS_CODE = "runs code that is not in sight"
DELETES = "deletes or moves files"
INSIDES = "reaches into Python itself"

_MODULES = {
    NETWORK: """socket ssl http urllib.request urllib3 requests httpx httpx2 aiohttp websockets websocket ftplib smtplib imaplib poplib
        telnetlib paramiko boto3 botocore s3fs gcsfs grpc pika redis psycopg psycopg2 pymysql pymongo socketserver xmlrpc webbrowser zmq
        openai anthropic""",
    PROCESSES: "subprocess multiprocessing pty pexpect sh signal psutil",
    RUNS_CODE: "importlib runpy code codeop marshal pickle cloudpickle dill shelve joblib ctypes cffi",
    INSIDES: "gc inspect",
    FILES: "tempfile glob mmap sqlite3 fileinput zipfile tarfile h5py",
    ENVIRONMENT: "getpass keyring dotenv",
}
_CALLS = {
    FILES: """open io.open io.FileIO codecs.open os.open os.listdir os.scandir os.walk os.mkdir os.makedirs gzip.open bz2.open lzma.open
        numpy.load numpy.save numpy.savez numpy.loadtxt numpy.savetxt numpy.genfromtxt numpy.fromfile""",
    NETWORK: "asyncio.open_connection asyncio.start_server pandas.read_sql pandas.read_html",
    PROCESSES: """os.system os.popen os.fork os.forkpty os.kill os.killpg os._exit os.abort asyncio.create_subprocess_exec
        asyncio.create_subprocess_shell get_ipython sys.exit exit quit""",
    ENVIRONMENT: "os.getenv os.putenv os.unsetenv os.environ",
    RUNS_CODE: "eval exec compile __import__ pandas.read_pickle pandas.eval types.FunctionType types.CodeType",
    DELETES: """os.remove os.unlink os.rmdir os.removedirs os.rename os.replace os.truncate shutil.rmtree shutil.move shutil.copy
        shutil.copytree shutil.copyfile""",
    INSIDES: "globals locals vars sys.modules sys._getframe sys.settrace sys.setprofile builtins __builtins__ setattr delattr",
}
_METHODS = {
    FILES: "read_text write_text read_bytes write_bytes to_csv to_parquet to_excel to_pickle to_feather to_hdf to_sql tofile savefig",
    DELETES: "unlink rmdir",
    INSIDES: """__class__ __subclasses__ __mro__ __bases__ __base__ __globals__ __code__ __closure__ __builtins__ __loader__ __spec__
        __dict__ __reduce__ __getattribute__ f_globals f_locals f_back gi_frame cr_frame tb_frame""",
}
_READERS = ("pandas.read_", "polars.read_", "polars.scan_")
_PREFIXES = {PROCESSES: ("os.exec", "os.spawn", "os.posix_spawn")}


def _table(words: dict[str, str]) -> dict[str, str]:
    return {name: what for what, names in words.items() for name in names.split()}


_MODULE_FINDS, _CALL_FINDS, _METHOD_FINDS = _table(_MODULES), _table(_CALLS), _table(_METHODS)


def find_uses(module: ast.Module) -> list[str]:
    """Give each find once, as a sentence with its first lines, in the order of the code."""
    origins = dict.fromkeys(_own_names(module), "") | dict(_origins(module))
    found: dict[tuple[str, str], list[int]] = {}
    placed = [node for node in ast.walk(module) if isinstance(node, (ast.stmt, ast.expr))]
    nodes = sorted(placed, key=lambda node: (node.lineno, node.col_offset))
    for node in nodes:
        for what, how in _finds_at(node, origins):
            lines = found.setdefault((what, how), [])
            if node.lineno not in lines:
                lines.append(node.lineno)
    return [f"{what}: {how}, {_line_words(lines)}" for (what, how), lines in found.items()]


def _own_names(module: ast.Module) -> Iterator[str]:
    """Yield the names that the code gives to things of its own: they do not mean Python's."""
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg


def _line_words(lines: list[int]) -> str:
    shown = ", ".join(str(line) for line in lines[:5])
    return f"line{'s' if len(lines) > 1 else ''} {shown}" + (" and more" if len(lines) > 5 else "")


def _origins(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what each imported name stands for, in dots."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}"


def _finds_at(node: ast.AST, origins: dict[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _import_finds(node)
    elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        dotted = _dotted(node, origins)
        what = _CALL_FINDS.get(dotted) or next((what for what, starts in _PREFIXES.items() if dotted.startswith(starts)), None)
        if what is None and dotted.startswith(_READERS):
            what = FILES
        if what is not None:
            yield what, f"{dotted}(...)" if dotted not in ("os.environ", "sys.modules", "__builtins__", "builtins") else dotted
        if isinstance(node, ast.Attribute) and _METHOD_FINDS.get(node.attr) == INSIDES:
            yield INSIDES, f".{node.attr}"
    elif isinstance(node, ast.Call):
        yield from _call_finds(node, origins)


def _import_finds(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    if isinstance(node, ast.ImportFrom):
        names += [f"{node.module}.{alias.name}" for alias in node.names]
    for name in dict.fromkeys(names):
        parts = name.split(".")
        what = next((found for end in range(1, len(parts) + 1) if (found := _MODULE_FINDS.get(".".join(parts[:end])))), None)
        if what is not None:
            yield what, f"imports {parts[0]}"
            return


def _call_finds(node: ast.Call, origins: dict[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(node.func, ast.Attribute):
        what = _METHOD_FINDS.get(node.func.attr)
        if what is not None and what != INSIDES and not _CALL_FINDS.get(_dotted(node.func, origins)):
            yield what, f".{node.func.attr}(...)"
    elif isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) > 1:
        name = node.args[1]
        if not isinstance(name, ast.Constant) or _METHOD_FINDS.get(str(name.value)) == INSIDES:
            yield INSIDES, "getattr(...) of a computed or inner name"


def _dotted(node: ast.expr, origins: dict[str, str]) -> str:
    """Give the full name that an expression stands for, or nothing where it is not a plain chain of names."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or (parts and node.id not in origins):
        return ""
    origin = origins.get(node.id, node.id)
    return ".".join([origin, *reversed(parts)]) if origin else ""
