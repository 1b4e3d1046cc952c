"""``deploy/compose.yml``: what its containers may do, and a story that runs through all of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dayhand.settings.table import KNOWN, read_settings
from tests.deploy.image import require_image
from tests.deploy.stack import DEPLOY, started
from tests.deploy.tools import compose, run_tool

PROCESSES = ("dispatcher", "valkey", "web", "worker")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All services, as Compose understands them."""
    tool = compose()
    folder = tmp_path_factory.mktemp("compose")
    for name in ("compose.yml", "seccomp.json"):
        shutil.copyfile(DEPLOY / name, folder / name)
    (folder / ".env").write_text("DOMAIN=dayhand.example.org\n", encoding="utf-8")
    done = run_tool(tool, "--profile", "tls", "config", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def test_the_services_are_those_of_the_page(services: dict[str, Any]) -> None:
    assert sorted(services) == ["caddy", *PROCESSES]
    assert [name for name, service in services.items() if service.get("profiles")] == ["caddy"]


@pytest.mark.parametrize("name", ["caddy", *PROCESSES])
def test_no_container_has_a_privilege_or_a_socket_of_the_engine(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert "docker.sock" not in json.dumps(service)
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_is_an_ordinary_user_with_limits_and_a_health_check(
    services: dict[str, Any], name: str
) -> None:
    service = services[name]
    assert service["user"] == "1000:1000"
    assert int(service["mem_limit"]) > 0
    assert service["pids_limit"] > 0
    assert service["healthcheck"]["test"] == [
        "CMD",
        "health",
        {"dispatcher": "dispatch", "worker": "work"}.get(name, name),
    ]
    assert service["stop_grace_period"] == "45s"
    assert read_settings({}, dotenv=None).stop_seconds < 45


def test_only_the_worker_may_open_boxes_and_only_by_our_profile(services: dict[str, Any]) -> None:
    loosened = {name: service["security_opt"][1:] for name, service in services.items()}
    assert {name for name, options in loosened.items() if options} == {"worker"}
    assert [each.split("=")[0] for each in loosened["worker"]] == ["systempaths", "seccomp", "apparmor"]
    assert "seccomp=./seccomp.json" in services["worker"]["security_opt"]


def test_only_the_web_server_is_reachable_and_valkey_only_from_the_processes(
    services: dict[str, Any],
) -> None:
    ports = {
        name: [port.get("host_ip") for port in service.get("ports", [])] for name, service in services.items()
    }
    assert {name: hosts for name, hosts in ports.items() if hosts} == {
        "web": ["127.0.0.1"],
        "caddy": [None] * 3,
    }
    assert list(services["valkey"]["networks"]) == ["store"]


def test_every_setting_that_compose_makes_exists(services: dict[str, Any]) -> None:
    for name in ("web", "dispatcher", "worker"):
        made = services[name]["environment"]
        assert {each for each in made if each.startswith("DAYHAND_")} <= set(KNOWN)
        assert read_settings(made, dotenv=None).redis_url


def test_the_rehearsal_changes_only_networks_and_the_way_to_valkey(
    services: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("compose.yml", "rehearsal.yml", "seccomp.json"):
        shutil.copyfile(DEPLOY / name, tmp_path / name)
    (tmp_path / ".env").touch()
    files = ("--file", "compose.yml", "--file", "rehearsal.yml")
    done = run_tool(compose(), *files, "config", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)["services"]
    assert {name: service["network_mode"] for name, service in changed.items()} == {
        name: "none" if name == "valkey" else "host" for name in PROCESSES
    }
    assert changed["web"]["environment"]["DAYHAND_HOST"] == "127.0.0.1", "it listens on this machine itself"
    changes = {"network_mode", "networks", "ports", "environment", "volumes", "command"}
    for name, service in changed.items():
        kept = {key: value for key, value in services[name].items() if key not in changes}
        assert {key: value for key, value in service.items() if key not in changes} == kept


def test_a_fault_in_the_file_is_found(tmp_path: Path) -> None:
    """That is, the tool that these tests use does look."""
    text = (DEPLOY / "compose.yml").read_text(encoding="utf-8")
    (tmp_path / "compose.yml").write_text(text.replace("cap_drop:", "cap_dorp:"), encoding="utf-8")
    done = run_tool(compose(), "--file", tmp_path / "compose.yml", "config", "--quiet")
    assert (done.returncode, "cap_dorp" in done.stderr) == (1, True)


def test_the_variables_of_compose_itself_are_on_the_page() -> None:
    text = (DEPLOY / "compose.yml").read_text(encoding="utf-8")
    page = (DEPLOY.parent / "docs" / "deploy-compose.md").read_text(encoding="utf-8")
    for name in re.findall(r"\$\{(\w+)", text):
        assert f"`{name}`" in page
        assert not name.startswith("DAYHAND_"), "Dayhand refuses settings that it does not know"


@pytest.fixture
def image() -> Iterator[str]:
    client, tag = require_image()
    yield tag
    client.close()


def test_a_label_becomes_a_pull_request_in_containers_without_privileges(tmp_path: Path, image: str) -> None:
    with started(tmp_path, image) as stack:
        story = stack.run_story()
        stopped = stack.compose("stop", "worker", "dispatcher", "web")
        exits = stack.compose("ps", "--all", "--format", "{{.Service}} {{.ExitCode}}").stdout.split("\n")
        logs = stack.logs()

    assert story["drafts"] == [False]
    assert story["conclusions"] == ["success"], story["body"]
    assert "lint" in story["body"]
    assert "10 passed" in story["body"]
    assert stopped.returncode == 0
    assert sorted(exits)[1:] == ["dispatcher 0", "valkey 0", "web 0", "worker 0"], logs
