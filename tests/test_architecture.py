"""The shape of the house, kept by tools and not by memory."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "dayhand"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "cases" not in path.parts)


def test_everybody_imports_only_whom_they_may() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_web_process_loads_nothing_that_can_run_code() -> None:
    program = (
        "import sys, dayhand.web; print([m for m in sys.modules if m.split('.')[0] in ('docker', 'openai')"
        " or m.startswith(('dayhand.agent', 'dayhand.sandbox', 'dayhand.journey', 'dayhand.wiring'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HEAVY = (
    *("asyncio", "docker", "flask", "git", "github", "httpx2", "importlib.metadata", "markdown_it"),
    *("openai", "redis", "requests", "rich", "rq", "valkey", "yaml"),
)
SANDBOX = "importlib.metadata"  # it looks for the bwrap of a wheel


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("dayhand.cli", ()),  # and with it `dayhand --help`
        ("dayhand.commands.run", (SANDBOX,)),  # until a thread imports the next one
        ("dayhand.commands.run_journey", (SANDBOX, "asyncio", "httpx2", "markdown_it", "redis", "yaml")),
        ("dayhand.commands.doctor.doctor", (SANDBOX, "rich")),
        ("dayhand.commands.setup.run", (SANDBOX, "github", "requests", "yaml")),
        ("dayhand.commands.environment", (SANDBOX, "httpx2", "markdown_it", "rich", "yaml")),
    ],
)
def test_a_command_loads_no_library_that_it_does_not_use(module: str, needed: tuple[str, ...]) -> None:
    """Each takes up to a second before the command does anything. ``dayhand bench run`` measures it."""
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= set(needed)


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def test_a_module_opens_with_what_it_is_for_and_a_package_holds_nothing_else(
    trees: dict[Path, ast.Module],
) -> None:
    wordless = [path for path, tree in trees.items() if " " not in (ast.get_docstring(tree) or "")]
    assert wordless == [], "these do not say in a few words what they are for"
    packages = [path for path, tree in trees.items() if path.name == "__init__.py" and len(tree.body) != 1]
    assert packages == [], "these hold more than their caption"


def test_the_broad_excepts_are_the_edges(trees: dict[Path, ast.Module]) -> None:
    found = {
        f"{path.relative_to(SOURCE)}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    }
    assert found <= {"cli.py", "worker/job.py"}


def test_a_class_name_has_one_meaning(trees: dict[Path, ast.Module]) -> None:
    """The local GitHub may name the same things as our client of it: the two share no types on purpose."""
    places: dict[str, list[str]] = {}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not path.is_relative_to(SOURCE / "localhub"):
                places.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_files_functions_and_folders_stay_small(trees: dict[Path, ast.Module]) -> None:
    long_files = [path for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 350]
    assert not long_files
    long_functions = [
        f"{path.relative_to(SOURCE)}: {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long_functions
    modules = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {str(folder.relative_to(SOURCE)): count for folder, count in modules.items() if count > 16} == {}
