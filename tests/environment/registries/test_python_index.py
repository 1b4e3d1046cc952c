"""The Python indexes and npm's registry: which hosts set-up may reach."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from dayhand.environment.ecosystems import node, python
from dayhand.environment.registries import python_index
from dayhand.environment.registries.base import ExtraRegistries, usable
from dayhand.environment.registries.machine import HostMachine


@pytest.fixture
def home(tmp_path):
    """An operator's machine with nothing configured."""
    return {"HOME": str(tmp_path), "PATH": "/nonexistent"}


def test_an_index_from_the_environment_wins_over_a_file(home, tmp_path):
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://file.invalid/simple\n")
    assert python_index.python_indexes(HostMachine(home))[0] == "https://file.invalid/simple"
    named = {
        **home,
        "PIP_INDEX_URL": "https://pip.invalid/simple",
        "UV_DEFAULT_INDEX": "https://uv.invalid/simple",
    }
    assert python_index.python_indexes(HostMachine(named))[0] == "https://uv.invalid/simple"


def test_uvs_own_file_names_the_default_and_further_indexes(home, tmp_path):
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").write_text(
        '[[index]]\nurl = "https://more.invalid/s"\n[[index]]\nurl = "https://main.invalid/s"\ndefault = true\n'
    )
    main, more = python_index.python_indexes(HostMachine(home))
    assert (main, more[0]) == ("https://main.invalid/s", "https://more.invalid/s")


def test_where_nothing_is_configured_the_client_says_its_default(home):
    assert usable(python_index.uv_default(HostMachine(home)))


def test_credentials_never_enter_a_box(home):
    found = python.find_registry(
        HostMachine({**home, "UV_DEFAULT_INDEX": "https://me:secret@index.invalid/simple"})
    )
    assert found.hosts == ("index.invalid",)
    assert found.env["UV_DEFAULT_INDEX"] == "https://index.invalid/simple"
    assert "secret" not in repr(found)


def test_an_index_that_does_not_answer_is_named(home):
    found = python.find_registry(HostMachine({**home, "UV_DEFAULT_INDEX": "https://index.invalid/simple"}))
    assert found.problem.startswith("The Python index https://index.invalid/simple did not answer: ")


@pytest.mark.parametrize(
    "url", ["http://index.invalid/", "https://index.invalid:8443/", "file:///x", "https://a:b/"]
)
def test_an_index_that_no_box_can_reach_opens_nothing_and_is_named(home, url):
    found = python.find_registry(HostMachine({**home, "UV_DEFAULT_INDEX": url}))
    assert found.hosts == ()
    assert "no box can reach it" in found.problem


def test_npms_configured_registry_is_used_without_asking_anybody(home):
    found = node.find_registry(
        HostMachine({**home, "NPM_CONFIG_REGISTRY": "https://npm.invalid/"}, pytest.fail)
    )
    assert found.hosts == ("npm.invalid",)


def test_where_the_machine_has_no_npm_the_one_in_the_box_is_asked(home):
    assert node.find_registry(HostMachine(home, lambda _command: "https://npm.invalid/")).hosts == (
        "npm.invalid",
    )
    assert "npm is not installed" in node.find_registry(HostMachine(home)).problem


@contextmanager
def an_index(kind, body):
    """A Python index on loopback that answers every page with ``body``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args): ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def test_the_file_host_is_learnt_from_the_json_of_the_index():
    listed = {"files": [{"url": "https://files.invalid/a.whl"}, {"url": "a.tar.gz"}, {"url": 3}]}
    with an_index("application/vnd.pypi.simple.v1+json", json.dumps(listed)) as url:
        assert set(python_index.file_hosts(url)) == {"files.invalid"}


def test_the_file_host_is_learnt_from_the_page_of_an_old_index():
    with an_index("text/html", '<a href="https://files.invalid/a.whl#sha256=0">a</a><a>b</a>') as url:
        assert set(python_index.file_hosts(url)) == {"files.invalid"}


def test_an_answer_that_is_no_index_is_a_problem_and_not_a_crash():
    with an_index("application/json", "<html>") as url, pytest.raises(ValueError):
        list(python_index.file_hosts(url))


def test_the_operators_own_registries_stand_beside_those_of_the_clients(home):
    extra = ExtraRegistries.of(
        ("*.files.example.org", "python=https://py.invalid/simple", "npm=https://npm.invalid/")
    )
    assert extra.hosts == ("*.files.example.org", "py.invalid", "npm.invalid")
    environ = extra.environ(
        {**home, "UV_INDEX": "https://more.invalid/", "UV_DEFAULT_INDEX": "https://i.invalid/"}
    )
    found = python.find_registry(HostMachine(environ))
    assert found.hosts == ("i.invalid", "py.invalid", "more.invalid")
    assert found.env["UV_INDEX"] == "https://py.invalid/simple https://more.invalid/"
    assert node.find_registry(HostMachine(environ, pytest.fail)).env == {
        "npm_config_registry": "https://npm.invalid/"
    }


def test_without_registries_of_their_own_nothing_changes(home):
    assert ExtraRegistries.of(()).environ(home) == home


@pytest.mark.parametrize(
    ("environ", "hosts", "allowed"),
    [
        ({}, (), False),
        ({}, ("files.example",), False),
        ({}, ("releases.astral.sh",), True),
        ({}, ("github.com",), True),
        ({"UV_PYTHON_DOWNLOADS": "never"}, ("github.com",), False),
        ({"UV_PYTHON_INSTALL_MIRROR": "https://builds.example/python"}, (), True),
        ({"UV_PYTHON_INSTALL_MIRROR": "file:///srv/python"}, (), True),
        ({"UV_PYTHON_INSTALL_MIRROR": "http://builds.example"}, (), False),
        ({"UV_PYTHON_INSTALL_MIRROR": "https://builds.example:8443"}, (), False),
        ({"UV_PYTHON_INSTALL_MIRROR": "\0nonsense"}, (), False),
    ],
)
def test_python_is_downloaded_only_from_where_the_operator_allows_it(home, environ, hosts, allowed):
    assert python_index.downloads_python(HostMachine({**home, **environ}), hosts) is allowed


def test_the_mirror_of_pythons_builds_is_a_host_of_set_up(home, tmp_path):
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").write_text(
        'python-install-mirror = "https://me:secret@builds.invalid/python"\n'
    )
    found = python.find_registry(HostMachine({**home, "UV_DEFAULT_INDEX": "https://index.invalid/simple"}))
    assert found.hosts == ("index.invalid", "builds.invalid")
    assert found.env["UV_PYTHON_INSTALL_MIRROR"] == "https://builds.invalid/python"
