"""Split a workflow's shell script into its simple commands, without running anything.

Only what a reader understands at a glance is split: commands, one after the other, with ``cd`` and ``export`` between them.
A script with loops, conditions, functions or here-documents stays whole.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dayhand.startup.records import dataclass

MAX_WORDS = 5_000
COMPOUND = frozenset(
    [
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "for",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "select",
        "function",
        "{",
        "}",
        "[[",
        "trap",
        "eval",
    ]
)
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
REDIRECTION = re.compile(r"(\d*|&)(>>|>\||>&|<&|<>|>|<)")
# As the last command of a pipe, these only show, keep or format what the first one wrote.
IGNORED_TAILS = frozenset(
    ["tee", "cat", "tail", "head", "grep", "less", "sed", "awk", "gotestfmt", "tap-spec", "pino-pretty", "ts"]
)
HARMLESS = frozenset(["true", ":", "exit", "echo"])


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command, as it is written and without its quotes."""

    raw: str
    value: str


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """One simple command, or the first of a pipe."""

    words: tuple[Word, ...]  # without assignments in front and redirections
    env: tuple[tuple[str, str], ...]  # what is assigned in front or exported before, as it is written
    folder: str  # where it runs, relative to where the script starts; "" for there
    text: str  # the whole pipe, as it is written
    ignored: bool = False  # whether its failure is ignored: "|| true"

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(word.value for word in self.words)


class _NotSimpleError(Exception):
    """The script holds more than simple commands."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, an operator or a redirection with its target."""

    kind: str  # "word", "operator", "redirection"
    raw: str
    value: str = ""


def split(script: str) -> tuple[ShellCommand, ...] | None:
    """The commands of a script; None where it holds more than simple ones."""
    try:
        return tuple(_commands(list(_tokens(script))))
    except _NotSimpleError:
        return None


def _commands(tokens: list[_Token]) -> Iterator[ShellCommand]:
    folder, exported = "", dict[str, str]()
    for statement in _divide(tokens, (";", "\n", "&&", "&")):
        alternatives = _divide(statement, ("||",))
        ignored = len(alternatives) > 1
        if ignored and not all(_first_word(part) in HARMLESS for part in alternatives[1:]):
            raise _NotSimpleError
        pipe = _divide(alternatives[0] if alternatives else [], ("|", "|&"))
        if not pipe:
            continue
        command = _command(pipe, folder, exported, ignored=ignored)
        match command.values[:1]:
            case ("export",):
                exported |= dict(_assignments(command.words[1:]))
            case ("cd" | "pushd",):
                folder = _enter(folder, command.values[1:])
            case ("popd",):
                folder = ""
            case ():
                exported |= dict(command.env)
            case _:
                yield command


def _command(
    pipe: list[list[_Token]], folder: str, exported: dict[str, str], *, ignored: bool
) -> ShellCommand:
    words = [Word(token.raw, token.value) for token in pipe[0] if token.kind == "word"]
    env = dict(exported)
    while words and (found := ASSIGNMENT.fullmatch(words[0].raw)):
        env[found[1]] = found[2]
        words.pop(0)
    if words and words[0].value in COMPOUND:
        raise _NotSimpleError
    text = " | ".join(" ".join(token.raw for token in part) for part in pipe)
    if len(pipe) > 1 and not all(_first_word(part) in IGNORED_TAILS for part in pipe[1:]):
        return ShellCommand(tuple(words), tuple(env.items()), folder, text, ignored=True)
    return ShellCommand(tuple(words), tuple(env.items()), folder, text, ignored)


def _first_word(tokens: list[_Token]) -> str:
    return next((token.value for token in tokens if token.kind == "word"), "")


def _assignments(words: tuple[Word, ...]) -> Iterator[tuple[str, str]]:
    for word in words:
        if found := ASSIGNMENT.fullmatch(word.raw):
            yield found[1], found[2]


def _enter(folder: str, arguments: tuple[str, ...]) -> str:
    """The folder after a ``cd``; only a plain path inside the repository can be followed."""
    target = next((word for word in arguments if not word.startswith("-")), "")
    if not target or "$" in target or "`" in target or target.startswith(("/", "~")):
        raise _NotSimpleError
    entered = posixpath.normpath(posixpath.join(folder, target))
    return "" if entered == "." else entered


def _divide(tokens: list[_Token], operators: tuple[str, ...]) -> list[list[_Token]]:
    """The parts between these operators, without empty ones."""
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == "operator" and token.raw in operators:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _tokens(script: str) -> Iterator[_Token]:
    at, count = 0, 0
    while at < len(script):
        count += 1
        if count > MAX_WORDS:
            raise _NotSimpleError
        rest = script[at : at + 2]
        if rest == "\\\n" or rest[0] in " \t\r":
            at += 2 if rest == "\\\n" else 1
        elif rest[0] == "#":
            end = script.find("\n", at)
            at = len(script) if end < 0 else end
        elif rest in ("&&", "||", "|&") or rest[0] in "\n;|":
            raw = rest if rest in ("&&", "||", "|&") else rest[0]
            yield _Token("operator", raw)
            at += len(raw)
        elif rest[0] in "()" or rest == "<<":
            raise _NotSimpleError
        elif found := REDIRECTION.match(script, at):
            target, at = _word(script, _skip_blanks(script, found.end()))
            yield _Token(
                "redirection", f"{found[0]}{' ' if found[2] in ('>', '>>', '<') else ''}{target.raw}"
            )
        elif rest[0] == "&":
            yield _Token("operator", "&")
            at += 1
        else:
            word, at = _word(script, at)
            yield _Token("word", word.raw, word.value)


def _skip_blanks(script: str, at: int) -> int:
    while at < len(script) and script[at] in " \t":
        at += 1
    return at


def _word(script: str, at: int) -> tuple[Word, int]:
    """The word at this place and where it ends."""
    start, value = at, ""
    while at < len(script) and script[at] not in " \t\r\n;|&()<>":
        character = script[at]
        if character == "'":
            end = _find(script, "'", at + 1)
            value, at = value + script[at + 1 : end], end + 1
        elif character == '"':
            end = _closing_quote(script, at + 1)
            value, at = value + re.sub(r'\\(["\\$`])', r"\1", script[at + 1 : end]), end + 1
        elif character == "\\":
            value, at = value + script[at + 1 : at + 2].strip("\n"), at + 2
        elif character == "`" or script.startswith(("$(", "${"), at):
            end = _closing(script, at)
            value, at = value + script[at:end], end
        else:
            value, at = value + character, at + 1
    return Word(script[start:at].replace("\\\n", ""), value), at


def _find(script: str, character: str, at: int) -> int:
    end = script.find(character, at)
    if end < 0:
        raise _NotSimpleError
    return end


def _closing_quote(script: str, at: int) -> int:
    while at < len(script) and script[at] != '"':
        at += 2 if script[at] == "\\" else 1
    if at >= len(script):
        raise _NotSimpleError
    return at


def _closing(script: str, at: int) -> int:
    """Where a substitution ends that begins here; brackets inside it are counted."""
    if script[at] == "`":
        return _find(script, "`", at + 1) + 1
    opening, closing = script[at + 1], {"(": ")", "{": "}"}[script[at + 1]]
    depth = 0
    for end in range(at + 1, len(script)):
        depth += (script[end] == opening) - (script[end] == closing)
        if depth == 0:
            return end + 1
    raise _NotSimpleError
