"""A tiny project of each ecosystem besides Python and Node, set up and checked in real boxes by its own toolchain.

Nothing here needs a registry of Go's, Rust's, Ruby's or PHP's: what is required lies in the repository or in the box.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dayhand.environment.ecosystems import rust
from dayhand.environment.prepare import prepare
from tests.environment.test_prepare import all_pass, run_checks

GO = {
    "go.mod": "module example.org/a\n\ngo 1.19\n\nrequire example.org/b v0.0.0\n\nreplace example.org/b => ./b\n",
    "b/go.mod": "module example.org/b\n\ngo 1.19\n",
    "b/b.go": "package b\n\nfunc One() int { return 1 }\n",
    "a.go": 'package a\n\nimport "example.org/b"\n\nfunc Two() int { return 2 * b.One() }\n',
    "a_test.go": 'package a\n\nimport "testing"\n\n'
    'func TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Fatal("not two")\n\t}\n}\n',
}
RUST = {
    "Cargo.toml": '[package]\nname = "a"\nversion = "1.0.0"\nedition = "2021"\n\n[dependencies]\nb = { path = "b" }\n\n[workspace]\n',
    "b/Cargo.toml": '[package]\nname = "b"\nversion = "1.0.0"\nedition = "2021"\n',
    "b/src/lib.rs": "pub fn one() -> u8 {\n    1\n}\n",
    "src/lib.rs": "pub fn two() -> u8 {\n    2 * b::one()\n}\n\n"
    "#[test]\nfn two_is_two() {\n    assert_eq!(two(), 2);\n}\n",
}
VENDORED = {
    "Cargo.toml": '[package]\nname = "a"\nversion = "1.0.0"\n\n[dependencies]\ndep = "1"\n',
    "src/lib.rs": "pub fn two() -> u8 {\n    2 * dep::one()\n}\n",
    ".cargo/config.toml": '[source.crates-io]\nreplace-with = "near"\n\n[source.near]\ndirectory = "near"\n',
    "near/dep/Cargo.toml": '[package]\nname = "dep"\nversion = "1.0.0"\n',
    "near/dep/.cargo-checksum.json": '{"files": {}}',
    "near/dep/src/lib.rs": "pub fn one() -> u8 {\n    1\n}\n",
}
RUBY = {
    "Gemfile": 'source "https://gems.invalid"\n\ngemspec\n',
    "a.gemspec": 'Gem::Specification.new do |s|\n  s.name = "a"\n  s.version = "1"\n  s.summary = "a"\n  s.authors = ["a"]\n'
    '  s.add_development_dependency "minitest"\n  s.add_development_dependency "rake"\nend\n',
    "Rakefile": 'require "rake/testtask"\n\nRake::TestTask.new(:spec) { |t| t.pattern = "spec/**/*_spec.rb" }\n',
    "lib/a.rb": "def two = 2\n",
    "spec/a_spec.rb": 'require "minitest/autorun"\nrequire "a"\n\ndescribe "two" do\n  it { _(two).must_equal 2 }\nend\n',
}
PHP = {
    "composer.json": '{"name": "a/a", "require": {"php": ">=7.4", "ext-mbstring": "*"}, "autoload": {"files": ["a.php"]}}',
    "a.php": "<?php\nfunction two(): int { return mb_strlen('éé'); }\n",
    "phpunit.xml": '<phpunit bootstrap="vendor/autoload.php"><testsuites><testsuite name="a">'
    "<directory>tests</directory></testsuite></testsuites></phpunit>\n",
    "tests/ATest.php": "<?php\nclass ATest extends PHPUnit\\Framework\\TestCase {\n"
    "    public function testTwo(): void { $this->assertSame(2, two()); }\n}\n",
}
JUST = {
    "justfile": "set shell := ['sh', '-c']\n\ntest: build\n    test -f built\n\nbuild:\n    touch built\n"
}
TASK = {
    "Taskfile.yml": "version: '3'\ntasks:\n  test:\n    deps: [build]\n    cmds: ['test -f built']\n  build: touch built\n"
}
QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"  # it runs for seconds: optimizing costs more than it saves
MAKE = {"Makefile": "lint:\n\ttest -f Makefile\ntest:\n\ttest $$((1 + 1)) = 2\n"}


def needs(sandbox, *probes):
    """Skip with the reason where a toolchain is not installed on this machine."""
    with sandbox.open() as box:
        for probe in probes:
            if not box.run(probe).passed:
                pytest.skip(f"{probe} does not work in this machine's boxes")


@pytest.mark.parametrize(
    ("texts", "probes", "commands", "broken"),
    [
        (
            GO,
            ("command -v go",),
            ["go vet ./...", "cd b && go vet ./...", "go test ./..."],
            {"b/b.go": "package b\n\nfunc One() int { return 3 }\n"},
        ),
        (
            RUST,
            ("command -v cargo-clippy", "command -v cargo"),
            ["cargo clippy --workspace --all-targets", "cargo test --workspace --no-fail-fast"],
            {"b/src/lib.rs": "pub fn one() -> u8 {\n    3\n}\n"},
        ),
        (
            RUBY,
            ("command -v bundle", "command -v rake", "ruby -rminitest -e 0"),
            ["bundle exec rake spec"],
            {"lib/a.rb": "def two = 3\n"},
        ),
        (
            PHP,
            ("command -v composer", "command -v phpunit"),
            ["vendor/bin/phpunit"],
            {"a.php": "<?php\nfunction two(): int { return 3; }\n"},
        ),
        (
            MAKE,
            ("command -v make",),
            ["make lint", "make test"],
            {"Makefile": MAKE["Makefile"].replace("= 2", "= 3")},
        ),
    ],
    ids=["go", "rust", "ruby", "php", "make"],
)
def test_a_project_is_set_up_checked_and_found_again_and_a_broken_one_fails(
    texts, probes, commands, broken, project, sandbox, log
):
    needs(sandbox, *probes)
    sound = project(texts)
    environment = prepare(sound.files, sandbox, sound.fill, log=log, source=sound.source)
    assert environment.missing == {}, environment.steps
    assert all(step.passed for step in environment.steps), environment.steps
    assert all_pass(environment, sound, sandbox) == commands
    assert prepare(sound.files, sandbox, sound.fill, log=log, source=sound.source).cached
    tests = replace(environment, checks=environment.checks[-1:])
    ((command, result),) = run_checks(tests, project({**texts, **broken}), sandbox).items()
    assert (command, result.passed) == (commands[-1], False)


def test_crates_of_others_are_compiled_in_set_up_and_those_of_the_repository_in_each_box(
    project, sandbox, log
):
    needs(sandbox, "command -v cargo")
    sound = project(VENDORED)
    environment = prepare(sound.files, sandbox, sound.fill, log=log, source=sound.source, ecosystems=(rust,))
    changed = project({**VENDORED, "src/lib.rs": ""})
    with sandbox.open(origin=environment.snapshot) as box:
        changed.fill(box)
        built = box.run("cargo test --no-run -v", env=environment.env).text()
    assert "Fresh dep v1.0.0" in built
    assert "Compiling a v1.0.0" in built


@pytest.mark.usefixtures("python_index")
@pytest.mark.parametrize(
    ("texts", "command"), [(JUST, "just test"), (TASK, "task test")], ids=["just", "task"]
)
def test_just_and_task_are_brought_where_the_box_has_none(texts, command, project, sandbox, log):
    small = project(texts)
    environment = prepare(small.files, sandbox, small.fill, log=log, source=small.source)
    assert all_pass(environment, small, sandbox) == [command]
    broken = project({path: text.replace("touch", "rm -f") for path, text in texts.items()})
    assert not run_checks(environment, broken, sandbox)[command].passed


@pytest.mark.usefixtures("python_index")
def test_djangos_own_runner_runs_and_sees_a_change(project, sandbox, log):
    manage = "import os, sys\nfrom django.core.management import execute_from_command_line\n"
    manage += "os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\nexecute_from_command_line(sys.argv)\n"
    test = "from django.test import SimpleTestCase\nfrom shop.price import one\n\n"
    test += "class Price(SimpleTestCase):\n    def test_one(self):\n        self.assertEqual(one(), 1)\n"
    texts = {
        "requirements.txt": "django\n",
        "manage.py": manage,
        "shop/__init__.py": "",
        "shop/tests.py": test,
    }
    texts |= {"shop/settings.py": "SECRET_KEY = 'x'\n", "shop/price.py": "def one():\n    return 1\n"}
    shop = project(texts)
    environment = prepare(shop.files, sandbox, shop.fill, log=log, source=shop.source)
    assert all_pass(environment, shop, sandbox) == ["python3 manage.py test"]
    broken = project({**texts, "shop/price.py": "def one():\n    return 2\n"})
    (result,) = run_checks(environment, broken, sandbox).values()
    assert "AssertionError: 2 != 1" in result.text()


def test_maven_fetches_what_its_tests_are_run_with_and_then_needs_no_network(
    project, sandbox, log, tmp_path, monkeypatch
):
    """From the repository in Debian's packages, which an operator's settings may name as the mirror."""
    plugins = Path("/usr/share/maven-repo/org/apache/maven/plugins")
    wanted = [plugins / f"maven-{name}-plugin" for name in ("compiler", "resources", "surefire")]
    if not shutil.which("mvn") or not shutil.which("javac") or not all(path.is_dir() for path in wanted):
        pytest.skip("Maven, a JDK or Debian's repository of Maven's plugins is not on this machine")
    mirror = "<id>d</id><mirrorOf>*</mirrorOf><url>file:///usr/share/maven-repo</url>"
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2/settings.xml").write_text(
        f"<settings><mirrors><mirror>{mirror}</mirror></mirrors></settings>"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    test = (
        "package a; import static org.junit.Assert.assertEquals; public class ATest "
        "{ @org.junit.Test public void two() { assertEquals(2, A.two()); } }\n"
    )
    junit = "<groupId>junit</groupId><artifactId>junit</artifactId><version>4.x</version><scope>test</scope>"
    release = (
        "<maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>"
        f"<argLine>{QUICK_JVM}</argLine>"
    )
    texts = {
        "pom.xml": "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>a</artifactId>"
        f"<version>1</version><properties>{release}</properties>"
        f"<dependencies><dependency>{junit}</dependency></dependencies></project>",
        ".mvn/jvm.config": f"{QUICK_JVM}\n",
        "src/main/java/a/A.java": "package a; public class A { public static int two() { return 2; } }\n",
        "src/test/java/a/ATest.java": test,
    }
    sound = project(texts)
    environment = prepare(sound.files, sandbox, sound.fill, log=log, source=sound.source)
    assert [step.passed for step in environment.steps] == [True, True], environment.steps
    assert environment.blocked == ()
    assert all_pass(environment, sound, sandbox) == ["mvn -B -o -q test"]
    broken = project({**texts, "src/test/java/a/ATest.java": test.replace("(2,", "(3,")})
    (result,) = run_checks(environment, broken, sandbox).values()
    assert "expected:<3> but was:<2>" in result.text()
