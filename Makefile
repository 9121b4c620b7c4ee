# Everything a newcomer needs: make run, make chat, make test. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RASA := .venv-rasa
UV := $(VENV)/bin/uv
APP_READY := $(VENV)/.app-ready
DEV_READY := $(VENV)/.dev-ready
RASA_READY := $(RASA)/.ready

.PHONY: help run chat test check setup train evaluate lock clean

help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

run: setup       ## set up what is missing, train, and start: chat page and staff console
	@exec $(VENV)/bin/evoke run

chat: setup      ## the same conversation in the terminal
	@exec $(VENV)/bin/evoke chat

test: $(DEV_READY) $(RASA_READY)   ## all checks and tests
	@bash tests/run.sh

check: $(DEV_READY)   ## only format, lint and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy bot actions

setup: $(APP_READY) $(RASA_READY)   ## both environments, from the lock files

train: setup     ## the Rasa model, if the data has changed
	@$(VENV)/bin/evoke train

evaluate: $(DEV_READY) $(RASA_READY)   ## measure, and rewrite docs/evaluation.md
	@$(VENV)/bin/python -m tests.eval

# Byte code is made once for all packages: without it every start compiles for some seconds where nothing may be written.
# A stamp is written last, so an interrupted set-up goes on where it stopped.
$(VENV)/bin/uv: requirements/bootstrap.lock
	@bash requirements/python.sh app "$(PYTHON)" $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock

$(APP_READY): requirements/app.lock pyproject.toml | $(VENV)/bin/uv
	@echo "Setting up the application's environment ($(VENV)) ..."
	@[ -e $(DEV_READY) ] || $(UV) pip sync --quiet --compile-bytecode --python $(VENV)/bin/python --require-hashes requirements/app.lock
	@$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): requirements/dev.lock pyproject.toml | $(VENV)/bin/uv
	@echo "Setting up the application's environment with its tests ($(VENV)) ..."
	@$(UV) pip sync --quiet --compile-bytecode --python $(VENV)/bin/python --require-hashes requirements/dev.lock
	@$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@ $(APP_READY)

$(RASA_READY): requirements/rasa.lock | $(VENV)/bin/uv
	@echo "Setting up Rasa's environment ($(RASA), Python 3.10) ..."
	@bash requirements/python.sh rasa "$(UV)" $(RASA)
	@$(UV) pip sync --quiet --compile-bytecode --python $(RASA)/bin/python --require-hashes requirements/rasa.lock
	@touch $@

lock: | $(VENV)/bin/uv   ## resolve all lock files anew
	@cd requirements && export UV_CUSTOM_COMPILE_COMMAND="make lock" && \
	../$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url bootstrap.in -o bootstrap.lock && \
	../$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --override overrides.txt app.in -o app.lock && \
	../$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --override overrides.txt dev.in -o dev.lock && \
	../$(UV) pip compile --quiet --python-version 3.10 --generate-hashes --no-emit-index-url --override overrides.txt rasa.in -o rasa.lock

clean:           ## remove environments, models and caches; conversations in var/ stay
	@rm -rf $(VENV) $(RASA) models .rasa .mypy_cache .pytest_cache .ruff_cache *.egg-info build dist
