# hms-rt. `make help` lists the targets.
# A machine needs Python 3.11 to 3.13 and make; the rest is installed into .venv, hash-checked.

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(if $(shell $(p) -c \
	'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) and print(1)' 2>/dev/null),$(p))))
ARGS ?=
# Processes that share the tests, each with servers of its own (about 1 GiB of memory). More than cores: tests wait a lot.
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The certificate authorities of the machine: a hospital may have its own.
export UV_SYSTEM_CERTS := 1

# The stamp holds the folder it was made in: scripts in .venv name that path, so a moved checkout installs anew.
ifneq ($(shell test -x $(BIN)/python && cat $(STAMP) 2>/dev/null),$(CURDIR))
$(shell rm -f $(STAMP))
endif

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format bench faults chromium proxies wheel lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv from requirements.lock (done by every target that needs it)

$(STAMP): requirements.lock pyproject.toml hatch_build.py scripts/install.sh
	@sh scripts/install.sh "$(PYTHON)" "$(CURDIR)/$(VENV)"
	@echo "$(CURDIR)" > $@

demo: $(STAMP) ## a hospital on this machine: servers, data and a simulated day (ARGS="--reset")
	@$(BIN)/hms-rt demo $(ARGS)

test: $(STAMP) chromium proxies lint ## static checks, then every test, against real servers and a real browser (WORKERS=4)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMP) ## ruff, mypy strict, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## ruff's formatting and safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP) ## measure this machine beside the peers, about 20 minutes (ARGS="--quick", ARGS="--only fanout")
	@$(BIN)/python -m bench $(ARGS)

faults: $(STAMP) ## strike a hospital under load with every fault, about 11 minutes (ARGS="--seed 7 --only disk-full")
	@$(BIN)/python -m tests.faults $(ARGS)

chromium: ## a Chromium for the browser tests: the installed one, else Debian's package
	@sh scripts/chromium.sh

proxies: ## nginx and HAProxy for the tests of their configurations: the installed ones, else Debian's packages
	@sh scripts/proxies.sh

wheel: $(STAMP) ## build dist/*.whl
	$(BIN)/uv build --wheel --no-build-isolation --python $(BIN)/python

lock: $(STAMP) ## remake requirements.lock, newest allowed versions (LOCK_ARGS="--upgrade-package NAME" for one)
	$(BIN)/uv pip compile pyproject.toml --universal --all-extras --generate-hashes --python-version 3.11 \
		--no-header --no-emit-index-url --no-annotate $(or $(LOCK_ARGS),--upgrade) --quiet --output-file requirements.lock

clean: ## remove .venv and build artefacts; data under .hms/ stays
	rm -rf $(VENV) build dist hms_rt/screens/vendor hms_rt/paper/vendor .mypy_cache .pytest_cache .ruff_cache .hypothesis
