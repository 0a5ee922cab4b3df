# `make` prints this help. `make demo` and `make test` need nothing but Python, venv, pip and make.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo serve month test test-slow positions sabotage fuzz faults check format lock bench bench-memory bench-import bench-ledger clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/done: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/done ## Watch a shop's traffic leave minimised and recorded; ends by itself
	$(BIN)/gateway demo

serve: .venv/done ## The same gateway and vendors, kept running, with a line to try
	$(BIN)/gateway demo --serve

test: .venv/done ## Run the tests
	$(BIN)/python -m pytest

test-slow: .venv/done ## Run the tests that start many processes, or take long, and properties with more examples
	$(BIN)/python -m pytest -m "slow or hypothesis" --hypothesis-profile=many --dist=loadgroup --timeout=600

fuzz: .venv/done ## Feed every codec with made-up bodies (FUZZ_CANARY=1 plants a bug to be found; minutes)
	PYTHONPATH=tests $(BIN)/python -m fuzz

positions: .venv/done ## Plant a text in every place of a request, and show what became of each
	PYTHONPATH=tests $(BIN)/python -m positions

FAULTS ?= all

faults: .venv/done ## Kill, cut, fill and tamper, and look everything up after it (FAULTS=ci: what fits ten minutes)
	$(BIN)/python -m pytest tests/faults --faults=$(FAULTS) --dist=loadgroup

ORDERS ?= 10000

month: .venv/done ## A month of a shop: reports are held against what the shop itself counted (ORDERS=80: a short one)
	PYTHONPATH=tests $(BIN)/python -m month $(ORDERS)

sabotage: .venv/done ## Break each promise of docs/requirements.md, and require its test to notice (minutes)
	PYTHONPATH=tests $(BIN)/python -m sabotage

check: .venv/done ## What else CI checks: format, lint, types, imports, contracts and their examples
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway contract check contracts
	$(BIN)/gateway contract test contracts

format: .venv/done ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: .venv/done ## Write the lock files anew (needs uv on the path)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --group test --group check --group build --constraint requirements.lock --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	  --output-file requirements-dev.lock
	uv pip compile pyproject.toml tests/fuzz/atheris.in --constraint requirements-dev.lock --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	  --output-file tests/fuzz/requirements.lock
	uv pip compile bench/mitmproxy.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --quiet --output-file bench/mitmproxy.lock

bench: .venv/done ## Measure documents by size, what deciding costs, and against two other proxies (needs wrk; minutes)
	$(BIN)/python -m bench documents
	$(BIN)/python -m bench clearance
	$(BIN)/python -m bench compare

bench-memory: .venv/done ## Measure what a hundred thousand calls leave in memory
	$(BIN)/python -m bench memory

bench-import: .venv/done ## Measure how many rows of facts a second are taken in, on SQLite and on PostgreSQL
	PYTHONPATH=tests $(BIN)/python -m bench.imports 60000
	PYTHONPATH=tests $(BIN)/python -m bench.imports 30000 postgresql

bench-ledger: .venv/done ## Measure the ledger on SQLite and PostgreSQL, its verifier, and what growing costs
	PYTHONPATH=tests:tests/ledger $(BIN)/python -m bench.ledger

clean: ## Remove what these commands made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench build dist
