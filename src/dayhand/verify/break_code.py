"""The changed functions of a file, broken so that calling one fails: do the tests notice?

A whole file that is broken fails every test that loads it, also where no test calls what changed. So the functions with
changed lines raise an error, and the file as a whole only where no function changed, or in a language that is not known
here.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex
from dayhand.verify.integrity.regex_tests import STRINGS

REASON = "this code was broken on purpose, to see whether the tests notice"
MAX_LINES = 20_000  # of a file that is compared line by line
SCRIPT = ["js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts"]
# The statement that fails, by suffix. Compilers must not find the code after it unreachable.
FAILING = {
    **dict.fromkeys(SCRIPT, f'if (String(1)) throw new Error("{REASON}");'),
    "go": f'panic("{REASON}");',
    "rs": f'if true {{ panic!("{REASON}"); }}',
    "java": f'if (true) throw new RuntimeException("{REASON}");',
    "cs": f'if (true) throw new System.Exception("{REASON}");',
    "kt": f'if (true) throw RuntimeException("{REASON}")\n',
    **dict.fromkeys(["c", "cc", "cpp", "cxx", "h", "hpp"], f"__builtin_trap(); // {REASON}\n"),
    "php": f'throw new \\RuntimeException("{REASON}");',
}
EXPRESSION = f'(() => {{ throw new Error("{REASON}"); }})() ? undefined : '
PYTHON = f'raise RuntimeError("{REASON}")'
RUBY = f'raise "{REASON}"'
COMMENT = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
CHARACTER = r"'(?:\\[^'\n]*|[^'\\\n])'"  # of Rust, where a quote also begins a lifetime
NOT_CODE = regex(rf"(?:{STRINGS})|{COMMENT}", re.DOTALL)
NOT_CODE_IN_RUST = regex(rf'"(?:\\.|[^"\\])*+"?|{CHARACTER}|{COMMENT}', re.DOTALL)
CONTROL = frozenset(
    ["if", "for", "while", "switch", "catch", "with", "synchronized", "try", "else", "do", "return", "match"]
)
NAME = regex(r"([\w$#]+)\s*(?:<[^<>()]*>)?\s*$")
RESULT_TYPE = regex(r"\s*(?::[^;{}()=]*|throws\s[\w.,\s]*|(?:const|noexcept|override|final|\s)*)?")
GO_FUNCTION = regex(r"\bfunc\b([^{}]*)$")
RUST_FUNCTION = regex(r"\bfn\s+\w+")
RUST_TEST = regex(r"#\[(?:cfg\(test\)|(?:\w+::)*(?:test|rstest|test_case|quickcheck)\b)")
ARROW = regex(r"=>(?!\s*\{)[ \t]*(?=\S)")
RUBY_DEF = regex(r"([ \t]*)def\s[^\n=]*$")
PLAIN = regex(
    r"\s*(?:#.*|//.*|\*.*|/\*.*|import\b.*|from\b.*|use\b.*|package\b.*|[\s})\];,]*)"
)  # no behaviour


def break_changed(path: str, before: str, after: str) -> str | None:
    """The new text of a file with its changed functions failing; None if only the whole file can be broken.

    The same text if only tests inside the file changed.
    """
    suffix = path.rpartition(".")[2]
    if max(before.count("\n"), after.count("\n")) > MAX_LINES:
        return None
    changed = _changed_lines(before.splitlines(), after.splitlines())
    if not changed:
        return None
    if suffix == "py":
        return _break_python(after, changed)
    if suffix == "rb":
        return _break_ruby(after, changed)
    return _break_blocks(after, changed, suffix) if suffix in FAILING else None


def _changed_lines(before: list[str], after: list[str]) -> list[int]:
    """The changed lines of the new text, counted from 0; where lines are only gone, the line before them."""
    found = list[int]()
    for tag, first, _, start, end in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if tag == "delete":
            is_nested = before[first][:1].isspace()  # otherwise all of a function may be gone
            found += [max(0, start - 1)] if is_nested else []
        elif tag != "equal":
            found += [number for number in range(start, end) if not PLAIN.fullmatch(after[number])]
    return found


def _insert(text: str, insertions: Iterable[tuple[int, str]]) -> str:
    cuts = sorted(set(insertions))
    if not cuts:
        return text
    edges = pairwise([*(at for at, _ in cuts), len(text)])
    return text[: cuts[0][0]] + "".join(
        words + text[start:end] for (_, words), (start, end) in zip(cuts, edges, strict=True)
    )


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _break_python(text: str, changed: list[int]) -> str | None:
    try:
        tree = ast.parse(text)
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines, insertions = text.splitlines(keepends=True), list[tuple[int, str]]()
    starts = _line_starts(text)
    for number in changed:
        around = [node for node in functions if _first_line(node) <= number < (node.end_lineno or 0)]
        if not around:
            continue
        body = max(around, key=lambda node: node.lineno).body[0]
        first = _first_line(body)
        before = lines[first].encode()[: body.col_offset].decode(errors="replace")
        if before.strip() and not before.strip().startswith("@"):
            insertions.append((starts[first] + len(before), f"{PYTHON}; "))
        else:
            indent = before[: len(before) - len(before.lstrip())]
            insertions.append((starts[first], f"{indent}{PYTHON}\n"))
    return _insert(text, insertions) if insertions else None


def _first_line(node: ast.stmt) -> int:
    """Counted from 0; a decorator belongs to what it decorates."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list:
        return node.decorator_list[0].lineno - 1
    return node.lineno - 1


def _break_ruby(text: str, changed: list[int]) -> str | None:
    """Ruby's functions, by their indentation."""
    lines, starts = text.splitlines(), _line_starts(text)
    insertions = list[tuple[int, str]]()
    for number in changed:
        depth = len(lines[number]) - len(lines[number].lstrip())
        for at in range(number, -1, -1):
            indent = len(lines[at]) - len(lines[at].lstrip())
            if not lines[at].strip() or (indent >= depth and at != number):
                continue  # what stands beside it, not around it
            if found := RUBY_DEF.match(lines[at]):
                if lines[at].count("(") == lines[at].count(")"):
                    insertions.append((starts[at + 1], f"{found[1]}  {RUBY}\n"))
                break
            depth = indent
    return _insert(text, insertions) if insertions else None


@dataclass(frozen=True, slots=True)
class _Block:
    start: int  # of what is inside the braces
    end: int
    is_function: bool
    is_test: bool


def _break_blocks(text: str, changed: list[int], suffix: str) -> str | None:
    """Functions in braces, and JavaScript's arrows with an expression."""
    code = _code(text, suffix)
    blocks, starts = list(_blocks(code, suffix)), _line_starts(text)
    insertions, in_tests = list[tuple[int, str]](), 0
    for number in changed:
        start, end = starts[number], starts[number + 1]
        if suffix in SCRIPT and (arrows := list(ARROW.finditer(code, start, end))):
            insertions += [(arrow.end(), EXPRESSION) for arrow in arrows]
            continue
        at = start + len(text[start:end]) - len(text[start:end].lstrip())
        around = [block for block in blocks if block.start <= end - 1 and at < block.end]
        if any(block.is_test for block in around):
            in_tests += 1
        elif inner := max(
            (block for block in around if block.is_function), key=lambda one: one.start, default=None
        ):
            insertions.append((inner.start, f" {FAILING[suffix]}"))
    if insertions:
        return _insert(text, insertions)
    return text if in_tests == len(changed) else None


def test_blocks(text: str) -> list[tuple[int, int]]:
    """Where the tests inside a Rust file are: the outermost blocks."""
    found = [block for block in _blocks(_code(text, "rs"), "rs") if block.is_test]
    return [
        (block.start, block.end)
        for block in found
        if not any(other.start < block.start and block.end < other.end for other in found)
    ]


def _code(text: str, suffix: str) -> str:
    """The text with strings and comments replaced by spaces, so that positions stay the same."""
    pattern = NOT_CODE_IN_RUST if suffix == "rs" else NOT_CODE
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _blocks(code: str, suffix: str) -> Iterator[_Block]:
    """Everything in braces, by a scan that pairs brackets of all kinds."""
    opened, pairs, headers = list[int](), dict[int, int](), dict[int, int]()
    boundary = 0  # where the text before the next brace begins
    for found in re.finditer(r"[()\[\]{};]", code):
        at, sign = found.start(), found[0]
        if sign in "([{":
            opened.append(at)
            if sign == "{":
                headers[at] = boundary
        elif sign != ";" and opened:
            pairs[at] = opened.pop()
            if sign == "}" and code[pairs[at]] == "{":
                start = pairs[at]
                header = code[headers[start] : start]
                is_function = _is_function(code, start, header, suffix=suffix, pairs=pairs)
                yield _Block(start + 1, at, is_function, suffix == "rs" and bool(RUST_TEST.search(header)))
        if sign in "{};":
            boundary = at + 1


def _is_function(code: str, start: int, header: str, *, suffix: str, pairs: dict[int, int]) -> bool:
    if suffix == "rs":
        return bool(RUST_FUNCTION.search(header))
    if suffix == "go":
        found = GO_FUNCTION.search(header)
        return bool(found and "\n" not in re.sub(r"\([^()]*\)", "", found[1]).strip())
    before = header.rstrip()
    if before.endswith("=>") or (suffix in ("java", "kt") and before.endswith("->")):
        return True
    close = code.rfind(")", 0, start)
    if close not in pairs or not RESULT_TYPE.fullmatch(code, close + 1, start):
        return False
    name = NAME.search(code, max(0, pairs[close] - 200), pairs[close])
    if not name or name[1] in CONTROL:
        return False
    if suffix not in ("java", "cs"):
        return True
    kind = NAME.search(code, max(0, name.start() - 200), name.start())  # a constructor has no type
    return kind is not None and kind[1] not in ("public", "private", "protected", "new", "else")
