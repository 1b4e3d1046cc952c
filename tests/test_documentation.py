"""The pages: examples are read by the real readers, quotes are what Dayhand says, links and tests exist."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dayhand.agent.model import prices
from dayhand.bench.truth.case import read_cases
from dayhand.dashboard.access import Access
from dayhand.environment.declared.dayhand_toml import KNOWN as SECTIONS
from dayhand.environment.declared.dayhand_toml import NAME, read_config
from dayhand.intake.verbs import fix
from dayhand.intake.verbs.table import VERBS
from dayhand.ledger.ledger import Ledger
from dayhand.ledger.log import LogReader
from dayhand.ledger.redis_server import connect, connect_raw
from dayhand.settings.table import KNOWN, ROWS, read_settings
from dayhand.web import Parts, create_app
from tests import reference

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "README.md"]
QUOTING = [ROOT / "docs" / "when-a-task-fails.md", ROOT / "docs" / "first-repository.md"]
FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"(?:export )?[A-Z][A-Z0-9_]*=.*")
SETTING = re.compile(r"(?P<name>(?:DAYHAND|GITHUB|OPENAI)_[A-Z_]+|REDIS_URL|DOCKER_HOST)=(?P<value>[^\s`]*)")
NAMES = {row.name for row in ROWS.values()}


@dataclass(frozen=True, slots=True)
class Block:
    page: Path
    line: int
    kind: str
    text: str


@pytest.mark.parametrize("name", reference.PARTS)
def test_what_is_written_from_the_code_is_up_to_date(name: str) -> None:
    page = reference.DOCS / name
    assert page.read_text(encoding="utf-8") == reference.rewritten(page), "stale: `make format` writes it"


def blocks() -> list[Block]:
    """Every fenced block of the pages, without the indent of the list that it is in."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            lines = [line.removeprefix(match["indent"]) for line in match["body"].splitlines()]
            found.append(Block(page, number, match["kind"], "\n".join(lines) + "\n"))
    return found


def named(block: Block) -> str:
    return f"{block.page.relative_to(ROOT)}:{block.line}"


def of_kind(*kinds: str) -> list[Block]:
    return [block for block in blocks() if block.kind in kinds]


def is_dotenv(block: Block) -> bool:
    lines = [line for line in block.text.splitlines() if line.strip() and not line.startswith("#")]
    return all(ASSIGNMENT.fullmatch(line) for line in lines)


def test_every_kind_of_block_has_a_reader() -> None:
    assert {block.kind for block in blocks()} <= {"", "sh", "toml", "json", "yaml", "mermaid"}
    dotenv = [block.page.name for block in of_kind("sh") if is_dotenv(block)]
    assert dotenv == ["README.md", "deploy-compose.md", "first-repository.md", "settings.md", "setup.md"]


@pytest.mark.parametrize("block", [block for block in of_kind("sh") if is_dotenv(block)], ids=named)
def test_a_dotenv_that_is_shown_can_be_copied(tmp_path: Path, block: Block) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(block.text, encoding="utf-8")
    assert set(re.findall(r"^([A-Z_]+)=", block.text, re.MULTILINE)) <= NAMES
    settings = read_settings({"DAYHAND_DATA": str(tmp_path)}, dotenv)
    if "DAYHAND_URL=" in block.text:
        assert settings.url == "https://dayhand.example.org", "a comment after a value is not part of it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_setting_that_is_shown_with_a_value_can_be_set_so(page: Path) -> None:
    for match in SETTING.finditer(page.read_text(encoding="utf-8")):
        value = match["value"].strip("'\"")
        assert match["name"] in NAMES
        if value and "UID" not in value and match["name"] != "GITHUB_WEBHOOK_SECRET":
            read_settings({match["name"]: value}, dotenv=None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_setting_that_is_mentioned_exists(page: Path) -> None:
    names = set(re.findall(r"`(DAYHAND_[A-Z_]+)", page.read_text(encoding="utf-8")))
    former = {row.former_name for row in ROWS.values()} if page.name == "settings.md" else set()
    assert names <= {*KNOWN, *former, "DAYHAND_"}


@dataclass(frozen=True, slots=True)
class OneFile:
    """A repository with nothing but ``.dayhand.toml``."""

    text: str

    def paths(self) -> tuple[str, ...]:
        return (NAME,)

    def read(self, path: str) -> str:
        return self.text if path == NAME else ""


@pytest.mark.parametrize("block", of_kind("toml"), ids=named)
def test_toml_that_is_shown_is_read_without_a_problem(tmp_path: Path, block: Block) -> None:
    if any(f"[{section}]" in block.text for section in SECTIONS):
        assert read_config(OneFile(block.text)).problems == ()
    elif block.text.startswith("expected = "):
        (tmp_path / "shown.toml").write_text(block.text, encoding="utf-8")
        assert [name for name, _ in read_cases(tmp_path)] == ["shown"]
    else:
        path = tmp_path / "prices.toml"
        path.write_text(block.text, encoding="utf-8")
        assert "my-model" in prices.load(path)


@pytest.mark.parametrize("block", of_kind("json", "yaml"), ids=named)
def test_json_and_yaml_that_are_shown_can_be_read(block: Block) -> None:
    assert json.loads(block.text) if block.kind == "json" else yaml.safe_load(block.text)


def test_the_apps_manifest_can_be_read() -> None:
    manifest = yaml.safe_load((ROOT / "app.yml").read_text(encoding="utf-8"))
    assert manifest["hook_attributes"]["url"] == f"{manifest['url']}/webhook"


@cache
def sentences() -> str:
    """All texts of the source, an f-string's parts joined by “…”."""
    texts = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("page", "quote"),
    [
        pytest.param(page, quote, id=quote)
        for page in QUOTING
        for quote in dict.fromkeys(re.findall(r"“([^”]+)”", page.read_text(encoding="utf-8")))
    ],
)
def test_a_quoted_sentence_is_one_that_dayhand_says(page: Path, quote: str) -> None:
    fragments = [part.strip() for part in quote.split("…") if part.strip()]
    missing = [part for part in fragments if part not in sentences()]
    assert missing == [], f"{page.name} quotes what no source says"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_of_ours_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8"))):
        file, _, anchor = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


@cache
def defined_tests() -> dict[str, set[str]]:
    """The names of the tests, by the name of their file."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        names = re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
        found.setdefault(path.name, set()).update(names)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_and_file_that_a_page_names_exists(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    every = set().union(*defined_tests().values())
    assert set(re.findall(r"`(test_\w+)`", text)) - every == set()
    missing = [
        f"{file}::{name}"
        for file, name in re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)::(test_\w+)`", text)
        if name not in defined_tests().get(file, set())
    ]
    missing += [
        path for path in re.findall(r"`((?:tests|deploy)/[\w./-]+)", text) if not (ROOT / path).exists()
    ]
    assert missing == []


def test_every_command_has_a_picture_of_its_answer_and_all_are_small() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    pictures = {path.name: path for path in (ROOT / "docs" / "images").glob("commands-*.png")}
    shown = re.findall(r'<img src="images/(commands-\w+\.png)"', page)
    assert sorted(shown) == sorted(pictures), "`python -m tests.pictures` takes them"
    assert {f"commands-{verb.NAME}.png" for verb in (*VERBS, fix)} <= set(shown)
    assert sum(path.stat().st_size for path in pictures.values()) < 400_000


def test_the_documented_endpoints_are_those_that_are_served() -> None:
    nowhere = "redis://127.0.0.1:1/0"
    redis = connect(nowhere)
    app = create_app(Parts(Ledger(redis), LogReader(redis), connect_raw(nowhere), ("s",), Access("t" * 32)))
    rules = [(rule.methods or set(), rule.rule) for rule in app.url_map.iter_rules()]
    served = {
        ("POST" if "POST" in methods else "GET", rule.replace("<task_id>", "<id>")) for methods, rule in rules
    }
    rows = re.findall(
        r"^\| `(GET|POST) (.*?) \|", (ROOT / "docs" / "http.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {(verb, path) for verb, cell in rows for path in re.findall(r"(/[^`,]*)", cell)}
    assert documented == {(verb, path.replace("<path:filename>", "…")) for verb, path in served}


def entries(nav: list[dict[str, Any]]) -> list[str]:
    """The pages of the site's navigation, in their order."""
    values = [value for entry in nav for value in entry.values()]
    return [page for value in values for page in ([value] if isinstance(value, str) else entries(value))]


def test_the_sites_navigation_has_every_page_once() -> None:
    site = tomllib.loads((ROOT / "deploy" / "site" / "zensical.toml").read_text(encoding="utf-8"))
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    listed = entries(site["project"]["nav"])
    assert sorted(listed) == sorted([*pages, "readme.md", "deploy.md", "changelog.md"])


def test_the_site_is_built_without_a_network_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    zensical = shutil.which(os.environ.get("ZENSICAL", "zensical"))
    if not zensical:
        pytest.skip("Zensical is not installed, and ZENSICAL names none: see docs/contributing.md")
    build = [sys.executable, ROOT / "deploy" / "site" / "build.py", tmp_path / "out"]
    env = {
        **os.environ,
        "ZENSICAL": zensical,
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    result = subprocess.run(build, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    site = tmp_path / "out" / "site"
    for page in site.glob("*.html"):
        loaded = re.findall(
            r"""<(?:script|img|iframe)[^>]* src=["']?([^"' >]+)""", page.read_text(encoding="utf-8")
        )
        assert [one for one in loaded if one.startswith(("http", "//"))] == []
    assert (site / "files" / "deploy" / "observability" / "alerts.yml.txt").exists(), (
        "what a page links to is part of the site"
    )
