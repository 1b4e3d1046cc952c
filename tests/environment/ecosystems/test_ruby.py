"""What is installed and checked for a Gemfile."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import ruby


def checks(plan):
    return [(check.kind, check.command, check.source) for check in plan.checks]


def test_a_repository_without_a_gemfile_is_left_alone(files):
    assert ruby.plan(files({"a.rb": "", "spec/a_spec.rb": ""})) is None


def test_a_lock_is_kept_and_only_then_resolved_anew(files):
    plan = ruby.plan(files({"Gemfile": "", "Gemfile.lock": "", "a.gemspec": ""}))
    assert plan.steps[0].commands == (
        "BUNDLE_FROZEN=true bundle install",
        "bundle install",
        "bundle install --local",  # what the box itself has may be enough
    )
    assert plan.locks == ("Gemfile", "Gemfile.lock", "a.gemspec")
    assert ruby.plan(files({"Gemfile": ""})).steps[0].commands == ("bundle install", "bundle install --local")


def test_specs_are_run_by_rspec_and_rubocop_where_it_is_set_up(files):
    plan = ruby.plan(files({"Gemfile": 'gem "rspec"', "spec/a_spec.rb": "", ".rubocop.yml": ""}))
    assert checks(plan) == [
        ("lint", "bundle exec rubocop", ".rubocop.yml"),
        ("test", "bundle exec rspec", "Gemfile"),
    ]


@pytest.mark.parametrize(
    ("texts", "command"),
    [
        ({"Rakefile": "Rake::TestTask.new"}, "bundle exec rake test"),
        ({"Rakefile": "task :test do\nend"}, "bundle exec rake test"),
        ({"Rakefile": "Rake::TestTask.new(:units) do |t|"}, "bundle exec rake units"),
        ({"Rakefile": "Rake::TestTask.new 'u'\nRake::TestTask.new do |t|"}, "bundle exec rake test"),
        ({"bin/rails": "#!/usr/bin/env ruby"}, "bundle exec rails test"),
    ],
)
def test_minitest_is_started_as_the_repository_starts_it(files, texts, command):
    plan = ruby.plan(files({"Gemfile": "", "test/models/a_test.rb": "", **texts}))
    assert [check[1] for check in checks(plan)] == [command]


def test_minitest_without_a_task_requires_its_files(files):
    (check,) = ruby.plan(files({"Gemfile": "", "test/test_a.rb": ""})).checks
    assert check.command.startswith("bundle exec ruby -Ilib -Itest -e 'Dir[")


def test_a_gem_that_only_begins_with_the_same_word_is_not_taken_for_the_linter(files):
    assert ruby.plan(files({"Gemfile": 'gem "my-rubocop"\n'})).checks == ()


def test_specs_that_nobody_gives_to_rspec_are_run_by_the_rakefile(files):
    texts = {"Gemfile": "gemspec", "spec/a_spec.rb": "", "Rakefile": "Rake::TestTask.new", "a.gemspec": ""}
    assert checks(ruby.plan(files(texts))) == [("test", "bundle exec rake test", "Rakefile")]
    asked = {**texts, "a.gemspec": 's.add_development_dependency("rspec", "~> 3")'}
    assert checks(ruby.plan(files(asked))) == [("test", "bundle exec rspec", "a.gemspec")]
    del texts["Rakefile"]
    assert checks(ruby.plan(files(texts))) == [("test", "bundle exec rspec", "spec/")]
