# Each target works on a fresh machine with python3 >= 3.11 (pip, venv), make and a package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOAK ?= 30
PACKAGES := core plugins/memory plugins/sql plugins/redis tests/conformance examples/gofastr-queue-files
METADATA := pyproject.toml $(PACKAGES:%=%/pyproject.toml)
RUNTIME := -e 'core[cli]' -e plugins/memory -e 'plugins/sql[postgres]' -e plugins/redis
# what takes minutes and others stand for: make stress runs it
LONG := examples/gofastr-queue-files/tests/test_conformance.py \
  plugins/redis/tests/test_redis_conformance_as_user.py \
  plugins/redis/tests/test_redis_conformance_clustered.py \
  plugins/sql/tests/test_postgres_conformance_pooled.py \
  plugins/sql/tests/test_postgres_conformance_restrained.py \
  tests/bench \
  tests/faults/test_soak.py \
  tests/packaging
# what make stress runs for longer, or in full
FULLER := $(addprefix tests/faults/test_,clocks.py long_handlers.py pauses.py restarts.py) \
  plugins/redis/tests/test_redis_chunks.py \
  tests/agreement/test_transcripts.py

# the tests start hundreds of interpreters: each module is to be compiled once
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check lint types floors mutants bench docs faults stress clean

help:
	@echo 'make demo     a real queue at work: this Python library, tokenized by worker processes'
	@echo 'make test     every test but those that take minutes, or that make stress runs in full'
	@echo 'make check    ruff, mypy --strict, import-linter, then make test'
	@echo 'make mutants  break each promise in a copy and show which test notices'
	@echo 'make bench    drivers, this queue and others side by side, and what stays flat (hours; BENCH=--quick: minutes)'
	@echo '              make bench BACKEND=redis PEERS=rq,saq'
	@echo 'make docs     run the code in README and docs, and redraw what is derived from code'
	@echo 'make faults   kill, pause, cut off, restart, and die at every failpoint, in full (half an hour)'
	@echo 'make stress   the conformance machine for longer, PostgreSQL and Redis: many restarts, long contention, dying schedulers, faults in full, soaking (SOAK=30: minutes)'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or later is needed: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/runtime: $(BIN)/python $(METADATA)
	$(BIN)/python -m pip install --quiet $(RUNTIME)
	@touch $@

$(VENV)/dev: $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --group dev $(RUNTIME) -e tests/conformance -e examples/gofastr-queue-files
	@touch $@

demo: $(VENV)/runtime
	$(BIN)/gofastr-queue demo $(DEMO)

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 4 $(LONG:%=--ignore=%) $(FULLER:%=--ignore=%) $(PYTEST)

check: lint types floors test

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

floors: $(VENV)/dev
	$(BIN)/lint-imports

mutants: $(VENV)/dev
	$(BIN)/python -m tests.mutants $(MUTANTS)

$(VENV)/bench: $(VENV)/dev bench/requirements.txt
	$(BIN)/python -m pip install --quiet -r bench/requirements.txt
	@touch $@

bench: $(VENV)/bench
	$(BIN)/python -m bench --backend $(or $(BACKEND),all) --peers $(or $(PEERS),all) $(BENCH)

docs: $(VENV)/dev
	$(BIN)/python -m docs.draw
	$(BIN)/python -m bench.chart
	$(BIN)/python -m pytest tests/docs README.md docs

faults: $(VENV)/dev
	GOFASTR_FAULTS=1 $(BIN)/python -m pytest tests/faults $(PYTEST)

stress: faults
	GOFASTR_EXAMPLES=2000 $(BIN)/python -m pytest plugins tests/agreement -k 'machine or difference or transcripts' --timeout=3600
	GOFASTR_STRESS=1 $(BIN)/python -m pytest plugins -k 'postgres_restart or postgres_contention or postgres_reindex or redis_restart or die_stop'
	GOFASTR_STRESS=1 $(BIN)/python -m pytest plugins/redis/tests/test_redis_chunks.py -rP
	GOFASTR_STRESS=1 $(BIN)/python -m pytest tests/packaging -k certified
	$(BIN)/python -m pytest -n 3 $(LONG)
	GOFASTR_SOAK_MINUTES=$(SOAK) $(BIN)/python -m pytest -n 3 --dist=load tests/faults/test_soak.py -rP

clean:
	rm -rf $(VENV) dist
