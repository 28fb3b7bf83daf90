# Every target does all the set-up it needs, once, in .venv; pip's own settings (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, …) apply.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS ?= auto
PYTHONS ?= $(PYTHON)

VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.base
DEV := $(VENV)/.dev
# uv installs in seconds what takes pip minutes. It is told pip's settings; where it can't do with them, pip does it.
# Nothing is compiled in advance: Python compiles what is imported, and keeps it.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
UV_SETTINGS = UV_NATIVE_TLS=1 UV_INDEX_STRATEGY=unsafe-best-match \
	$(if $(PIP_CERT),SSL_CERT_FILE="$(PIP_CERT)") \
	$(if $(PIP_INDEX_URL),UV_DEFAULT_INDEX="$(PIP_INDEX_URL)") \
	$(if $(PIP_EXTRA_INDEX_URL),UV_INDEX="$(PIP_EXTRA_INDEX_URL)") \
	$(if $(PIP_FIND_LINKS),UV_FIND_LINKS="$(PIP_FIND_LINKS)")
INSTALL = $(PIP) uv \
	&& $(UV_SETTINGS) $(BIN)/uv pip install -q --python $(BIN)/python --constraint constraints.txt --editable $(WHAT) \
	|| $(PIP) --constraint constraints.txt --editable $(WHAT)

# Kept between the processes that tests and studies start; without it, each compiles the library's source anew.
export PYTHONDONTWRITEBYTECODE :=

SECONDS ?= 120
SEED ?= 0

.PHONY: help test test-machines test-device fuzz demo lint format docs notebooks dist clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

test: $(DEV)  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist worksteal -q $(TESTS)

test-machines: $(DEV)  ## run the tests that compute as other processors and numbers of threads would
	$(BIN)/python .ci/machines.py $(TESTS)

test-device: $(DEV)  ## run the tests of accelerators on a pretend one, which any machine has
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --pretend -n $(JOBS) --maxprocesses 4 --dist worksteal -q $(or $(TESTS),tests/devices)

fuzz: $(DEV)  ## try damaged inputs on every reader and every file of a run (SECONDS=120 SEED=0 ONLY=csv CASE=csv:12)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m fuzz --seconds $(SECONDS) --seed $(SEED) \
		$(if $(ONLY),--only '$(ONLY)') $(if $(CASE),--case '$(CASE)')

demo: $(BASE)  ## train on the bundled digits and show the report
	$(BIN)/isthmus train digits --out runs/demo --force
	$(BIN)/isthmus report runs/demo --open
	@echo
	@echo "Next, your own data (CSV, Parquet, NumPy, a folder of pictures):  $(BIN)/isthmus train FILE"

lint: $(DEV)  ## check style, types and the layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(DEV)  ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DEV)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

notebooks: $(DEV)  ## make a notebook of each guide and execute it, in notebooks/
	$(BIN)/python docs/make_notebooks.py

dist: $(DEV)  ## build the wheel and the sdist, and try them in an empty environment of each of PYTHONS
	$(BIN)/python .ci/dist.py $(PYTHONS)

clean:  ## remove everything that the targets made, the runs apart
	rm -rf $(VENV) .fuzz site notebooks dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Isthmus needs Python 3.11 or later: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

# PyTorch is pinned, so that a local or CPU build that pip has been told of is taken.
$(BASE): WHAT := .
$(BASE): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV), once; this may take some minutes."
	$(INSTALL)
	@touch $@

# All at once, which takes half as long as one after the other.
$(DEV): WHAT := '.[dev,docs]'
$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV), once; this may take some minutes."
	$(INSTALL)
	-@command -v npm >/dev/null && npm install --silent --no-save --prefix $(VENV)/web onnxruntime-web@1.30.0
	@touch $(BASE) $@
