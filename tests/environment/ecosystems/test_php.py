"""What is installed and checked for a composer.json."""

from __future__ import annotations

import json

import pytest

from dayhand.environment.ecosystems import php


def checks(plan):
    return [(check.kind, check.command, check.source) for check in plan.checks]


def test_a_repository_without_composer_is_left_alone(files):
    assert php.plan(files({"index.php": ""})) is None


def test_what_is_declared_is_installed_and_if_need_be_without_its_scripts(files):
    plan = php.plan(files({"composer.json": '{"require-dev": {"a/a": "1"}}', "composer.lock": ""}))
    first, second = plan.steps[-1].commands
    assert first == "composer install --no-interaction --no-progress"
    assert second == f"{first} --no-scripts"
    assert plan.locks == ("composer.json", "composer.lock")
    assert plan.checks == ()


def test_declared_scripts_come_before_bare_tools(files):
    package = {"scripts": {"test": "phpunit", "phpcs": "phpcs"}, "require-dev": {"phpunit/phpunit": "^11"}}
    assert checks(php.plan(files({"composer.json": json.dumps(package)}))) == [
        ("lint", "composer run-script phpcs", "composer.json scripts.phpcs"),
        ("test", "composer run-script test", "composer.json scripts.test"),
    ]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("phpcs.xml.dist", "vendor/bin/phpcs"),
        (".php-cs-fixer.dist.php", "vendor/bin/php-cs-fixer fix --dry-run"),
        ("phpstan.neon", "vendor/bin/phpstan analyse"),
        ("phpunit.xml", "vendor/bin/phpunit"),
        ("tests/Pest.php", "vendor/bin/pest"),
    ],
)
def test_a_tool_counts_where_it_is_set_up(files, path, command):
    (check,) = php.plan(files({"composer.json": "{}", path: ""})).checks
    assert (check.command, check.source) == (command, path)
    assert check.probe == f"{command.split()[0]} --version"


@pytest.mark.parametrize("broken", ["", "[]", '{"scripts": 3, "require-dev": []}'])
def test_a_composer_file_that_makes_no_sense_does_not_break_detection(files, broken):
    assert php.plan(files({"composer.json": broken})).checks == ()


@pytest.mark.parametrize(
    ("required", "alone"),
    [
        ({}, True),
        ({"php": ">=8", "ext-dom": "*", "lib-pcre": "*", "composer-plugin-api": "^2"}, True),
        ({"psr/log": "*"}, False),
    ],
)
def test_a_package_that_needs_no_other_has_its_autoloader_without_a_registry(files, required, alone):
    (*_, last) = php.plan(files({"composer.json": json.dumps({"require": required})})).steps[-1].commands
    assert (last == "composer dump-autoload") == alone


def test_a_tool_that_composer_did_not_bring_is_taken_from_the_box(files):
    (check,) = php.plan(files({"composer.json": "{}", "phpunit.xml": ""})).checks
    assert "command -v phpunit" in check.remedy
    assert check.remedy.endswith("vendor/bin/phpunit")


@pytest.mark.parametrize(
    ("package", "fetched"),
    [({}, True), ({"config": {"vendor-dir": "/opt/env/bin"}}, False), ({"config": {"bin-dir": "b"}}, False)],
)
def test_what_the_lock_names_is_downloaded_without_scripts_and_plugins_into_the_usual_place(
    files, package, fetched
):
    plan = php.plan(
        files({"composer.json": json.dumps({"name": "a/a", **package}), "composer.lock": "{}", "a.php": ""})
    )
    assert bool(plan.fetch) is fetched
    if plan.fetch:
        assert set(plan.fetch.files) == {"composer.json", "composer.lock"}
        assert "--no-scripts --no-plugins" in plan.fetch.step.commands[0]
        assert plan.remaining == plan.steps[1:], "its scripts and plugins run with the code"
