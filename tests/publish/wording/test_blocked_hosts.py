"""What is said of hosts that set-up asked for in vain."""

from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from dayhand.publish.wording.blocked_hosts import blocked
from dayhand.task import NOT_ALLOWED, Blocked

FILES = Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci")


def test_each_host_is_told_once_with_everybody_who_asked_and_the_lines_that_would_allow_it() -> None:
    refused = (
        FILES,
        FILES,
        replace(FILES, command="make deps"),
        Blocked("cdn.example.org", 443, NOT_ALLOWED, "make deps"),
    )
    assert blocked(refused) == snapshot("""\
### Blocked

Set-up tried to reach these hosts and was blocked:

- `files.example.org`, requested by `npm ci`, `make deps`
- `cdn.example.org`, requested by `make deps`

To allow a host that is not allowed yet, add it to `.dayhand.toml` on the default branch:

```toml
[network]
allow = ["files.example.org", "cdn.example.org"]
```\
""")


def test_what_a_line_would_not_open_is_told_with_the_reason_and_no_line() -> None:
    refused = (
        Blocked("files.example.org", 22, "port 22 is not allowed", "git clone x"),
        Blocked(
            "intern.example.org", 443, "the host's address 10.0.0.7 is not on the public network", "npm ci"
        ),
        Blocked("localhost", 443, NOT_ALLOWED, "npm ci"),
        Blocked(
            "files.example.org",
            443,
            "the TLS handshake names another host, www.evil.example; connect to the host that the proxy was asked for",
            "make deps",
        ),
    )
    assert blocked(refused) == snapshot("""\
### Blocked

Set-up tried to reach these hosts and was blocked:

- `files.example.org:22`, requested by `git clone x`: port 22 is not allowed
- `intern.example.org:443`, requested by `npm ci`: the host's address 10.0.0.7 is not on the public network
- `localhost`, requested by `npm ci`
- `files.example.org:443`, requested by `make deps`: the TLS handshake names another host, www\u200b.evil.example; connect to the host that the proxy was asked for\
""")


def test_a_command_that_an_older_version_did_not_write_down_is_not_guessed() -> None:
    assert "- `files.example.org`\n" in blocked([replace(FILES, command="")])


def test_where_nothing_was_refused_nothing_is_said() -> None:
    assert blocked([]) == ""


def test_hosts_and_commands_cannot_speak_to_anybody() -> None:
    hostile = Blocked("x`\n@ada", 443, NOT_ALLOWED, "make `\n@ada\n```\n# Heading\u202e")
    told = blocked([hostile])
    assert "- ``x` @ada``, requested by ````make ` @ada ``` # Heading````" in told
    assert "toml" not in told, "no line allows what is no name"


def test_of_many_hosts_and_long_commands_the_first_are_told_in_short() -> None:
    secret = "ghp_" + "a" * 36
    many = [
        Blocked(f"h{n}.example.org", 443, NOT_ALLOWED, f"run {c} {'with words ' * 20}")
        for n in range(30)
        for c in range(5)
    ]
    told = blocked([replace(FILES, command=f"{'x' * 60} {secret} y"), *many])
    assert "- and 11 more, on the task's page" in told
    assert " and 2 more" in told
    assert "ghp_" not in told
    assert len(told) < 10_000
