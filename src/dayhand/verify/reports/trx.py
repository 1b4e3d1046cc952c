"""The report of ``dotnet test --logger trx``. https://github.com/microsoft/vstest/blob/main/docs/report.md"""

from __future__ import annotations

from xml.parsers import expat

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result, shorten

ROOT = "<TestRun"
STATES = {
    "Passed": CaseState.PASSED,
    "Failed": CaseState.FAILED,
    "Error": CaseState.FAILED,
    "Timeout": CaseState.FAILED,
}


class _Refused(Exception):
    pass


class _TrxReader:
    def __init__(self) -> None:
        self.found: list[CaseResult] = []
        self._name, self._state, self._detail, self._inside = "", CaseState.SKIPPED, "", False

    def start(self, tag: str, fields: dict[str, str]) -> None:
        if tag == "UnitTestResult":
            self._name, self._detail = fields.get("testName", ""), ""
            self._state = STATES.get(fields.get("outcome", ""), CaseState.SKIPPED)
        self._inside = tag == "Message" and bool(self._name)

    def text(self, data: str) -> None:
        if self._inside:
            self._detail = shorten(self._detail + data)

    def end(self, tag: str) -> None:
        self._inside = False
        if tag == "UnitTestResult" and self._name:
            self.found.append(case_result(self._name, self._state, self._detail))
            self._name = ""
            if len(self.found) >= MAX_TESTS:
                raise _Refused

    def refuse(self, *_: object) -> None:
        self.found.clear()
        raise _Refused


def parse(text: str) -> tuple[CaseResult, ...] | None:
    """The tests, with class and row; None if the text is not complete, or has a document type."""
    reader, parser = _TrxReader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(text, True)
    except _Refused:
        return tuple(reader.found) or None
    except expat.ExpatError:
        return None
    return tuple(reader.found)
