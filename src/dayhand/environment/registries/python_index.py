"""The Python indexes that uv or pip is configured for on this machine, and the hosts that their files are on.

Also from where uv may download Python itself: https://docs.astral.sh/uv/concepts/python-versions/.
"""

from __future__ import annotations

import configparser
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

import uv

from dayhand.environment.manifest import toml
from dayhand.environment.registries.base import Machine, Registry, host_of, usable, without_credentials

ASK_SECONDS = 15.0
ANSWER_BYTES = 2 * 1024 * 1024
SAMPLE = "iniconfig"  # a small package that every index has: the links to its files show their hosts
NOT_FOUND = 404
BUILDS = {
    "UV_PYTHON_INSTALL_MIRROR": "python-install-mirror",
    "UV_PYTHON_DOWNLOADS_JSON_URL": "python-downloads-json-url",
}
BUILD_HOSTS = ("releases.astral.sh", "github.com")  # which uv asks where no mirror is configured
PEP_691 = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"  # peps.python.org/pep-0691


def find_python_registry(machine: Machine) -> Registry:
    """The configured indexes and the hosts of their files.

    Asks each index for one small package's page (PEP 503 and 691); ``problem`` names an index that did not answer.
    """
    configured, further = python_indexes(machine)
    main = without_credentials(configured)
    if not usable(main):
        return Registry(
            problem=f"The Python index {main or '(none)'} is not https on port 443: no box can reach it."
        )
    extra = [url for url in map(without_credentials, further) if usable(url)]
    hosts: list[str] = []
    problems = []
    for url in (main, *extra):
        hosts.append(host_of(url))
        try:
            hosts.extend(file_hosts(url))
        except urllib.error.HTTPError as error:
            if url == main or error.code != NOT_FOUND:  # a private index need not have our sample
                problems.append(f"The Python index {url} did not answer: {error}.")
        except (OSError, ValueError) as error:
            problems.append(f"The Python index {url} did not answer: {error}.")
    env = {"UV_DEFAULT_INDEX": main, "PIP_INDEX_URL": main}
    if extra:
        env |= {"UV_INDEX": " ".join(extra), "PIP_EXTRA_INDEX_URL": " ".join(extra)}
    builds = python_builds(machine)
    hosts += [host_of(address) for address in builds.values() if usable(address)]
    return Registry(tuple(dict.fromkeys(hosts)), {**env, **builds}, " ".join(problems))


def python_indexes(machine: Machine) -> tuple[str, list[str]]:
    """The main index and further ones, in the clients' own order: the environment before files."""
    environ = machine.environ
    uv_main, uv_further = _uv_files(machine)
    pip = _pip_files(machine)
    by_name = (environ.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"))
    main = next(filter(None, (*by_name, uv_main, pip.get("index-url", ""))), "") or uv_default(machine)
    further = " ".join(
        environ.get(name, "") for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    )
    words = [*further.split(), *uv_further, *pip.get("extra-index-url", "").split()]
    return main, [re.sub(r"^[\w.-]+=", "", word) for word in words]  # uv lets an index have a name


def python_builds(machine: Machine) -> dict[str, str]:
    """The operator's own builds of Python, as uv's variables: addresses that a box can reach, and files in it."""
    files = _uv_settings(machine)
    found = {}
    for variable, key in BUILDS.items():
        named = next((settings[key] for settings in files if settings.get(key)), "")
        address = without_credentials(machine.environ.get(variable) or str(named))
        if usable(address) or address.startswith(("/", "file:///")):
            found[variable] = address
    return found


def downloads_python(machine: Machine, hosts: tuple[str, ...]) -> bool:
    """Whether set-up may download Python: from a mirror, or from one of ``hosts``, which the operator opened."""
    modes = (
        machine.environ.get("UV_PYTHON_DOWNLOADS"),
        *(each.get("python-downloads") for each in _uv_settings(machine)),
    )
    if next((mode for mode in modes if mode is not None), "") in ("never", False):
        return False
    return bool(python_builds(machine)) or any(host in BUILD_HOSTS for host in hosts)


def uv_default(machine: Machine) -> str:
    """The index that uv asks where nothing is configured, from its own help."""
    printed = machine.ask([uv.find_uv_bin(), "pip", "install", "--help"])
    found = re.search(r"default package index \(by default:\s*<([^>]+)>", printed)
    return found[1] if found else ""


def _uv_files(machine: Machine) -> tuple[str, list[str]]:
    """The indexes of uv.toml."""
    main, further = "", []
    for settings in _uv_settings(machine):
        indexes = settings.get("index")
        for index in indexes if isinstance(indexes, list) else []:
            if isinstance(index, dict) and isinstance(url := index.get("url"), str):
                main = main or (url if index.get("default") else "")
                further += [] if index.get("default") else [url]
        legacy = settings.get("index-url")
        main = main or (legacy if isinstance(legacy, str) else "")
    return main, further


def _uv_settings(machine: Machine) -> list[Mapping[str, object]]:
    """The person's and the system's uv.toml: https://docs.astral.sh/uv/concepts/configuration-files/."""
    folders = (f"{_config_home(machine.environ)}/uv", "/etc/uv")
    return [toml(machine.read(f"{folder}/uv.toml")) for folder in folders]


def _pip_files(machine: Machine) -> dict[str, str]:
    """The settings in pip's files, the nearest last: https://pip.pypa.io/en/stable/topics/configuration/."""
    environ = machine.environ
    paths = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{environ.get('HOME', '/nonexistent')}/.pip/pip.conf"]
    paths += [f"{_config_home(environ)}/pip/pip.conf", *filter(None, [environ.get("PIP_CONFIG_FILE")])]
    parser = configparser.RawConfigParser(strict=False)
    try:
        for path in paths:
            parser.read_string(machine.read(path), path)
    except configparser.Error:
        return {}
    return {
        key: value for part in ("global", "install") if part in parser for key, value in parser.items(part)
    }


def _config_home(environ: Mapping[str, str]) -> str:
    return environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '/nonexistent')}/.config"


def listed_files(index: str, package: str) -> Iterator[str]:
    """The page's own address, then those of the files that an index lists for a package.

    Raises ``OSError`` or ``ValueError``. PEP 503 and 691.
    """
    page = f"{index.rstrip('/')}/{package}/"
    request = urllib.request.Request(page, headers={"Accept": PEP_691})  # noqa: S310 - usable: https only
    with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310
        raw = answer.read(ANSWER_BYTES)
        kind = answer.headers.get_content_type()
        address = answer.url
    yield address
    for link in _links(raw, kind):
        yield urllib.parse.urljoin(address, link)


def file_hosts(index: str) -> Iterator[str]:
    """The hosts of an index, redirects followed, and of its files; raises ``OSError`` or ``ValueError``."""
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
