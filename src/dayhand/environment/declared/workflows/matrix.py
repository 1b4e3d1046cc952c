"""One sensible cell of a job's matrix: on Linux, with the versions that the box has.

https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations. Where other dimensions
than systems and versions are used (a package, a shard, a suite), all of their values belong to what CI runs, so all are kept.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping

from dayhand.environment.version_pins import fits
from dayhand.environment.yaml_file import Value

MAX_COMBINATIONS = 256  # GitHub's own limit: https://docs.github.com/actions/reference/limits
SYSTEM = "system"  # the kind of a dimension that names an operating system
LINUX = re.compile(r"ubuntu|linux|debian|self-hosted", re.IGNORECASE)
OTHER_SYSTEM = re.compile(r"windows|macos|osx|win\d|freebsd|alpine", re.IGNORECASE)
UNUSUAL = re.compile(r"pypy|graalpy|jruby|truffle|nightly|head|dev|beta|rc|canary|\dt$|-t$", re.IGNORECASE)

WORK = re.compile(r"[A-Za-z_-]+")  # the name of some work, without a version in it
Cell = Mapping[str, Value]


def choose_cells(
    matrix: Value,
    kinds: Mapping[str, str],
    available: Mapping[str, tuple[str, ...]],
    *,
    used: frozenset[str] = frozenset(),
    gates: Callable[[Cell], bool] = lambda _cell: True,
) -> tuple[Cell, ...]:
    """The best cell, and those that differ from it in neither system nor version; one empty cell without a matrix.

    ``kinds`` says which dimension names a system or a language's version, ``available`` which versions the box has,
    its usual one first. ``used`` are the dimensions by which commands differ, ``gates`` says whether a cell may not fail.
    """
    cells = list(filter(gates, all_cells(matrix)))
    if not cells:
        return ({},)
    best = min(cells, key=lambda cell: _rank(cell, kinds, available))
    same = [cell for cell in cells if all(cell.get(name) == best.get(name) for name in kinds)]
    same += _other_work(cells, same, kinds=kinds, names=used - kinds.keys())
    distinct = {repr([cell.get(name) for name in sorted(used)]): cell for cell in reversed((best, *same))}
    return tuple(reversed(distinct.values()))


def _other_work(
    cells: list[Cell], same: list[Cell], *, kinds: Mapping[str, str], names: frozenset[str]
) -> list[Cell]:
    """Cells of another version that do something else, such as "tox: typing" beside "tox: py311"."""
    known = {repr(cell.get(name)) for cell in same for name in names}
    systems = [name for name, kind in kinds.items() if kind == SYSTEM]
    return [
        cell
        for cell in cells
        if not any(OTHER_SYSTEM.search(str(cell.get(name, ""))) for name in systems)
        and any(
            isinstance(value := cell.get(name), str) and repr(value) not in known and WORK.fullmatch(value)
            for name in names
        )
    ]


def all_cells(matrix: Value) -> tuple[Cell, ...]:
    """Every cell, up to a limit; none without a matrix."""
    return tuple(itertools.islice(_cells(matrix), MAX_COMBINATIONS))


def _cells(matrix: Value) -> Iterator[Cell]:
    if not isinstance(matrix, dict):
        return
    dimensions = {
        name: values
        for name, values in matrix.items()
        if name not in ("include", "exclude") and isinstance(values, list) and values
    }
    excluded = _mappings(matrix.get("exclude"))
    included = _mappings(matrix.get("include"))
    made = 0
    alone = list(included)
    for values in itertools.product(*dimensions.values()) if dimensions else ():
        cell = dict(zip(dimensions, values, strict=True))
        if any(all(cell.get(name) == value for name, value in entry.items()) for entry in excluded if entry):
            continue
        original = dict(cell)
        for entry in included:
            if all(original[name] == value for name, value in entry.items() if name in original):
                cell |= entry
                alone = [each for each in alone if each is not entry]
        made += 1
        yield cell
        if made >= MAX_COMBINATIONS:
            break
    yield from alone


def _mappings(value: Value | None) -> list[dict[str, Value]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _rank(cell: Cell, kinds: Mapping[str, str], available: Mapping[str, tuple[str, ...]]) -> tuple[int, ...]:
    """Less is better: another system, an unusual version, a version that the box lacks, an older one."""
    system = unusual = lacking = 0
    age: list[int] = []
    for name, kind in kinds.items():
        text = cell.get(name, "")
        text = text[0] if isinstance(text, list) and text and isinstance(text[0], str) else text
        if not isinstance(text, str):
            continue
        if kind == SYSTEM:
            system += 2 if OTHER_SYSTEM.search(text) else 0 if LINUX.search(text) else 1
            continue
        unusual += bool(UNUSUAL.search(text))
        lacking += _lack(text, available.get(kind, ()))
        age += [-number for number in _numbers(text)]
    return (system, unusual, lacking, *age)


def _lack(wanted: str, versions: tuple[str, ...]) -> int:
    """How far the box is from this version: 0 for its usual one, more for others, most where it has none that fits."""
    for place, version in enumerate(versions):
        if fits(wanted, version) is True:
            return place
    return len(versions) + 1


def _numbers(text: str) -> tuple[int, int]:
    first, second = [*(int(number[:6]) for number in re.findall(r"\d+", text)), 0, 0][:2]
    return first, second
