# Two commands set everything up: `make demo` and `make test`. They bring uv when it is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
# A `uv` on the PATH may be a shim that does not run here: only one that answers counts.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .tools/bin/uv)
RUN := $(UV) run --frozen

.PHONY: help demo test check format lint types contracts bench screenshots redis browser node sdks clients clean
help: ## Say what there is.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.tools/bin/uv:
	@echo "uv is missing: installing it into .tools"
	@$(PYTHON) -m venv .tools || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@.tools/bin/pip install --quiet --disable-pip-version-check uv

.venv/ready: pyproject.toml uv.lock | $(filter .tools/bin/uv,$(UV))
	@$(UV) sync --frozen --quiet
	@touch $@

redis:
	@command -v redis-server >/dev/null || .ci/install redis-server

browser:
	@command -v chromium >/dev/null || .ci/install chromium

node:
	@command -v npm >/dev/null || .ci/install npm

tests/sdks/node_modules/ready: tests/sdks/package-lock.json | node
	@cd tests/sdks && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

sdks: tests/sdks/node_modules/ready ## What the tests take from npm: a stand-in, SDKs for Node.

# No `npm ci`: npm leaves optional packages of other systems out of the lock, then asks for them.
tests/clients/node_modules/ready: tests/clients/package-lock.json | node
	@cd tests/clients && npm install --no-save --ignore-scripts --no-audit --no-fund --silent
	@touch $@

clients: .venv/ready sdks tests/clients/node_modules/ready ## Claude Code, Codex, gemini-cli and opencode, measured; 1 GB from npm.
	@$(RUN) python -m tests.clients

demo: .venv/ready ## A tour of the gate: no key, no network, under a minute.
	@$(RUN) exeat demo

# Two at a time, by file: so each worker opens the houses that a file's tests share once.
test: .venv/ready redis browser sdks ## Every test, against a private Redis.
	@$(RUN) pytest -n 2 --dist loadscope

format: .venv/ready ## Format and mend what can be mended by itself.
	@$(RUN) ruff format . && $(RUN) ruff check --fix .

lint: .venv/ready ## Format and lint, looking only.
	@$(RUN) ruff format --check . && $(RUN) ruff check .

types: .venv/ready ## mypy, strict.
	@$(RUN) mypy

contracts: .venv/ready ## Who may import whom.
	@$(RUN) lint-imports

check: lint types contracts test ## Everything that must hold before a commit lands.

bench: .venv/ready ## Throughput beside stock mitmdump, large bodies, hostile input, decisions.
	@$(RUN) python -m benchmarks.throughput
	@$(RUN) python -m benchmarks.large_bodies
	@$(RUN) python -m benchmarks.hostile
	@$(RUN) python -m benchmarks.policy

screenshots: .venv/ready browser ## Pictures of the console, into docs/screenshots.
	@$(RUN) python -m tests.screenshots

clean: ## Forget what was installed and what was made.
	@rm -rf .venv .tools tests/sdks/node_modules tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
