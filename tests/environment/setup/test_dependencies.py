"""Two layers: what manifests name is downloaded once for all commits; what a tree's own code installs is that tree's."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import uv

from dayhand.box_paths import BUILD_CACHE
from dayhand.environment.ecosystems import go, node, python
from dayhand.environment.prepare import prepare
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.docker.backend import DockerSandbox
from tests.environment import toy_ecosystem
from tests.environment.conftest import Notes
from tests.environment.setup.node_locks import LOCKS
from tests.environment.test_really_run import GO, needs
from tests.sandbox.image import require_image

TOY = {"toy.manifest": "a", "toy.lock": "red ball\n", "play.sh": "echo ours >> /opt/env/toys\n", "a.txt": "1"}
PYPROJECT = (
    '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["six"]\n'
    '[dependency-groups]\ndev = ["pytest<8.4"]\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
)
APP = {
    "src/app/__init__.py": "import six\n",
    "tests/test_app.py": "import app\n\n\ndef test_it():\n    assert app.six\n",
}
SCRIPTS = {"lint": "semver 1.0.0", "postinstall": "echo made by us | tee made.txt"}


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def any_sandbox(request):
    with tempfile.TemporaryDirectory(prefix="dayhand-layers-") as folder:
        Path(folder).chmod(0o755)
        if request.param == "docker":
            client, image = require_image()
            client.close()
            backend = DockerSandbox(Path(folder), image=image)
        else:
            backend = BubblewrapSandbox(Path(folder))
        backend.self_test()
        yield backend


def set_up(project, sandbox, texts, *, trusted=True, ecosystems=(toy_ecosystem,)):
    """The environment and the log of one commit's set-up."""
    repository, log = project(texts), Notes()
    environment = prepare(
        repository.files,
        sandbox,
        repository.fill,
        log=log,
        source=replace(repository.source, trusted=trusted),
        ecosystems=ecosystems,
    )
    return environment, log


def toys(environment, sandbox):
    with sandbox.open(origin=environment.snapshot) as box:
        return box.run("cat /opt/env/toys", env=environment.env).text().split("\n")


def test_code_of_a_commit_that_is_not_trusted_leaves_nothing_where_others_find_their_downloads(
    project, any_sandbox
):
    hostile = {**TOY, "play.sh": "echo forged > /opt/env/toys; echo forged > toys\n"}
    forged, first = set_up(project, any_sandbox, hostile, trusted=False)
    assert toys(forged, any_sandbox) == ["forged", ""]
    ours, second = set_up(project, any_sandbox, TOY)
    assert toy_ecosystem.DOWNLOAD in first.of("command")
    assert toy_ecosystem.DOWNLOAD not in second.of("command"), "the same lock is not downloaded again"
    assert toys(ours, any_sandbox) == ["red ball", "./toy.lock", "ours", ""], (
        "of the repository, only the lock was there"
    )
    with any_sandbox.open(origin=ours.snapshot) as box:
        assert box.run("ls -A").text() == "downloaded\n"
    _other, third = set_up(project, any_sandbox, {**TOY, "toy.lock": "blue ball\n"})
    assert toy_ecosystem.DOWNLOAD in third.of("command"), "another lock is another layer"


def test_layers_of_several_projects_are_put_together(project, any_sandbox):
    texts = {f"{name}/toy.{file}": f"{name}\n" for name in ("a", "b") for file in ("manifest", "lock")}
    first, _log = set_up(project, any_sandbox, texts)
    assert [step.title for step in first.steps] == ["a: download toys", "b: download toys"]
    second, log = set_up(project, any_sandbox, {**texts, "b/toy.lock": "c\n"})
    assert log.of("command") == [f"cd b && {{ {toy_ecosystem.DOWNLOAD}; }}"], "the other layer is found"
    for environment, last in ((first, "b"), (second, "c")):
        with any_sandbox.open(origin=environment.snapshot) as box:
            assert box.run("cat a/downloaded b/downloaded").text() == f"a\n{last}\n"


def test_hosts_that_were_refused_to_a_download_stay_in_the_report(project, sandbox):
    for trusted in (True, False):
        environment, log = set_up(project, sandbox, {**TOY, "a.txt": f"{trusted}"}, trusted=trusted)
        assert ("other.invalid", "the host is not allowed") in [
            (one.host, one.reason) for one in environment.blocked
        ]
        assert any("other.invalid:443" in line for line in log.of("error"))


def test_commits_without_code_that_installs_share_one_environment_and_are_probed_each(project, sandbox):
    needs(sandbox, "command -v go")
    first, _log = set_up(project, sandbox, GO, ecosystems=(go,))
    other = {**GO, "a.go": GO["a.go"].replace("2 *", "3 *")}
    second, log = set_up(project, sandbox, other, ecosystems=(go,), trusted=False)
    assert (first.cached, second.cached) == (False, True)
    assert second.snapshot == first.snapshot
    assert log.of("command") == []
    third, _log = set_up(
        project, sandbox, {**GO, "b/go.mod": GO["b/go.mod"] + "\n"}, ecosystems=(go,), trusted=False
    )
    assert third.snapshot != first.snapshot
    with sandbox.open(origin=second.snapshot) as box:
        project(other).fill(box)
        built = box.run("go vet -x ./... && go build -x ./...", env=second.env).text()
        assert re.findall(r"compile .* -p (\S+)", built) == ["example.org/a"], (
            "the other package was compiled before"
        )
        touched = box.run(f"find {BUILD_CACHE} -name '*-d' ! -newermt 2099-01-01 | wc -l").text()
    assert int(touched) < 10, "no file of the cache is touched, which would copy it"


def compiled(environment, sandbox):
    """What the build cache of an environment has, and what else is in the place of the repository."""
    with sandbox.open(origin=environment.snapshot) as box:
        return (
            box.run(f"cat {BUILD_CACHE}/toys; ls .git").text().replace(f"{BUILD_CACHE}/", "").split("\n")[0]
        )


def test_a_build_cache_is_a_trusted_commits_and_its_trees_own_where_code_runs(project, sandbox):
    def of(source, *, trusted, **more):
        texts = {"toy.manifest": "a", "toy.lock": "red ball\n", "toy.source": f"{source}\n", **more}
        environment, log = set_up(project, sandbox, texts, trusted=trusted)
        return compiled(environment, sandbox), any("toy.source" in line for line in log.of("command"))

    assert of("forged", trusted=False) == ("cat: toys: No such file or directory", False), (
        "nothing for others"
    )
    playing = of("forged", trusted=False, **{"play.sh": "true\n"})
    assert playing == ("forged", True), "its own layer, which nobody else gets"
    assert of("ours", trusted=True) == ("ours", True)
    assert of("other", trusted=False) == ("ours", False), "later commits find it"


@pytest.fixture
def locked(tmp_path):
    """The texts of a Python project with a lock of uv, whose backend builds it."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    subprocess.run([uv.find_uv_bin(), "lock", "-q"], cwd=tmp_path, check=True)
    return {"pyproject.toml": PYPROJECT, "uv.lock": (tmp_path / "uv.lock").read_text(), **APP}


def connections(log):
    return [line for line in log.of("result") if line.startswith("Connections: ")]


@pytest.mark.usefixtures("python_index")
def test_a_new_commit_whose_sources_alone_changed_reaches_no_registry(project, sandbox, locked):
    _first, log = set_up(project, sandbox, locked, ecosystems=(python,))
    assert connections(log)
    for trusted in (True, False):
        texts = {**locked, "src/app/__init__.py": f"import six\n\ntrusted = {trusted}\n"}
        environment, log = set_up(project, sandbox, texts, trusted=trusted, ecosystems=(python,))
        assert not environment.cached, "its own code was built again"
        assert environment.missing == {}
        assert (connections(log), environment.blocked) == ([], ()), log.lines


@pytest.mark.usefixtures("npm_index")
@pytest.mark.parametrize("manager", LOCKS)
def test_a_package_manager_downloads_once_and_later_runs_the_scripts_alone(project, sandbox, manager):
    lock, text = LOCKS[manager]
    package = {"name": "a", "version": "1.0.0", "scripts": SCRIPTS, "dependencies": {"semver": "7.7.2"}}
    texts = {"package.json": json.dumps(package), lock: text, ".npmrc": "ignore-scripts=false\n"}
    _first, log = set_up(project, sandbox, texts, trusted=False, ecosystems=(node,))
    download, scripts = log.text().split("Connections: ")
    assert "made by us" not in download
    assert "made by us" in scripts
    environment, log = set_up(project, sandbox, {**texts, "a.js": "1;\n"}, ecosystems=(node,))
    assert environment.missing == {}, log.lines
    assert (connections(log), environment.blocked) == ([], ()), log.lines
    with sandbox.open(origin=environment.snapshot) as box:
        assert box.run("cat made.txt").text() == "made by us\n"
