"""``deploy/systemd``: the units are valid, and expose much less than a service without limits.

systemd itself does not run in the tests; what the units leave out for bubblewrap's sake is in their comments.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dayhand.child_process import PROCESSES
from dayhand.settings.table import read_settings
from tests.deploy.tools import run_tool

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
MAX_EXPOSURE = {
    "dayhand.service": 35,
    "dayhand-work.service": 35,
    "dayhand-web.service": 12,
    "dayhand-dispatch.service": 12,
}
FORBIDDEN = ("RestrictNamespaces", "PrivateUsers", "ProtectHostname", "ProtectProc", "ProcSubset", "ProtectKernelTunables",
             "ProtectKernelLogs", "MemoryDenyWriteExecute")  # fmt: skip


def analyze() -> Path:
    tool = shutil.which("systemd-analyze")
    if not tool:
        pytest.skip("systemd-analyze is not installed")
    return Path(tool)


def settings_of(unit: Path) -> dict[str, str]:
    lines = [
        line for line in unit.read_text(encoding="utf-8").splitlines() if not line.startswith(("#", "["))
    ]
    return dict(line.split("=", 1) for line in lines if line)


def in_a_copy(unit: Path, folder: Path, *replacements: tuple[str, str]) -> Path:
    """The unit with a program that exists on this machine."""
    text = unit.read_text(encoding="utf-8").replace("/opt/dayhand/bin/dayhand", "/bin/true")
    for old, new in replacements:
        text = text.replace(old, new)
    (folder / unit.name).write_text(text, encoding="utf-8")
    return folder / unit.name


def test_there_is_a_unit_for_each_process_and_one_for_all() -> None:
    commands = {unit.name: settings_of(unit)["ExecStart"].split()[-1] for unit in UNITS}
    assert sorted(commands.values()) == sorted([*PROCESSES, "up"])
    assert set(commands) == set(MAX_EXPOSURE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_about_a_unit(tmp_path: Path, unit: Path) -> None:
    done = run_tool(analyze(), "verify", in_a_copy(unit, tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_setting_is_found(tmp_path: Path) -> None:
    """``verify`` exits with 0 even so: what it prints decides."""
    wrong = in_a_copy(UNITS[0], tmp_path, ("ProtectHome=yes", "ProtectHome=maybe\nProtectHonor=yes"))
    said = run_tool(analyze(), "verify", wrong).stderr
    assert "ProtectHonor" in said
    assert "maybe" in said


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_hardly_exposed(unit: Path) -> None:
    """The threshold is ten times the figure that is shown. A service without limits has 9.6."""
    words = ("security", "--offline=true", "--no-pager", f"--threshold={MAX_EXPOSURE[unit.name]}", unit)
    done = run_tool(analyze(), *words)
    assert done.returncode == 0, done.stdout[-200:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_opens_boxes_keeps_what_bubblewrap_needs_and_the_rest_does_not(unit: Path) -> None:
    limits = settings_of(unit)
    opens_boxes = limits["ExecStart"].split()[-1] in ("up", "work")
    assert [name for name in FORBIDDEN if name in limits] == ([] if opens_boxes else list(FORBIDDEN))
    assert ("AF_NETLINK" in limits["RestrictAddressFamilies"]) == opens_boxes
    assert limits.get("Delegate", "no") == ("yes" if opens_boxes else "no")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_waits_for_what_must_be_finished(unit: Path) -> None:
    limits = settings_of(unit)
    assert int(limits["TimeoutStopSec"]) > read_settings({}, dotenv=None).stop_seconds + 10
    assert limits["KillMode"] == "mixed", "the main process tells the others"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_started_when_its_process_says_that_it_is_ready(unit: Path) -> None:
    limits = settings_of(unit)
    assert limits["Type"] == "notify"
    assert "AF_UNIX" in limits["RestrictAddressFamilies"], "it says so on a socket"


def test_the_procfile_names_the_same_processes() -> None:
    lines = (FOLDER.parents[1] / "Procfile").read_text(encoding="utf-8").splitlines()
    assert {line.rpartition("dayhand ")[2] for line in lines} == set(PROCESSES)
    assert "DAYHAND_PORT=${PORT:-8080}" in lines[0], "such hosts choose the port"
