"""An ecosystem in one module, as a new one would be written; no other file names it."""

from __future__ import annotations

import re

from dayhand.box_paths import BUILD_CACHE
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Fetch, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.registries.base import Machine, Registry, configured

MANIFESTS: Names = ("toy.manifest",)
LOCKS: Names = ("toy.lock",)
SETTINGS: Names = ("toy.settings",)
SETTINGS_PATTERN = re.compile(r"(.*/)?\w+\.toyspec")
SETUP_ENV = base.NO_ENV
OFFLINE = base.NO_ENV
LANGUAGE = Language("toy", "Toy", ("toylang",), "echo toy 1.2.0", r"^toy (\d[\d.]*)")
PINS: Names = (".toy-version",)
CLIENT = "toybox"
NESTED = Nested(("toy.manifest",))

CONNECT = "; ".join(
    f's = socket.create_connection(("127.0.0.1", 3128)); s.sendall(b"CONNECT {host}:443 HTTP/1.1\\r\\n\\r\\n"); s.recv(99)'
    for host in ("toys.invalid", "other.invalid")
)

ASK = f"python3 -c 'import socket; {CONNECT}'"
DOWNLOAD = f"{ASK}; {{ cat toy.lock; find . -type f; }} > /opt/env/toys; cp toy.lock downloaded"

members = base.no_members
read_pin = base.first_word
required_versions = base.no_versions


def plan(files: Files) -> SetupPlan | None:
    """Toys are downloaded, and listed with everything that the box of the download can see; ``play.sh`` installs more."""
    paths = files.paths()
    if "toy.manifest" not in paths:
        return None
    download = Step("download toys", (DOWNLOAD,), runs_code=False)
    steps = (download,) if "toy.lock" in paths else (Step("install toys", (ASK,)),)
    steps += (Step("play", ("sh ./play.sh",)),) if "play.sh" in paths else ()
    texts = base.whole(files, ("toy.lock",))
    fetch = Fetch(texts, download) if texts else None
    checks = (Check("test", "cat /opt/env/toys", "true", "toy", "toy.manifest"),)
    return SetupPlan("Toy", steps, checks, {}, (*MANIFESTS, *LOCKS), client=CLIENT, fetch=fetch)


def compile_only(command: str, files: Files) -> Step | None:
    if "toy.source" not in files.paths() or "toys" not in command:
        return None
    return Step(
        "compile toys", (f"mkdir -p {BUILD_CACHE} && cat toy.source >> {BUILD_CACHE}/toys",), runs_code=False
    )


def find_registry(_machine: Machine) -> Registry:
    return configured(CLIENT, ["https://toys.invalid"], lambda urls: {"TOYS": " ".join(urls)})
