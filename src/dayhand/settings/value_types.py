"""What a setting can be: each type turns a text into a checked value, and says in words what the text must be."""

from __future__ import annotations

import ipaddress
import posixpath
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from dayhand.startup.records import dataclass

T = TypeVar("T")
MAX_NUMBER = 10**15
MAX_LABEL_CHARS = 50  # GitHub's own limit: https://docs.github.com/rest/issues/labels#create-a-label
MAX_PORT = 65_535
MAX_LABEL_BYTES = 63  # of a host name: RFC 1035, section 2.3.4
SYSTEM_FOLDERS = frozenset(
    [
        "bin",
        "boot",
        "dev",
        "etc",
        "lib",
        "lib64",
        "proc",
        "run",
        "sbin",
        "sys",
        "tmp",
        "usr",
        "var",
        "workspace",
    ]
)
HOST = r"[a-z0-9][a-z0-9.-]*"


class WrongText(ValueError):
    """A text that a setting cannot take; ``str(error)`` is the part of it that is wrong."""


@dataclass(frozen=True, slots=True)
class SettingType(Generic[T]):
    """``caption`` completes “NAME must be …”; ``read`` gives the value or raises ``WrongText``."""

    caption: str
    read: Callable[[str], T]


def whole_number(minimum: int = 0, maximum: int = MAX_NUMBER) -> SettingType[int]:
    """A number written in ASCII digits, within these limits."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,16}", text) or not minimum <= int(text) <= maximum:
            raise WrongText(text)
        return int(text)

    if maximum != MAX_NUMBER:
        return SettingType(f"a whole number from {minimum} to {maximum}", read)
    return SettingType(f"a whole number of at least {minimum}" if minimum else "a whole number", read)


def one_of(*known: str) -> SettingType[str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in known:
            raise WrongText(text)
        return text

    return SettingType(f"one of {', '.join(known)}", read)


def matching(caption: str, pattern: str) -> SettingType[str]:
    """A text that the whole pattern fits."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise WrongText(text)
        return text

    return SettingType(caption, read)


def comma_separated(caption: str, item: SettingType[str]) -> SettingType[tuple[str, ...]]:
    """Items between commas, each once, in their order; an empty item is left out."""

    def read(text: str) -> tuple[str, ...]:
        words = (word.strip() for word in text.split(","))
        return tuple(dict.fromkeys(item.read(word) for word in words if word))

    return SettingType(f"{caption}, separated by commas", read)


_OPTION = r"[?&][\w.-]*(?:password|secret|token|key)="
PASSWORD_OPTION = re.compile(rf"({_OPTION})([^&\s]+)", re.IGNORECASE)
# What stands between // and @. Where an option holds an @, nobody can tell which one ends the login: all of that goes.
_LOGIN = re.compile(rf"//\S*{_OPTION}\S*@[^&\s]*|//\S*@", re.IGNORECASE)


def mask_password(text: str) -> str:
    """The same text without the login of an address, and without the passwords among its options."""
    return PASSWORD_OPTION.sub(r"\1…", _LOGIN.sub("//…@", text))


def _read_amount(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise WrongText(text)
    return float(text)


def _read_path(text: str) -> Path:
    try:
        return Path(text).expanduser().resolve()
    except (RuntimeError, ValueError, OSError) as error:  # no such user's home, a NUL byte, a loop of links
        raise WrongText(text) from error


def _split_address(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError as error:  # a port that is not one, a bracket that is never closed
        raise WrongText(text) from error
    if not sound or not text.isprintable() or " " in text:
        raise WrongText(text)
    return parts


def _read_address(text: str) -> str:
    _split_address(text)
    return text.rstrip("/")


def _read_plain_address(text: str) -> str:
    parts = _split_address(text)
    if parts.username is not None or parts.query or parts.fragment:
        raise WrongText(text)
    return text.rstrip("/")


def _read_webhook_address(text: str) -> str:
    """https, or http on this machine: what is sent names repositories, and the address is a secret."""
    parts = _split_address(text)
    host = parts.hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if (parts.scheme != "https" and not loopback) or parts.username is not None or parts.fragment:
        raise WrongText(text)
    return text


def _read_redis_address(text: str) -> str:
    # Heavy, and only needed where an address is set.
    from redis.connection import ConnectionPool, parse_url
    from redis.exceptions import RedisError

    from dayhand.ledger.sentinels import SCHEMES, read_sentinel_address

    if text.startswith(SCHEMES):
        try:
            read_sentinel_address(text)
        except ValueError as error:
            raise WrongText(text) from error
        return text
    try:
        parts = urlsplit(text)
        options = parse_url(text)  # type: ignore[no-untyped-call]
        ConnectionPool.from_url(
            text
        ).make_connection()  # it connects to nothing, but knows each option after “?”
    except (TypeError, ValueError, RedisError) as error:
        raise WrongText(text) from error
    if parts.scheme == "unix" and not options.get("path"):
        raise WrongText(text)
    if parts.scheme != "unix" and parts.path.strip("/") and not parts.path.strip("/").isdigit():
        raise WrongText(text)
    return text


def _read_docker_host(text: str) -> str:
    """The sandbox reads the rest."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        sound = bool(re.fullmatch(r"[!-~]+", text)) and parts.port != 0
    except ValueError as error:  # a port that is not one, a bracket that is never closed
        raise WrongText(text) from error
    if not sound:
        raise WrongText(text)
    return text


def _is_host(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        name = text.lower().removesuffix(".")
        sound = bool(re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", name))
        return sound and all(0 < len(label) <= MAX_LABEL_BYTES for label in name.split("."))


def _read_host(text: str) -> str:
    if not _is_host(text):
        raise WrongText(text)
    return text


def _read_webhook_secrets(text: str) -> tuple[str, ...]:
    """Each secret, and the whole text as well: a single secret may contain commas."""
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):  # the last are bytes that are not UTF-8
        raise WrongText(text)
    words = (text, *(word.strip() for word in text.split(",")))
    return tuple(dict.fromkeys(word for word in words if word.strip(" ,")))


def _read_label(text: str) -> str:
    hidden = any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in text)
    if hidden or len(text) > MAX_LABEL_CHARS:
        raise WrongText(text)
    return text


def _read_toolchain_folder(text: str) -> str:
    """A folder that boxes may see: not one that they have themselves, and none that holds all kinds of things."""
    parts = text.split("/")[1:]
    sound = text.startswith("/") and text.isprintable() and posixpath.normpath(text) == text
    home = len(parts) == 2 and parts[0] == "home"
    if not sound or len(parts) < 2 or home or parts[0] in SYSTEM_FOLDERS or parts[:2] == ["opt", "env"]:
        raise WrongText(text)
    return text


PORT = whole_number(1, MAX_PORT)
APP_ID = SettingType(
    "the App's number: “App ID” on its settings page, not the client id", whole_number(1).read
)
AMOUNT = SettingType("a number such as 5 or 1.50", _read_amount)
DAILY_CAPS = comma_separated(
    "limits such as person=5 or repository=20 or installation=50.00",
    matching("a limit", r"(?:person|repository|installation)=[0-9]{1,6}(?:\.[0-9]{1,2})?"),
)
DAILY_USAGE = comma_separated(
    "limits such as person=20 tasks or repository=300 minutes or installation=5000000 tokens",
    matching("a limit", r"(?:person|repository|installation)=[1-9][0-9]{0,11} ?(?:tasks|minutes|tokens)"),
)
PATH = SettingType("a path", _read_path)
ADDRESS = SettingType("an address such as https://example.org/v1", _read_address)
PLAIN_ADDRESS = SettingType(
    "an address such as https://example.org, without a password and without “?” or “#”", _read_plain_address
)
WEBHOOK_ADDRESS = SettingType(
    "an https address without a password, or an http one of this machine", _read_webhook_address
)
REDIS_ADDRESS = SettingType(
    "an address such as redis://HOST:6379/0, rediss://…, redis+sentinel://HOST:26379,HOST:26379/NAME or unix:///PATH",
    _read_redis_address,
)
HOST_NAME = SettingType("a host name or IP address", _read_host)
LABEL = SettingType(f"a label of at most {MAX_LABEL_CHARS} visible characters", _read_label)
# Characters that need no quoting in an address, a header or a shell; enough of them to rule out guessing.
TOKEN_PATTERN = r"[A-Za-z0-9_-]{32,200}"  # noqa: S105 - a pattern
TOKEN = matching("32 to 200 letters, digits, “-” or “_”", TOKEN_PATTERN)
SECRET = matching("printable ASCII characters without spaces", r"[!-~]+")
KEY_TEXT = matching("the text of a .pem file", r"[\x01-\x7f]+")
WEBHOOK_SECRETS = SettingType(
    "printable characters; several secrets are separated by commas", _read_webhook_secrets
)
MODELS = comma_separated("names of models", matching("a name", r"[!-~]{1,200}"))
# A user's name on GitHub, which is also what can stand after “@”.
HANDLES = comma_separated(
    "names of letters, digits and single hyphens, without “@”",
    matching("a name", r"(?=.{1,39}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*"),
)
REGISTRIES = comma_separated(
    "hosts (files.example.org, *.example.org), python=URL or npm=URL, by https on port 443 and without a password",
    matching("a registry", rf"(\*\.)?{HOST}|(python|npm)=https://{HOST}(:443)?(/[^\s@]*)?"),
)
TOOLCHAINS = comma_separated(
    "absolute paths of folders that hold only toolchains (/opt/pyenv, /home/ci/.nvm), not of home or system folders",
    SettingType("a folder", _read_toolchain_folder),
)
DOCKER_HOST = SettingType("an address such as unix:///PATH or tcp://HOST:PORT", _read_docker_host)
# https://pkg.go.dev/github.com/distribution/reference
IMAGE = matching("the name of an image", r"[a-z0-9][\w.:/-]{0,254}(@[a-z0-9]+:[0-9a-f]+)?")
RUNTIME = matching("the name of a runtime", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
