"""Ruby: the gems of a Gemfile, and RSpec, Minitest and RuboCop where the repository uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dayhand.environment.base import Check, Files, Plan, Step
from dayhand.sandbox.base import ENVIRONMENT

CLIENT = "gem"
LOCKS = ("Gemfile", "Gemfile.lock", ".ruby-version")


def plan(files: Files) -> Plan | None:
    """What to install and to check; None where no Gemfile stands at the top."""
    paths = frozenset(files.paths())
    if "Gemfile" not in paths:
        return None
    frozen = ("BUNDLE_FROZEN=true bundle install",) if "Gemfile.lock" in paths else ()
    locks = (
        *(path for path in LOCKS if path in paths),
        *(path for path in sorted(paths) if path.endswith(".gemspec")),
    )
    env = {"BUNDLE_PATH": f"{ENVIRONMENT}/gems", "BUNDLE_JOBS": "4", "BUNDLE_RETRY": "1"}
    step = Step("install Ruby's gems", (*frozen, "bundle install"))
    return Plan("Ruby", (step,), tuple(_checks(files, paths)), env, locks, client=CLIENT)


def _checks(files: Files, paths: frozenset[str]) -> Iterator[Check]:
    named = "\n".join(files.read(path) for path in ("Gemfile", "Gemfile.lock") if path in paths)
    if source := _asked("rubocop", named, ".rubocop.yml", paths):
        yield Check("lint", "bundle exec rubocop", "bundle exec rubocop --version", "rubocop", source)
    if any(path.startswith("spec/") and path.endswith("_spec.rb") for path in paths):
        source = _asked("rspec", named, ".rspec", paths) or "spec/"
        yield Check("test", "bundle exec rspec", "bundle exec rspec --version", "rspec", source)
    elif tests := [path for path in sorted(paths) if re.match(r"test/(.*/)?(test_\w+|\w+_test)\.rb$", path)]:
        yield _minitest(files, paths, tests[0])


def _minitest(files: Files, paths: frozenset[str], first: str) -> Check:
    if "bin/rails" in paths:
        return Check("test", "bundle exec rails test", "bundle exec rails --version", "rails", "bin/rails")
    if "Rakefile" in paths and re.search(r"TestTask|task[ (]+:?['\"]?test\b", files.read("Rakefile")):
        return Check("test", "bundle exec rake test", "bundle exec rake --version", "rake", "Rakefile")
    each = 'Dir["test/**/{test_*,*_test}.rb"].each { |path| require "./#{path}" }'
    return Check("test", f"bundle exec ruby -Ilib -Itest -e '{each}'", "bundle exec ruby -v", "ruby", first)


def _asked(gem: str, named: str, own: str, paths: frozenset[str]) -> str:
    """Where a gem is asked for, by its own settings or by name; "" where it is not."""
    if own in paths:
        return own
    return "Gemfile" if re.search(rf"(gem\s+['\"]|^\s+){gem}\b", named, re.MULTILINE) else ""
