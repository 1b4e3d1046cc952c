"""Ruby: the gems of a Gemfile, and RSpec, Minitest and RuboCop where the repository uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.registries.base import Machine, Registry, configured

MANIFESTS: Names = ("Gemfile", "gems.rb")
LOCKS: Names = ("Gemfile.lock", "gems.locked")
SETTINGS: Names = (".rubocop.yml", ".rspec", "Rakefile")
SETTINGS_PATTERN = re.compile(r"(.*/)?[\w.-]+\.gemspec")
SETUP_ENV = base.NO_ENV
OFFLINE = base.NO_ENV
LANGUAGE = Language("ruby", "Ruby", (), "ruby --version", r"^ruby (\d[\d.]*)")
PINS: Names = (".ruby-version",)
CLIENT = "gem"
NESTED = Nested(("Gemfile",))

GEMS = f"{ENVIRONMENT}/gems"

members = base.no_members
compile_only = base.no_compiler
read_pin = base.first_word
required_versions = base.no_versions


def plan(files: Files) -> SetupPlan | None:
    """What to install and to check; None where there is no Gemfile at the top."""
    paths = frozenset(files.paths())
    if "Gemfile" not in paths:
        return None
    frozen = ("BUNDLE_FROZEN=true bundle install",) if "Gemfile.lock" in paths else ()
    locks = (
        *(path for path in ("Gemfile", "Gemfile.lock", ".ruby-version") if path in paths),
        *_gemspecs(paths),
    )
    # Not Bundler's own path: that would hide the gems of the box itself, the only ones without a registry.
    env = {"GEM_HOME": GEMS, "PATH": f"{GEMS}/bin", "BUNDLE_JOBS": "4", "BUNDLE_RETRY": "1"}
    step = Step("install Ruby's gems", (*frozen, "bundle install", "bundle install --local"))
    return SetupPlan("Ruby", (step,), tuple(_checks(files, paths)), env, locks, client=CLIENT)


def _gemspecs(paths: frozenset[str]) -> tuple[str, ...]:
    return tuple(path for path in sorted(paths) if path.endswith(".gemspec"))


def _checks(files: Files, paths: frozenset[str]) -> Iterator[Check]:
    naming = [path for path in ("Gemfile", "Gemfile.lock", *_gemspecs(paths)) if path in paths]
    named = {path: files.read(path) for path in naming}
    if source := _used("rubocop", named, ".rubocop.yml", paths=paths):
        yield Check("lint", "bundle exec rubocop", "bundle exec rubocop --version", "rubocop", source)
    if test := _test(files, paths, named):
        yield test


def _test(files: Files, paths: frozenset[str], named: Mapping[str, str]) -> Check | None:
    """RSpec where it is named; else the Rakefile's test task (Minitest has specs too); else by file."""
    specs = [path for path in sorted(paths) if re.match(r"spec/(.*/)?\w+_spec\.rb$", path)]
    tests = [path for path in sorted(paths) if re.match(r"test/(.*/)?(test_\w+|\w+_test)\.rb$", path)]
    if not specs and not tests:
        return None
    source = _used("rspec", named, ".rspec", paths=paths)
    if specs and source:
        return _rspec(source)
    if tests and "bin/rails" in paths:
        return Check("test", "bundle exec rails test", "bundle exec rails --version", "rails", "bin/rails")
    if task := _task(files.read("Rakefile") if "Rakefile" in paths else ""):
        return Check("test", f"bundle exec rake {task}", "bundle exec rake --version", "rake", "Rakefile")
    if specs:
        return _rspec("spec/")
    each = 'Dir["test/**/{test_*,*_test}.rb"].each { |path| require "./#{path}" }'
    return Check(
        "test", f"bundle exec ruby -Ilib -Itest -e '{each}'", "bundle exec ruby -v", "ruby", tests[0]
    )


def _rspec(source: str) -> Check:
    return Check("test", "bundle exec rspec", "bundle exec rspec --version", "rspec", source)


def _task(rakefile: str) -> str:
    """The task that runs the tests, "test" before any other; "" without one."""
    names = [name or "test" for name in re.findall(r"TestTask\.new\b[ (]*(?:[:'\"]([\w:]+))?", rakefile)]
    if "test" in names or re.search(r"\btask[ (]+:?['\"]?test\b", rakefile):
        return "test"
    return names[0] if names else ""


def _used(gem: str, named: Mapping[str, str], own: str, *, paths: frozenset[str]) -> str:
    """Where a gem is used: its own settings, or the file that names it; "" where it is not used."""
    if own in paths:
        return own
    names_it = re.compile(rf"(\bgem[ (]+['\"]|dependency[ (]+['\"]|^\s+){gem}\b", re.MULTILINE)
    return next((path for path, text in named.items() if names_it.search(text)), "")


def find_registry(machine: Machine) -> Registry:
    """Bundler's mirror of the default source, else gem's own sources; and the host of their indexes."""
    mirrors = (value for name, value in machine.environ.items() if name.startswith("BUNDLE_MIRROR__"))
    mirror = next(mirrors, "")
    listed = "" if mirror else machine.ask(["gem", "sources", "--list"])
    urls = (mirror,) if mirror else re.findall(r"^https?://\S+", listed, re.MULTILINE)
    return configured(CLIENT, urls, _client_env, further_hosts=_index_hosts)


def _client_env(urls: tuple[str, ...]) -> dict[str, str]:
    return {"BUNDLE_MIRROR__ALL": urls[0]} if urls else {}


def _index_hosts(hosts: tuple[str, ...]) -> Iterator[str]:
    """Where Bundler looks up its default source's gems."""
    yield from (f"index.{host}" for host in hosts)
