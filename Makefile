# numdip: `make run` serves the bundled plan, `make test` runs all tests; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Versions are pinned in Cargo.lock and here.
CONSTRAINTS := tests/constraints.txt

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)
# How many ported numbers make bench-ported compares, and a sentence for its record.
COUNTS ?= 1e6
NOTE ?=
SNAPSHOT := python/numdip/data/bundled.snap

.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-python lint format bench bench-instructions bench-ported bench-peers conformance wheel plan clean tools
.NOTPARALLEL:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/release.stamp  ## serve the bundled plan on 127.0.0.1:5300 (UDP and TCP); Ctrl-C stops it
	@echo "==> numdip serve, try: dig +noedns @127.0.0.1 -p 5300 6.5.1.6.8.9.2.9.3.3.1.e164.arpa NAPTR"
	@exec $(BIN)/numdip serve

test: test-rust test-python  ## build and run all Rust and Python tests

test-rust: | tools
	@echo "==> Rust tests"
	@cargo test --quiet --locked -p numdip-core -p numdip-server -p numdip-client

test-python: $(VENV)/debug.stamp $(VENV)/dev.stamp
	@command -v dig >/dev/null || { echo "dig is missing, the tests ask the server with it: apt-get install bind9-dnsutils"; exit 1; }
	@echo "==> Python tests"
	@$(BIN)/python -m pytest -q

lint: $(VENV)/debug.stamp $(VENV)/dev.stamp  ## rustfmt, clippy, ruff, mypy, stubtest
	@echo "==> rustfmt, clippy"
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	@cargo fmt --manifest-path benches/load/Cargo.toml --check
	@cargo clippy --quiet --locked --manifest-path benches/load/Cargo.toml --all-targets -- -D warnings
	@echo "==> ruff, mypy, stubtest"
	@$(BIN)/ruff check --quiet python tests benches
	@$(BIN)/ruff format --quiet --check python tests benches
	@for tree in python/numdip tests/python tests/conformance benches/python benches/compare benches/peers benches/instructions.py; do $(BIN)/python -m mypy $$tree || exit 1; done
	@MYPYPATH=python $(BIN)/python -W ignore -m mypy.stubtest --concise numdip._native

format:  ## format Rust and Python sources
	@cargo fmt --all
	@$(BIN)/ruff check --quiet --fix-only python tests benches
	@$(BIN)/ruff format --quiet python tests benches

bench: $(VENV)/release.stamp $(VENV)/dev.stamp  ## Rust and Python benchmarks, as tables
	@echo "==> Rust benches"
	@cargo bench --quiet --locked -p numdip-core --bench respond --bench bulk --bench rules --bench ported
	@echo "==> Python benches"
	@$(BIN)/python -m pytest -q benches/python --benchmark-only --benchmark-columns=median,iqr,ops,rounds --benchmark-sort=mean

bench-instructions: | tools  ## instructions of each step from query to response (valgrind), beside the last record
	@$(PYTHON) benches/instructions.py

bench-ported: $(VENV)/release.stamp $(VENV)/dev.stamp  ## ported numbers beside other structures and Redis; COUNTS="1e6 1e7"
	@command -v redis-server >/dev/null || { echo "Redis is missing, the comparison runs it: apt-get install redis-server"; exit 1; }
	@echo "==> comparison of $(COUNTS) ported numbers (the first time builds what numdip is compared with)"
	@rm -rf target/ported
	@$(BIN)/python benches/compare/compare.py $(COUNTS) --keep target/ported --note "$(NOTE)"
	@echo "==> look-ups beside the memory under them"
	@cargo bench --quiet --locked -p numdip-core --bench ported -- $(CURDIR)/target/ported/*/plan.snap
	@rm -rf target/ported

bench-peers: $(VENV)/release.stamp $(VENV)/dev.stamp  ## the server beside Knot, NSD, BIND, PowerDNS and reflectors; QUICK=1 for a look
	@echo "==> numdip beside its peers ($(if $(QUICK),at most 5,some 25) minutes)"
	@$(BIN)/python benches/peers/peers.py $(if $(QUICK),--quick) --note "$(NOTE)"

# What the suite runs beside numdip, and the Debian package that has it.
BESIDE := nsd:nsd knotd:knot dig:bind9-dnsutils named-checkzone:bind9-utils kamailio:kamailio sipp:sip-tester unbound:unbound named:bind9 dnsdist:dnsdist ip:iproute2 unshare:util-linux

conformance: $(VENV)/release.stamp $(VENV)/dev.stamp  ## the server beside other implementations
	@missing=; for need in $(BESIDE); do PATH="$$PATH:/usr/sbin:/sbin" command -v "$${need%%:*}" >/dev/null || missing="$$missing $${need#*:}"; done; \
	[ -z "$$missing" ] || { echo "missing, and run beside numdip by the suite: apt-get install$$missing"; exit 1; }
	@echo "==> conformance"
	@$(BIN)/python -m pytest -q tests/conformance

wheel: | tools $(BIN)/maturin  ## a wheel in dist/
	@echo "==> building a wheel"
	@$(BIN)/maturin build --quiet --release --locked --out dist
	@ls -1 dist/*.whl | tail -n 1

plan: $(VENV)/release.stamp $(VENV)/dev.stamp  ## build the bundled plan anew from numbering data
	@echo "==> bundled plan"
	@$(BIN)/python -m numdip.plan -o $(SNAPSHOT)
	@$(BIN)/numdip plan verify $(SNAPSHOT)

clean:  ## remove everything that was built
	@rm -rf $(VENV) target dist python/numdip/_native*.so

# What a bare machine may lack, and the package that has it.
tools:
	@command -v cargo >/dev/null || { echo "Rust is missing: apt-get install cargo rustc (1.85 or later), or rustup"; exit 1; }
	@rustc --version | awk '{ split($$2, v, "."); exit !(v[1] > 1 || v[2] >= 85) }' || { echo "$$(rustc --version) is too old: 1.85 or later is needed, from rustup or a newer release of the distribution"; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install gcc libc6-dev"; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: 3.11 or later is needed; name another with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }

$(BIN)/python: | tools
	@echo "==> making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(BIN)/maturin: $(CONSTRAINTS) | $(BIN)/python
	@echo "==> installing maturin and what numdip imports"
	@$(PIP) install --constraint $(CONSTRAINTS) maturin dnspython msgspec rich typer
	@touch $@

# One extension lies in the tree at a time: the release build serves and measures, the debug build is
# quick to make and checks more. Each stamp undoes the other.
$(VENV)/release.stamp: $(RUST_SOURCES) pyproject.toml $(BIN)/maturin | tools
	@echo "==> building the extension (release; the first time takes some minutes)"
	@PIP_QUIET=1 $(BIN)/maturin develop --quiet --locked --release
	@rm -f $(VENV)/debug.stamp && touch $@

$(VENV)/debug.stamp: $(RUST_SOURCES) pyproject.toml $(BIN)/maturin | tools
	@echo "==> building the extension (debug)"
	@PIP_QUIET=1 $(BIN)/maturin develop --quiet --locked
	@rm -f $(VENV)/release.stamp && touch $@

$(VENV)/dev.stamp: $(CONSTRAINTS) tests/requirements.txt | $(BIN)/maturin
	@echo "==> installing what tests and benches need"
	@$(PIP) install --constraint $(CONSTRAINTS) --requirement tests/requirements.txt
	@touch $@
