"""The JSON report of RSpec. https://rspec.info/features/3-13/rspec-core/formatters/json-formatter/"""

from __future__ import annotations

import json

from dayhand.verify.reports.base import MAX_TESTS, CaseResult, CaseState, case_result

STATES = {"passed": CaseState.PASSED, "failed": CaseState.FAILED}


def parse(text: str) -> tuple[CaseResult, ...] | None:
    """The examples, if any; None if the text is not a complete report of RSpec."""
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        return None
    examples = report.get("examples") if isinstance(report, dict) else None
    if not isinstance(examples, list) or "summary" not in report:
        return None
    return tuple(_case(example) for example in examples[:MAX_TESTS] if isinstance(example, dict))


def _case(example: dict[str, object]) -> CaseResult:
    name = f"{example.get('file_path') or ''}::{example.get('full_description') or example.get('id') or ''}"
    failure = example.get("exception")
    detail = str(failure.get("message") or "") if isinstance(failure, dict) else ""
    return case_result(name, STATES.get(str(example.get("status")), CaseState.SKIPPED), detail)
