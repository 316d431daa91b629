# Every command that the documentation shows. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(PATH):$(HOME)/.cargo/bin
# Where the recipes look for what cargo built, whatever the caller's environment says.
export CARGO_TARGET_DIR := $(CURDIR)/target
# A compiler cache that the caller has for a wrapper would stand in for tools/rustc: that calls it.
ifneq ($(RUSTC_WRAPPER)$(CARGO_BUILD_RUSTC_WRAPPER),)
export DISPLACED_WRAPPER := $(or $(RUSTC_WRAPPER),$(CARGO_BUILD_RUSTC_WRAPPER))
unexport RUSTC_WRAPPER CARGO_BUILD_RUSTC_WRAPPER
endif

include $(sort $(wildcard mk/*.mk))

SETUP := tools/setup

.PHONY: help all setup test test-full test-rust vectors vectors-check lint fmt deny clean test-long

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  %-16s %s\n", $$1, $$2 }'

all: setup lib archive go-lib command ## Build the library (build/lib), for Go too, and the datastreams command (build/bin)

setup: ## Install the tools that building and testing need (as root; otherwise say what to install)
	@$(SETUP) rust c kafka kcat cmake valgrind python python-ext queues queues-c node browser
	@tools/go version >/dev/null

# What several steps need is built before them: the library, which is optimised on one core, beside the command. The
# demonstration measures times, so nothing runs beside it.
test: setup ## Everything that has to hold before a change lands, in less than 20 minutes
	@COMMAND_PROFILE=debug tools/steps archive go-lib lib-fault + command , examples peers-programs python , \
	  vectors-check lint test-rust test-abi test-c test-costs test-install test-plugin test-otlp test-docs test-queues \
	  test-page test-top + \
	  test-peers lint-go test-go test-go-dist test-go-integrations lint-python test-python test-python-integrations , \
	  test-demo

test-full: setup ## The heavy counterparts as well: run it before a release
	@COMMAND_PROFILE=debug tools/steps test , \
	  deny test-long test-valgrind test-asan test-export test-plugin-full test-go-more + \
	  test-peers-full test-kafka-full test-kafka-c test-kafka-old test-go-python test-queues-memory test-queues-python \
	  test-python-sdist

test-rust: ## Unit, property and integration tests of the Rust crates
	cargo test --workspace

test-long: ## The core without TLS and without HTTP; property tests with a hundred times the cases
	cargo test -p datastreams-core --no-default-features
	cargo test -p datastreams-core --no-default-features --features http
	PROPTEST_CASES=20000 cargo test --release -p datastreams-core

vectors: ## Write tests/vectors and the sketch's thresholds from the reference
	python3 tests/reference/reference.py --write

vectors-check: ## Fail when tests/vectors or the thresholds differ from the reference
	python3 tests/reference/reference.py --check

lint: ## Formatting, clippy with warnings denied, ruff
	cargo fmt --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo clippy -p datastreams-core --no-default-features --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet
	$$(tools/venv tools/requirements.txt) -m ruff check --quiet --no-cache tests

fmt: ## Format the sources
	cargo fmt

deny: ## Licences, bans and sources of the dependencies
	@command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny@0.20.2
	cargo deny check bans licenses sources

clean: ## Remove everything that was built
	cargo clean
	rm -rf build dist bindings/python/build bindings/python/src/*.egg-info
