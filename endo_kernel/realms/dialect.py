"""The Python that the sandbox speaks, so that an agent learns before a card is made what will not run there.

The tables are what was found by trying; a test tries them again on the installed sandbox. What they miss, the sandbox itself refuses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from endo_kernel.errors import BadDefinition
from endo_kernel.realms.reading import parse, unbound_names


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = _words("""
    asyncio base64 binascii bisect collections copy csv dataclasses datetime decimal functools hashlib itertools json math os pathlib
    random re sys time tomllib typing unicodedata
""")
SUBMODULES = _words("os.path")
MISSING_BUILTINS = _words("""
    aiter anext ascii breakpoint bytearray callable classmethod compile delattr dir exit globals help input issubclass memoryview quit
    staticmethod super vars __import__
""")
REFUSED: dict[str, str] = {
    "Yield": "yield (give a list instead)",
    "YieldFrom": "yield (give a list instead)",
    "Delete": "del",
    "TryStar": "except*",
    "TypeAlias": "a type alias",
    "AsyncFor": "async for",
    "AsyncWith": "async with",
    "TemplateStr": "a template string",
}


def check_dialect(code: str, slots: Sequence[str]) -> None:
    """Raise BadDefinition, with line and reason, for code that can be seen not to run in the sandbox."""
    module = parse(code)
    problems = [*_syntax(module), *_imports(module), *_live_objects(module, slots)]
    missing = (unbound_names(code) & MISSING_BUILTINS) - set(slots)
    problems += [(_line_of(module, name), f"{name}() does not exist there") for name in sorted(missing)]
    if "open" in unbound_names(code) and "open" not in slots:
        problems.append(
            (
                _line_of(module, "open"),
                "there are no files there: take what the code needs as a slot, and give back what it makes as the result",
            )
        )
    if problems:
        line, words = min(problems)
        raise BadDefinition(f"line {line}: not in the confined realm: {words}")


Problem = tuple[int, str]


def _syntax(module: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(module):
        words = REFUSED.get(type(node).__name__)
        if words is not None:
            yield getattr(node, "lineno", 1), words
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield node.target.lineno, "an async comprehension"
        elif isinstance(node, ast.ClassDef):
            if node.bases or node.keywords:
                yield node.lineno, f"class inheritance ({node.name}); a plain class, a dataclass or a dict works"
            for method in node.body:
                if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and method.decorator_list:
                    yield method.lineno, f"a decorated method ({node.name}.{method.name}); a plain method works"


def _imports(module: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
            if node.names[0].name == "*":
                yield node.lineno, "an import of *; name what the code uses"
        else:
            continue
        for name in names:
            if name not in MODULES and name not in SUBMODULES and name != "__future__":
                yield (
                    node.lineno,
                    f"there is no module {name!r}; there are {', '.join(sorted(MODULES))}; for libraries use the realm 'notebook'",
                )


def _live_objects(module: ast.Module, slots: Sequence[str]) -> Iterator[Problem]:
    """Find uses of slots that look as if they worked: a set attribute would stay in the sandbox, a function would cross as mere text."""
    rebound = {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    rebound |= {node.arg for node in ast.walk(module) if isinstance(node, ast.arg)}
    live = set(slots) - rebound
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_one_of(node.value, live):
            yield node.lineno, f"setting an attribute of a slot ({ast.unparse(node)}) would not reach the object; call one of its methods"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_one_of(node.func.value, live):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(isinstance(argument, ast.Lambda) for argument in given):
                yield (
                    node.lineno,
                    f"a function cannot be given to {ast.unparse(node.func)}(): only plain data and slots can leave the sandbox",
                )


def _is_one_of(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _line_of(module: ast.Module, name: str) -> int:
    return min((node.lineno for node in ast.walk(module) if isinstance(node, ast.Name) and node.id == name), default=1)
