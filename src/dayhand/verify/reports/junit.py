"""JUnit XML, as pytest, Node, Jest, Maven and most others write it.

Read by expat's events: nothing is expanded, nothing is fetched, a document type ends it.
"""

from __future__ import annotations

from xml.parsers import expat

from dayhand.verify.reports.base import DETAIL_CHARS, MAX_TESTS, CaseResult, CaseState, single

MAX_CHARS = 16 * 1024 * 1024
ENDS = {"failure": CaseState.FAILED, "error": CaseState.FAILED, "skipped": CaseState.SKIPPED}


class _Stop(Exception):
    pass


class _Reader:
    def __init__(self) -> None:
        self.found: list[CaseResult] = []
        self._name = ""
        self._state = CaseState.PASSED
        self._detail: list[str] = []
        self._inside = ""

    def start(self, tag: str, fields: dict[str, str]) -> None:
        if tag == "testcase":
            place = fields.get("classname", "")
            self._name = f"{place}::{fields.get('name', '')}" if place else fields.get("name", "")
            self._state, self._detail = CaseState.PASSED, []
        elif tag in ENDS and self._name:
            self._state = CaseState.FAILED if self._state is CaseState.FAILED else ENDS[tag]
            self._detail.append(fields.get("message", "")[:DETAIL_CHARS])
            self._inside = tag

    def text(self, data: str) -> None:
        if self._inside and len(self._detail) < 100:
            self._detail.append(data[:DETAIL_CHARS])

    def end(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        if tag == "testcase" and self._name:
            detail = "".join(self._detail) if self._state is CaseState.FAILED else ""
            self.found.append(single(self._name, self._state, detail))
            self._name = ""
            if len(self.found) >= MAX_TESTS:
                raise _Stop

    def refuse(self, *_: object) -> None:
        self.found.clear()
        raise _Stop


def read(text: str) -> tuple[CaseResult, ...]:
    """The test cases; none where it is no JUnit XML."""
    return parse(text) or ()


def parse(text: str) -> tuple[CaseResult, ...] | None:
    """The test cases, perhaps none; None where it is no whole JUnit XML, has a document type or is over 16 MB."""
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
        return None  # half a report is none: what is missing could be what failed
    return tuple(reader.found)
