# The commands of everyday work; each target is what CI runs, too.

PYTHON ?= python

.PHONY: dev test lint types docs check-docs bench all

all: lint types check-docs test

dev:
	$(PYTHON) -m pip install -e '.[dev,trace]' -c constraints.txt
	pre-commit install

test:
	$(PYTHON) -m pytest -n auto

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	$(PYTHON) -m mypy

docs:
	$(PYTHON) docs/generate.py

check-docs:
	$(PYTHON) docs/generate.py --check

bench:
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(PYTHON) $$script || exit 1; done
