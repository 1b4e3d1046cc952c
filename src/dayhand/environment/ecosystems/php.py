"""PHP: what Composer installs, the scripts that composer.json declares, and PHPUnit, PHPStan and PHP_CodeSniffer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step
from dayhand.environment.manifest import json_object, table
from dayhand.environment.registries.other_clients import settings

CLIENT = "composer"
LOCKS = ("composer.json", "composer.lock")
PLATFORM = (
    r"php(-\w+)?|(ext|lib)-[\w.-]+|composer(-\w+)*-api"  # https://getcomposer.org/doc/01-basic-usage.md
)
SCRIPTS = {"lint": ("lint", "cs", "phpcs", "check-style"), "types": ("phpstan", "stan"), "test": ("test",)}
# A tool of each kind: its package, its command, and the settings that are enough to want it.
TOOLS = {
    "lint": (
        ("squizlabs/php_codesniffer", "vendor/bin/phpcs", r"\.?phpcs\.xml(\.dist)?"),
        (
            "friendsofphp/php-cs-fixer",
            "vendor/bin/php-cs-fixer fix --dry-run",
            r"\.php-cs-fixer(\.dist)?\.php",
        ),
    ),
    "types": (("phpstan/phpstan", "vendor/bin/phpstan analyse", r"phpstan\.(neon|dist\.neon|neon\.dist)"),),
    "test": (
        ("pestphp/pest", "vendor/bin/pest", r"tests/Pest\.php"),
        ("phpunit/phpunit", "vendor/bin/phpunit", r"phpunit\.xml(\.dist)?"),
    ),
}


def plan(files: Files) -> SetupPlan | None:
    """What to install and to check; None where no composer.json stands at the top."""
    paths = frozenset(files.paths())
    if "composer.json" not in paths:
        return None
    package = json_object(files.read("composer.json"))
    checks = tuple(check for kind in SCRIPTS for check in _checks(kind, package, paths))
    steps = (settings("composer", f"{ENVIRONMENT}/composer/config.json"), _install(package))
    env = {
        "COMPOSER_HOME": f"{ENVIRONMENT}/composer",
        "COMPOSER_CACHE_DIR": f"{ENVIRONMENT}/.cache/composer",
        "COMPOSER_ALLOW_SUPERUSER": "1",
    }
    return SetupPlan("PHP", steps, checks, env, tuple(path for path in LOCKS if path in paths), client=CLIENT)


def _install(package: Mapping[str, object]) -> Step:
    """What is declared; a package that needs no other gets its autoloader even where no registry answers."""
    install = "composer install --no-interaction --no-progress"
    needed = (*table(package, "require"), *table(package, "require-dev"))
    alone = ("composer dump-autoload",) if all(re.fullmatch(PLATFORM, name) for name in needed) else ()
    return Step("install with Composer", (install, f"{install} --no-scripts", *alone))


def _checks(kind: str, package: Mapping[str, object], paths: frozenset[str]) -> Iterator[Check]:
    scripts = table(package, "scripts")
    if name := next((name for name in SCRIPTS[kind] if name in scripts), ""):
        probe = "composer --version && test -d vendor"
        yield Check(kind, f"composer run-script {name}", probe, "composer", f"composer.json scripts.{name}")
        return
    declared = {**table(package, "require"), **table(package, "require-dev")}
    for name, command, named in TOOLS[kind]:
        own = next((path for path in sorted(paths) if re.fullmatch(named, path)), "")
        if own or (kind == "test" and name in declared):
            path = command.split()[0]
            tool = path.rpartition("/")[2]
            yield Check(kind, command, f"{path} --version", tool, own or "composer.json", _own(tool, path))
            return


def _own(tool: str, path: str) -> str:
    """What puts the box's own tool, where it has one, in the place of that which Composer did not bring."""
    return f'own=$(command -v {tool}) || exit 0; mkdir -p vendor/bin && ln -s "$own" {path}'
