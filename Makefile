# tdnnq-lab: every target makes the environment first if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --no-input $(if $(wildcard $(STAMP)),-q) $(PIP_FLAGS) -c constraints.txt -e '.[lab,dev]'

.DEFAULT_GOAL := help
.PHONY: help env demo test lint notebooks-test lab bench k2-env clean distclean

help:
	@echo "make env             make .venv with everything in it (minutes once, then seconds; PYTHON=python3.12 chooses one)"
	@echo "make demo            train a recogniser on data_small, decode the test sets, print the table"
	@echo "make test            lint, format, types, tests, notebooks"
	@echo "make notebooks-test  run the notebooks and compare their key figures"
	@echo "make lab             JupyterLab on the notebooks"
	@echo "make bench           the benchmarks"
	@echo "make k2-env          make .venv-k2 with k2 and the torch it wants, to compare with (Linux, Python 3.11; 3.5 GB)"
	@echo "make clean           remove caches and builds (distclean: .venv and .venv-k2 too); runs are never touched"

# The stamp is written last and names the folder, so an environment that was interrupted, that lost its Python or
# that was moved here from elsewhere is told from a good one.
env:
	@[ "$$(cat $(STAMP) 2>/dev/null)" = "$$(pwd -P)" ] && $(BIN)/python -c '' 2>/dev/null || $(MAKE) -s --no-print-directory new-env
	@$(MAKE) -s --no-print-directory $(STAMP)

.PHONY: new-env
new-env:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13, or name one: make env PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v[:2] <= (3, 13) or sys.exit("$(PYTHON) is Python %d.%d; tdnnq-lab needs 3.11, 3.12 or 3.13: name one, for example make env PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments: install its venv module (Debian, Ubuntu: sudo apt-get install python3-venv)" >&2; exit 1; }
	@[ ! -d $(VENV) ] || echo "$(VENV) is unfinished or was made elsewhere: making it anew"
	@$(PYTHON) -m venv --clear $(VENV)

$(STAMP): pyproject.toml constraints.txt
	@echo "$(if $(wildcard $(STAMP)),Bringing $(VENV) up to date,Installing into $(VENV): a few minutes and about 6 GB)"
	@[ ! -e $(STAMP) ] || mv $(STAMP) $(STAMP).old
	@$(INSTALL) || { [ ! -e $(STAMP).old ] || mv $(STAMP).old $(STAMP); exit 1; }
	@pwd -P > $(STAMP).new && mv $(STAMP).new $(STAMP) && rm -f $(STAMP).old

demo: env
	@$(BIN)/tdnnq-lab demo $(ARGS)

# Two test processes, one thread each, on any machine: otherwise every process would start a thread a core.
test: lint
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n 2 tests
	@$(MAKE) --no-print-directory notebooks-test

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebooks-test: env
	@if ls notebooks/*.ipynb >/dev/null 2>&1; then $(BIN)/python -m pytest --nbval-lax notebooks; \
	else echo "notebooks/ holds no notebook yet: nothing to run"; fi

lab: env
	@mkdir -p notebooks
	@$(BIN)/jupyter lab notebooks

bench: env
	@$(BIN)/tdnnq-lab bench $(ARGS)

# k2's wheels want torch 1.13, which no Python after 3.11 has: an environment of its own, that git does not see.
k2-env:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v[:2] == (3, 11) or sys.exit("k2 needs Python 3.11, $(PYTHON) is %d.%d; name one: make k2-env PYTHON=python3.11" % v[:2])'
	$(PYTHON) -m venv --clear .venv-k2
	.venv-k2/bin/python -m pip install --disable-pip-version-check --no-input -q torch==1.13.1 'numpy<2' graphviz
	.venv-k2/bin/python -m pip install --disable-pip-version-check --no-input -q --no-deps --require-hashes -r tests/lfmmi/k2-requirements.txt
	@.venv-k2/bin/python -c 'import k2' && echo "ready: export K2_PYTHON=.venv-k2/bin/python"

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) .venv-k2
