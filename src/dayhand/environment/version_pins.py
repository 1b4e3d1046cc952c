"""The versions of languages that a repository asks for, compared with those that the box has.

The clients themselves take a pinned version where the box has it (uv takes the Python that fits); ``setup/toolchains.py`` finds
further versions. Here is reported which pin cannot be met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from dayhand.environment.ecosystems.base import Ecosystem, Files, Language
from dayhand.environment.manifest import table, toml
from dayhand.startup.records import dataclass

TOOL_VERSIONS = ".tool-versions"
MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".config/mise.toml")
VERSION_MANAGERS = (TOOL_VERSIONS, *MISE)
ADVICE = "`DAYHAND_TOOLCHAINS` can name a folder that has it."
PART = re.compile(r"(===|==|~=|!=|>=|<=|\^|~>?|>|<|=)?\s*v?(\d+(?:\.(?:\d+|[xX*]))*)[^\s,|<>=~^!]*")


@dataclass(frozen=True, slots=True)
class Pin:
    """One request for a language's version, as it is written."""

    language: Language
    wanted: str  # "20", "3.11.4", ">=18 <23"
    source: str  # ".nvmrc"


def surveyed_versions(surveyed: str, ecosystems: tuple[Ecosystem, ...]) -> dict[str, tuple[str, ...]]:
    """The versions of each language that an empty box printed for its ``survey``, the usual one first."""
    languages = (each.LANGUAGE for each in ecosystems if each.LANGUAGE.key)
    return {each.key: tuple(re.findall(each.answer, surveyed, re.MULTILINE)) for each in languages}


def named_versions(
    versions: Mapping[str, tuple[str, ...]], ecosystems: tuple[Ecosystem, ...]
) -> tuple[str, ...]:
    """Each language that a box has, with its versions."""
    names = {each.LANGUAGE.key: each.LANGUAGE.name for each in ecosystems}
    return tuple(
        f"{names[key]} {' and '.join(dict.fromkeys(found))}"
        for key, found in sorted(versions.items())
        if found and key in names
    )


def all_pins(files: Files, ecosystems: tuple[Ecosystem, ...], further: tuple[Pin, ...]) -> tuple[Pin, ...]:
    """The pins of the files; ``further`` ones count for a language that these do not pin."""
    pins = tuple(read_pins(files, ecosystems))
    pinned = {pin.language for pin in pins}
    return (*pins, *(pin for pin in further if pin.language not in pinned))


def unmet(
    pins: Iterable[Pin],
    versions: Mapping[str, tuple[str, ...]],
    *,
    provided: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """One sentence for each pin that no version in the box meets; a name such as "lts/*" is not judged.

    ``versions`` are those that a box has, by language; ``provided`` are languages of which set-up gets the wanted version.
    """
    sentences = []
    for pin in pins:
        language = pin.language
        here = versions.get(language.key, ())
        if language.key in provided or (not here and not language.provided):  # a check says what is missing
            continue
        if any(fits(pin.wanted, version) is not False for version in here):
            continue
        asks = f"{pin.source} asks for {language.name} {pin.wanted}"
        had = f"the box has {' and '.join(dict.fromkeys(here))}, which is used"
        had = had if here else "the box has none, so the package registry's version is used"
        sentences.append(f"{asks}; {had}. {ADVICE}")
    return tuple(dict.fromkeys(sentences))


def read_pins(files: Files, ecosystems: tuple[Ecosystem, ...]) -> Iterator[Pin]:
    """Every pin of a repository; those for people's version managers come before those in manifests."""
    for ecosystem in ecosystems:
        for name in ecosystem.PINS:
            if wanted := ecosystem.read_pin(files.read(name)):
                yield Pin(ecosystem.LANGUAGE, wanted, name)
        yield from read_version_managers(files, ecosystem.LANGUAGE)
    for ecosystem in ecosystems:
        for source, version in ecosystem.required_versions(files):
            yield from _pin(ecosystem.LANGUAGE, version, source)


def read_version_managers(files: Files, language: Language) -> Iterator[Pin]:
    """What ``.tool-versions`` and mise ask for."""
    names = (language.key, *language.aliases)
    for line in files.read(TOOL_VERSIONS).splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0] in names:
            yield from _pin(language, words[1], TOOL_VERSIONS)
    for path in MISE:
        for tool, version in table(toml(files.read(path)), "tools").items():
            if tool in names:
                yield from _pin(language, _mise_version(version), path)


def fits(wanted: str, version: str) -> bool | None:
    """Whether a version meets a request; None where the request names no version that can be read."""
    found = False
    for alternative in re.split(r"\|\|?", wanted):
        text = re.sub(r"(\d\S*)\s+-\s+(\d)", r">=\1 <=\2", alternative)  # npm's "1.2 - 3"
        parts = list(PART.finditer(text))
        if not parts:
            if alternative.strip() in ("*", "x"):
                return True
            continue
        found = True
        if all(_part_fits(part[1] or "", part[2], version) for part in parts):
            return True
    return False if found else None


def _part_fits(operator: str, wanted: str, version: str) -> bool:
    prefix = [int(number) for number in re.split(r"\.?[xX*]", wanted)[0].split(".") if number]
    exact = [int(number) for number in version.strip(".").split(".")]
    width = max(len(prefix), len(exact))
    left, right = exact + [0] * (width - len(exact)), prefix + [0] * (width - len(prefix))
    same = exact[: len(prefix)] == prefix
    if operator in ("^", "~", "~=", "~>"):
        # ^0.3 keeps to 0.3; ~1.2 and ~=1.2.3 keep to 1.2, ~=1.2 and ~>1.2 to 1, ~1 to 1
        fixed = _fixed_parts(operator, prefix)
        return left >= right and exact[:fixed] == prefix[:fixed]
    return {
        ">=": left >= right,
        "<=": left <= right or same,
        ">": left > right and not same,
        "<": left < right,
        "!=": not same,
    }.get(operator, same)


def _fixed_parts(operator: str, prefix: list[int]) -> int:
    if operator == "^":
        return next((at for at, number in enumerate(prefix, 1) if number), len(prefix))
    if operator == "~":
        return min(len(prefix), 2)
    return max(len(prefix) - 1, 1)


def _pin(language: Language, version: object, source: str) -> Iterator[Pin]:
    if isinstance(version, str) and re.search(r"\d", version):
        # Java's builds have a vendor's name in front: temurin-17.0.2
        yield Pin(language, re.sub(r"^[a-z]+-(?=\d)", "", version.strip()), source)


def _mise_version(value: object) -> object:
    """In mise, a tool's version is a string, a list of strings or a table."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value.get("version") if isinstance(value, dict) else value
