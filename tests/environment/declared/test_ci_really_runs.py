"""The story that this product began with: a back end beside a front end, set up and checked as CI does it, each in its folder."""

from __future__ import annotations

import json

import pytest

from dayhand.environment.prepare import prepare
from tests.environment.test_prepare import all_pass, run_checks

WORKFLOWS = {
    ".github/workflows/backend.yml": """
on: {pull_request: {paths: ["backend/**"]}}
defaults: {run: {working-directory: backend}}
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: {matrix: {os: [windows-latest, ubuntu-latest], python: ["3.8", "3.11", "3.99"]}}
    env: {SHOP_CURRENCY: EUR, SHOP_KEY: "${{ secrets.SHOP_KEY }}"}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "${{ matrix.python }}"}
      - run: sudo apt-get install -y no-such-package-of-debian
      - run: pip install -e ".[dev]"
      - run: cp shop.env.example shop.env
      - run: coverage run -m pytest --strict-markers
""",
    ".github/workflows/frontend.yml": """
on: pull_request
jobs:
  web:
    runs-on: ubuntu-latest
    steps:
      - uses: ./.github/actions/web
      - run: cd frontend && npm run test:ci
      - run: npm run deploy -- --key ${{ secrets.DEPLOY_KEY }}
        working-directory: frontend
  browser:
    runs-on: ubuntu-latest
    steps: [{run: npx playwright test, working-directory: frontend}]
""",
    ".github/actions/web/action.yml": """
runs:
  using: composite
  steps:
    - {run: npm ci, shell: bash, working-directory: frontend}
    - {run: npm run generate, shell: bash, working-directory: frontend}
""",
}
BACKEND = {
    "backend/pyproject.toml": "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
    "[project]\nname = 'shop'\nversion = '1'\n[project.optional-dependencies]\ndev = ['pytest<8.4', 'coverage']\n",
    "backend/shop/__init__.py": "import os\n\n\ndef price() -> str:\n    return '1 ' + os.environ['SHOP_CURRENCY']\n",
    "backend/shop.env.example": "x",
    "backend/tests/test_price.py": "import os\n\nimport shop\n\n\ndef test_price():\n"
    "    assert shop.price() == '1 EUR'\n    assert os.path.exists('shop.env')\n",
}
FRONTEND = {
    "frontend/package.json": json.dumps(
        {
            "name": "web",
            "version": "1.0.0",
            "scripts": {
                "test": "vitest --watch",
                "test:ci": "node --test",
                "generate": "node -e \"require('fs').writeFileSync('made.json', '1')\"",
            },
        }
    ),
    "frontend/price.test.js": "const test = require('node:test');\nconst made = require('./made.json');\n"
    "test('price', () => { if (made !== 1) throw new Error('not generated'); });\n",
}


@pytest.mark.usefixtures("python_index", "npm_index")
def test_a_back_end_and_a_front_end_are_checked_as_ci_does_it_each_in_its_folder(project, sandbox, log):
    texts = {**WORKFLOWS, **BACKEND, **FRONTEND}
    shop = project(texts)
    environment = prepare(shop.files, sandbox, shop.fill, log=log, source=shop.source)
    assert environment.missing == {}, environment.steps
    assert {check.command: check.folder for check in environment.checks} == {
        "cd backend && SHOP_CURRENCY=EUR coverage run -m pytest --strict-markers": "backend",
        "cd frontend && npm run test:ci": "frontend",
    }
    assert all(step.passed for step in environment.steps), environment.steps
    assert "frontend.yml, job browser: needs a browser; left out: npx playwright test." in environment.ci
    assert any("no-such-package-of-debian" in sentence for sentence in environment.pins)
    all_pass(environment, shop, sandbox)

    wrong = project({**texts, "backend/shop/__init__.py": "def price() -> str:\n    return '2 EUR'\n"})
    results = run_checks(environment, wrong, sandbox)
    assert [command for command, result in results.items() if not result.passed] == [
        "cd backend && SHOP_CURRENCY=EUR coverage run -m pytest --strict-markers"
    ]
