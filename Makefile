# Every target works in a fresh clone; `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The folder that holds berka/. The tests that read it say loudly when it is not there.
GUANHU_DATA ?= ../shared/data
export GUANHU_DATA

VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --disable-pip-version-check --no-input --progress-bar off
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready
SPARK_READY := $(VENV)/.spark-ready

# The first of these that starts and is new enough. A name on the path may be a stub that does not start.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)

.PHONY: help setup demo test soak check format golden bench bench-scale spark lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(READY) ## Make .venv and install the pinned packages and guanhu itself

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "guanhu needs Python 3.11 or newer, and none was found."; \
		echo "hint: install python3.11, or name one: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module."; \
		echo "hint: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }
	@echo "setup: $(VENV) with $$($(PYTHON) --version)"
	@test -x $(PY) || $(PYTHON) -m venv --clear $(VENV)
	@echo "setup: installing pinned packages, each checked by its hash"
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements-dev.txt
	@echo "setup: installing guanhu itself"
	@$(PIP_INSTALL) --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "setup: ready"

demo: setup ## Appraise an invented bank from end to end
	$(PY) -m guanhu.cli.demo

test: setup ## Run all tests; narrow with make test ARGS="-k floor"
	$(PY) -m pytest $(ARGS)

# Generated banks, rulebooks, late facts, patches and lots beyond those of `make test`; about an hour on two cores.
SOAK := GUANHU_AGREEMENT=600 GUANHU_SINCE=150 GUANHU_WHATIF=150 GUANHU_LOTS=80
soak: setup ## Try many more generated cases than the tests do (an hour; ARGS narrows)
	$(SOAK) $(PY) -m pytest -q tests/engines/agreement tests/engines/test_since.py tests/engines/test_whatif.py \
		-k "test_pair or late or patched or histor" $(ARGS)

check: setup ## Format, lint, types, import contracts, tidy rules
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	$(PY) -m pytest -q -n0 tests/test_tidy.py

format: setup ## Rewrite the Python files in the one format
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .

golden: setup ## Rewrite the golden files; explain each difference in the commit
	$(PY) -m pytest -q -n0 --rewrite-golden tests
	git status --short -- tests

bench: setup $(BENCH_READY) ## Measure every figure that the README quotes
	$(PY) -m bench $(ARGS)

$(BENCH_READY): requirements-bench.txt $(READY)
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements-bench.txt
	@touch $@

bench-scale: setup $(SPARK_READY) ## Measure growth up to 20 million accounts; says first what it takes
	$(PY) -m bench.scale $(ARGS)

spark: setup $(SPARK_READY) ## Install PySpark for --engine spark (450 MB; needs Java 17)

# PySpark comes as a source archive only; its build needs nothing that is not pinned.
$(SPARK_READY): requirements-spark.txt $(READY)
	@$(PIP_INSTALL) --require-hashes --only-binary :all: --no-binary pyspark --no-build-isolation -r requirements-spark.txt
	@touch $@

# A lock file holds hashes and no addresses: it serves whichever package index a machine uses.
LOCK := .venv-lock/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

lock: setup ## Pin the newest allowed packages anew
	@test -x .venv-lock/bin/pip-compile || { $(PYTHON) -m venv .venv-lock && \
		.venv-lock/bin/python -m pip install --quiet pip-tools; }
	$(LOCK) --output-file requirements.txt pyproject.toml
	$(LOCK) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(LOCK) --extra bench --constraint requirements-dev.txt --output-file requirements-bench.txt pyproject.toml
	$(LOCK) --extra spark --constraint requirements-dev.txt --constraint requirements-bench.txt --output-file requirements-spark.txt pyproject.toml

clean: ## Remove everything that was made, .venv too
	rm -rf .venv .venv-lock build dist out .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +
