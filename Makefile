# `make demo` and `make test` set up what they need: a virtual environment in .venv, and as root Debian's Prometheus, HAProxy and nginx for the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DIST := dist
# The processes that tests run in: three for each processor, as most of their time is waiting. WORKERS=0 is this one alone.
WORKERS ?= $(shell echo $$(($$(nproc) * 3)))

# What the processes of a fresh clone's first run would compile each for itself, a quarter of a minute long: two of them do it before.
COMPILED := $(if $(TESTS),,$(if $(filter 0,$(WORKERS)),,tests/__pycache__))

.PHONY: demo test lint generated release lock format clean

demo: $(READY)
	$(BIN)/chatprobe demo

test: export PYTHONDONTWRITEBYTECODE =  # what tests start again and again is compiled once
test: $(READY) $(COMPILED)
	@PATH="$$PATH:/usr/sbin"; { command -v prometheus && command -v prometheus-alertmanager && command -v haproxy && command -v nginx && command -v tcpdump; } >/dev/null || \
	  tests/install-packages prometheus prometheus-alertmanager haproxy nginx tcpdump || echo "tests that need it are skipped" >&2
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

tests/__pycache__: export PYTHONDONTWRITEBYTECODE =
tests/__pycache__: | $(READY)
	find tests -name 'test_*.py' | sort | xargs -P 2 -n $$(($$(find tests -name 'test_*.py' | wc -l) / 2 + 1)) $(BIN)/pytest --collect-only -qq >/dev/null || true  # the tests tell what is wrong

# What is checked in and made of the code: a test says when it is stale.
generated: $(READY)
	$(BIN)/python -m catalogue.reference > docs/metrics.md
	$(BIN)/python -m catalogue.troubles.page > docs/troubleshooting.md
	$(BIN)/chatprobe alerts build --config config/default.yaml --form rules
	$(BIN)/chatprobe alerts build --config config/default.yaml --config alerts/one-day.yaml --form rules --output alerts/generated/one-day
	$(BIN)/chatprobe dashboards build
	$(BIN)/python -m helm.reference

# What a release has attached: the wheel, the charts, and dashboards and rules in every form.
release: $(READY)
	rm -rf $(DIST)
	$(BIN)/python -m build --installer uv --wheel --outdir $(DIST)
	$(BIN)/python -m helm.packages $(DIST)
	set -e; for form in json configmap operator console; do \
	  $(BIN)/chatprobe dashboards build --form $$form --output $(DIST)/dashboards/$$form; done
	$(BIN)/chatprobe alerts build --config config/default.yaml --output $(DIST)/rules
	$(BIN)/chatprobe alerts build --config config/default.yaml --config alerts/one-day.yaml --output $(DIST)/rules/one-day
	for kind in dashboards rules; do tar -C $(DIST) -czf $(DIST)/chatprobe-$$kind.tar.gz $$kind && rm -r $(DIST)/$$kind || exit; done

# What the image installs, pinned: what is pinned stays while pyproject.toml allows it, and make lock LOCK=--upgrade takes the newest.
lock: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" helm/image/lock helm/image $(LOCK)

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build $(DIST) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "chatprobe needs Python 3.11 or newer, and $(PYTHON) is not: name one with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/install-packages python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
