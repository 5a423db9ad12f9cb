# Every target finishes the set-up of .venv first; that costs nothing once it is done.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
# Threads that spin while they wait slow everything else on the same cores down.
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help setup quickstart study test test-fast lint format bench docs clean distclean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
		awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup:  ## create .venv with everything in it, or finish it
	@$(PYTHON) tools/setup_env.py

quickstart: setup  ## render a small world, pre-train on it, write a report (minutes)
	@$(VENV_PYTHON) tools/quickstart.py

study: setup  ## the same at greater length, over three seeds (up to 90 minutes)
	@$(VENV_PYTHON) tools/quickstart.py --preset study

test: setup  ## run the whole test suite
	@$(VENV_PYTHON) -m pytest

test-fast: setup  ## run the tests that are not marked slow
	@$(VENV_PYTHON) -m pytest -m 'not slow'

lint: setup  ## check code and formatting
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .

format: setup  ## put code into shape
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

bench: setup  ## time one training step beside mmpretrain's
	@$(VENV_PYTHON) tools/benchmarks/pretrain_step.py

clean:  ## remove caches and build products; keep .venv, data and work_dirs
	@rm -rf build dist .pytest_cache .ruff_cache
	@find mim_secrets tools configs tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean  ## also remove .venv
	@rm -rf .venv mim_secrets.egg-info mim_secrets/.mim

docs: setup  ## build the pages of docs/ into docs/_build
	@$(VENV_PYTHON) -m pip install -q -c requirements/constraints.txt -r requirements/docs.txt
	@$(VENV_PYTHON) -m sphinx -q -W docs/en docs/_build
