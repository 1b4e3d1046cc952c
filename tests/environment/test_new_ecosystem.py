"""A new ecosystem is one module and one entry in a tuple: everything else is derived."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.ecosystems.base import Ecosystem
from dayhand.environment.monorepo import plans
from dayhand.environment.prepare import prepare
from dayhand.environment.version_pins import all_pins, surveyed_versions, unmet
from dayhand.file_kinds import decides_set_up, is_lock
from tests.environment import toy_ecosystem

WITH_TOY: tuple[Ecosystem, ...] = (*ECOSYSTEMS, toy_ecosystem)


def test_its_projects_are_planned_at_the_top_and_nested(files):
    found, _left = plans(files({"toy.manifest": "", "package.json": "{}"}), WITH_TOY)
    assert [plan.ecosystem for plan in found] == ["Node", "Toy"]
    (nested,), _left = plans(files({"apps/a/toy.manifest": ""}), WITH_TOY)
    assert [check.folder for check in nested.checks] == ["apps/a"]


def test_its_files_decide_the_set_up_and_its_lock_is_a_lock():
    names = ("toy.manifest", "toy.lock", "toy.settings", "a/b.toyspec", ".toy-version")
    assert [name for name in names if decides_set_up(name, WITH_TOY)] == list(names)
    assert [name for name in names if is_lock(name, WITH_TOY)] == ["toy.lock"]
    assert not any(decides_set_up(name) for name in names)


@pytest.mark.parametrize("pin", [{".toy-version": "toy-2.0"}, {".tool-versions": "toylang 2.0\n"}])
def test_its_version_pins_are_compared_with_the_survey(files, pin):
    (sentence,) = unmet(all_pins(files(pin), WITH_TOY, ()), surveyed_versions("toy 1.2.0", WITH_TOY))
    assert "asks for Toy 2.0; the box has 1.2.0, which is used." in sentence


def test_its_clients_registry_is_opened_and_nothing_else(project, sandbox, log):
    repository = project({"toy.manifest": "a"})
    environment = prepare(
        repository.files, sandbox, repository.fill, log=log, source=repository.source, ecosystems=WITH_TOY
    )
    assert environment.ecosystems == ("Toy",)
    reasons = {blocked.host: blocked.reason for blocked in environment.blocked}
    assert "no address" in reasons["toys.invalid"]
    assert reasons["other.invalid"] == "the host is not allowed"
