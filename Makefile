# The commands of Claimhouse; `make` lists them.

.DEFAULT_GOAL := help

# pip installs this uv, uv installs the rest.
UV_VERSION := 0.13.9
VENV ?= var/venv
BIN := $(VENV)/bin
UV_PIP = $(BIN)/uv pip
# The pinned packages, then Claimhouse itself in place, for its command `claimhouse`.
INSTALL = $(UV_PIP) sync -q --python $(BIN)/python requirements.txt $(1) && \
	$(UV_PIP) install -q --python $(BIN)/python --no-deps --editable . $(1)
# What draws charts in a browser; pages have the server's drawings where it is missing.
CHARTS := plugins/claimhouse/web/made/vega.js
# Python 3.11, under its name on this machine.
BASE_PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PYTHONPATH := $(CURDIR):$(CURDIR)/plugins
# An empty LANDING would count as a folder named "".
ifneq ($(strip $(LANDING)),)
export LANDING
endif

.PHONY: help set-up browser demo summary up down test fuzz properties faults attack lint freeze snapshots docs tableau bench bench-peers samples rebuild screenshot requirements contract

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  LANDING=<folder> make demo   uses that landing root (<folder>/<source>/<files>)"
	@echo "  CLAIMHOUSE_EXECUTOR=celery make demo   runs the processes of production: docs/how-to/run-with-celery.md"

set-up: $(VENV)/.installed $(CHARTS) ## install everything into var/venv

demo: set-up ## start the system, run the main job on sample feeds, show the result
	@$(BIN)/python -m local.demo

summary: set-up ## list what is in the warehouse and the mailbox: rows, issues, reports, mails
	@$(BIN)/python -m local.summary

up: set-up ## start the system: Airflow, its database, the warehouse, a mailbox
	@$(BIN)/python -m local.system up

down: ## stop the system; its data stays in var/
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.system down; else echo "nothing is set up"; fi

browser: ## install Chromium, which the tests of the pages drive, where this machine has none
	@for name in $(CHROMIUM) chromium chromium-browser google-chrome; do \
		command -v "$$name" > /dev/null && exit 0; done; \
	echo "installing Chromium for the tests of the pages"; \
	if [ "$$(id -u)" = 0 ]; then as_root=; else as_root="sudo -n"; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	{ $$as_root apt-get -qq update && $$as_root apt-get -qq install -y --no-install-recommends \
		chromium fonts-dejavu-core > /dev/null; } || { \
		echo "Chromium is needed: apt-get install chromium, or set CHROMIUM to its path" >&2; exit 1; }

test: set-up browser ## run the tests
	$(BIN)/python -m pytest -n 2

fuzz: set-up ## read N=100000 damaged and hostile files made from the samples (SEED=<seed> repeats)
	$(BIN)/python -m tests.reading.fuzz --files $(or $(N),100000) $(if $(SEED),--seed "$(SEED)")

properties: set-up ## run the property tests with other examples, N times as many (N=20)
	HYPOTHESIS_PROFILE=fuzz FUZZ_FACTOR=$(or $(N),20) $(BIN)/python -m pytest -n 2 -m property

faults: set-up ## kill, fill and damage things at random: TRIALS=200, and SEED= TRIAL= to repeat one
	@$(BIN)/python -m tests.system.faults --trials $(or $(TRIALS),20) --systems $(or $(SYSTEMS),0) \
		$(if $(SEED),--seed $(SEED)) $(if $(TRIAL),--trial $(TRIAL))

attack: set-up ## try as every reader to learn of others, and poll while editions are made: TRIALS=200, SEED=
	ATTACK=whole TRIALS=$(or $(TRIALS),200) $(if $(SEED),SEED=$(SEED)) $(BIN)/python -m pytest tests/attack -s

lint: set-up ## check style, types and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=plugins $(BIN)/lint-imports --no-cache
	$(BIN)/typos
	$(BIN)/shellcheck .ci/run docker/*.sh docker/*/*.sh
	$(BIN)/sqlfluff lint --disable-progress-bar include plugins local bench/peers
	$(BIN)/python -m local.dictionary --check
	$(BIN)/python -m local.targets --check
	$(BIN)/python -m local.tableau --check
	$(BIN)/python -m local.freeze --check

freeze: set-up ## list the files of new revisions, which must not change afterwards
	@$(BIN)/python -m local.freeze

snapshots: set-up ## renew the rendered statements of the loader's templates, for review
	RENEW_SNAPSHOTS=1 $(BIN)/python -m pytest tests/star/test_snapshots.py

docs: set-up ## write the generated pages of docs/
	$(BIN)/python -m local.dictionary
	$(BIN)/python -m local.diagram
	$(BIN)/python -m local.model
	$(BIN)/python -m local.columns
	$(BIN)/python -m local.targets
	$(BIN)/python -m local.dags

tableau: set-up ## write the data sources and workbooks for Tableau to include/tableau
	@$(BIN)/python -m local.tableau

bench: set-up ## measure what has an aim, in under ten minutes; say which misses it
	@$(BIN)/python -m bench

bench-peers: set-up ## load workload W with pandas, dlt and dbt too (ROUNDS=3)
	@$(BIN)/python -m bench.load pandas dlt dbt --rounds $(or $(ROUNDS),3)

samples: set-up ## write the sample feeds to var/samples
	@$(BIN)/python -m local.samples

rebuild: set-up ## empty the star and reload it from the source tables (SOURCE=<source> for one)
	@set -a && . $${CLAIMHOUSE_VAR:-var}/warehouse.env && $(BIN)/claimhouse star rebuild $(SOURCE)

contract: set-up ## draft a contract: make contract FILE=<feed file> [SOURCE=<source>]
	@$(BIN)/claimhouse draft "$(FILE)" $(if $(SOURCE),--source "$(SOURCE)")

screenshot: set-up browser ## save pictures of the running pages and of Airflow in docs/images
	@$(BIN)/python -m local.screenshot

requirements: set-up ## compile the dependencies of pyproject.toml into requirements.txt
	$(UV_PIP) compile -q --python-version 3.11 pyproject.toml --group dev -o requirements.txt

$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/uv
	@echo "installing the packages of requirements.txt into $(VENV)"
	@{ $(call INSTALL,); } || { \
		echo "retrying with this machine's own certificates"; $(call INSTALL,--system-certs); }
	@touch $@

$(CHARTS): $(VENV)/.installed plugins/claimhouse/web/bundle.py
	@$(BIN)/python -m claimhouse.web.bundle

$(BIN)/uv:
	@if [ -z "$(BASE_PYTHON)" ]; then \
		echo "Python 3.11 is needed and was not found: apt-get install python3.11" >&2; exit 1; fi
	@$(BASE_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Python 3.11 is needed; $(BASE_PYTHON) is $$($(BASE_PYTHON) --version 2>&1)." >&2; \
		echo "Use another one: BASE_PYTHON=/path/to/python3.11 make ..." >&2; exit 1; }
	@echo "creating a Python environment in $(VENV)"
	@mkdir -p $(dir $(VENV))
	@$(BASE_PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "This Python cannot create environments: apt-get install python3.11-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
