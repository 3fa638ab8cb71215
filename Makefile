# One file to set up, run and check everything. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Several processes share the cores: more than one thread in each of them is slower, not faster.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export POLARS_MAX_THREADS := 1
export RAY_USAGE_STATS_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help setup serve validate samples test test-long check bench peers collapse-bench schema format clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@echo "setting up $(VENV) (once; some minutes on a slow network)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25"
	@# torch first and alone: a resolver that sees a range would fetch the CUDA build.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $(READY)

setup: $(READY) ## set up the virtual environment

samples: $(READY) ## write the sample tables into out/samples
	@$(BIN)/python -m benchmarks.samples --out out/samples

validate: samples ## judge a healthy and a damaged table made from real data; reports in out/
	@echo; echo "== a fresh real sample: must be approved"
	$(BIN)/synthos validate out/samples/rand_healthy.parquet --reference out/samples/rand_reference.parquet \
	    --json out/healthy.json --html out/healthy.html
	@echo; echo "== a generator refitted on its own output: must not be (exit code 1)"
	$(BIN)/synthos validate out/samples/rand_refit.parquet --reference out/samples/rand_reference.parquet \
	    --json out/refit.json --html out/refit.html; test $$? -eq 1

serve: $(READY) ## serve the HTTP API from this machine until interrupted
	@$(BIN)/synthos serve

test: $(READY) ## run the tests, all but the long ones
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m "not long"

test-long: $(READY) ## run the long ones: parts of a running service killed, other databases, jobs of a cluster
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m long

check: $(READY) ## ruff, mypy, import contracts, fast tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

bench: $(READY) ## measure speed and memory (half an hour); results in out/benchmarks
	@mkdir -p out/benchmarks
	$(BIN)/python -m benchmarks.end_to_end --out out/benchmarks
	$(BIN)/python -m benchmarks.scan --json out/benchmarks/scan.json
	$(BIN)/python -m benchmarks.scan_on_ray --out out/benchmarks
	$(BIN)/python -m benchmarks.scale --bare
	$(BIN)/python -m benchmarks.cascade

peers: $(READY) ## ask other tools about the tables of BENCH=DIR (an hour; goes on where it was)
	$(BIN)/python -m benchmarks.peers --bench $(BENCH)

collapse-bench: $(READY) ## answer the tables of BENCH=DIR, compare with the peers, draw docs/*.png (hours; goes on)
	$(BIN)/python -m benchmarks.collapse_bench --bench $(BENCH) --jobs 2 --pictures docs $(ARGS)

schema: $(READY) ## write the JSON Schema of results anew
	@$(BIN)/python -c "import json; from synthos.validation import SCHEMA_FILE, json_schema; SCHEMA_FILE.write_text(json.dumps(json_schema(), indent=1) + '\n')"

format: $(READY) ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean: ## remove what was built
	@rm -rf out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
