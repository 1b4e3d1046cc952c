"""Which registries the clients are configured for: only what the operator configured counts."""

from __future__ import annotations

import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from dayhand.environment.ecosystems import base, dotnet, go, java, php, ruby, rust
from dayhand.environment.registries.machine import HostMachine


@pytest.fixture
def home(tmp_path):
    """A machine with no client and no settings."""
    return {"HOME": str(tmp_path), "PATH": str(tmp_path)}


@pytest.fixture
def put(home):
    def write(path: str, text: str) -> None:
        target = Path(home["HOME"]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    return write


@pytest.mark.parametrize("ecosystem", [dotnet, go, java, php, ruby, rust])
def test_a_client_that_nobody_configured_gets_no_host_and_that_is_said(ecosystem, home):
    registry = ecosystem.find_registry(HostMachine(home))
    assert registry.hosts == ()
    assert registry.problem.startswith(f"No registry is configured here for {ecosystem.CLIENT}")
    assert ".dayhand.toml" in registry.problem


def test_gos_proxies_are_taken_without_credentials_and_without_the_way_around_them(home):
    env = {**home, "GOPROXY": "https://me:secret@go.example.org/a,https://b.example.org|direct"}
    registry = go.find_registry(HostMachine(env))
    assert registry.hosts == ("go.example.org", "b.example.org")
    assert registry.env == {"GOPROXY": "https://go.example.org/a,https://b.example.org"}


def test_an_address_that_no_box_can_reach_is_named(home):
    registry = go.find_registry(HostMachine({**home, "GOPROXY": "http://go.example.org"}))
    assert registry.hosts == ()
    assert "http://go.example.org is not https on port 443" in registry.problem


def test_cargos_replaced_source_is_handed_on_as_cargo_writes_it(home, put):
    put(
        ".cargo/config.toml",
        '[source.crates-io]\nreplace-with = "ours"\n[source.ours]\nregistry = "sparse+https://c.example.org/i/"\n',
    )
    registry = rust.find_registry(HostMachine(home))
    assert registry.hosts == ("c.example.org",)
    handed = tomllib.loads(registry.env["CARGO_SETTINGS"])
    assert handed["source"]["configured"]["registry"] == "sparse+https://c.example.org/i/"
    assert handed["source"]["crates-io"]["replace-with"] == "configured"


@pytest.mark.parametrize("broken", ["[", "source = 3", "[source.crates-io]\nreplace-with = 3"])
def test_cargo_settings_that_make_no_sense_configure_nothing(home, put, broken):
    put(".cargo/config.toml", broken)
    assert rust.find_registry(HostMachine(home)).hosts == ()


def test_mavens_mirror_is_handed_on_and_java_is_told_of_the_proxy(home, put):
    url = "https://m.example.org/maven?a=1&amp;b=2"
    mirror = f"<mirror><id>x</id><mirrorOf>central</mirrorOf><url>{url}</url></mirror>"
    space = "http://maven.apache.org/SETTINGS/1.0.0"
    put(".m2/settings.xml", f'<settings xmlns="{space}"><mirrors>{mirror}</mirrors></settings>')
    registry = java.find_registry(HostMachine(home))
    assert registry.hosts == ("m.example.org",)
    handed = ET.fromstring(registry.env["MAVEN_SETTINGS"])
    assert handed.findtext("mirrors/mirror/url") == "https://m.example.org/maven?a=1&b=2"
    assert "-Dhttps.proxyHost=127.0.0.1" in registry.env["JAVA_TOOL_OPTIONS"]


def test_a_mirror_of_something_else_is_not_mavens_registry(home, put):
    mirror = "<mirror><mirrorOf>theirs</mirrorOf><url>https://m.example.org</url></mirror>"
    put(".m2/settings.xml", f"<settings><mirrors>{mirror}</mirrors></settings>")
    assert java.find_registry(HostMachine(home)).hosts == ()


def test_bundlers_mirror_is_taken(home):
    env = {**home, "BUNDLE_MIRROR__HTTPS://GEMS__EXAMPLE__ORG/": "https://g.example.org"}
    assert ruby.find_registry(HostMachine(env)).env == {"BUNDLE_MIRROR__ALL": "https://g.example.org"}


@pytest.mark.parametrize(
    ("ecosystem", "program", "says"),
    [
        (go, "go", "https://r.example.org,direct"),
        (ruby, "gem", "*** CURRENT SOURCES ***\n\nhttps://r.example.org/"),
        (php, "composer", '{"a": {"type": "composer", "url": "https://r.example.org"}, "b": false}'),
        (dotnet, "dotnet", "E https://r.example.org/v3/index.json\nD https://off.example.org"),
    ],
)
def test_a_client_on_this_machine_is_asked(ecosystem, program, says, home, put):
    put("said", says)
    put(program, f"#!/bin/sh\nexec /bin/cat {home['HOME']}/said\n")
    (Path(home["HOME"]) / program).chmod(0o755)
    assert ecosystem.find_registry(HostMachine(home)).hosts[0] == "r.example.org"


def test_settings_are_written_only_where_there_are_any(tmp_path):
    (command,) = base.write_settings("cargo", "CARGO_SETTINGS", f"{tmp_path}/cargo/config.toml").commands
    assert command.startswith('test -z "$CARGO_SETTINGS" || {')


def test_a_registry_that_lies_in_the_box_needs_no_host_and_cargo_has_none_such(home, put):
    mirror = "<mirrorOf>*</mirrorOf><url>file:///usr/share/maven-repo</url>"
    put(".m2/settings.xml", f"<settings><mirrors><mirror>{mirror}</mirror></mirrors></settings>")
    registry = java.find_registry(HostMachine(home))
    assert (registry.hosts, registry.problem) == ((), "")
    assert "file:///usr/share/maven-repo" in registry.env["MAVEN_SETTINGS"]
    put(
        ".cargo/config.toml",
        '[source.crates-io]\nreplace-with = "o"\n[source.o]\nregistry = "file:///srv/index"\n',
    )
    assert rust.find_registry(HostMachine(home)).problem


@pytest.mark.parametrize(
    ("database", "hosts"),
    [
        ("sums.example.org", ("go.example.org", "sums.example.org")),
        ("sums.example.org+key", ("go.example.org", "sums.example.org")),
        ("name+key https://sums.example.org/a", ("go.example.org", "sums.example.org")),
        ("off", ("go.example.org",)),
        ("", ("go.example.org",)),
    ],
)
def test_gos_checksum_database_is_reached_as_it_is_configured(home, database, hosts):
    env = {**home, "GOPROXY": "https://go.example.org", "GOSUMDB": database}
    assert go.find_registry(HostMachine(env)).hosts == hosts


def test_bundlers_own_list_of_gems_is_reached_beside_the_source(home):
    env = {**home, "BUNDLE_MIRROR__ALL": "https://gems.example.org"}
    assert ruby.find_registry(HostMachine(env)).hosts == ("gems.example.org", "index.gems.example.org")
