"""PHP: what Composer installs, the scripts that composer.json declares, and PHPUnit, PHPStan and PHP_CodeSniffer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Fetch, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.manifest import json_object, table
from dayhand.environment.registries.base import Machine, Registry, configured

MANIFESTS: Names = ("composer.json",)
LOCKS: Names = ("composer.lock",)
SETTINGS: Names = ("phpunit.xml", "phpunit.xml.dist")
SETTINGS_PATTERN = base.NO_PATTERN
SETUP_ENV = base.NO_ENV
OFFLINE: Mapping[str, str] = {"COMPOSER_DISABLE_NETWORK": "1"}
LANGUAGE = Language("php", "PHP", (), "php --version | head -n 1", r"^PHP (\d[\d.]*)")
PINS = base.NO_NAMES
CLIENT = "composer"
NESTED = Nested(("composer.json",))

# https://getcomposer.org/doc/01-basic-usage.md#platform-packages
PLATFORM = r"php(-\w+)?|(ext|lib)-[\w.-]+|composer(-\w+)*-api"
SCRIPTS = {
    "lint": ("lint", "cs", "phpcs", "check-style", "cs:check", "cs-check", "check-cs", "test:lint", "pint"),
    "types": ("phpstan", "stan", "psalm", "analyse", "analyze", "static-analysis", "test:types"),
    "test": ("test", "tests", "phpunit", "test:unit", "test-unit", "unit"),
}
# The tools of each kind: package, command, and the settings file that makes it one of the checks.
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

members = base.no_members
compile_only = base.no_compiler
read_pin = base.first_word


def plan(files: Files) -> SetupPlan | None:
    """What to install and to check; None where there is no composer.json at the top."""
    paths = frozenset(files.paths())
    if "composer.json" not in paths:
        return None
    package = json_object(files.read("composer.json"))
    checks = tuple(check for kind in SCRIPTS for check in _checks(kind, package, paths))
    steps = (
        base.write_settings(CLIENT, "COMPOSER_SETTINGS", f"{ENVIRONMENT}/composer/config.json"),
        _install(package),
    )
    env = {
        "COMPOSER_HOME": f"{ENVIRONMENT}/composer",
        "COMPOSER_CACHE_DIR": f"{base.CACHE}/composer",
        "COMPOSER_ALLOW_SUPERUSER": "1",
    }
    return SetupPlan(
        "PHP",
        steps,
        checks,
        env,
        tuple(path for path in (*MANIFESTS, *LOCKS) if path in paths),
        client=CLIENT,
        fetch=_fetch(files, package, steps[0]) if "composer.lock" in paths else None,
    )


def _fetch(files: Files, package: Mapping[str, object], settings: Step) -> Fetch | None:
    """What the lock names, without scripts, plugins and the autoloader, for which Composer reads the sources."""
    texts = base.whole(files, (*MANIFESTS, *LOCKS))
    if not texts or {"vendor-dir", "bin-dir"} & set(table(package, "config")):
        return None
    install = "composer install --no-interaction --no-progress --no-scripts --no-plugins --no-autoloader"
    command = f"{settings.commands[0]} && {install}"
    return Fetch(texts, Step("download PHP's packages", (command,), runs_code=False))


def _install(package: Mapping[str, object]) -> Step:
    """Install what is declared; a package without dependencies gets its autoloader even without a registry."""
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
    for name, command, settings in TOOLS[kind]:
        own = next((path for path in sorted(paths) if re.fullmatch(settings, path)), "")
        if own or (kind == "test" and name in declared):
            path = command.split()[0]
            tool = path.rpartition("/")[2]
            yield Check(kind, command, f"{path} --version", tool, own or "composer.json", _own(tool, path))
            return


def _own(tool: str, path: str) -> str:
    """Link the box's own tool, where it has one, to where Composer would have installed it."""
    return f'own=$(command -v {tool}) || exit 0; mkdir -p vendor/bin && ln -s "$own" {path}'


def required_versions(files: Files) -> Iterator[tuple[str, object]]:
    """The version of PHP that composer.json requires."""
    yield "composer.json require", table(json_object(files.read("composer.json")), "require").get("php")


def find_registry(machine: Machine) -> Registry:
    """The repositories of Composer's own settings."""
    printed = machine.ask(["composer", "config", "--global", "repositories"])
    try:
        repositories = json.loads(printed or "{}")
    except (ValueError, RecursionError):
        repositories = {}
    entries = repositories.values() if isinstance(repositories, dict) else repositories
    found = [entry for entry in entries if isinstance(entry, dict) and entry.get("type") == "composer"]
    urls = (entry["url"] for entry in found if isinstance(entry.get("url"), str))
    return configured(CLIENT, urls, _client_env)


def _client_env(urls: tuple[str, ...]) -> dict[str, str]:
    if not urls:
        return {}
    ours: dict[str, object] = {str(n): {"type": "composer", "url": url} for n, url in enumerate(urls)}
    return {"COMPOSER_SETTINGS": json.dumps({"repositories": {**ours, "packagist.org": False}})}
