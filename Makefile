# `make run` and `make test` need Python >= 3.11, git and make; each installs what it uses into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SERVICES := core bot database simulator operator cli
ARGS ?=

.PHONY: help install run test test-unit test-integration test-recordings manifests test-chart test-cluster test-observe test-compose soak sizes starts cluster-demo lint types format lock documents documents-check build check bench bench-long bench-saturation bench-path bench-channels test-bench chaos clean

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

$(INSTALLED): requirements/dev.txt $(SERVICES:%=services/%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Rosey needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "installing into $(VENV) (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "python -m venv failed: on Debian and Ubuntu install the package python3-venv" >&2; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(SERVICES:%=-e services/%)
	@touch $(INSTALLED)

install: $(INSTALLED)  ## make .venv with everything in it

run: $(INSTALLED)      ## a whole Rosey on a simulated channel; your own: make run ARGS='--channel NAME'
	@$(BIN)/rosey up $(ARGS)

test: $(INSTALLED)     ## every test that needs nothing but wheels, with coverage
	@$(BIN)/python -m tools.test $(ARGS)

test-unit: $(INSTALLED)  ## the tests without servers, and the seconds that they take
	@$(BIN)/python -m tools.test tests/unit -n 2 $(ARGS)

test-integration: $(INSTALLED)  ## the tests of parts together, and the seconds that they take
	@$(BIN)/python -m tools.test tests/integration $(ARGS)

test-recordings: $(INSTALLED)  ## the simulator and the client against recordings of a real CyTube (../shared)
	@$(BIN)/python -m pytest tests/recordings -q $(ARGS)

manifests: $(INSTALLED)  ## render manifests/ from the chart; needs helm 3
	@$(BIN)/python -m tools.manifests

test-chart: $(INSTALLED)  ## the chart as Helm renders it; needs helm 3
	@$(BIN)/python -m pytest tests/chart -q -n 2 $(ARGS)

test-cluster: $(INSTALLED)  ## the chart in the cluster of your KUBECONFIG; needs helm 3, kubectl and docker
	@$(BIN)/python -m pytest tests/cluster -q -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-observe: $(INSTALLED)  ## alert rules and dashboards in a real Prometheus; on Debian: apt-get install prometheus
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || \
	  { echo "make test-observe needs promtool and prometheus: on Debian and Ubuntu install the package prometheus" >&2; exit 1; }
	@$(BIN)/python -m pytest tests/observe -q -p no:cacheprovider $(ARGS)

test-compose: $(INSTALLED)  ## compose.yaml as Compose's own reader takes it; needs go 1.23
	@$(BIN)/python -m pytest tests/compose -q -p no:cacheprovider $(ARGS)

soak: $(INSTALLED)     ## half an hour under load in the cluster of your KUBECONFIG; ROSEY_SOAK_MINUTES: another time
	@$(BIN)/python -m pytest tests/cluster/soak.py -q -s $(ARGS)

sizes: $(INSTALLED)    ## what so many channels take in the cluster of your KUBECONFIG, 8 minutes; others: ROSEY_SIZES_CHANNELS="0 5"
	@$(BIN)/python -m pytest tests/cluster/sizes.py -q -s $(ARGS)

starts: $(INSTALLED)   ## how long each image takes until it is ready in the cluster of your KUBECONFIG; other numbers: ROSEY_STARTS=3
	@$(BIN)/python -m pytest tests/cluster/starts.py -q -s $(ARGS)

cluster-demo: $(INSTALLED)  ## Rosey with a simulated channel in the cluster of your KUBECONFIG, or in one made with kind
	@$(BIN)/python tools/cluster_demo.py

lint: $(INSTALLED)     ## style and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

types: $(INSTALLED)    ## mypy, strict
	@$(BIN)/mypy

format: $(INSTALLED)   ## rewrite to the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

documents: $(INSTALLED)  ## write what is generated: docs/contract.md, docs/api.md, docs/commands.md, docs/metrics.md, dashboards, parts of the chart
	@$(BIN)/python -m tools.contract
	@$(BIN)/python -m tools.api
	@$(BIN)/python -m tools.commands
	@$(BIN)/python -m tools.metrics
	@$(BIN)/python -m observability
	@$(BIN)/python -m tools.crds
	@$(BIN)/python -m tools.chart

documents-check: $(INSTALLED)  ## fail where a generated document is not what the code says
	@$(BIN)/python -m tools.contract --check
	@$(BIN)/python -m tools.api --check
	@$(BIN)/python -m tools.commands --check
	@$(BIN)/python -m tools.metrics --check
	@$(BIN)/python -m observability --check
	@$(BIN)/python -m tools.crds --check
	@$(BIN)/python -m tools.chart --check

build: $(INSTALLED)    ## a wheel of each service in dist/
	@for service in $(SERVICES); do $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist services/$$service || exit 1; done
	@ls dist

lock: $(INSTALLED)     ## choose versions anew: requirements/*.txt
	@$(BIN)/python tools/lock.py

check: lint types test ## what a change must pass

bench: $(INSTALLED)    ## the ten benchmarks and their report, under 5 minutes; a short form: make bench ARGS=--quick
	@$(BIN)/rosey bench $(ARGS)

bench-long: $(INSTALLED)  ## the same with the hour of memory stability
	@$(BIN)/rosey bench --long $(ARGS)

bench-saturation: $(INSTALLED)  ## search the highest rate that holds, for 1, 10 and 100 channels
	@$(BIN)/rosey bench saturation $(ARGS)

test-bench: $(INSTALLED)  ## that the benchmarks can fail: with a slow commit, with lost events, interrupted; a minute
	@$(BIN)/python -m pytest tests/benchmarks -q -p no:cacheprovider $(ARGS)

bench-path: $(INSTALLED)  ## measure the event path, 20 minutes at most; two minutes: make bench-path ARGS=--quick
	@$(BIN)/rosey bench path $(ARGS)

bench-channels: $(INSTALLED)  ## 200 channels in one bot: its CPU and its memory, two minutes; shorter: make bench-channels ARGS='--seconds 20'
	@$(BIN)/python -m benchmarks.channels $(ARGS)

chaos: $(INSTALLED)    ## kill, pause and set back real processes under load; 30 minutes at most
	@$(BIN)/python -m tests.chaos $(ARGS)

clean:                 ## remove what the build made
	rm -rf $(VENV) build dist .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
