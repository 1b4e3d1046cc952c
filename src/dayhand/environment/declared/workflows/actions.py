"""What well-known actions stand for: the version of a language, or a check. All others are something that only CI has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dayhand.environment.yaml_file import Value
from dayhand.startup.records import dataclass

# Action → the language, as ``Language.key``, and the input that holds its version.
VERSION_INPUTS: Mapping[str, tuple[str, str]] = {
    "actions/setup-python": ("python", "python-version"),
    "astral-sh/setup-uv": ("python", "python-version"),
    "conda-incubator/setup-miniconda": ("python", "python-version"),
    "mamba-org/setup-micromamba": ("python", "python-version"),
    "pdm-project/setup-pdm": ("python", "python-version"),
    "actions/setup-node": ("node", "node-version"),
    "volta-cli/action": ("node", "node-version"),
    "actions/setup-go": ("go", "go-version"),
    "actions/setup-java": ("java", "java-version"),
    "actions/setup-dotnet": ("dotnet", "dotnet-version"),
    "ruby/setup-ruby": ("ruby", "ruby-version"),
    "shivammathur/setup-php": ("php", "php-version"),
    "actions-rs/toolchain": ("rust", "toolchain"),
    "actions-rust-lang/setup-rust-toolchain": ("rust", "toolchain"),
    "dtolnay/rust-toolchain": ("rust", "toolchain"),
    "moonrepo/setup-rust": ("rust", "channel"),
}
VERSION_IN_REF = "dtolnay/rust-toolchain"  # its branch is the version: dtolnay/rust-toolchain@1.82
# Action → the command that it stands for, and the input with its arguments ("" for none).
CHECKS: Mapping[str, tuple[str, str]] = {
    "golangci/golangci-lint-action": ("golangci-lint run", "args"),
    "chartboost/ruff-action": ("ruff check .", ""),
    "psf/black": ("black --check .", ""),
    "isort/isort-action": ("isort --check-only .", ""),
    "pre-commit/action": ("pre-commit run --all-files", ""),
    "jakebailey/pyright-action": ("pyright", ""),
    "codespell-project/actions-codespell": ("codespell", ""),
    "dominikh/staticcheck-action": ("staticcheck ./...", ""),
    "standardrb/standard-ruby-action": ("bundle exec standardrb", ""),
}
CARGO = "actions-rs/cargo"
RUFF = "astral-sh/ruff-action"


@dataclass(frozen=True, slots=True)
class VersionRequest:
    """A version of a language that CI sets up, as it is written: it may hold expressions."""

    language: str
    text: str


def requested_versions(uses: str, inputs: Mapping[str, Value]) -> Iterator[VersionRequest]:
    """The versions that an action sets up; several stand in one text, a line each."""
    action, _, ref = uses.partition("@")
    language, name = VERSION_INPUTS.get(action.lower(), ("", ""))
    if not language:
        return
    value = inputs.get(name, "")
    if isinstance(value, list):
        value = "\n".join(item for item in value if isinstance(item, str))
    if isinstance(value, str) and value.strip():
        yield VersionRequest(language, value.strip())
    elif action == VERSION_IN_REF and re.fullmatch(r"stable|\d+\.\d+(\.\d+)?", ref):
        yield VersionRequest(language, ref)


def equivalent_command(uses: str, inputs: Mapping[str, Value]) -> str:
    """The command that an action stands for; "" where it stands for none."""
    action = uses.partition("@")[0].lower()
    if action == CARGO:
        words = (inputs.get("command", ""), inputs.get("args", ""))
        return " ".join(("cargo", *(word for word in words if isinstance(word, str)))).strip()
    if action == RUFF:
        words = (inputs.get("args", "check") or "check", inputs.get("src", ""))
        return " ".join(("ruff", *(word for word in words if isinstance(word, str)))).strip()
    command, name = CHECKS.get(action, ("", ""))
    more = inputs.get(name, "") if name else ""
    return f"{command} {more}".strip() if isinstance(more, str) and command else command
