"""How findings read on a terminal of any width, in a pipe and as JSON; and that the documentation has each code."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import PAGE, HealthFinding, SectionFindings
from dayhand.commands.doctor.report import print_text, shown_settings
from dayhand.settings.table import ROWS, Settings

ROOT = Path(__file__).parents[3]
FINDINGS = SectionFindings(
    "GitHub App",
    (
        HealthFinding("events: all 8 that app.yml lists"),
        HealthFinding(
            "the App is not granted\x1b[31m checks: write\x07 ghp_" + "a" * 36,
            FaultCode.PERMISSION_MISSING,
            "Grant it at https://github.com/organizations/acme/settings/apps/dayhand-acme/permissions, then accept it.",
        ),
        HealthFinding("it has no append-only file", FaultCode.REDIS_VOLATILE, "Set `appendonly yes`."),
    ),
)


def test_in_a_pipe_each_sentence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_text([FINDINGS])
    assert capsys.readouterr().out == (
        "GitHub App\n"
        "  ✓ events: all 8 that app.yml lists\n"
        "  ✗ the App is not granted checks: write [redacted]\n"
        "    DH-GH-05  The App was registered without it.\n"
        "    → Grant it at https://github.com/organizations/acme/settings/apps/dayhand-acme/permissions, then accept it.\n"
        "  ! it has no append-only file\n"
        "    DH-RED-03  Without an append-only file a crash of Redis loses tasks.\n"
        "    → Set `appendonly yes`.\n"
        "\n"
        "1 fault, 1 warning, 1 ok. docs/troubleshooting.md explains each code.\n"
    )


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_on_a_terminal_lines_fit_and_no_address_is_broken(width: int) -> None:
    program = (
        "from tests.commands.doctor.test_report import FINDINGS; "
        "from dayhand.commands.doctor.report import print_text; print_text([FINDINGS])"
    )
    master, slave = pty.openpty()
    env = {**os.environ, "COLUMNS": str(width), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], stdout=slave, env=env, cwd=ROOT, check=True)
    os.close(slave)
    shown = os.read(master, 65536).decode().replace("\r", "")
    os.close(master)
    assert "\x1b[1m" in shown, "a terminal gets colours"
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    longest = [line for line in lines if len(line) > max(width, 30)]
    assert all("https://" in line or "docs/" in line for line in longest), longest
    assert any(
        "https://github.com/organizations/acme/settings/apps/dayhand-acme/permissions," in line
        for line in lines
    )


def test_every_code_has_its_section_and_every_section_a_code() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert re.findall(r"^#### (DH-\S+)$", page, re.MULTILINE) == [fault.code for fault in FaultCode]
    for fault in FaultCode:
        assert HealthFinding("", fault).page == f"{PAGE}#{fault.code.lower()}"


def test_a_code_is_used_once_and_named_after_its_kind() -> None:
    codes = [fault.code for fault in FaultCode]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"DH-(SET|SYS|GH|RED|MOD|BOX)-\d\d", code) for code in codes)


def test_every_fault_is_found_by_some_check() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "src/dayhand/commands/doctor").glob("*.py"))
    )
    assert [fault.name for fault in FaultCode if f"FaultCode.{fault.name}" not in source] == []


def test_no_secret_is_shown_among_the_settings() -> None:
    secret = {name: "canary" for name, row in ROWS.items() if row.secret and name != "webhook_secrets"}
    settings = Settings(
        data=Path("/d"),
        webhook_secrets=("canary",),
        openai_base_url="https://me:canary@gw.example.org/v1?api-version=2&api-key=canary",
        **{**secret, "redis_url": "rediss+sentinel://:canary@one:26379/main?sentinel_password=canary"},  # type: ignore[arg-type]
    )
    shown = shown_settings(settings)
    assert "canary" not in str(shown)
    assert shown["OPENAI_BASE_URL"] == "https://…@gw.example.org/v1?api-version=2&api-key=…"
    assert shown["OPENAI_API_KEY"] == "set (not shown)"
