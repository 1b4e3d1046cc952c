"""The versions that a repository asks for, and the sentence where the box has no version that fits."""

from __future__ import annotations

import pytest

from dayhand.environment import version_pins
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.setup import runtimes

BOX = 'Linux x86_64\nPython 3.11.2 (main)\nv20.11.1\nPython 3.9.2\nopenjdk version "17.0.15" 2025-04-15\n'


def unmet(files, surveyed):
    pins = version_pins.all_pins(files, ECOSYSTEMS, ())
    return version_pins.unmet(pins, version_pins.surveyed_versions(surveyed, ECOSYSTEMS))


@pytest.mark.parametrize(
    ("path", "text", "pin"),
    [
        (".python-version", "# why\n3.12\n3.11\n", ("python", "3.12")),
        (".nvmrc", "v18.2.0\n", ("node", "v18.2.0")),
        (".ruby-version", "ruby-3.3.0\n", ("ruby", "3.3.0")),
        (".tool-versions", "nodejs 22.1.0 # current\nterraform 1.0\n", ("node", "22.1.0")),
        (".tool-versions", "java temurin-21.0.2\n", ("java", "21.0.2")),
        ("mise.toml", "[tools]\npython = ['3.13', '3.12']\n", ("python", "3.13")),
        (".mise.toml", "[tools]\ngo = { version = '1.22' }\n", ("go", "1.22")),
        ("package.json", '{"engines": {"node": ">=22", "npm": "1"}}', ("node", ">=22")),
        ("pyproject.toml", "[project]\nrequires-python = '>=3.12'\n", ("python", ">=3.12")),
        ("composer.json", '{"require": {"php": "^8.1"}}', ("php", "^8.1")),
        ("go.mod", "module a\n\ngo 1.22\n", ("go", ">=1.22")),
        ("rust-toolchain.toml", '[toolchain]\nchannel = "1.80"\n', ("rust", "1.80")),
        ("rust-toolchain", "1.79.0\n", ("rust", "1.79.0")),
    ],
)
def test_a_pin_is_read_where_it_stands(files, path, text, pin):
    (read,) = version_pins.read_pins(files({path: text}), ECOSYSTEMS)
    assert (read.language.key, read.wanted) == pin
    assert read.source.startswith(path)


@pytest.mark.parametrize(
    ("wanted", "have", "fit"),
    [
        ("3.11", "3.11.2", True),
        ("3.1", "3.11.2", False),
        ("v20", "20.11.1", True),
        ("20.x", "20.11.1", True),
        ("3.11.4", "3.11.2", False),
        (">=18", "20.11.1", True),
        (">=18 <20", "20.11.1", False),
        (">= 3.10, <4", "3.11.2", True),
        (">=18<20", "20.11.1", False),
        ("<=20", "20.11.1", True),
        (">20", "20.11.1", False),
        ("^18.0.0 || >=20.5", "20.11.1", True),
        ("^18 || ^19", "20.11.1", False),
        ("18 - 22", "20.11.1", True),
        ("^0.3.1", "0.4.0", False),
        ("~=3.11.1", "3.11.2", True),
        ("~=3.11", "3.12.0", True),
        ("~20.10", "20.11.1", False),
        ("!=3.11.2", "3.11.2", False),
        ("==3.11.*", "3.11.2", True),
        ("*", "1.0", True),
        ("lts/iron", "20.11.1", None),
    ],
)
def test_a_wish_and_a_version(wanted, have, fit):
    assert version_pins.fits(wanted, have) is fit


def test_what_any_of_the_boxes_versions_fits_is_not_mentioned(files):
    texts = {".python-version": "3.9", ".nvmrc": "lts/*", "package.json": '{"engines": {"node": ">=18"}}'}
    assert unmet(files(texts), BOX) == ()


def test_what_the_box_has_otherwise_is_said(files):
    python, java = unmet(files({".tool-versions": "python 3.13.1\njava 21\n"}), BOX)
    asks = ".tool-versions asks for Python 3.13.1; the box has 3.11.2 and 3.9.2, which is used."
    assert python == f"{asks} `DAYHAND_TOOLCHAINS` can name a folder that has it."
    assert java.startswith(".tool-versions asks for Java 21; the box has 17.0.15, which is used.")


def test_node_that_has_to_be_brought_may_be_another(files):
    (sentence,) = unmet(files({".nvmrc": "18"}), "Linux")
    assert sentence.endswith(
        "the box has none, so the package registry's version is used. " + version_pins.ADVICE
    )


@pytest.mark.parametrize("name", ["package.json", "pyproject.toml", "composer.json", "mise.toml", ".nvmrc"])
def test_a_file_that_makes_no_sense_pins_nothing(files, name):
    for text in ("", "[", '{"engines": 3, "require": []}', "[tools]\npython = []\n[project]\nx = 1\n"):
        assert all(pin.source == ".nvmrc" for pin in version_pins.read_pins(files({name: text}), ECOSYSTEMS))


def test_the_survey_of_a_real_box_is_understood(sandbox, files):
    base_image = runtimes.survey(sandbox)
    (sentence,) = unmet(files({".python-version": "2.7"}), base_image.identity)
    assert ".python-version asks for Python 2.7; the box has 3." in sentence


def test_each_language_of_the_box_is_named_with_its_versions():
    versions = {"python": ("3.11.2", "3.12.1", "3.11.2"), "node": ("20.1.0",), "go": (), "other": ("1",)}
    named = version_pins.named_versions(versions, ECOSYSTEMS)
    assert named == ("Node 20.1.0", "Python 3.11.2 and 3.12.1")
