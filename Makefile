# Every command of the project. `make` alone lists them.

PYTHON ?= python3
PY := .venv/bin/python
# As many test workers as processors; ARGS goes to pytest: make test ARGS="tests/unit -k money".
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
ARGS ?=
UV := $(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --quiet

.DEFAULT_GOAL := help
.PHONY: help install demo run engines test check format docs lock env clean

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## make .venv from the hashed lock (every other command does it first)
	@$(PYTHON) deploy/laptop/bootstrap.py

demo: install ## play a street's day through a fresh system (SCALE=full for the whole street)
	@SCALE=$(SCALE) $(PY) -m deploy.laptop demo

run: install ## run the whole system here, data kept in var/run (LINLI_GATEWAY_PORT, 8000 by default)
	@$(PY) -m deploy.laptop run

engines: install ## run PostgreSQL and Kafka alone and print where they are
	@$(PY) -m deploy.laptop engines

test: install ## run the tests (ARGS="tests/unit -k money")
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: install ## lint, format, types, walls between packages, dead code, clients (needs Node.js), documents
	@bash .ci/check

format: install ## format the code and sort its imports
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format services shared deploy demo tests

docs: install ## write the generated documents anew
	@grep -v '^#' .ci/generated-documents.txt | while read -r module; do $(PY) -m $$module || exit 1; done

lock: install ## resolve the locked packages and Kafka's jars anew
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(UV) --extra laptop --extra dev -o requirements.lock
	$(UV) -c requirements.lock -o deploy/requirements.lock
	$(PY) -m deploy.laptop.kafka_jars

env: ## write deploy/.env with fresh secrets, for docker compose
	@$(PYTHON) deploy/new_env.py

clean: install ## delete the data of all stacks; .venv and downloads stay
	@$(PY) -m deploy.laptop clean
