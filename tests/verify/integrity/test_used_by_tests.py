"""Files that tests use are exchanged with the tests, wherever they lie; what the product uses is source."""

from __future__ import annotations

import pytest

from dayhand.verify.trees import Trees
from tests.verify.files import InMemoryFiles

TEST = {
    "tests/test_shop.py": "from shop import total\nfrom checks import assert_total\nEXPECTED = open('expected.json')\n",
    "src/shop.test.ts": "import { assertTotal } from './checks';\n",
}
PYPROJECT = '[project]\nname = "shop"\ndependencies = [{}]\n[tool.pytest.ini_options]\naddopts = "{}"\n'
NEEDS = '{"dependencies": {"chai": "5"}}'


def wording(changed: str, text: str, others: dict[str, str], *, alone: bool) -> tuple[str, ...]:
    """What is exchanged with the tests, where a file changes, beside the source of the product or alone."""
    before = {"shop.py": "def total(): ...\n", **TEST, **others, changed: text}
    after = {**before, changed: f"{text}\n"} | ({} if alone else {"shop.py": "def total(): return 1\n"})
    paths = tuple(path for path in after if after[path] != before[path])
    trees = Trees(
        lambda _: None, lambda _: None, "c0ffee", InMemoryFiles(before), InMemoryFiles(after), paths
    )
    assert sorted((*trees.wording, *trees.source)) == sorted(paths)
    return trees.wording


@pytest.mark.parametrize(
    ("path", "text", "others"),
    [
        ("prepare.js", "", {"package.json": '{"jest": {"setupFiles": ["./prepare.js"]}}'}),
        ("setup/env.ts", "", {"jest.config.ts": "export default { setupFilesAfterEnv: ['<rootDir>/setup/env.ts'] };"}),
        ("web/prepare.js", "", {"web/vitest.config.js": "export default { test: { setupFiles: [resolve('./prepare.js')] } };"}),
        ("setup/index.js", "", {"vitest.config.js": "export default { test: { globalSetup: './setup' } };"}),
        ("prepare.js", "", {".mocharc.json": '{"require": ["./prepare.js"]}'}),
        ("prepare.mjs", "", {"package.json": '{"scripts": {"test": "mocha --require ./prepare.mjs"}}'}),
        ("prepare.js", "", {"package.json": '{"scripts": {"test": "node --import=./prepare.js --test"}}'}),
        ("prepare.rb", "", {".rspec": "--require ./prepare\n"}),
        ("prepare.php", "", {"phpunit.xml": '<phpunit bootstrap="prepare.php">'}),
        ("extras.py", "", {"pyproject.toml": PYPROJECT.format("", "-q -p extras")}),
        ("kit/plugin.py", "", {"conftest.py": 'pytest_plugins = ["kit.plugin"]\n'}),
        ("shop_kit.py", "import pytest\n", {}),
        ("cases.py", "from unittest import TestCase\n", {}),
        ("checks.py", "def assert_total(a):\n    assert a\n", {}),
        ("src/checks.ts", "export function assertTotal(a) {}\n", {}),
        ("kit.js", "exports.adds = (a) => { expect(a).toBe(1); };\n", {}),
        ("kit.ts", "import { expect } from 'vitest';\n", {}),
        ("kit/kit.go", 'package kit\n\nimport "testing"\n', {}),
        ("lib/kit.rb", "module RSpec\nend\n", {}),
        ("src/Kit.php", "use PHPUnit\\Framework\\Assert;\n", {}),
        ("src/main/java/Kit.java", "import static org.junit.jupiter.api.Assertions.assertEquals;\n", {}),
        ("expected.json", "{}", {}),
        ("data/expected.json", "{}", {}),
    ],
)  # fmt: skip
def test_what_only_tests_use_is_exchanged_with_them(path: str, text: str, others: dict[str, str]) -> None:
    assert wording(path, text, others, alone=False) == (path,)


@pytest.mark.parametrize(
    ("path", "text", "others", "alone"),
    [
        ("kit.py", "import shop\n", {"pyproject.toml": PYPROJECT.format("", "--cov=kit --import-mode=importlib")}, False),
        ("kit.js", "", {"package.json": '{"jest": {"collectCoverageFrom": ["kit.js"], "moduleNameMapper": {"kit": "./kit.js"}}}'}, False),
        ("kit.js", "", {"package.json": '{"scripts": {"test": "jest", "start": "node --require ./kit.js ."}}'}, False),
        ("kit.py", "# import pytest\nfrom unittest.mock import Mock\nfrom unittest import mock\n", {}, False),
        ("kit.js", "const assert = require('node:assert');\nassert(1);\n", {}, False),
        ("kit.py", "import pytest\n", {"pyproject.toml": PYPROJECT.format('"pytest>=8"', "")}, False),
        ("kit.ts", "import { expect } from 'chai';\n", {"package.json": NEEDS}, False),
        ("kit.py", "import pytest\n", {}, True),
        ("kit.py", "def assert_positive(a):\n    assert a\n", {}, False),
        ("checks.py", "def assert_total(a):\n    assert a\n", {"other.py": "import checks\n"}, False),
        ("src/checks.ts", "export function assertNever(a) {}\n", {"src/shop.ts": "import { assertNever } from './checks';\n"}, False),
        ("expected.json", "{}", {"kit.py": "open('expected.json')\n"}, False),
        ("data/expected.json", "{}", {"kit.py": "open(f'data/{name}.json')\n"}, False),
        ("expected.json", "{}", {"kit.py": "open('expected' + SUFFIX)\n"}, False),
        ("other.json", "{}", {}, False),
        ("README.md", "expected.json", {}, False),
    ],
)  # fmt: skip
def test_what_the_product_uses_is_source(
    path: str, text: str, others: dict[str, str], *, alone: bool
) -> None:
    assert wording(path, text, others, alone=alone) == ()
