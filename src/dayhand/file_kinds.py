"""What kind of file a path names, by its name alone: a test, a check's configuration, words, or source."""

from __future__ import annotations

import re

TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__|testing)/"
    r"|(^|/)(test_[^/]*|[^/]*_tests?|tests?|conftest)\.py$"
    r"|\.(test|spec|cy)\.[cm]?[jt]sx?$"
    r"|(^|/)(tests?|test[-_][^/]*|[^/]*[-_]test)\.[cm]?[jt]sx?$"
    r"|_test\.(go|rb|exs?)$|_spec\.rb$|(Test|Tests|IT)\.(java|kt|cs|php)$"
)
TEST_CODE = re.compile(r"\.(py|[cm]?[jt]sx?|go|rb|exs?|java|kt|cs|php|rs|sh|c|cc|cpp)$")
# Files that steer a check as a whole, whatever is changed in them.
CONFIGURATION = re.compile(
    r"(^|/)(pytest\.ini|\.pytest\.ini|tox\.ini|noxfile\.py|\.coveragerc|mypy\.ini|\.mypy\.ini"
    r"|\.?ruff\.toml|\.flake8|\.pylintrc|pylintrc|pyrightconfig\.json|\.pre-commit-config\.yaml"
    r"|\.eslintrc(\.\w+)?|\.eslintignore|eslint\.config\.[cm]?[jt]s|\.oxlintrc\.json|biome\.jsonc?|tsconfig(\.\w+)?\.json"
    r"|\.prettierrc(\.\w+)?|\.prettierignore|\.stylelintrc(\.\w+)?"
    r"|(jest|vitest|karma|playwright|cypress)\.config\.\w+|vitest\.workspace\.\w+"
    r"|\.mocharc(\.\w+)?|\.nycrc(\.\w+)?|\.c8rc(\.\w+)?|\.golangci\.(ya?ml|toml|json)|\.?clippy\.toml|\.?rustfmt\.toml"
    r"|nextest\.toml|\.rspec|\.rubocop\w*\.yml|Rakefile|phpunit\.xml(\.dist)?|phpstan[\w.-]*\.neon(\.dist)?|psalm\.xml"
    r"|\.?phpcs\.xml(\.dist)?|\.php-cs-fixer(\.dist)?\.php|checkstyle\.xml|detekt\.yml"
    r"|codecov\.ya?ml|\.codecov\.ya?ml|\.gitlab-ci\.yml|\.travis\.yml|azure-pipelines\.yml|Jenkinsfile)$"
    # Python takes these for its own before it looks for the real ones.
    r"|(^|/)(sitecustomize|usercustomize|pytest|unittest)\.py$|^(pytest|_pytest|unittest)/"
    r"|^((scripts?|bin|tools)/)?(run[-_]?)?(tests?|lint|check|types|typecheck)(\.sh)?$"
    r"|^((scripts?|bin|tools)/)?((run[-_]?)(tests?|lint|check|types|typecheck)|lint|check|types|typecheck)\.py$"
    r"|^\.circleci/|^\.github/actions/|^\.dayhand\.toml$"
)
# Files that steer checks among other things: only some lines of them do.
PARTLY = re.compile(
    r"(^|/)(conftest\.py|pyproject\.toml|setup\.cfg|package\.json|composer\.json|Cargo\.toml|pom\.xml|build\.gradle(\.kts)?"
    r"|GNUmakefile|[Mm]akefile)$"
)
WORDS = re.compile(
    r"\.(md|rst|txt|adoc|png|jpe?g|gif|svg|ico|pdf|lock|po|csv)$|(^|/)(LICENSE|NOTICE|\.gitignore|package-lock\.json)$"
)

LOCK = re.compile(
    r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|uv\.lock|poetry\.lock|pdm\.lock"
    r"|Pipfile\.lock|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum|gradle\.lockfile|packages\.lock\.json)$"
)


def is_lock(path: str) -> bool:
    """Whether a tool writes the file from a manifest."""
    return bool(LOCK.search(path))


def is_test(path: str) -> bool:
    """Whether the file holds tests: its name, or its folder's, says so and it is code."""
    return bool(TEST.search(path) and TEST_CODE.search(path))


def is_of_tests(path: str) -> bool:
    """Whether the file belongs to the tests: code or data."""
    return bool(TEST.search(path))


def is_configuration(path: str) -> bool:
    return bool(CONFIGURATION.search(path))


def is_partly_configuration(path: str) -> bool:
    return bool(PARTLY.search(path))


def is_source(path: str) -> bool:
    """Whether tests could be expected to notice when the file is broken."""
    steers = is_configuration(path) or is_partly_configuration(path)
    return not (TEST.search(path) or steers or WORDS.search(path))
