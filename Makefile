# One target a thing that a developer does; `make` alone lists them. CI runs `make lint test` (.ci/run).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables

# The Python that makes .venv; `make setup PYTHON=python3.12` takes another.
PYTHON ?= python3
# Given to pip-compile; `make lock LOCK=--upgrade` moves every version up.
LOCK ?=
# Given to pytest and the demo; `make test ARGS="-k breach"` runs some.
ARGS ?=
# Tests at a time: most of them wait for processes. `make test AT_A_TIME=0` shows output as it comes.
AT_A_TIME ?= 3

BIN := .venv/bin
READY := .venv/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

##@ Use

.PHONY: help
help: ## list what make can do
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(READY) ## make .venv with everything in it, .venv/bin/floorwalker included

# Done again only when a lock or pyproject.toml changed.
$(READY): requirements/run.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo >&2 "make setup: '$(PYTHON)' is not Python 3.11 or newer. Name one: make setup PYTHON=python3.12"; exit 1; }
	@if [ -e .venv ] && ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo >&2 "make setup: .venv is broken or older than Python 3.11: made anew"; rm -rf .venv; fi
	@[ -e .venv ] || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo >&2 "make setup: '$(PYTHON)' cannot make a virtual environment (Debian: apt install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@# Kafka's program files, and what halves the time it takes to start; where that can't be had now, `up` tries again.
	@$(BIN)/python -m streams.kafka || echo >&2 "make setup: went on without Kafka's program files"
	@touch $@

.PHONY: up
up: setup ## run the service on this machine, with a Kafka of its own
	$(BIN)/floorwalker up

.PHONY: demo
demo: setup ## watch a simulated contact centre: wallboard, an incident, alerts, messages (ARGS="--seed x")
	$(BIN)/floorwalker demo $(ARGS)

##@ Check

.PHONY: test
test: setup browser mailserver ## run all tests (ARGS="-k words" for some)
	$(BIN)/python -m pytest --numprocesses $(AT_A_TIME) --dist worksteal --durations 20 $(ARGS)

# The browser tests drive the Chromium of the system; CHROMIUM=/path/to/it names another.
.PHONY: browser
browser: ## install the browser that the browser tests drive, where there is none
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || { \
		echo >&2 "make test: there is no Chromium yet: installing Debian's"; \
		sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
		{ $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends chromium fonts-dejavu-core; } >/dev/null \
		|| { echo >&2 "make test: can't install it: install chromium by hand, or name one: CHROMIUM=/path/to/it"; exit 1; }; }

# The tests of mailboxes start a Dovecot of their own.
.PHONY: mailserver
mailserver: ## install the IMAP server that the tests of mailboxes start, where there is none
	@PATH="$$PATH:/usr/sbin" command -v dovecot >/dev/null || { \
		echo >&2 "make test: there is no Dovecot yet: installing Debian's"; \
		sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
		{ $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends dovecot-imapd; } >/dev/null \
		|| { echo >&2 "make test: can't install it: install dovecot-imapd by hand"; exit 1; }; }

.PHONY: lint
lint: setup ## ruff, format, types, import contracts, lock files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@! grep -n '://' requirements/*.txt || { echo >&2 "make lint: a lock file names an address (above): run make lock"; exit 1; }

.PHONY: typecheck
typecheck: setup ## the types alone (mypy, strict)
	$(BIN)/mypy

# ROUNDS and SEED: as many rounds, from this seed; the same seed plans the same faults.
ROUNDS ?= 10
SEED ?= 1
.PHONY: chaos
chaos: setup ## let faults loose on a cluster and workers, and judge what came out (ROUNDS=n SEED=s)
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --seed $(SEED) $(ARGS)

# EXAMPLES and SEED: as many payloads for each mapper; the same seed makes the same ones.
EXAMPLES ?= 100000
.PHONY: fuzz
fuzz: setup ## give every mapper changed payloads, and judge what it makes of them (EXAMPLES=n SEED=s)
	$(BIN)/python -m tests.fuzz --examples $(EXAMPLES) --seed $(SEED) $(ARGS)

.PHONY: bench
bench: setup ## measure what one core does
	$(BIN)/python -m tests.benchmarks

##@ Keep

.PHONY: format
format: setup ## put the code in ruff's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: docs
docs: setup ## make docs/reference and the JSON schemas anew from the code
	$(BIN)/python -m tools.reference

.PHONY: screenshots
screenshots: setup browser ## take docs/images anew from a demo under way (five minutes)
	$(BIN)/python -m tools.screenshots

# Everything installed is what the registry has under these hashes, so no folder of local wheels takes part.
# dev.txt holds all of run.txt, at the same versions.
.PHONY: lock
lock: export CUSTOM_COMPILE_COMMAND := make lock
lock: COMPILE := env -u PIP_FIND_LINKS $(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe
lock: setup ## lock the versions that pyproject.toml asks for (LOCK=--upgrade: the newest)
	$(COMPILE) $(LOCK) --output-file requirements/run.txt pyproject.toml
	$(COMPILE) $(LOCK) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt pyproject.toml

.PHONY: clean
clean: ## remove caches and builds (.venv stays)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find schemas streams agents tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
