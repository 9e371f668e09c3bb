"""What can be said of code without running it.

`read` finds, for the card, what the code plainly does; it is help for a reader and no guarantee, since Python can do the same in ways
that no reading finds. `free_names` is exact where it speaks and silent where it cannot know.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator

from endo_kernel.errors import BadDefinition
from endo_kernel.realms.finds import find_uses

_GIVEN = frozenset(dir(builtins)) | {"__name__", "__doc__", "__builtins__", "__annotations__", "display", "get_ipython"}
_MAKES_NAMES = frozenset({"exec", "globals", "locals", "vars", "NameError", "__builtins__", "get_ipython"})
"""Names whose use means that other names may come to be, or be asked for, unseen by a reading."""


def parse(code: str) -> ast.Module:
    """Parse code as either realm takes it, with `await` at the top level; raises BadDefinition with line and reason."""
    if not code.strip():
        raise BadDefinition("the code is empty: write the statements to run, the last expression being the result")
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        module = compile(code, "<definition>", "exec", flags, dont_inherit=True)
        symtable.symtable(code, "<definition>", "exec")
    except SyntaxError as error:
        raise BadDefinition(_syntax_words(code, error)) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise BadDefinition(f"the code cannot be parsed: {str(error) or type(error).__name__}") from None
    assert isinstance(module, ast.Module)
    for node in _outside_functions(module):
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)):
            word = "return" if isinstance(node, ast.Return) else "yield"
            raise BadDefinition(f"line {node.lineno}: {word!r} outside a function; the last expression of the code is its result")
    return module


def read(code: str) -> dict[str, list[str]]:
    """Say what reading finds: the top-level packages that are imported, and uses of the outside world, with their lines."""
    try:
        module = parse(code)
    except BadDefinition as error:  # stored under another version of Python: the card is shown all the same
        return {"imports": [], "finds": [f"cannot be read by this Python: {error}"]}
    packages = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            packages.add(node.module.split(".")[0])
    return {"imports": sorted(packages - {"__future__"}), "finds": find_uses(module)}


def names_read(code: str) -> frozenset[str]:
    """Give every name that the code may read from its surroundings, assigned there too or not: a slot that is not among them is unused."""
    names = {node.target.id for node in ast.walk(parse(code)) if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)}
    for table in _tables(symtable.symtable(code, "<definition>", "exec")):
        surrounds = table.get_type() in ("module", "class")
        names |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced() and (surrounds or symbol.is_global())}
    return frozenset(names)


def free_names(code: str) -> set[str]:
    """Give the names that the code reads and nothing in it, nor Python, defines: each must be a slot.

    Where the code may make names that reading cannot see (a star import, exec, globals), gives none.
    """
    unbound = unbound_names(code)
    return set() if unbound & _MAKES_NAMES else unbound - _GIVEN


def unbound_names(code: str) -> set[str]:
    """Give the names that the code reads and does not define, Python's own among them; none where it has a star import."""
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(parse(code))):
        return set()
    read_here: set[str] = set()
    defined: set[str] = set()
    for table in _tables(symtable.symtable(code, "<definition>", "exec")):
        at_top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if (at_top or symbol.is_declared_global()) and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                defined.add(symbol.get_name())
            if symbol.is_referenced() and symbol.is_global():
                read_here.add(symbol.get_name())
    return read_here - defined


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from _outside_functions(child)


def _syntax_words(code: str, error: SyntaxError) -> str:
    number = error.lineno or 1
    lines = code.splitlines() or [""]
    line = lines[min(number, len(lines)) - 1].strip()
    if line[:1] in ("%", "!") or line.endswith("?"):
        return f"line {number}: {line[:80]!r} is IPython syntax; a step is plain Python"
    return f"line {number}: {error.msg}: {line[:80]!r}"
