# Every target sets up what it needs from a bare python3 with venv: no uv, no global install.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test soak sbom chromium check fast format bench golden reference screenshots odoo-up odoo-down clean

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1 — \2/p' $(MAKEFILE_LIST)

# uv lives in an environment of its own, so that syncing the project's cannot remove it.
$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "pleo-export needs Python 3.11 or newer; set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq python3-venv; \
		else echo "Please install Python's venv module first (Debian: apt-get install python3-venv)." >&2; exit 1; fi; }
	@test -x .uv/bin/uv || { $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv==$(UV_VERSION); }
	.uv/bin/uv sync --frozen --quiet --compile-bytecode --python $(PYTHON)
	@touch $(READY)

demo: $(READY)  ## the main job: Export pressed in a simulated Pleo, a checked ledger at the end
	$(BIN)/pleo-export demo

test: $(READY) chromium  ## the whole suite
	$(BIN)/pytest -n 2 --dist worksteal

soak: $(READY) chromium  ## every test of the reliability scorecard at full size, hours long; SHARE=0.1 ROWS=A,B make it less
	$(BIN)/python -m tests.scorecard run --share $(or $(SHARE),1) $(if $(ROWS),--rows $(ROWS)) $(if $(KEEP),--keep)

# The page is tested in a real browser. Without one its tests are skipped, and the summary says so.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || echo "No chromium here: the page is not tested in a browser." >&2

fast: $(READY)
	$(BIN)/pytest -q -n 3 --dist worksteal -m "not slow"  # three: one of them waits for the disk

check: $(READY)  ## format, lint, types, import direction, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(MAKE) --no-print-directory fast

format: $(READY)  ## put the code into the agreed format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What fails is told, and the report is made of the rest.
bench: $(READY)  ## the measured figures, peers beside us: three quarters of an hour on a machine at rest; taken up where it was ended
	-$(BIN)/python -m bench.side
	-$(BIN)/python -m bench.odoo
	-$(BIN)/python -m bench
	-$(BIN)/python -m bench.companies
	-$(BIN)/python -m bench.profile
	$(BIN)/python -m bench.report

sbom: $(READY)  ## what a running pleo-export is made of, as CycloneDX, into dist/
	@mkdir -p dist
	.uv/bin/uv export --frozen --no-dev --all-extras --format cyclonedx1.5 --quiet --output-file dist/pleo-export.cdx.json
	@echo "dist/pleo-export.cdx.json"

golden: $(READY)  ## the texts of the golden pairs anew; changes none without OVERWRITE=1
	$(BIN)/python -m tests.golden $(if $(OVERWRITE),--overwrite)

reference: $(READY)  ## the generated reference pages, and those on reliability and security
	$(BIN)/python -m tests.docs.pages
	$(BIN)/python -m tests.scorecard report
	$(BIN)/python -m tests.security

screenshots: $(READY) chromium  ## the pictures of the page in the documentation
	$(BIN)/python -m tests.page.screenshots

odoo-up: $(READY)  ## a real Odoo 19 for trying things out, at 127.0.0.1:8069 (ODOO_PORT)
	@$(BIN)/python -m tests.odoo up

odoo-down: $(READY)  ## stop it and forget what is in it
	@$(BIN)/python -m tests.odoo down

clean:  ## remove what the targets made
	rm -rf $(VENV) .uv pleo-export-demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
