"""JUnit XML, as pytest, Node, Jest, Maven and most other runners write it.

Read through expat's events: no entity is expanded, nothing is fetched, and a document type ends the reading.
"""

from __future__ import annotations

from xml.parsers import expat

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result, shorten

MAX_CHARS = 16 * 1024 * 1024
ENDS = {"failure": CaseState.FAILED, "error": CaseState.FAILED, "skipped": CaseState.SKIPPED}


class _Stop(Exception):
    pass


class _Reader:
    def __init__(self) -> None:
        self.found: list[CaseResult] = []
        self._name = ""
        self._state = CaseState.PASSED
        self._detail = ""
        self._inside = ""

    def start(self, tag: str, fields: dict[str, str]) -> None:
        if tag == "testcase":
            class_name = fields.get("classname", "")
            self._name = f"{class_name}::{fields.get('name', '')}" if class_name else fields.get("name", "")
            self._state, self._detail = CaseState.PASSED, ""
        elif tag in ENDS and self._name:
            self._state = CaseState.FAILED if self._state is CaseState.FAILED else ENDS[tag]
            self._detail = shorten(f"{self._detail}{fields.get('message', '')}\n")
            self._inside = tag

    def text(self, data: str) -> None:
        if self._inside:
            self._detail = shorten(self._detail + data)

    def end(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        if tag == "testcase" and self._name:
            detail = self._detail if self._state is CaseState.FAILED else ""
            self.found.append(case_result(self._name, self._state, detail))
            self._name = ""
            if len(self.found) >= MAX_TESTS:
                raise _Stop

    def refuse(self, *_: object) -> None:
        self.found.clear()
        raise _Stop


def read(text: str) -> tuple[CaseResult, ...]:
    """The test cases; none if the text is not JUnit XML."""
    return parse(text) or ()


def parse(text: str) -> tuple[CaseResult, ...] | None:
    """The test cases, if any; None if the text is not complete JUnit XML, has a document type or exceeds 16 MB."""
    if "<testsuite" not in text or len(text) > MAX_CHARS:
        return None
    reader, parser = _Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(text, True)
    except _Stop:
        return tuple(reader.found) or None
    except expat.ExpatError:
        return None  # incomplete: the missing part could hold the failures
    return tuple(reader.found)
