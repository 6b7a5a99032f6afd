# Everything runs in .venv, which `setup` makes; nothing that happens to be installed is relied upon.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Users of the package pick their own build of torch; here and in CI it is this one.
TORCH ?= torch==2.13.0
APT := bubblewrap libseccomp2

.DEFAULT_GOAL := help
.PHONY: help setup system browser slurm demo test check bench clean

help:  ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: system $(VENV)/installed  ## Make .venv, install everything, see that a sandbox works

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "grader needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 setup" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# Installs what is missing where it can (root on Debian), and says what to type where it cannot.
system:
	@command -v bwrap >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(APT) >/dev/null; \
	  else \
	    echo "bubblewrap is missing; install it: sudo apt-get install $(APT)" >&2; exit 1; \
	  fi; }

# Only the tests of the pages need a browser; without one they are skipped and say so.
browser:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver >/dev/null; \
	  else \
	    echo "no chromium: the tests of the pages are skipped (sudo apt-get install chromium chromium-driver)" >&2; \
	  fi; }

# Only the tests of `--on slurm` need it; without it they are skipped and say so.
slurm:
	@test -x /usr/sbin/slurmctld || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq munge slurmctld slurmd slurm-client >/dev/null; \
	  else \
	    echo "no Slurm: its tests are skipped (sudo apt-get install munge slurmctld slurmd slurm-client)" >&2; \
	  fi; }

demo: setup  ## Grade the example submissions of the VAE assignment
	$(BIN)/grader run assignments/vae/submissions --out demo-out

# A file's tests stay in one process, which shares what they set up, and files come in the order of
# tests/conftest.py. Three for two cores: many of them wait for sandboxes, browsers and nodes.
test: setup browser slurm  ## Run all tests that take seconds, with coverage
	$(BIN)/python -m pytest -m "not slow and not gpu" -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

check: setup  ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## Measure, in a few minutes: throughput beside others, calls, memory, checks
	$(BIN)/python benchmarks/throughput.py --quick --torch "$(TORCH)"
	$(BIN)/python benchmarks/rpc.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/checks.py vae

clean:  ## Remove what was made
	rm -rf $(VENV) demo-out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage*
