"""The parts of the documentation that are written from the code: ``python -m tests.reference``, as `make format` calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from dayhand import errors
from dayhand.errors import EXIT_MEANINGS, DayhandError
from dayhand.ledger.telemetry.metrics import METRICS
from dayhand.settings.table import FORMER, ROWS

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- {}: written by `make format` -->\n", "<!-- end of {} -->\n"


def rewritten(page: Path) -> str:
    """A page with its generated parts as the code has them."""
    text = page.read_text(encoding="utf-8")
    for name, make in PARTS[page.name].items():
        before, begin, rest = text.partition(BEGIN.format(name))
        _, end, after = rest.partition(END.format(name))
        assert begin, f"{page.name} has no part “{name}”"
        assert end, f"{page.name} does not end its part “{name}”"
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def _settings() -> str:
    lines = ["| name | value | default | what it decides |", "|---|---|---|---|"]
    for row in ROWS.values():
        value = row.type.caption.removeprefix("an ").removeprefix("a ").removeprefix("the ")
        lines.append(f"| `{row.name}` | {value} | {row.default} | {row.help} |")
    names = ", ".join(f"`{former}`" for former in FORMER)
    lines += ["", f"The former names {names} still work, with a notice that names the current ones."]
    return "\n".join(lines) + "\n"


def _exit_codes() -> str:
    rows = [f"| {code:d} | {meaning} |" for code, meaning in EXIT_MEANINGS.items()]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows]) + "\n"


def _metrics() -> str:
    lines = ["| metric | type | meaning |", "|---|---|---|"]
    for metric in METRICS:
        name = f"{metric.name}{{{metric.label}}}" if metric.label else metric.name
        lines.append(f"| `{name}` | {metric.type} | {metric.meaning} |")
    return "\n".join(lines) + "\n"


def _errors() -> str:
    """The named errors in the order of their tree, each after what it is a kind of."""
    lines = ["| error | kind of | meaning |", "|---|---|---|"]
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, DayhandError) and kind is not DayhandError:
            meaning = " ".join((kind.__doc__ or "").split()).replace("``", "`")
            parent = kind.__bases__[0].__name__
            lines.append(f"| `{name}` | {'' if parent == 'DayhandError' else f'`{parent}`'} | {meaning} |")
    return "\n".join(lines) + "\n"


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "settings.md": {"settings": _settings, "exit codes": _exit_codes},
    "monitoring.md": {"metrics": _metrics},
    "errors.md": {"errors": _errors},
}

if __name__ == "__main__":
    for file in PARTS:
        (DOCS / file).write_text(rewritten(DOCS / file), encoding="utf-8")
