# Two commands are enough: `make run` and `make test`. Each gets what it needs first; running one again costs nothing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-fast lint format bench fuzz docs lock clean-data

PYTHON := .venv/bin/python
PACKAGES := telephony channels agent_console crm_bridge infra tests

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t14

run: .python .pages .asterisk ## The demo city: everything in one process, with a real Asterisk and simulated citizens
	@exec .venv/bin/lianxin demo

test: .dev .pages .mini-program .asterisk .test-parts lint ## Everything: lint, types, import rules, unit, contract, integration, faults, browser
	cd agent_console/web && npm run --silent check
	cd channels/citizen_web && npm run --silent check && npm run --silent weight
	cd channels/mini_program && npm run --silent check
	$(PYTHON) -m pytest --tb=short -n 2 --dist loadfile tests/unit tests/contract tests/integration -m "not asterisk"
	$(PYTHON) -m pytest --tb=short tests/contract tests/integration -m asterisk
	$(PYTHON) -m pytest --tb=short tests/faults tests/browser

test-fast: .dev ## What one runs every few minutes: under 60 s, nothing external
	$(PYTHON) -m pytest --tb=short tests/unit tests/contract -m "not postgresql and not redis and not asterisk and not browser"

lint: .dev ## Format check, ruff, mypy --strict, import rules, generated files up to date
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .dev ## Format and mend what can be mended
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: .dev ## Speed and memory, as ratios measured in one run
	$(PYTHON) -m tests.bench

FUZZED := $(filter-out __init__,$(basename $(notdir $(wildcard tests/fuzz/*.py))))
SECONDS ?= 600
fuzz: .dev ## Throw bytes at every parser that strangers can reach, SECONDS each (600)
	@set -e; for one in $(FUZZED); do echo "▸ $$one"; $(PYTHON) -m tests.fuzz.$$one -timeout=10 -max_total_time=$(SECONDS); done

docs: .dev ## Write what is generated: the example settings, the state diagrams
	$(PYTHON) -m infra.run.docs

lock: ## Resolve the dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock --upgrade
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements.lock pyproject.toml --group dev -o requirements-dev.lock --upgrade

clean-data: ## Empty the demo city (var/)
	rm -rf var

.PHONY: .python .dev .pages .mini-program .asterisk .test-parts
.python .dev .pages .mini-program .test-parts:
	@infra/setup.sh $(@:.%=%)
.asterisk: .python
	@infra/setup.sh asterisk
