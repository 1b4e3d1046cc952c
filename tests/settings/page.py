"""The table in ``docs/settings.md``, written from the table of settings: ``python -m tests.settings.page``."""

from __future__ import annotations

from pathlib import Path

from dayhand.errors import EXIT_MEANINGS
from dayhand.settings.table import FORMER, ROWS

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
BEGIN, END = "<!-- {}: written by `make format` -->\n", "<!-- end of {} -->\n"


def rewritten(page: str) -> str:
    """The page with its generated parts as the code has them."""
    for name, text in (("settings", _settings()), ("exit codes", _exit_codes())):
        before, begin, rest = page.partition(BEGIN.format(name))
        _, end, after = rest.partition(END.format(name))
        assert begin, f"{PAGE.name} has no part “{name}”"
        assert end, f"{PAGE.name} does not end its part “{name}”"
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


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


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
