# Every target works on a fresh checkout: git, make and Python 3.11 or newer are all it takes.
# PYTHON=... chooses the interpreter, ARGS=... is passed on: make demo ARGS="--framework flask"; make test ARGS="-k cart"

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs format bench latency cache-hit cache-peers cache-trouble cache-herd hit-ratio breaker \
	interleavings resilience metrics-page recycling http-metrics throughput resilience-peers shared-breaker leftovers commerce \
	read-side search-words search-judged search-speed replay async stress wheel clean
SHELL := /bin/sh
# The tests start hundreds of processes: each would compile the packages anew where nothing may be kept.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
ARGS ?=
TOGETHER ?= 2

help:  ## show this help
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed-demo  ## install, make and fill a shop, serve it (ARGS="--framework flask --port 9000")
	$(BIN)/mestres demo $(ARGS)

test: $(VENV)/installed-dev  ## install, run the whole suite on real servers (ARGS="-k cart", TOGETHER=8 processes)
	$(BIN)/python -m pytest -n $(TOGETHER) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/installed-dev  ## style, formatting and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/installed-dev  ## mypy --strict
	$(BIN)/mypy --strict

docs: $(VENV)/installed-dev  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: $(VENV)/installed-dev  ## rewrite the code in the project's style
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev  ## measure (ARGS="--benchmark-compare")
	$(BIN)/python -m pytest benchmarks -o python_files='bench_*.py' --benchmark-only $(ARGS)

latency: $(VENV)/installed-dev  ## every latency target on 100,000 products and orders (ARGS="--products 10000")
	$(BIN)/python benchmarks/latency.py $(ARGS)

cache-hit: $(VENV)/installed-dev  ## what a cache hit costs beside other caches (ARGS="--rounds 21")
	$(BIN)/python benchmarks/cache_hit.py $(ARGS)

cache-peers: $(VENV)/installed-dev  ## what other caches do and cost: writes docs/cache-peers.md (ARGS="--no-speed")
	$(BIN)/python benchmarks/peers.py $(ARGS)

cache-trouble: $(VENV)/installed-dev  ## how soon others hear of an invalidation, what an ill Redis costs
	$(BIN)/python benchmarks/cache_trouble.py $(ARGS)

cache-herd: $(VENV)/installed-dev  ## how long 200 callers on a cold key wait, and how often they load
	$(BIN)/python benchmarks/cache_herd.py $(ARGS)

hit-ratio: $(VENV)/installed-dev  ## hit ratios of the eviction policies, other caches and the optimum
	$(BIN)/python benchmarks/hit_ratio.py $(ARGS)

breaker: $(VENV)/installed-dev  ## what a circuit breaker costs beside other breakers (ARGS="--rounds 1000")
	$(BIN)/python benchmarks/breaker.py $(ARGS)

resilience: $(VENV)/installed-dev  ## what retries and rate limits cost beside other libraries (ARGS="--rounds 50")
	$(BIN)/python benchmarks/resilience.py $(ARGS)

metrics-page: $(VENV)/installed-dev  ## what counting and the page of /metrics cost beside prometheus_client
	$(BIN)/python benchmarks/metrics_page.py $(ARGS)

recycling: $(VENV)/installed-dev  ## gunicorn's workers replaced under load, one killed, while Prometheus looks on (ARGS="--times 5")
	$(BIN)/python benchmarks/recycling.py $(ARGS)

http-metrics: $(VENV)/installed-dev  ## what metrics add to a request beside other exporters (ARGS="--rounds 1000")
	$(BIN)/python benchmarks/http_metrics.py $(ARGS)

throughput: $(VENV)/installed-dev  ## requests/s of uvicorn with and without the middleware: writes docs/metrics.md (ARGS="--rounds 31")
	$(BIN)/python benchmarks/throughput.py $(ARGS)

resilience-peers: $(VENV)/installed-dev  ## what other libraries do in trouble: writes docs/resilience-peers.md
	$(BIN)/python benchmarks/resilience_peers.py $(ARGS)

shared-breaker: $(VENV)/installed-dev  ## what callers notice of a Redis that is killed, hangs and comes back (ARGS="--seconds 30")
	$(BIN)/python benchmarks/shared_breaker.py $(ARGS)

leftovers: $(VENV)/installed-dev  ## what dead workers leave behind, here and in prometheus_client (ARGS="--workers 40")
	$(BIN)/python benchmarks/leftovers.py $(ARGS)

commerce: $(VENV)/installed-dev  ## an order beside django-oscar and the same statements by hand (ARGS="--rounds 20")
	$(BIN)/python benchmarks/commerce.py $(ARGS)

read-side: $(VENV)/installed-dev  ## reading 100,000 products and 1,000,000 orders, beside django-oscar and by hand (ARGS="--orders 100000")
	$(BIN)/python benchmarks/read_side.py $(ARGS)

search-words: $(VENV)/installed-dev  ## plurals, gender and typos on 32,000 real words (ARGS="--number 500")
	$(BIN)/python benchmarks/search_words.py $(ARGS)

search-speed: $(VENV)/installed-dev  ## search on 100,000 products, beside raw queries: writes docs/search.md (ARGS="--growth")
	$(BIN)/python benchmarks/search_speed.py $(ARGS)

search-judged: $(VENV)/installed-dev  ## judged queries on both databases: NDCG@10, MRR, none without results
	MESTRES_STRESS=long $(BIN)/python -m pytest tests/core/search/test_judged.py -s $(ARGS)

async: $(VENV)/installed-dev  ## what the async shop does in a second beside the plain one (ARGS="--at-once 16")
	$(BIN)/python benchmarks/async_commerce.py $(ARGS)

replay: $(VENV)/installed-dev  ## a real café's 9,530 receipts as orders, on both databases
	MESTRES_STRESS=long $(BIN)/python -m pytest tests/core/acceptance/test_replay.py -s $(ARGS)

interleavings: $(VENV)/installed-dev  ## 100,000 writes, rollbacks and cached reads by two processes, on both databases
	MESTRES_STRESS=long $(BIN)/python -m pytest -n0 -s tests/core/contrib/test_interleavings.py $(ARGS)

stress: $(VENV)/installed-dev  ## the long forms of the stress tests
	MESTRES_STRESS=long $(BIN)/python -m pytest -m stress $(ARGS)

wheel: $(VENV)/installed-dev  ## build dist/*.whl and dist/*.tar.gz
	$(BIN)/python -m build --outdir dist

clean:  ## remove everything that can be made again
	rm -rf $(VENV) dist build site .tox .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .benchmarks .hypothesis

# The environment is made again only when pyproject.toml changes; the stamps remember what is in it.
$(VENV)/installed-demo: pyproject.toml | $(BIN)/python
	@echo "installing mestres ..."
	@$(PIP) -e '.[demo,redis,postgres,fast]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing mestres and its tools ..."
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/installed-demo

$(BIN)/python:
	@python=$$(sh .ci/find-python $(PYTHON)) && echo "making $(VENV) with $$python" && "$$python" -m venv $(VENV)
