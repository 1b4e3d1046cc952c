"""The sandbox image in a container of its own: what commands need there, and what they must not reach."""

from __future__ import annotations

import io
import tomllib

import pytest

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.sandbox.docker.box import KILLED
from dayhand.sandbox.docker.end_mark import EndMark
from dayhand.sandbox.guest import (
    HOME,
    SYSTEM_PATH,
    TOOLS,
    UID,
)
from dayhand.sandbox.output import OutputCapture
from tests.sandbox.image import DOCKERFILE, require_image

SWEEP = "/usr/local/libexec/dayhand/sweep"
HARDENED = {"network_mode": "none", "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}

LOOK = """
import os, subprocess, sys
shell = subprocess.Popen([sys.argv[1], "-c", "echo ready; read end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert shell.stdout.readline() == b"ready\\n"
def may(call, *arguments):
    try:
        return bool(call(*arguments))
    except PermissionError:
        return False
process = f"/proc/{shell.pid}/"
readable = [name for name in ("maps", "mem", "environ") if may(os.open, process + name, os.O_RDONLY)]
print(*readable, *(name for name in ("exe", "root") if may(os.readlink, process + name)))
"""


@pytest.fixture(scope="module")
def built():
    client, tag = require_image()
    yield client.images.get(tag)
    client.close()


@pytest.fixture(scope="module")
def container(built):
    started = built.client.containers.run(built.id, detach=True, **HARDENED)
    yield started
    started.remove(force=True)


def run(container, script: str) -> tuple[int, str]:
    """The exit code and both outputs. It runs again if the engine, which may be busy, loses the end of them."""
    environment = {"PATH": f"{TOOLS}:{SYSTEM_PATH}", "HOME": HOME}
    for _ in range(3):
        capture = OutputCapture(100_000, 100_000)
        end = EndMark(capture)
        marked = f"exec 2>&1; {script}\ncode=$?; {end.printf}; exit $code"
        code, output = container.exec_run(["/bin/sh", "-c", marked], environment=environment)
        end.write(output)
        if end.arrived or code > KILLED:
            break
    end.finish()
    return code, capture.head.decode()


def test_commands_are_those_of_a_user_without_rights(container):
    assert run(container, "id -u; id -g; id -G; id -un; getent passwd $(id -u) | cut -d: -f6") == (
        0,
        f"{UID}\n{UID}\n{UID}\ndayhand\n{HOME}\n",
    )


def test_the_user_can_write_to_its_own_folders_and_nowhere_else(container):
    found = run(
        container, "find / -xdev ! -type l -writable ! -path '/proc/*' ! -path '/dev/*' 2>/dev/null | sort"
    )[1]

    assert found.split() == [ENVIRONMENT, "/tmp", WORKSPACE]


def test_no_program_is_setuid_or_setgid(container):
    assert run(container, "find / -xdev -perm /6000 ! -path '/proc/*' 2>/dev/null | wc -l") == (0, "0\n")


def test_the_rights_that_a_base_image_gives_the_user_are_removed(built):
    """Many base images have a user with this number and a home, such as Node's and Ubuntu's."""
    recipe = (
        f"FROM {built.id}\nUSER 0:0\n"
        "RUN sed -i 's/^dayhand:/node:/' /etc/passwd /etc/group && mkdir -p /home/node/bin"
        " && cp /bin/true /home/node/bin/ls && chmod 4755 /home/node/bin/ls && chown -R 1000:1000 /home/node"
        ' && mkdir -m 1777 /open\nENTRYPOINT ["/bin/false"]\nHEALTHCHECK CMD /home/node/bin/ls\n'
    )
    images = built.client.images
    base = images.build(fileobj=io.BytesIO(recipe.encode()), rm=True)[0]
    image = images.build(
        path=str(DOCKERFILE.parent), buildargs={"BASE": base.id, "INSTALL": "0"}, rm=True, nocache=True
    )[0]
    container = image.client.containers.run(image.id, detach=True, **HARDENED)
    try:
        assert run(container, "id -un; find /home /open -writable -o -perm /6000") == (0, "dayhand\n")
        assert image.attrs["Config"]["Healthcheck"] == {"Test": ["NONE"]}
    finally:
        container.remove(force=True)
        images.remove(image.id, force=True)  # and with it its untagged parents


def test_the_sweep_shell_can_be_run_by_all_and_read_by_nobody(container):
    assert run(container, f"stat -c '%u %g %a' {SWEEP}; {SWEEP} -c 'echo runs'; cat {SWEEP}") == (
        1,
        f"0 0 711\nruns\ncat: {SWEEP}: Permission denied\n",
    )


def test_a_running_sweep_shell_cannot_be_inspected(container):
    """The kernel checks each of these accesses like ptrace: may that process trace this one?"""
    look = f"python3 -c '{LOOK}'"

    assert run(container, f"{look} /bin/sh") == (0, "maps mem environ exe root\n")
    assert run(container, f"{look} {SWEEP}") == (0, "\n")


def test_the_first_process_survives_killing_everything_and_cannot_be_inspected(container):
    before = container.attrs["Id"], container.top()["Processes"][0][1]
    run(container, "sleep 600 & sleep 600 & kill -KILL -1")
    container.reload()

    assert container.status == "running"
    assert (container.attrs["Id"], container.top()["Processes"][0][1]) == before
    assert run(container, "head -c 1 /proc/1/mem") == (
        1,
        "head: cannot open '/proc/1/mem' for reading: Permission denied\n",
    )


def test_orphans_are_reaped(container):
    run(container, "(sleep 600 & sleep 600 &) ; kill -KILL -1")

    assert "Z" not in run(container, "ps -e -o stat=")[1]


def test_git_and_python_work_in_the_workspace(container):
    code, output = run(
        container,
        f"cd {WORKSPACE} && git init -q . && git status --short && python3 -m venv {ENVIRONMENT}/venv"
        f" && {ENVIRONMENT}/venv/bin/python -c 'print(6 * 7)' && uv --version | cut -d' ' -f1"
        f" && rm -r .git {ENVIRONMENT}/venv",
    )

    assert (code, output) == (0, "42\nuv\n")


def test_the_image_sets_no_variable_but_the_path(built):
    assert [each.split("=")[0] for each in built.attrs["Config"]["Env"] or []] in ([], ["PATH"])


def test_the_image_has_labels_and_a_user(built):
    assert built.labels["dayhand.sandbox"] == "1"
    assert built.labels["org.opencontainers.image.title"] == "Dayhand sandbox"
    assert built.attrs["Config"]["User"] == f"{UID}:{UID}"


def test_the_image_has_the_locked_version_of_uv():
    lock = tomllib.loads((DOCKERFILE.parents[2] / "uv.lock").read_text(encoding="utf-8"))
    locked = next(each["version"] for each in lock["package"] if each["name"] == "uv")

    assert f"ARG UV={locked}\n" in DOCKERFILE.read_text(encoding="utf-8")
