"""The registries of Go, Rust, Ruby, Java, PHP and .NET: those that this machine's own clients are configured for.

As for Python and Node, only the operator's configuration opens anything. A client of which nothing can be learnt gets
no host, and that is said: its steps then fail at a named host, which ``.dayhand.toml`` can allow.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from dayhand.environment.ecosystems.base import Step
from dayhand.environment.registries.python_npm import (
    Registry,
    host_of,
    told_by,
    usable,
    without_credentials,
)
from dayhand.sandbox.egress.gateway import PORT

# Where the settings of those clients travel that have no variable of their own for a registry.
VARIABLES = {"cargo": "CARGO_SETTINGS", "composer": "COMPOSER_SETTINGS", "maven": "MAVEN_SETTINGS"}
Environ = Mapping[str, str]


def registry_of(client: str, environ: Environ = os.environ) -> Registry:
    """Where one of these clients gets its packages from."""
    configured, configure = CLIENTS[client]
    named = tuple(dict.fromkeys(map(without_credentials, configured(environ))))
    if urls := tuple(url for url in named if usable(url) or _lies_in_box(client, url)):
        hosts = tuple(host_of(url) for url in urls if usable(url))
        return Registry(tuple(dict.fromkeys((*hosts, *_beside(client, hosts, environ)))), configure(urls))
    unusable = f" that a box can reach ({', '.join(named)} is not https on port 443)" if named else ""
    return Registry(
        env=configure(()),
        problem=f"No registry{unusable} is configured here for {client}, so set-up reaches none for it: "
        "the hosts that it asks for are named, and allow under [network] in .dayhand.toml opens them.",
    )


def _lies_in_box(client: str, url: str) -> bool:
    """Whether it is a folder, as an image or a distribution may bring its own; Cargo knows such by other words."""
    return url.startswith("file:///") and client != "cargo"


def _beside(client: str, hosts: tuple[str, ...], environ: Environ) -> Iterator[str]:
    """The hosts that a client asks of its own accord, beside those that it is configured for."""
    if client == "gem":
        yield from (f"index.{host}" for host in hosts)  # where Bundler looks its default source's gems up
    elif client == "go" and hosts:
        # "off", a name, a name and its key, or these and an address: https://go.dev/ref/mod#checksum-database
        words = (environ.get("GOSUMDB") or told_by(["go", "env", "GOSUMDB"], environ)).split() or ["off"]
        database = host_of(words[-1]) if "://" in words[-1] else words[0].partition("+")[0]
        if database != "off":
            yield database


def settings(name: str, path: str) -> Step:
    """The step that gives a client which reads no variables its settings, kept for the boxes without a network."""
    variable = VARIABLES[name]
    write = f'mkdir -p {path.rpartition("/")[0]} && printf %s "${variable}" > {path}'
    return Step(f"tell {name} of its registry", (f'test -z "${variable}" || {{ {write}; }}',))


def _go(environ: Environ) -> Iterator[str]:
    told = environ.get("GOPROXY") or told_by(["go", "env", "GOPROXY"], environ)
    yield from (part for part in re.split(r"[,|\s]+", told) if part not in ("", "direct", "off"))


def _cargo(environ: Environ) -> Iterator[str]:
    """Source replacement: https://doc.rust-lang.org/cargo/reference/source-replacement.html."""
    home = Path(environ.get("CARGO_HOME") or f"{_home(environ)}/.cargo")
    text = _text(home / "config.toml") or _text(home / "config")
    try:
        sources = tomllib.loads(text).get("source", {})
    except tomllib.TOMLDecodeError:
        return
    replaced = _inner(sources, "crates-io").get("replace-with")
    registry = _inner(sources, replaced).get("registry") if isinstance(replaced, str) else None
    if isinstance(registry, str):
        yield registry.removeprefix("sparse+")


def _gem(environ: Environ) -> Iterator[str]:
    """Bundler's mirror of the default source, else the sources that gem itself has."""
    named = (value for name, value in environ.items() if name.startswith("BUNDLE_MIRROR__"))
    if mirror := next(named, ""):
        yield mirror
        return
    yield from re.findall(r"^https?://\S+", told_by(["gem", "sources", "--list"], environ), re.MULTILINE)


def _maven(environ: Environ) -> Iterator[str]:
    """The mirrors of settings.xml: https://maven.apache.org/guides/mini/guide-mirror-settings.html."""
    for path in (Path(_home(environ)) / ".m2/settings.xml", Path("/etc/maven/settings.xml")):
        try:
            tree = ET.fromstring(_text(path) or "<settings/>")  # noqa: S314 - the operator's own file
        except ET.ParseError:
            continue
        for mirror in tree.iterfind(".//{*}mirror"):
            of, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "")
            if {"*", "central", "external:*"} & set(of.split(",")):
                yield url.strip()


def _composer(environ: Environ) -> Iterator[str]:
    told = told_by(["composer", "config", "--global", "repositories"], environ)
    try:
        repositories = json.loads(told or "{}")
    except ValueError:
        return
    for entry in repositories.values() if isinstance(repositories, dict) else repositories:
        if isinstance(entry, dict) and entry.get("type") == "composer" and isinstance(entry.get("url"), str):
            yield entry["url"]


def _nuget(environ: Environ) -> Iterator[str]:
    told = told_by(["dotnet", "nuget", "list", "source", "--format", "short"], environ)
    yield from re.findall(r"^E\w*\s+(https?://\S+)", told, re.MULTILINE)


def _set_go(urls: tuple[str, ...]) -> dict[str, str]:
    return {"GOPROXY": ",".join(urls)} if urls else {}


def _set_cargo(urls: tuple[str, ...]) -> dict[str, str]:
    env = {"CARGO_NET_OFFLINE": "false", "CARGO_NET_RETRY": "1"}
    if urls:
        source = f'[source.configured]\nregistry = "sparse+{urls[0]}"\n'
        env[VARIABLES["cargo"]] = f'[source.crates-io]\nreplace-with = "configured"\n\n{source}'
    return env


def _set_gem(urls: tuple[str, ...]) -> dict[str, str]:
    return {"BUNDLE_MIRROR__ALL": urls[0]} if urls else {}


def _set_maven(urls: tuple[str, ...]) -> dict[str, str]:
    """Java reads no proxy from the environment, so it is told in its own words."""
    way = (f"-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={PORT}" for scheme in ("http", "https"))
    env = {"JAVA_TOOL_OPTIONS": " ".join(way)}
    if urls:
        mirror = f"<id>configured</id><mirrorOf>*</mirrorOf><url>{escape(urls[0])}</url>"
        env |= {
            VARIABLES["maven"]: f"<settings><mirrors><mirror>{mirror}</mirror></mirrors></settings>",
            "MVNW_REPOURL": urls[0],
        }
    return env


def _set_composer(urls: tuple[str, ...]) -> dict[str, str]:
    if not urls:
        return {}
    ours: dict[str, object] = {str(n): {"type": "composer", "url": url} for n, url in enumerate(urls)}
    return {VARIABLES["composer"]: json.dumps({"repositories": {**ours, "packagist.org": False}})}


def _set_nuget(urls: tuple[str, ...]) -> dict[str, str]:
    return {"RestoreSources": ";".join(urls)} if urls else {}


# A client's name, how to learn its registries, and how the same client is told of them in a box.
CLIENTS: Mapping[
    str, tuple[Callable[[Environ], Iterator[str]], Callable[[tuple[str, ...]], dict[str, str]]]
] = {
    "go": (_go, _set_go),
    "cargo": (_cargo, _set_cargo),
    "gem": (_gem, _set_gem),
    "maven": (_maven, _set_maven),
    "composer": (_composer, _set_composer),
    "nuget": (_nuget, _set_nuget),
}


def _home(environ: Environ) -> str:
    return environ.get("HOME", "/nonexistent")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _inner(table: object, name: str) -> Mapping[str, object]:
    inner = table.get(name) if isinstance(table, dict) else None
    return inner if isinstance(inner, dict) else {}
