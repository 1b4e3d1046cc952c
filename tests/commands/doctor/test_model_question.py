"""What one question shows about a model: the API of its server, tools, images, and whether its price is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.commands.doctor.model_question import ask_models, check_prices
from dayhand.scripted_model.moves import Fault, Move, Say, Script, ScriptState, ToolCall
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.scripted_model.server import CHAT, RESPONSES, ScriptedServer
from dayhand.settings.table import Settings

CALL = ToolCall("report_colour", '{"colour": "red"}')
NO_IMAGES = Fault("status", 400, '{"error": {"message": "this model does not support image input"}}')
REFUSED = Fault("status", 401, '{"error": {"message": "no such key"}}', times=9)
CASES = {  # the endpoint, the moves, the faults, and a part of what is said
    "healthy": (RESPONSES, [CALL], [], "by the Responses API"),
    "the other API": (CHAT, [CALL], [], "by Chat Completions"),
    "text only": (RESPONSES, [Say("It is red.")], [FaultCode.NO_TOOL_CALLS], "wrote text instead"),
    "blind": (RESPONSES, [NO_IMAGES, CALL], [FaultCode.NO_IMAGES], "does not take images"),
    "refusing": (RESPONSES, [REFUSED], [FaultCode.MODEL_FAILS], "rejected the API key"),
    "no API": ("/v1/other", [CALL], [FaultCode.MODEL_FAILS], "neither /responses"),
    "busy": (RESPONSES, [Fault("status", 503, "busy", times=9)], [FaultCode.MODEL_FAILS], "503"),
    "cut": (RESPONSES, [Fault("nonsense", body="<html>", times=9)], [FaultCode.MODEL_FAILS], ""),
}


@pytest.mark.parametrize("case", CASES)
def test_one_question_shows_what_a_model_can_do(case: str, tmp_path: Path) -> None:
    endpoint, moves, expected, said = CASES[case]

    def play(_: ScriptState) -> Sequence[Move]:
        return moves

    with ScriptedServer(
        [Script("doctor", lambda prompt: "doctor asks" in prompt, play)], endpoint=endpoint
    ) as server:
        found = list(
            ask_models(Settings(data=tmp_path, openai_base_url=server.base_url, models=(SCRIPTED_MODEL,)))
        )
        assert server.count <= 3, "a person waits, and each question costs"
    assert [each.fault for each in found if each.fault] == expected
    assert all(each.cure for each in found if each.fault)
    assert any(said in each.observed for each in found)


def test_without_a_model_none_is_asked(tmp_path: Path) -> None:
    assert list(ask_models(Settings(data=tmp_path))) == []


def faults(findings: Iterator[HealthFinding]) -> list[FaultCode | None]:
    return [each.fault for each in findings]


def test_the_price_of_each_model_is_known_or_not(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, models=("gpt-6.1-sol", "own"))
    assert faults(check_prices(settings)) == [None, FaultCode.PRICE_UNKNOWN]
    (tmp_path / "prices.toml").write_text("[own]\ninput = 1\noutput = 2\n")
    assert faults(check_prices(settings)) == [None, None]
    (tmp_path / "prices.toml").write_bytes(b"\xff")
    assert faults(check_prices(settings)) == [FaultCode.PRICES_WRONG]
