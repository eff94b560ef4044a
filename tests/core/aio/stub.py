"""Makes src/mestres_core/aio/services.pyi from the services' own signatures: `python tests/core/aio/stub.py`.

The awaited services have no code of their own (see services.py), so what type checkers and editors know of them is made
from what the plain ones say. test_stub.py fails when the two differ.
"""

import ast
import builtins
import inspect
import sys
import textwrap
from functools import lru_cache
from pathlib import Path
from types import FunctionType

from mestres_core.aio import services as awaited
from mestres_core.jobs.service import Jobs
from mestres_core.services import SERVICE_TYPES

FILE = Path(awaited.__file__).with_suffix(".pyi")
_HEAD = '''\
"""What the awaited services take and give. Made by tests/core/aio/stub.py from the plain services: never edit it."""
'''


class Names:
    """The names that annotations use, and the import that each needs; the same name from two places gets an alias."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, str]] = {
            name: ("collections.abc", name) for name in ("AsyncIterator", "Awaitable", "Callable")
        } | {"Any": ("typing", "Any"), "dataclass": ("dataclasses", "dataclass")}

    def use(self, name: str, module: str) -> str:
        """What to write for `name` of `module`."""
        origin = _origin(name, module)
        if origin is None:
            return name
        alias = name
        while self.known.setdefault(alias, origin) != origin:
            alias = f"{origin[0].rpartition('.')[2]}_{alias}"
        return alias

    def lines(self) -> list[str]:
        """The import statements."""
        plain = sorted(module for module, name in self.known.values() if not name)
        froms: dict[str, list[str]] = {}
        for alias, (module, name) in sorted(self.known.items()):
            if name:
                froms.setdefault(module, []).append(name if alias == name else f"{name} as {alias}")
        return [f"import {each}" for each in plain] + [
            f"from {module} import {', '.join(names)}" for module, names in sorted(froms.items())
        ]


def _origin(name: str, module: str) -> tuple[str, str] | None:
    """The module and the name there; None for a builtin."""
    found = getattr(sys.modules[module], name, None)
    if isinstance(found, type) and found.__module__.startswith("mestres_core") and "." not in found.__qualname__:
        return found.__module__, found.__name__
    imported = _imports(module).get(name)
    if imported is not None:
        return imported
    if hasattr(sys.modules[module], name):
        return module, name
    assert hasattr(builtins, name), f"{module} says {name}, which nobody knows"
    return None


@lru_cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {each.asname or each.name: (node.module, each.name) for each in node.names}
        elif isinstance(node, ast.Import):
            found |= {each.asname or each.name: (each.name, "") for each in node.names}
    return found


class Renamed(ast.NodeTransformer):
    """Annotations in the words of the stub."""

    def __init__(self, names: Names, module: str, shadowed: set[str]) -> None:
        self._names, self._module, self._shadowed = names, module, shadowed

    def visit_Name(self, node: ast.Name) -> ast.AST:
        written = self._names.use(node.id, self._module)
        if written in self._shadowed:  # a method of the class has the builtin's name
            self._names.known["builtins"] = ("builtins", "")
            written = f"builtins.{written}"
        return ast.copy_location(ast.Name(written), node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return self.visit(ast.parse(node.value, mode="eval").body) if isinstance(node.value, str) else node


def methods(service: type) -> dict[str, FunctionType]:
    """The public calls of a service."""
    return {
        name: value
        for name, value in inspect.getmembers_static(service)
        if not name.startswith("_") and isinstance(value, FunctionType)
    }


def _signature(function: FunctionType, names: Names, shadowed: set[str]) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    renamed = Renamed(names, function.__module__, shadowed)
    arguments = tree.args
    for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if each is not None and each.annotation is not None:
            each.annotation = renamed.visit(each.annotation)
    arguments.defaults = [ast.Constant(...) for _ in arguments.defaults]
    arguments.kw_defaults = [None if each is None else ast.Constant(...) for each in arguments.kw_defaults]
    returns = tree.returns
    head = returns.value if isinstance(returns, ast.Subscript) else returns
    if isinstance(head, ast.Name) and head.id in ("Iterator", "Result"):
        head.id = "AsyncIterator" if head.id == "Iterator" else "AsyncResult"
        inner = returns.slice if isinstance(returns, ast.Subscript) else None
        if inner is not None:
            returns.slice = renamed.visit(inner)
    elif returns is not None:
        returns = renamed.visit(returns)
    said = "Any" if returns is None else ast.unparse(ast.fix_missing_locations(returns))
    return f"async def {function.__name__}({ast.unparse(ast.fix_missing_locations(arguments))}) -> {said}: ..."


def stub() -> str:
    """The text of services.pyi."""
    names = Names()
    services = dict(SERVICE_TYPES)
    classes = []
    for service in [*dict.fromkeys(services.values()), Jobs]:
        calls = methods(service)
        lines = [_signature(each, names, set(calls)) for each in calls.values()]
        classes.append(f"class Async{service.__name__}:\n" + "\n".join(f"    {line}" for line in lines))
    fields = "\n".join(f"    {name}: Async{service.__name__}" for name, service in services.items())
    return "\n".join(
        [
            _HEAD,
            *names.lines(),
            "\nSend = Callable[..., Awaitable[Any]]\n",
            "@dataclass(frozen=True, slots=True)\nclass AsyncResult:",
            "    filename: str\n    media_type: str\n    size: int\n    chunks: AsyncIterator[bytes]\n",
            "\n\n".join(classes),
            f"\nclass AsyncServices:\n{fields}\n    def __init__(self, services: Any, send: Send) -> None: ...\n",
        ]
    )


if __name__ == "__main__":
    FILE.write_text(stub())
