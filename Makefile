# The verbs of this project; CI calls the same ones. Pass arguments on with ARGS="…".
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench up clean

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
# Much of a test is waiting for boxes and servers: two at a time for each processor.
WORKERS ?= $(shell expr 2 '*' `getconf _NPROCESSORS_ONLN`)
SYNC = $(UV) sync --quiet --frozen $(shell test -w "$$HOME" || echo --no-cache)  # uv keeps its cache at home

help:  ## what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(UV)  ## a local GitHub, three issues, three pull requests: no account, no key
	@$(SYNC) --no-dev --inexact
	@$(BIN)/dayhand demo $(ARGS)

test: .dev  ## every test; what is skipped says why
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 16 --dist worksteal $(ARGS)

lint: .dev  ## ruff, mypy, and who may import whom
	@$(BIN)/ruff check . && $(BIN)/ruff check --preview --select PLR0917 . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: .dev  ## format the code, and write the tables of docs/settings.md
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/python -m tests.settings.page

bench: .dev  ## what Dayhand itself costs
	@$(BIN)/dayhand bench $(ARGS)

up: $(UV)  ## web, workers and Redis against the GitHub of your .env
	@$(SYNC) --no-dev --inexact
	@$(BIN)/dayhand up $(ARGS)

clean:  ## forget the virtual environments
	rm -rf .venv .uv

.PHONY: .dev
.dev: $(UV)
	@$(SYNC) --all-groups

# Only where the machine has no uv of its own.
.uv/bin/uv:
	@$(PYTHON) -m venv .uv || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv), or install uv."; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv
