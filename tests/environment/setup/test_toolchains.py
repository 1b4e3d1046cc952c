"""Versions that a box lacks: from the operator's folders, Node from npm's registry, or Python by uv."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from dayhand.environment.ecosystems import node, python
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.prepare import prepare
from dayhand.environment.setup.toolchains import (
    Choice,
    Toolchain,
    choose_toolchains,
    node_from_npm,
    python_from_uv,
    read_toolchains,
    use_toolchains,
)
from dayhand.environment.version_pins import Pin
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from tests.environment.test_prepare import all_pass

LANGUAGES = {each.LANGUAGE.key: each.LANGUAGE for each in ECOSYSTEMS if each.LANGUAGE.key}
BOX = {"python": ("3.11.2", "3.9.2"), "node": ("20.11.0",), "go": ("1.19.8",), "java": (), "rust": ()}
PRINTED = """\
python3\t/opt/pyenv/versions/3.12.1/bin\t
python3\t/opt/pyenv/versions/3.13.0/bin\t
python3\t/opt/pyenv/versions/pypy3.10-7.3/bin\t
python3\t/opt/uv/cpython-3.14.0-linux-x86_64-gnu/bin\t
node\t/opt/nvm/versions/node/v18.20.4/bin\t
node\t/opt/nvm/versions/node/v22.1.0/bin\t
rustc\t/opt/rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin\trustc 1.80.0 (051478957 2024-07-21)
rustc\t/opt/rustup/toolchains/nightly-x86_64-unknown-linux-gnu/bin\trustc 1.82.0-nightly (x)
go\t/opt/asdf/installs/golang/1.22.5/go/bin\t
javac\t/opt/sdkman/candidates/java/17.0.9-tem/bin\t
javac\t/opt/sdkman/candidates/java/21.0.1-tem/bin\t
javac\t/opt/sdkman/candidates/java/current/bin\t
evil\t/opt/x/1/bin\t
garbage
"""


def pins(**wanted):
    return tuple(Pin(LANGUAGES[language], version, "a file") for language, version in wanted.items())


def test_each_version_managers_folders_are_understood():
    assert [(each.language, each.version) for each in read_toolchains(PRINTED)] == [
        ("node", "22.1.0"),
        ("java", "21.0.1"),
        ("node", "18.20.4"),
        ("java", "17.0.9"),
        ("python", "3.14.0"),
        ("python", "3.13.0"),
        ("python", "3.12.1"),
        ("rust", "1.80.0"),
        ("go", "1.22.5"),
    ]


@pytest.mark.parametrize(
    ("wanted", "chosen", "made_with"),
    [
        ({}, [], ("", "")),
        ({"python": "3.11", "node": ">=18"}, [], ("", "")),
        (
            {"python": ">=3.12"},
            ["python 3.14.0"],
            ("/opt/uv/cpython-3.14.0-linux-x86_64-gnu/bin/python3", ""),
        ),
        ({"python": "3.12"}, ["python 3.12.1"], ("/opt/pyenv/versions/3.12.1/bin/python3", "")),
        ({"python": "3.9"}, [], ("3.9", "")),
        ({"python": "3.8 || 3.9"}, [], ("3.9", "")),
        ({"python": "2.7"}, [], ("", "")),
        ({"node": "18"}, ["node 18.20.4"], ("", "")),
        ({"node": "16"}, [], ("", "16")),
        ({"node": "lts/iron"}, [], ("", "")),
        ({"java": "17"}, ["java 17.0.9"], ("", "")),
        ({"go": ">=1.22"}, ["go 1.22.5"], ("", "")),
    ],
)
def test_the_boxs_own_version_comes_first_then_the_operators_then_a_registrys(wanted, chosen, made_with):
    choice = choose_toolchains(pins(**wanted), BOX, read_toolchains(PRINTED))
    found = [f"{each.language} {each.version}" for each in choice.toolchains]
    lacking = ["java 21.0.1", "rust 1.80.0"]  # which the box has in no version
    assert sorted(found) == sorted({each.split()[0]: each for each in (*lacking, *chosen)}.values())
    assert (choice.python, choice.node) == made_with


@pytest.mark.parametrize(
    ("wanted", "build"), [("3.15", "3.15"), ("3.9", ""), (">=3.12", ""), ("3.8 || 3.9", "")]
)
def test_uv_downloads_a_python_that_is_nowhere_else(wanted, build):
    choice = choose_toolchains(pins(python=wanted), BOX, read_toolchains(PRINTED), downloads_python=True)
    assert choice.python_build == build
    assert ("python" in choice.provided) == bool(build)


def test_a_chosen_version_is_in_the_path_behind_what_set_up_installs(files):
    texts = {"requirements.txt": "six\n", "package.json": '{"dependencies": {"a": "1"}}'}
    plans = tuple(each.plan(files(texts)) for each in (python, node))
    choice = Choice((Toolchain("java", "21", "/opt/jdk/bin"),), "/opt/python/bin/python3", "18")
    first, second, last = use_toolchains(plans, choice)
    assert first.steps[0].commands[0].endswith(f"--python /opt/python/bin/python3 {python.VENV}")
    assert first.steps[0].commands[1:] == plans[0].steps[0].commands
    assert second.runtime.name == "Node 18"
    assert last.env == {"PATH": "/opt/jdk/bin", "JAVA_HOME": "/opt/jdk"}


@pytest.mark.parametrize(
    "wanted", ["18; touch evil", "$(touch evil)", "18' || touch evil '", ">=18 <21 || 22"]
)
def test_a_pin_is_only_the_version_of_a_package(wanted):
    first, *_more = node_from_npm(wanted).step.commands
    assert '--ignore-scripts "$package"@\'' in first


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ("3.13", ["3.13"]),
        (">=3.13,<3.14", ["'>=3.13,<3.14'", "3.13"]),
        ("^3.13.2", ["3.13"]),  # Poetry's
        ("3.13; touch evil", ["3.13"]),
        ("$(touch evil)3", ["3"]),
    ],
)
def test_uv_is_asked_for_a_pinned_python(wanted, asked):
    commands = python_from_uv(wanted).step.commands
    assert [re.search("--no-bin (.*?) && ln", command)[1] for command in commands] == asked


@pytest.fixture(scope="module")
def operators_folder():
    """As nvm has it: a version of Node that nobody has."""
    with tempfile.TemporaryDirectory(prefix="toolchains-", dir="/opt") as folder:
        Path(folder).chmod(0o755)
        program = Path(folder) / "versions/node/v99.1.0/bin/node"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho v99.1.0\n")
        program.chmod(0o755)
        shutil.copy(program, program.with_name("npm"))
        broken = Path(folder) / "versions/node/v100.0.0/bin/node"  # as one for another system
        broken.parent.mkdir(parents=True)
        broken.write_text("#!/bin/sh\necho cannot open shared object file >&2\nexit 127\n")
        broken.chmod(0o755)
        yield folder


def test_a_box_uses_the_operators_version_and_cannot_change_it(operators_folder, project, log):
    with tempfile.TemporaryDirectory(prefix="dayhand-toolchains-") as data:
        Path(data).chmod(0o755)
        sandbox = BubblewrapSandbox(Path(data), toolchains=(operators_folder, "/opt/no-such-folder"))
        texts = {".nvmrc": ">=99", "package.json": '{"scripts": {"test": "x"}}', "Makefile": ""}
        texts |= {".dayhand.toml": "[checks]\ntest = 'test \"$(node)\" = v99.1.0'\n"}
        repository = project(texts)
        environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
        assert environment.pins == ()
        all_pass(environment, repository, sandbox)
        with sandbox.open() as box:
            written = box.run(f"echo x > {operators_folder}/versions/node/v99.1.0/bin/node")
        assert "Read-only file system" in written.text()
        assert any("v100.0.0/bin/node --version does not start in a box" in line for line in log.of("error"))
        assert any("sees no toolchain in /opt/no-such-folder" in line for line in log.of("error"))


@pytest.mark.usefixtures("npm_index")
def test_another_node_comes_from_npms_registry(project, sandbox, log):
    with sandbox.open() as box:
        if not box.run("node --version && npm --version").passed:
            pytest.skip("npm is not in this machine's boxes")
    texts = {
        ".nvmrc": "v16.20.2",
        "package.json": '{"scripts": {"test": "node --version | grep -x v16.20.2"}}',
    }
    repository = project(texts)
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert environment.pins == ()
    assert all_pass(environment, repository, sandbox) == ["npm run test"]


# Finds its own library: this machine's Python, unlike those that uv downloads, need not be built to be moved.
RELOCATED = b"""#!/bin/bash
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$here/../lib exec -a "$0" "$here/interpreter" "$@"
"""


@pytest.fixture(scope="module")
def python_mirror():
    """An operator's mirror, as a folder that boxes see, with the Python that runs the tests; yields folder and version."""
    home = Path(sys.base_prefix)
    if home == Path("/usr"):
        pytest.skip("The only Python of this machine is the one that boxes have.")
    major, minor, patch = sys.version_info[:3]
    with tempfile.TemporaryDirectory(prefix="python-builds-", dir="/opt") as folder:
        Path(folder).chmod(0o755)
        archive = Path(folder) / "download" / "python.tar.gz"
        archive.parent.mkdir(mode=0o755)
        left_out = re.compile(
            r"/(site-packages|test|idlelib|ensurepip|lib2to3|__pycache__|config-[^/]*|share|include)(/|$)|\.a$"
        )
        with tarfile.open(archive, "w:gz", compresslevel=0) as tar:
            tar.add(home, "python", filter=lambda one: None if left_out.search(one.name) else one)
            tar.add(home / f"bin/python{major}.{minor}", "python/bin/interpreter")
            start = tar.gettarinfo(home / f"bin/python{major}.{minor}", f"python/bin/python{major}.{minor}")
            start.size = len(RELOCATED)
            tar.addfile(start, io.BytesIO(RELOCATED))
        build = {
            "name": "cpython",
            "arch": {"family": platform.machine(), "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": major,
            "minor": minor,
            "patch": patch,
            "prerelease": "",
            "url": "https://github.com/astral-sh/python-build-standalone/releases/download/download/python.tar.gz",
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "variant": None,
            "build": "20260101",
        }
        (Path(folder) / "builds.json").write_text(json.dumps({"this": build}))
        yield folder, f"{major}.{minor}.{patch}"


def test_uv_downloads_python_from_the_operators_mirror(python_mirror, project, log, monkeypatch):
    folder, version = python_mirror
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", f"file://{folder}")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", f"{folder}/builds.json")
    with tempfile.TemporaryDirectory(prefix="dayhand-toolchains-") as data:
        Path(data).chmod(0o755)
        sandbox = BubblewrapSandbox(Path(data), toolchains=(folder,))
        with sandbox.open() as box:
            if box.run(f"python3 -V | grep -F {version}").passed:
                pytest.skip("The only Python of this machine is the one that boxes have.")
        checks = f"[checks]\ntest = 'python3 -V | grep -F {version}'\n"
        repository = project(
            {".python-version": version, "requirements.txt": "# nothing\n", ".dayhand.toml": checks}
        )
        environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
        assert environment.pins == ()
        assert all_pass(environment, repository, sandbox)
