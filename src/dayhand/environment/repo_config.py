"""``.dayhand.toml``: what a repository's maintainers decided, read from the default branch and from nowhere else.

A branch that somebody works on, we among them, must not be able to open the network for itself.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from dayhand.environment.base import Files

NAME = ".dayhand.toml"
KNOWN = {"network": {"allow"}}
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """The decisions. ``problems`` are sentences about what could not be understood: it is passed over."""

    allow: tuple[
        str, ...
    ] = ()  # hosts that set-up may reach beside the registries; "*.example.org" for all below
    problems: tuple[str, ...] = ()


def read_config(files: Files) -> RepoConfig:
    """Read the decisions from the files of the default branch; without a file there are none."""
    text = files.read(NAME)
    if not text.strip():
        return RepoConfig()
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return RepoConfig(problems=(f"{NAME} is not TOML and is passed over: {error}.",))
    problems = [
        f"{NAME}: {section} is not known, so it is passed over." for section in table if section not in KNOWN
    ]
    network = table.get("network", {})
    if not isinstance(network, dict):
        return RepoConfig(problems=(*problems, f"{NAME}: [network] is no table, so it is passed over."))
    problems += [
        f"{NAME}: network.{key} is not known, so it is passed over."
        for key in network
        if key not in KNOWN["network"]
    ]
    wanted = network.get("allow", [])
    hosts = wanted if isinstance(wanted, list) else [wanted]
    sound = [host for host in hosts if isinstance(host, str) and HOST.fullmatch(host)]
    problems += [
        f"{NAME}: {host!r} in network.allow is no host name such as files.example.org, so it is passed over."
        for host in hosts
        if host not in sound
    ]
    return RepoConfig(tuple(dict.fromkeys(sound)), tuple(problems))
