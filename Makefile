# `make` lists the targets. Everything is installed into .venv, from hashed requirements.

PORT ?= 8080
DATA ?= data
BIN  := .venv/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet install
TOOLS := chromium iproute2 libnss3-tools postgresql swtpm swtpm-tools tpm2-tools wrk
# Node.js from elsewhere brings npm, and conflicts with Debian's package of that name.
TOOLS += $(if $(shell command -v npm),,npm)
NODE := tests/integration/node

export DOORWARD_FIXTURES ?= ../shared/fixtures

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up install dev system-packages node-packages check format test conformance \
        bench bench-gateway bench-engine bench-identity bench-devices lock wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: install ## run doorward on the demo estate (PORT=8080 DATA=data)
	@exec $(BIN)/doorward up --demo --port "$(PORT)" --data "$(DATA)"

install: .venv/installed ## install doorward and the demo's applications into .venv

dev: .venv/installed-dev ## install the tools for checks and tests as well

system-packages: ## install the Debian packages that tests and benchmarks use
	@scripts/system-packages $(TOOLS)

node-packages: ## install the Node programs of others that tests run
	@scripts/node-packages $(NODE)

check: dev ## lint, formatting, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: dev ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: dev system-packages node-packages ## all tests but conformance (TESTS=tests/unit)
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(TESTS)

conformance: dev system-packages node-packages ## the long suites: some minutes of random estates
	$(BIN)/pytest -m conformance

bench: bench-engine bench-gateway bench-identity bench-devices ## all benchmarks

bench-gateway: dev system-packages ## requests/s and time to revoke; the last line is JSON
	@$(BIN)/python -m benchmarks.gateway

bench-engine: dev ## decisions/s; the last line is JSON
	@$(BIN)/python -m benchmarks.engine

bench-identity: dev ## a directory of 100,000 people; the last line is JSON
	@$(BIN)/python -m benchmarks.identity

bench-devices: dev system-packages ## 50,000 devices that report; the last line is JSON
	@$(BIN)/python -m benchmarks.devices

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
           --generate-hashes --custom-compile-command "make lock" --extra demo --group build

lock: ## resolve the requirements again (UPGRADE=--upgrade for newer versions)
	test -x $(BIN)/uv || $(MAKE) dev
	$(COMPILE) $(UPGRADE) --output-file requirements/runtime.txt
	$(COMPILE) $(UPGRADE) --group dev --constraint requirements/runtime.txt \
	    --output-file requirements/dev.txt
	cd $(NODE) && npm install --package-lock-only --ignore-scripts --no-audit --loglevel=error \
	    --omit-lockfile-registry-resolved && node unaddressed.mjs package-lock.json
	cd tests/integration/node && node lock.mjs "$$(command -v npm)"

wheel: install ## build the wheel into dist/
	$(BIN)/python -m hatchling build --target wheel --directory dist

clean: ## remove .venv, caches and dist; data stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@scripts/make-venv .venv

# The lock is complete (--no-deps), and installing runs no code of the packages (--only-binary).
LOCKED := --no-deps --require-hashes --only-binary :all: --requirement

.venv/installed: requirements/runtime.txt pyproject.toml | .venv/bin/python
	@echo "Installing doorward into .venv (a minute or two, once)"
	@$(PIP) $(LOCKED) requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements/dev.txt .venv/installed
	@echo "Installing the development tools into .venv"
	@$(PIP) $(LOCKED) requirements/dev.txt
	@touch $@
