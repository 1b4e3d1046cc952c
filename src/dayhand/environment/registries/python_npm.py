"""The hosts that set-up may reach: those that this machine's own package clients are configured for, and no more.

What a repository names (in its locks or its settings) opens nothing: only the operator's configuration does.
Where nothing is configured, the clients themselves say what their default is.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import uv

ASK_SECONDS = 15.0
ANSWER_BYTES = 2 * 1024 * 1024
SAMPLE = "iniconfig"  # a small package that every index has: its file links show where files lie
NOT_THERE = 404
PEP_691 = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"  # peps.python.org/pep-0691


@dataclass(frozen=True, slots=True)
class Registry:
    """Where one client gets its packages from."""

    hosts: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # the same configuration, for the client in the box
    problem: str = ""  # what people should know: not reachable, or an address that a box cannot use


@dataclass(frozen=True, slots=True)
class Extra:
    """The operator's own registries, beside those that this machine's clients are configured for."""

    hosts: tuple[str, ...] = ()  # that any set-up may reach, in a private network too
    python: tuple[str, ...] = ()  # indexes, asked before the main one
    npm: str = ""  # in place of npm's registry

    @classmethod
    def of(cls, words: Iterable[str]) -> Extra:
        """From the words of ``DAYHAND_REGISTRIES``, which the settings have judged."""
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


def python_registry(environ: Mapping[str, str] = os.environ) -> Registry:
    """The Python indexes that uv or pip is configured for, and the hosts that their files lie on.

    Asks each index for one small package's page (PEP 503 and 691); what cannot be asked is said in ``problem``.
    """
    named, more = _python_indexes(environ)
    main = without_credentials(named)
    if not usable(main):
        return Registry(
            problem=f"The Python index {main or '(none)'} is not https on port 443: no box can reach it."
        )
    extra = [url for url in map(without_credentials, more) if usable(url)]
    hosts: list[str] = []
    problems = []
    for url in (main, *extra):
        hosts.append(host_of(url))
        try:
            hosts.extend(_file_hosts(url))
        except urllib.error.HTTPError as error:
            if url == main or error.code != NOT_THERE:  # an index of one's own need not have our sample
                problems.append(f"The Python index {url} did not answer: {error}.")
        except (OSError, ValueError) as error:
            problems.append(f"The Python index {url} did not answer: {error}.")
    env = {"UV_DEFAULT_INDEX": main, "PIP_INDEX_URL": main}
    if extra:
        env |= {"UV_INDEX": " ".join(extra), "PIP_EXTRA_INDEX_URL": " ".join(extra)}
    return Registry(tuple(dict.fromkeys(hosts)), env, " ".join(problems))


def npm_registry(ask_box: Callable[[], str], environ: Mapping[str, str] = os.environ) -> Registry:
    """The registry that npm is configured for on this machine, else what ``ask_box`` gives.

    ``ask_box`` asks the npm of a box in which nothing of a repository was ever run, or gives "".
    """
    url = environ.get("NPM_CONFIG_REGISTRY") or environ.get("npm_config_registry") or ""
    if not url and (npm := shutil.which("npm", path=environ.get("PATH"))):
        url = told_by([npm, "config", "get", "registry"], environ)
    url = without_credentials((url or ask_box()).strip())
    if not usable(url):
        return Registry(problem=f"npm names no registry that a box can reach ({url or 'npm is not there'}).")
    return Registry((host_of(url),), {"npm_config_registry": url})


def _python_indexes(environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """The main index and further ones, by the clients' own order: the environment before files."""
    uv_main, uv_more = _uv_files(environ)
    pip = _pip_files(environ)
    by_name = (environ.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"))
    main = next(filter(None, (*by_name, uv_main, pip.get("index-url", ""))), "") or _uv_default(environ)
    more = " ".join(
        environ.get(name, "") for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    )
    words = [*more.split(), *uv_more, *pip.get("extra-index-url", "").split()]
    return main, [re.sub(r"^[\w.-]+=", "", word) for word in words]  # uv lets an index have a name


def _uv_default(environ: Mapping[str, str]) -> str:
    """The index that uv asks where nothing is configured, in its own words."""
    told = told_by([uv.find_uv_bin(), "pip", "install", "--help"], environ)
    found = re.search(r"default package index \(by default:\s*<([^>]+)>", told)
    return found[1] if found else ""


def _uv_files(environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """What uv.toml says: https://docs.astral.sh/uv/concepts/configuration-files/."""
    main, more = "", []
    for folder in (_config_home(environ) / "uv", Path("/etc/uv")):
        settings = _read_toml(folder / "uv.toml")
        indexes = settings.get("index")
        for index in indexes if isinstance(indexes, list) else []:
            if isinstance(index, dict) and isinstance(url := index.get("url"), str):
                main = main or (url if index.get("default") else "")
                more += [] if index.get("default") else [url]
        legacy = settings.get("index-url")
        main = main or (legacy if isinstance(legacy, str) else "")
    return main, more


def _pip_files(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip's files say, the nearest last: https://pip.pypa.io/en/stable/topics/configuration/."""
    home = Path(environ.get("HOME", "/nonexistent"))
    paths = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf"]
    paths += [_config_home(environ) / "pip/pip.conf"]
    if named := environ.get("PIP_CONFIG_FILE"):
        paths.append(Path(named))
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(paths, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {
        key: value for part in ("global", "install") if part in parser for key, value in parser.items(part)
    }


def _config_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '/nonexistent')}/.config")


def _read_toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def told_by(command: list[str], environ: Mapping[str, str]) -> str:
    """What one of the clients on this machine prints; "" where it fails. Run away from any project's settings."""
    try:
        told = subprocess.run(
            command,
            env=dict(environ),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout if told.returncode == 0 else ""


def listed_files(index: str, package: str) -> Iterator[str]:
    """The page's own address, then those of the files that an index lists for a package.

    Raises ``OSError`` or ``ValueError``. PEP 503 and 691.
    """
    page = f"{index.rstrip('/')}/{package}/"
    request = urllib.request.Request(page, headers={"Accept": PEP_691})  # noqa: S310 - usable: https only
    with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310
        raw = answer.read(ANSWER_BYTES)
        kind = answer.headers.get_content_type()
        base = answer.url
    yield base
    for link in _links(raw, kind):
        yield urllib.parse.urljoin(base, link)


def _file_hosts(index: str) -> Iterator[str]:
    """The hosts that an index and its files lie on, if it moved too; raises ``OSError`` or ``ValueError``."""
    for url in listed_files(index, SAMPLE):
        if usable(url):
            yield host_of(url)


def _links(raw: bytes, kind: str) -> list[str]:
    if kind.endswith("json"):
        listed = json.loads(raw)
        files = listed.get("files", []) if isinstance(listed, dict) else []
        return [file["url"] for file in files if isinstance(file, dict) and isinstance(file.get("url"), str)]
    page = _Anchors()
    page.feed(raw.decode("utf-8", "replace"))
    return page.links


class _Anchors(HTMLParser):
    """The links of a PEP 503 page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]


def usable(url: str) -> bool:
    """Whether a box could reach it: the proxy knows CONNECT to port 443 and nothing else."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port in (None, 443)
    except ValueError:  # not an address at all
        return False


def host_of(url: str) -> str:
    return (urllib.parse.urlsplit(url).hostname or "").lower()


def without_credentials(url: str) -> str:
    """An address as it may enter a box: no name and no password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
