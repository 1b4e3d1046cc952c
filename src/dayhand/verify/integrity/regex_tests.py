"""What a test file holds of a language that we do not parse: each test from where its name stands to the next one's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from dayhand.verify.integrity.case_facts import CaseFacts
from dayhand.verify.integrity.languages import NEVER, Language, language_of

# What is not closed ends with its line or the file: never read twice, however long it is.
STRINGS = r"\"(?:\\.|[^\"\\\n])*+\"?|'(?:\\.|[^'\\\n])*+'?|`(?:\\.|[^`\\])*+`?"
WHOLE_FILE = "the whole file"
MAX_TESTS = 5000  # of one file
MAX_MARKS = 30  # lines above a function
DOC_CHARS = 2000


def tests_in(path: str, text: str) -> Mapping[str, CaseFacts]:
    """The tests by name. Two of one name count as one."""
    language = language_of(path)
    found: dict[str, CaseFacts] = {}
    for name, test in _each(language, text):
        found[name] = _together(found[name], test) if name in found else test
    return found


def left_out(path: str, text: str) -> list[tuple[int, str]]:
    """The lines that leave the whole file out on some conditions."""
    rule = language_of(path).leaves_out
    return [(_line(text, match.start()), match[0]) for match in rule.finditer(text)]


def without_comments(language: Language, text: str) -> str:
    """The same text at the same places, with blanks for comments."""
    rule = re.compile(rf"({STRINGS})|{language.comment}", re.DOTALL | re.MULTILINE)
    return rule.sub(lambda match: match[1] or re.sub(r"[^\n]", " ", match[0]), text)


def _each(language: Language, text: str) -> Iterator[tuple[str, CaseFacts]]:
    plain = without_comments(language, text)
    heads = sorted(
        [(match.start(), match, False) for match in language.named.finditer(plain)]
        + [(match.start(), match, True) for match in language.groups.finditer(plain)],
        key=lambda head: head[0],
    )[:MAX_TESTS]
    starts = [start if language.marks is NEVER else _with_marks(plain, start) for start, _, _ in heads]
    first = plain[: starts[0]] if starts else plain
    if language.skips.search(first):
        yield WHOLE_FILE, CaseFacts(1, skips=True, asserts=0, exact=0, body="", group=True)
    for (_, match, group), (start, end) in zip(heads, pairwise([*starts, len(plain)]), strict=True):
        name = next((part for part in match.groups() if part), "")
        marks = _docs_and_marks(text, start, match.start())
        test = group or _is_test(language, name, marks)
        if test or (language.groups is not NEVER and language.skips.search(plain, start, end)):
            line, body = _line(plain, match.start()), plain[match.end() : end]
            yield name, _one(language, plain[start : match.end()], body, line=line, group=group or not test)


def _is_test(language: Language, name: str, marks: str) -> bool:
    by_name_alone = language.marks is NEVER and language.plain is NEVER
    return by_name_alone or bool(language.plain.match(name) or language.marks.search(marks))


def _one(language: Language, head: str, body: str, *, line: int, group: bool) -> CaseFacts:
    return CaseFacts(
        line,
        skips=bool(language.skips.search(head + body)),
        asserts=len(language.asserts.findall(body)),
        exact=len(language.exact.findall(body)),
        body=" ".join(body.split()),
        focuses=bool(language.focuses.search(head + body)),
        inverts=bool(language.inverts.search(head)),
        group=group,
    )


def _with_marks(text: str, start: int) -> int:
    """Where the lines directly above begin that belong to what stands at ``start``: annotations and attributes."""
    here = text.rfind("\n", 0, start) + 1
    for _ in range(MAX_MARKS):
        above = text.rfind("\n", 0, max(0, here - 1)) + 1
        row = text[above : max(0, here - 1)].rstrip()
        opens = row.endswith("{") and not row.endswith("({")
        if not row or opens or row.endswith((";", "}")):
            break
        here = above
    return here


def _docs_and_marks(text: str, start: int, at: int) -> str:
    """What stands above a function, with its comment: PHPUnit knows a test by one."""
    comment = text.rfind("/**", max(0, start - DOC_CHARS), start)
    above = text[comment:start] if comment >= 0 else ""
    return (above if above.rstrip().endswith("*/") else "") + text[start:at]


def _together(one: CaseFacts, two: CaseFacts) -> CaseFacts:
    return replace(
        one,
        skips=one.skips or two.skips,
        asserts=one.asserts + two.asserts,
        exact=one.exact + two.exact,
        body=f"{one.body}\n{two.body}",
        focuses=one.focuses or two.focuses,
        inverts=one.inverts or two.inverts,
        group=one.group and two.group,
    )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
