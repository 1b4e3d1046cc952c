"""Registries as set-up uses them: what is configured on this machine, and how the client in a box is configured for it.

Only the operator's configuration opens a host. What a repository names, in its locks or its settings, opens nothing.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Protocol

from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class Registry:
    """Where one client gets its packages from."""

    hosts: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # the same configuration, for the client in the box
    problem: str = ""  # a sentence for the log: not configured, not reachable, or no use to a box


class Machine(Protocol):
    """The worker's machine, as its own package clients see it."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables."""

    @property
    def proxy_port(self) -> int:
        """The port of the proxy on a set-up box's own loopback."""

    def ask(self, command: list[str]) -> str:
        """The output of one of the clients on this machine; "" where it is missing or fails."""

    def ask_box(self, command: str) -> str:
        """The last line that a command prints in a box in which nothing of a repository ever ran; "" where it fails."""

    def read(self, path: str) -> str:
        """A file of this machine; "" where it cannot be read."""


@dataclass(frozen=True, slots=True)
class ExtraRegistries:
    """The operator's own registries, besides those that this machine's clients are configured for."""

    hosts: tuple[str, ...] = ()  # every set-up may reach these, in a private network too
    python: tuple[str, ...] = ()  # indexes that are asked before the main one
    npm: str = ""  # replaces npm's registry

    @classmethod
    def of(cls, words: Iterable[str]) -> ExtraRegistries:
        """From the words of ``DAYHAND_REGISTRIES``, which the settings have validated."""
        named = [word.partition("=")[::2] for word in words]
        urls = tuple(url for _, url in named if url)
        hosts = tuple(name for name, url in named if not url)
        return cls(
            tuple(dict.fromkeys((*hosts, *map(host_of, urls)))),
            tuple(url for name, url in named if url and name == "python"),
            next((url for name, url in named if url and name == "npm"), ""),
        )

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The clients' own variables with these registries in them."""
        indexes = " ".join((*self.python, environ.get("UV_INDEX", ""))).strip()
        more = {"UV_INDEX": indexes} if self.python else {}
        return {**environ, **more, **({"NPM_CONFIG_REGISTRY": self.npm} if self.npm else {})}


def configured(
    client: str,
    urls: Iterable[str],
    settings: Callable[[tuple[str, ...]], dict[str, str]],
    *,
    further_hosts: Callable[[tuple[str, ...]], Iterable[str]] = lambda _hosts: (),
    folders: bool = True,
) -> Registry:
    """The registry of a client that is configured for ``urls`` on this machine.

    ``settings`` are the variables that give usable addresses to the client in a box; ``further_hosts`` the hosts that
    the client asks besides; ``folders`` whether it takes ``file:///…``, a folder that the box itself has.
    """
    named = tuple(dict.fromkeys(map(without_credentials, urls)))
    if taken := tuple(url for url in named if usable(url) or (folders and url.startswith("file:///"))):
        hosts = tuple(host_of(url) for url in taken if usable(url))
        return Registry(tuple(dict.fromkeys((*hosts, *further_hosts(hosts)))), settings(taken))
    unusable = f" that a box can reach ({', '.join(named)} is not https on port 443)" if named else ""
    return Registry(
        env=settings(()),
        problem=f"No registry{unusable} is configured here for {client}, so set-up opens no host for it. "
        "The log names the hosts that it asks for; allow them under [network] in .dayhand.toml.",
    )


def usable(url: str) -> bool:
    """Whether a box could reach it: the proxy supports CONNECT to port 443 and nothing else."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port in (None, 443)
    except ValueError:  # not an address at all
        return False


def host_of(url: str) -> str:
    return (urllib.parse.urlsplit(url).hostname or "").lower()


def without_credentials(url: str) -> str:
    """An address as it may enter a box: without user name and password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
