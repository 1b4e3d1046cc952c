"""GitHub's expressions, ``${{ … }}``, as far as the repository's files alone decide them.

https://docs.github.com/actions/reference/workflows-and-actions/expressions. What only a run on GitHub knows (secrets,
variables, outputs of steps) is unknown, and so is everything that depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from dayhand.box_paths import WORKSPACE
from dayhand.environment.services.containers import published_port
from dayhand.environment.yaml_file import Value
from dayhand.startup.records import dataclass

PLACEHOLDER = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d[\w.]*)|([A-Za-z_][\w-]*)|(&&|\|\||[=!<>]=|[!<>().,\[\]*]))")
MAX_PLACEHOLDERS = 100
MAX_TOKENS = 200
MAX_DEPTH = 20
KNOWN: Mapping[str, Value] = {
    "github": {"workspace": WORKSPACE, "server_url": "https://github.com"},
    "runner": {"os": "Linux", "arch": "X64", "temp": "/tmp", "debug": ""},  # noqa: S108 - a text
    "strategy": {"job-index": "0", "fail-fast": "true"},
}


class _Unknown(Enum):
    VALUE = "unknown"


UNKNOWN = _Unknown.VALUE
Result = Value | bool | _Unknown


@dataclass(frozen=True, slots=True)
class Context:
    """What is known where an expression stands."""

    matrix: Mapping[str, Value] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Value] = field(default_factory=dict)  # by name, with their ``ports``


class _WrongError(Exception):
    """It is not an expression."""


def resolve(text: str, context: Context) -> str | None:
    """``text`` with its expressions replaced; None where one of them is not known."""
    if text.count("${{") > MAX_PLACEHOLDERS:
        return None
    parts, at = [], 0
    for found in PLACEHOLDER.finditer(text):
        value = evaluate(found[1], context)
        if isinstance(value, _Unknown | dict | list):
            return None
        parts += [text[at : found.start()], _text(value)]
        at = found.end()
    rest = text[at:]
    return None if "${{" in rest else "".join(parts) + rest


def unknown_names(text: str, context: Context) -> tuple[str, ...]:
    """The expressions in ``text`` that are not known, for a sentence."""
    if text.count("${{") > MAX_PLACEHOLDERS:
        return ()
    inner = [found[1].strip() for found in PLACEHOLDER.finditer(text)]
    return tuple(dict.fromkeys(each for each in inner if resolve(f"${{{{ {each} }}}}", context) is None))


def holds(condition: str, context: Context) -> bool | None:
    """Whether an ``if:`` holds; None where that is not known. Without one, a step runs."""
    found = PLACEHOLDER.fullmatch(condition.strip())
    text = found[1] if found else condition
    if not text.strip():
        return True
    if "${{" in text:
        resolved = resolve(text, context)
        if resolved is None:
            return None
        text = resolved
    value = evaluate(text, context)
    return None if value is UNKNOWN else _truth(value)


def evaluate(text: str, context: Context) -> Result:
    """The value of one expression; ``UNKNOWN`` also where it cannot be read."""
    try:
        tokens = _tokenize(text)
        parser = _ExpressionParser(tokens, context)
        value = parser.either(0)
        return value if parser.at == len(tokens) else UNKNOWN
    except (_WrongError, ValueError):
        return UNKNOWN


def _tokenize(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found or len(tokens) >= MAX_TOKENS:
            raise _WrongError
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


class _ExpressionParser:
    """Reads a list of tokens, from the operators that bind least to those that bind most."""

    def __init__(self, tokens: list[str], context: Context) -> None:
        self.tokens = tokens
        self.context = context
        self.at = 0

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._next()
        if token and token in wanted:
            self.at += 1
            return token
        return ""

    def either(self, depth: int) -> Result:
        if depth > MAX_DEPTH:
            raise _WrongError
        value = self.both(depth)
        while self._take("||"):
            other = self.both(depth)
            if value is not UNKNOWN and not _truth(value):
                value = other
        return value

    def both(self, depth: int) -> Result:
        value = self.compared(depth)
        while self._take("&&"):
            other = self.compared(depth)
            if value is UNKNOWN:
                value = False if other is not UNKNOWN and not _truth(other) else UNKNOWN
            elif _truth(value):
                value = other
        return value

    def compared(self, depth: int) -> Result:
        value = self.negated(depth)
        while operator := self._take("==", "!=", "<", ">", "<=", ">="):
            other = self.negated(depth)
            if value is UNKNOWN or other is UNKNOWN or operator not in ("==", "!="):
                value = UNKNOWN
            else:
                value = (_text(value).lower() == _text(other).lower()) is (operator == "==")
        return value

    def negated(self, depth: int) -> Result:
        count = 0
        while self._take("!"):
            count += 1
        value = self.single(depth)
        if not count or value is UNKNOWN:
            return value
        return _truth(value) is (count % 2 == 0)

    def single(self, depth: int) -> Result:
        word = self._next()
        self.at += 1
        if word == "(":
            value = self.either(depth + 1)
            if not self._take(")"):
                raise _WrongError
            return value
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word[:1].isdigit():
            return word
        if word.lower() in ("true", "false"):
            return word.lower() == "true"
        if word.lower() == "null":
            return ""
        if not re.fullmatch(r"[A-Za-z_][\w-]*", word):
            raise _WrongError
        if self._take("("):
            return _call(word.lower(), self._arguments(depth))
        return self._path(word.lower(), depth)

    def _arguments(self, depth: int) -> list[Result]:
        arguments: list[Result] = []
        while not self._take(")"):
            arguments.append(self.either(depth + 1))
            if not self._take(",") and self._next() != ")":
                raise _WrongError
        return arguments

    def _path(self, name: str, depth: int) -> Result:
        """A context's value: ``matrix.python``, ``job.services.db.ports['5432']``."""
        names: list[str] = []
        while separator := self._take(".", "["):
            if separator == ".":
                names.append(self._next())
                self.at += 1
            else:
                names.append(_text(self.either(depth + 1)))
                if not self._take("]"):
                    raise _WrongError
        return _look_up(name, names, self.context)


def _look_up(name: str, names: list[str], context: Context) -> Result:
    if name == "job" and names[:1] == ["services"] and names[2:3] == ["ports"] and len(names) == 4:
        service = context.services.get(names[1])
        return published_port(service.get("ports"), names[3]) if isinstance(service, dict) else UNKNOWN
    contexts: Mapping[str, Value] = {
        **KNOWN,
        "matrix": dict(context.matrix),
        "env": dict(context.env),
        "inputs": dict(context.inputs),
    }
    value: Value | None = contexts.get(name)
    missing = "" if name == "matrix" else UNKNOWN  # a cell without this key: an empty text, as on GitHub
    for each in names:
        if not isinstance(value, dict) or each not in value:
            return missing
        value = value[each]
    return UNKNOWN if value is None else value


def _call(name: str, arguments: list[Result]) -> Result:
    match name, arguments:
        case ("always" | "success", []):
            return True
        case ("failure" | "cancelled", []):
            return False
        case ("contains", [list() as items, needle]) if needle is not UNKNOWN:
            return any(_text(item).lower() == _text(needle).lower() for item in items)
        case ("contains" | "startswith" | "endswith", [whole, part]) if UNKNOWN not in (whole, part):
            text, inner = _text(whole).lower(), _text(part).lower()
            return {"contains": inner in text, "startswith": text.startswith(inner)}.get(
                name, text.endswith(inner)
            )
        case ("format", [str() as pattern, *values]) if UNKNOWN not in values:
            for number, value in enumerate(values):
                pattern = pattern.replace(f"{{{number}}}", _text(value))
            return pattern
    return UNKNOWN


def _text(value: Result) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""


def _truth(value: Result) -> bool:
    return value if isinstance(value, bool) else value not in ("", "0", "false")
