"""Parse YAML that a repository wrote: every value stays text (``3.10`` is not a number), and the cost is bounded.

Built on PyYAML's ``BaseLoader``, which constructs no Python objects. The node graph is walked here, because a few aliases
can stand for billions of values, and because ``BaseLoader`` keeps only the last of two equal keys without a word.
"""

from __future__ import annotations

import yaml

MAX_CHARACTERS = 128 * 1024
MAX_VALUES = 10_000  # after aliases are expanded
MAX_DEPTH = 50
MERGE = "<<"  # https://yaml.org/type/merge.html

Value = str | list["Value"] | dict[str, "Value"]


class _UnreadableError(Exception):
    """Why a file cannot be read: the rest of a sentence that begins with its name."""


def parse(text: str) -> tuple[Value | None, str]:
    """Return the value of the only document in ``text`` ("" where it is empty) and "".

    Where it cannot be read, return None and the rest of a sentence that begins with the file's name.
    """
    try:
        return _Builder().build(text), ""
    except _UnreadableError as error:
        return None, str(error)
    except RecursionError:
        return None, f"is nested more than {MAX_DEPTH} levels deep"
    except yaml.MarkedYAMLError as error:
        return None, f"is not YAML: {_words(error.problem)}{_line(error.problem_mark)}"
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        return None, f"is not YAML: {error.reason} (line {line})"
    except (ValueError, OverflowError):  # PyYAML gives any number in \U… to chr()
        return None, "is not YAML: it contains an invalid character escape"


class _Builder:
    """Values from nodes, each occurrence of an alias counted."""

    def __init__(self) -> None:
        self.values = 0

    def build(self, text: str) -> Value:
        if len(text) > MAX_CHARACTERS:
            raise _UnreadableError(f"is larger than {MAX_CHARACTERS // 1024} KiB")
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        return "" if node is None else self._value(node, 1)

    def _value(self, node: yaml.Node, depth: int) -> Value:
        self.values += 1
        if self.values > MAX_VALUES:
            raise _UnreadableError(f"expands to more than {MAX_VALUES:,} values")
        if depth > MAX_DEPTH:
            raise _UnreadableError(f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, depth + 1) for item in node.value]
        return _text(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Value]:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _UnreadableError(f"has a key that is not a string{_line(key_node.start_mark)}")
            key = _text(key_node)
            if key in own or (key == MERGE and merged):
                raise _UnreadableError(f"repeats the key “{key}”{_line(key_node.start_mark)}")
            value = self._value(value_node, depth + 1)
            if key == MERGE and key_node.style is None:
                merged = _merge(value, value_node)
            else:
                own[key] = value
        return {**merged, **own}


def _merge(value: Value, node: yaml.Node) -> dict[str, Value]:
    """The mapping that a merge key brings; of several, the first one's value of a key counts."""
    result: dict[str, Value] = {}
    for part in value if isinstance(value, list) else [value]:
        if not isinstance(part, dict):
            raise _UnreadableError(f"merges a value that is not a mapping{_line(node.start_mark)}")
        result = {**part, **result}
    return result


def _text(node: yaml.Node) -> str:
    text = str(node.value)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _UnreadableError(
            f"contains a character that cannot be part of a command{_line(node.start_mark)}"
        )
    return text


def _words(problem: str | None) -> str:
    return " ".join((problem or "it cannot be parsed").split())[:200]


def _line(mark: yaml.Mark | None) -> str:
    return f" (line {mark.line + 1})" if mark else ""
