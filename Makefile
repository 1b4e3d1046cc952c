# The commands of this project, which CI calls too. Pass arguments with ARGS="…".
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench up clean

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
# Tests mostly wait for sandboxes and servers, so three run at a time for each processor.
WORKERS ?= $(shell expr 3 '*' `getconf _NPROCESSORS_ONLN`)
# Tests and the demo start hundreds of Python processes, each of which would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
SYNC = $(UV) sync --quiet --frozen $(shell test -w "$$HOME" || echo --no-cache)  # uv keeps its cache in the home folder

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(UV)  ## three issues become three pull requests on a local GitHub: no account, no key
	@$(SYNC) --no-dev --inexact
	@$(BIN)/dayhand demo $(ARGS)

test: .dev  ## run every test; a skipped one says why
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 16 --dist worksteal $(ARGS)

lint: .dev  ## run ruff, mypy and import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff check --preview --select PLR0917 . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: .dev  ## format the code, and write the documentation's tables and deploy/seccomp.json
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/python -m tests.reference && $(BIN)/python deploy/seccomp/generate.py

bench: .dev  ## measure what Dayhand itself costs
	@$(BIN)/dayhand bench $(ARGS)

up: $(UV)  ## run the web server, the workers and Redis with the settings of .env
	@$(SYNC) --no-dev --inexact
	@$(BIN)/dayhand up $(ARGS)

clean:  ## remove the virtual environments
	rm -rf .venv .uv

.PHONY: .dev
.dev: $(UV)
	@$(SYNC) --all-groups

# Only if the machine has no uv.
.uv/bin/uv:
	@$(PYTHON) -m venv .uv || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv), or install uv."; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv
