"""The descriptions of the tools."""

from __future__ import annotations

from dayhand.agent.tools.schema import NAMES, TOOLS


def test_the_tools_are_in_alphabetical_order() -> None:
    assert (
        list(NAMES)
        == sorted(NAMES)
        == ["apply_patch", "finish", "session", "shell", "update_plan", "view_image"]
    )
    assert all(tool["type"] in ("function", "custom") for tool in TOOLS)
