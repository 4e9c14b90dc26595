# Everything happens in .venv beside this file; python3 with venv is all it takes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_FLAGS := --no-deps --require-hashes --no-build --quiet

.PHONY: help run serve test lint audit format clean lock

help:
	@echo "make run     set up, tune the built-in model on this machine and show the live page"
	@echo "make serve   set up and start the site on http://127.0.0.1:8765"
	@echo "make test    set up and pass all tests"
	@echo "make lint    ruff, mypy, template lint, deploy check, migrations check"
	@echo "make audit   known vulnerabilities of what is locked"
	@echo "make format  format code and templates"
	@echo "Pass flags on with ARGS, for instance: make run ARGS=\"--exit --json\""

run: $(VENV)/runtime.stamp
	@$(BIN)/python manage.py quickstart $(ARGS)

serve: $(VENV)/runtime.stamp
	@$(BIN)/python manage.py serve $(ARGS)

test: $(VENV)/test.stamp
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m tests.everything
endif

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/djhtml --check templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	HTTPS_ONLY=true $(BIN)/python manage.py check --deploy --fail-level WARNING

# Without a service that knows vulnerabilities it says so, and does not fail.
audit: $(VENV)/test.stamp
	@$(BIN)/python .ci/audit $(ARGS)

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djhtml templates

clean:
	rm -rf $(VENV)

# Setting up tells on standard error what it does: standard output belongs to the command.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 13) else \
	"Python 3.11 or 3.12 is needed, %s is %d.%d; name another: make run PYTHON=python3.12" \
	% (sys.executable, *sys.version_info[:2]))'
	@echo "Making a virtual environment in $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV) || { \
	echo "python3 has no venv; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

# uv installs in seconds what takes pip minutes; where it is not to be had, pip does it.
$(VENV)/runtime.stamp: requirements.lock requirements-uv.lock | $(VENV)/bin/python
	@echo "Installing what the site needs (about 1.2 GB, most of it genai-bench's) …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	-r requirements-uv.lock >&2 || echo "no uv for this machine: using pip" >&2
	@if [ -x $(BIN)/uv ]; then \
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install $(UV_FLAGS) -r requirements.lock >&2; \
	else \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	--only-binary :all: -r requirements.lock >&2; \
	fi
	@touch $@

$(VENV)/test.stamp: requirements-test.lock $(VENV)/runtime.stamp
	@echo "Installing what the tests need …" >&2
	@if [ -x $(BIN)/uv ]; then \
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install $(UV_FLAGS) -r requirements-test.lock >&2; \
	else \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	--only-binary :all: -r requirements-test.lock >&2; \
	fi
	@touch $@

# How the locks are made: names, versions and hashes for every platform, and no addresses.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate
lock: $(VENV)/runtime.stamp
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group test -c requirements.lock -o requirements-test.lock
	echo "uv" | $(COMPILE) - -o requirements-uv.lock
