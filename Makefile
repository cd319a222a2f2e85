# `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run dev test soak check settings bench docs clean tools

SOAK = SOAK=full PROGRAM="$$(realpath "$${CARGO_TARGET_DIR:-target}/release/bailiwick")"
NODE_MODULES := $(patsubst %,tests/%/node_modules/.package-lock.json,browser clients)

help:
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: ## Serve on http://127.0.0.1:8000 with the demo users
	cargo run --locked -- --demo

# EXAMPLE=orders: examples/orders instead of the server itself.
dev: ## The same, rebuilt and reloaded at every change of the sources
	cargo run $(EXAMPLE:%=--example %) -- --demo --reload --reload-dir Cargo.toml --reload-dir build.rs \
	    --reload-dir src --reload-dir config --reload-dir examples \
	    --reload-command 'cargo build $(EXAMPLE:%=--example %)'

# Many tests wait for servers: one more than there are cores runs at a time.
# The last line sums up what cargo says of each test program. An example that has tests of its own is
# built by `cargo test` for these only.
test: tools ## Install what the tests need, run all tests, count them
	cargo build --locked --examples
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; status=0; \
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(nproc) + 1))} \
	cargo test --locked --no-fail-fast 2>&1 | tee "$$log" || status=$$?; \
	awk '/^test result:/ { passed += $$4; failed += $$6 } \
	    END { printf "%d passed, %d failed\n", passed, failed }' "$$log"; \
	exit $$status

# On 127.0.0.1; prints Markdown tables and counts. At most half an hour each for the load, for three
# times a hundred crashes, and for commands on a million users (release build).
soak: debian .venv-soak/installed ## Reloads, upgrades and crashes under load, and gunicorn's
	cargo build --release --locked --bin bailiwick
	$(SOAK) timeout 1500 cargo test --locked --test process -- --nocapture --test-threads=1 soak mix
	$(SOAK) timeout 300 cargo test --locked --test faulty
	$(SOAK) timeout 1800 cargo test --locked --test cluster -- --nocapture crash refresh
	$(SOAK) timeout 900 cargo test --locked --lib families_of_refresh_tokens
	$(SOAK) timeout 1800 cargo test --locked --test cluster -- --nocapture million migrations

check: ## Format, lints, documentation, known vulnerabilities
	cargo fmt --check
	cargo fmt --check --manifest-path tests/clients/openidconnect/Cargo.toml
	cargo fmt --check --manifest-path benches/axum/Cargo.toml
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	@if ! cargo deny --version >/dev/null 2>&1; then \
	    echo "Skipped: known vulnerabilities (cargo deny is not installed)"; \
	elif ! timeout 60 cargo deny fetch db >/dev/null 2>&1; then \
	    echo "Skipped: known vulnerabilities (their database cannot be reached)"; \
	else \
	    cargo deny check advisories; \
	fi

settings: ## Rewrite config/default.toml and config/schema.json from the declarations
	cargo build --locked --bin bailiwick
	cargo run --locked --quiet -- print-config --defaults > config/default.toml
	cargo run --locked --quiet -- print-config --schema > config/schema.json

# On 127.0.0.1; a quarter of an hour at most for the load. The tables, the picture and the databases,
# which are kept for the next run, are in target/bench.
bench: .venv-bench/installed ## Speed beside the Python stack and bare actix-web; builds for release
	tests/debian-packages wrk:wrk
	cargo build --release --locked --bin bailiwick --example bare --example validated
	cargo build --release --locked --manifest-path benches/axum/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}"
	.venv-bench/bin/python benches/compare
	cargo bench --locked --bench micro

docs: ## The library's documentation, into target/doc
	cargo doc --locked --no-deps
	@echo "Open $${CARGO_TARGET_DIR:-target}/doc/bailiwick/index.html"

clean: ## Remove everything that was built or installed here; data/ stays
	cargo clean
	rm -rf .venv .venv-soak .venv-bench tests/browser/node_modules tests/clients/node_modules

screenshots: $(NODE_MODULES) ## Leave a picture of each page for people in target/screenshots
	mkdir -p target/screenshots
	SCREENSHOTS=$(CURDIR)/target/screenshots cargo test --locked --test api -- pages_are_for_everybody at_a_provider

tools: debian .venv/installed $(NODE_MODULES) ## Install what the tests need: Debian, PyPI and npm packages
	cargo build --locked --manifest-path tests/clients/openidconnect/Cargo.toml \
	    --target-dir "$${CARGO_TARGET_DIR:-target}/openidconnect"

.PHONY: debian
debian:
	@tests/debian-packages

.venv/installed: tests/clients/requirements.txt | debian
	python3 -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

.venv-soak/installed: tests/soak/requirements.txt | debian
	python3 -m venv --clear .venv-soak
	.venv-soak/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

.venv-bench/installed: benches/compare/requirements.txt | debian
	python3 -m venv --clear .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

$(NODE_MODULES): tests/%/node_modules/.package-lock.json: tests/%/package-lock.json | debian
	cd tests/$* && npm ci --silent --no-audit --no-fund
	touch $@
