"""The texts of settings before they are read: the environment over a ``.env`` file, with former names resolved."""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from dayhand.errors import SettingsError
from dayhand.startup.records import dataclass

ENVIRONMENT = "the environment"
SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class Text:
    """What a variable is set to, and where: a sentence can send a person there."""

    value: str
    source: str
    line: int = 0  # in a file
    former_line: int = 0  # that sets it to something else


def read_texts(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, Text]:
    """All variables; the environment wins over the file, even with an empty text. Raises ``SettingsError``."""
    texts = read_dotenv(dotenv) if dotenv else {}
    return texts | {name: Text(value.strip(), ENVIRONMENT) for name, value in environ.items()}


def refuse_unknown(texts: Mapping[str, Text], *, known: tuple[str, ...], prefix: str) -> None:
    """Raise ``SettingsError`` for a name with our prefix that is not a setting, with the nearest known one."""
    for name, text in texts.items():
        typed = re.sub(r"[^A-Z0-9]", "_", name.upper()).lstrip(
            "_"
        )  # in capitals, without characters that nobody sees
        if typed.startswith(prefix) and name not in known:
            ends = [
                each.removeprefix(prefix) for each in known
            ]  # the same prefix would make any two names near
            near = difflib.get_close_matches(typed.removeprefix(prefix), ends, n=1)
            hint = f"Remove it from {text.source}. Known: {', '.join(known)}."
            if near:
                hint = f"Did you mean {prefix}{near[0]}?"
            raise SettingsError(f"{name} is not a setting of Dayhand.", advice=hint)


def resolve_former(texts: dict[str, Text], former: Mapping[str, str]) -> dict[str, Text]:
    """Put each text under a former name under the current one; gives those that had to be, by their former names.

    Raises ``SettingsError`` where both are set to different texts.
    """
    moved = {}
    for old, new in former.items():
        text = texts.pop(old, None)
        if text is None or not text.value:
            continue
        current = texts.get(new)
        if current is None or not current.value:
            texts[new] = moved[old] = text
        elif current.value != text.value:
            raise SettingsError(
                f"{old} and {new} are the same setting, but have different values.",
                advice=f"Remove {old} from {text.source}: it is the former name.",
            )
    return moved


def read_dotenv(path: Path) -> dict[str, Text]:
    """The ``NAME=value`` lines of a file, as python-dotenv reads them; without a file there are none.

    Values are not expanded: a secret may contain ``${``. Raises ``SettingsError`` naming the line that is not a setting.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(
            f"{path} cannot be read: {reason}.", advice="Correct the file or its permissions, or remove it."
        ) from error
    texts: dict[str, Text] = {}
    for binding in parse_stream(io.StringIO(text)):
        whole = binding.original.string  # with the empty lines before it
        line = whole.strip()
        number = binding.original.line + whole[: whole.find(line)].count("\n")
        if binding.error or (binding.key and binding.value is None):
            raise SettingsError(
                f"{path}, line {number}: “{_without_value(line)}” is not NAME=value.",
                advice="Write one NAME=value on each line, with quotes around a value that has several lines or “ #” in it.",
            )
        if binding.key:
            value, former = (binding.value or "").strip(), texts.get(binding.key)
            other = former.line if former and former.value not in ("", value) else 0
            texts[binding.key] = Text(value, str(path), number, other)
    return texts


def _without_value(line: str) -> str:
    """Enough of a line to find it by: what comes after “=” may be a secret."""
    name, equals, _ = line.partition("\n")[0].partition("=")
    return f"{name[:SHOWN_CHARS]}=…" if equals else name[:SHOWN_CHARS]


def default_data(environ: Mapping[str, str]) -> str:
    """The data folder if none is set. Root's home is closed to the sandbox's own users, so root uses /var/lib."""
    if os.geteuid() == 0:
        return "/var/lib/dayhand"
    return (environ.get("XDG_DATA_HOME") or "~/.local/share") + "/dayhand"  # empty is unset, by its standard
