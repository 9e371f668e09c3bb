# Each target sets up what it needs; the second run is quick. PYTHON names the interpreter that .venv is made with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export CHROMIUM
export PATH := $(CURDIR)/$(BIN):$(PATH)

BUILD_TOOLS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
FRONT_SOURCES := $(shell find labextension -type f -not -path '*/node_modules/*' -not -path '*/lib/*' -not -path '*/.*' \
	-not -name '*.tsbuildinfo')
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

.PHONY: help lab test check fmt bench build clean

help:
	@echo "make lab     set everything up and open JupyterLab on the tour (LAB_ARGS: more arguments)"
	@echo "make test    set everything up and run every test (PYTEST_ARGS: more arguments)"
	@echo "make check   ruff, mypy, prettier, eslint, tsc, the layer test"
	@echo "make fmt     format everything"
	@echo "make bench   run the benchmarks (BENCH_ARGS: more arguments)"
	@echo "make build   sdist and wheel into dist/"

lab: $(VENV)/.ready
	$(BIN)/jupyter lab notebooks/tour.ipynb $(ROOT) $(LAB_ARGS)

test: $(VENV)/.ready
	cd labextension && jlpm test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd labextension && jlpm lint:check
	$(BIN)/python -m pytest -q tests/test_layers.py

fmt: $(VENV)/.ready
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	cd labextension && jlpm lint:fix

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

build: $(VENV)/.ready
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) dist endo_kernel/labextension endo_kernel/widgets/static labextension/lib labextension/node_modules

# The environment, with node in it, before the package: the package holds the built front end.
$(VENV)/.tools: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "endo-kernel needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c '$(BUILD_TOOLS)' > $(VENV)/build-tools.txt
	$(PIP) --requirement $(VENV)/build-tools.txt
	@touch $@

$(VENV)/.front: $(VENV)/.tools $(FRONT_SOURCES)
	cd labextension && jlpm install --immutable && jlpm build:prod
	@touch $@

# Linked, not copied, so that a front end built anew is the one that JupyterLab loads.
$(VENV)/.package: $(VENV)/.tools labextension/package.json labextension/install.json $(wildcard endo_kernel/kernel/spec/*) | $(VENV)/.front
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(PIP) --no-build-isolation --editable ".[test,dev,tour,bench]"
	$(BIN)/jupyter-builder develop . --overwrite
	@touch $@

$(VENV)/.ready: $(VENV)/.package $(VENV)/.front
	@touch $@
