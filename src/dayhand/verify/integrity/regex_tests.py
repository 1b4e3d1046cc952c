"""The tests of a file in a language without a parser here: each test reaches from its name to the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from dayhand.verify.integrity.case_facts import CaseFacts
from dayhand.verify.integrity.languages import NEVER, LanguageRules, language_of

# An unclosed string ends with its line or the file, and is never read twice, however long it is.
STRINGS = r"\"(?:\\.|[^\"\\\n])*+\"?|'(?:\\.|[^'\\\n])*+'?|`(?:\\.|[^`\\])*+`?"
WHOLE_FILE = "the whole file"
MAX_TESTS = 5000  # of one file
MAX_MARKS = 30  # lines above a function
MARKS_CHARS = 4000  # of them and of what is before it in its line
DOC_CHARS = 2000


def tests_in(path: str, text: str) -> Mapping[str, CaseFacts]:
    """The tests by name. Two tests with the same name count as one."""
    rules = language_of(path)
    found: dict[str, CaseFacts] = {}
    for name, test in _each(rules, text):
        found[name] = _merged(found[name], test) if name in found else test
    return found


def file_conditions(path: str, text: str) -> list[tuple[int, str]]:
    """The lines, with their numbers, that exclude the whole file under some condition."""
    rule = language_of(path).excludes_file
    return [(_line(text, match.start()), match[0]) for match in rule.finditer(text)]


def without_comments(rules: LanguageRules, text: str) -> str:
    """The same text with comments replaced by spaces, so that positions stay the same."""
    rule = re.compile(rf"({STRINGS})|{rules.comment}", re.DOTALL | re.MULTILINE)
    return rule.sub(lambda match: match[1] or re.sub(r"[^\n]", " ", match[0]), text)


def _each(rules: LanguageRules, text: str) -> Iterator[tuple[str, CaseFacts]]:
    code = without_comments(rules, text)
    heads = sorted(
        [(match.start(), match, False) for match in rules.named.finditer(code)]
        + [(match.start(), match, True) for match in rules.groups.finditer(code)],
        key=lambda head: head[0],
    )[:MAX_TESTS]
    starts = [
        start if rules.marks is NEVER else _with_marks(code, start, end)
        for (start, _, _), end in zip(heads, [0, *(match.end() for _, match, _ in heads)], strict=False)
    ]
    before_first = code[: starts[0]] if starts else code
    if rules.skips.search(before_first):
        yield WHOLE_FILE, CaseFacts(1, skips=True, asserts=0, exact=0, body="", group=True)
    for (_, match, group), (start, end) in zip(heads, pairwise([*starts, len(code)]), strict=True):
        name = next((part for part in match.groups() if part), "")
        marks = _docs_and_marks(text, start, match.start())
        test = group or _is_test(rules, name, marks)
        if test or (rules.groups is not NEVER and rules.skips.search(code, start, end)):
            line, body = _line(code, match.start()), code[match.end() : end]
            yield name, _facts(rules, code[start : match.end()], body, line=line, group=group or not test)


def _is_test(rules: LanguageRules, name: str, marks: str) -> bool:
    by_name_alone = rules.marks is NEVER and rules.unmarked is NEVER
    return by_name_alone or bool(rules.unmarked.match(name) or rules.marks.search(marks))


def _facts(rules: LanguageRules, head: str, body: str, *, line: int, group: bool) -> CaseFacts:
    return CaseFacts(
        line,
        skips=bool(rules.skips.search(head + body)),
        asserts=len(rules.asserts.findall(body)),
        exact=len(rules.exact.findall(body)),
        body=" ".join(body.split()),
        focuses=bool(rules.focuses.search(head + body)),
        inverts=bool(rules.inverts.search(head)),
        group=group,
    )


def _with_marks(text: str, start: int, previous: int) -> int:
    """The position of the first annotation or attribute directly above ``start``, after the ``previous`` test's name."""
    first = text.rfind("\n", 0, start) + 1
    for _ in range(MAX_MARKS):
        above = text.rfind("\n", 0, max(0, first - 1)) + 1
        line = text[above : max(0, first - 1)].rstrip()
        opens_block = line.endswith("{") and not line.endswith("({")
        if not line or opens_block or line.endswith((";", "}")):
            break
        first = above
    return min(max(first, previous, start - MARKS_CHARS), start)


def _docs_and_marks(text: str, start: int, at: int) -> str:
    """The annotations above a function with its doc comment, which can mark a test in PHPUnit."""
    comment = text.rfind("/**", max(0, start - DOC_CHARS), start)
    above = text[comment:start] if comment >= 0 else ""
    return (above if above.rstrip().endswith("*/") else "") + text[start:at]


def _merged(first: CaseFacts, second: CaseFacts) -> CaseFacts:
    return replace(
        first,
        skips=first.skips or second.skips,
        asserts=first.asserts + second.asserts,
        exact=first.exact + second.exact,
        body=f"{first.body}\n{second.body}",
        focuses=first.focuses or second.focuses,
        inverts=first.inverts or second.inverts,
        group=first.group and second.group,
    )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
