# make demo and make test do everything from a bare clone; make setup only installs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TOOLS := pytest pytest-xdist hypothesis ruff mypy hatchling
DOCS_TOOLS := sphinx myst-parser furo
DOCS_STAMP := $(VENV)/.docs-installed

# One thread a test process: two processes share two cores better than four threads do.
TEST_ENV := OMP_NUM_THREADS=1

.PHONY: setup demo test lint format bench docs manifests clean

setup: $(STAMP)

$(STAMP): constraints.txt packages/skeldata/pyproject.toml packages/pspmodel/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt \
		-e 'packages/skeldata[fast,h5,dask,view]' -e 'packages/pspmodel[analysis,tensorboard]' $(TOOLS)
	touch $@

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" sh tools/demo.sh

test: setup
	$(TEST_ENV) $(BIN)/python -m pytest -q -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy packages/skeldata/src packages/pspmodel/src tools

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python tools/bench_prepare.py
	$(BIN)/pspmodel bench --quick

docs: $(DOCS_STAMP)
	$(TEST_ENV) $(BIN)/python tools/build_docs.py

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(DOCS_TOOLS)
	touch $@

manifests: setup
	$(BIN)/python tools/make_manifests.py

clean:
	rm -rf build $(VENV)
