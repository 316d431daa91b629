# The C examples, and the demonstration that runs them. They need librdkafka (Debian: librdkafka-dev).
#
# Variables: CARGO, CC, PKG_CONFIG, DEMO_SECONDS (20), DEMO_ARGS (more options of `datastreams demo`).

CARGO ?= cargo
PKG_CONFIG ?= pkg-config
DEMO_SECONDS ?= 20
DEMO_ARGS ?=

EXAMPLES_DIR := build/examples
EXAMPLES_SRC := bindings/c/examples
EXAMPLES_ALL := hello mock_kafka orders payments sink
# librdkafka's RD_KAFKA_V_* are statement expressions, which clang reports where they are used.
EXAMPLES_WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wno-gnu-statement-expression
EXAMPLES_FLAGS := -std=c99 -O2 -g $(EXAMPLES_WARNINGS) -Iinclude -Ibindings/c/include
# The programs find the library from where they are, wherever the build directory is moved.
EXAMPLES_LIBS := -Lbuild/lib -ldatastreams -Wl,-rpath,'$$ORIGIN/../lib' -pthread
# Evaluated in the recipe only: other targets do not need librdkafka.
RDKAFKA = $(shell $(PKG_CONFIG) --cflags --libs rdkafka)

.PHONY: examples demo test-demo demo-command

examples: $(EXAMPLES_ALL:%=$(EXAMPLES_DIR)/%) ## Build bindings/c/examples: build/examples

EXAMPLES_HEADERS := $(EXAMPLES_SRC)/service.h include/datastreams.h bindings/c/include/datastreams_rdkafka.h

# A new library alone is no reason to build them again.
$(EXAMPLES_DIR)/%: $(EXAMPLES_SRC)/%.c $(EXAMPLES_HEADERS) | lib
	@mkdir -p $(EXAMPLES_DIR)
	@$(PKG_CONFIG) --exists rdkafka || { echo "librdkafka is missing: apt-get install librdkafka-dev" >&2; exit 1; }
	$(CC) $(EXAMPLES_FLAGS) $< $(EXAMPLES_LIBS) $(RDKAFKA) -o $@

demo-command: ## Build the datastreams command
	$(CARGO) build --release -p datastreams-collector

demo: setup examples demo-command ## Run a pipeline of C programs for DEMO_SECONDS: latencies beside the delays put in
	target/release/datastreams demo --examples $(EXAMPLES_DIR) --seconds $(DEMO_SECONDS) $(DEMO_ARGS)

test-demo: setup examples demo-command ## The demonstration, checked from outside; datastreams_rdkafka.h over a mock cluster
	tests/e2e/demo/run.sh target/release/datastreams $(EXAMPLES_DIR)
