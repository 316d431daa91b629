# The examples, and the demonstration that runs them. C needs librdkafka (Debian: librdkafka-dev); Go and Python what their
# bindings need. Where one of these is not to be had, the demonstration runs without its service, and says so.
#
# Variables: COMMAND_PROFILE (release; the tests take debug, which is built with the Rust tests), CARGO, CC, PKG_CONFIG, DEMO_SECONDS (until Ctrl-C), DEMO_ARGS (more options of `datastreams demo`).

CARGO ?= cargo
COMMAND_PROFILE ?= release
COMMAND := build/bin/datastreams
# Tests and programs take their dependencies with other features: built together, they are built once.
COMMAND_BUILD = $(CARGO) $(if $(filter release,$(COMMAND_PROFILE)),build --release -p datastreams-collector,test --no-run --workspace) --quiet
PKG_CONFIG ?= pkg-config
DEMO_SECONDS ?=
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

.PHONY: examples example-go example-python examples-more demo-setup demo test-demo command

examples: $(EXAMPLES_ALL:%=$(EXAMPLES_DIR)/%) ## Build bindings/c/examples: build/examples

EXAMPLES_HEADERS := $(EXAMPLES_SRC)/service.h include/datastreams.h bindings/c/include/datastreams_rdkafka.h

# A new library alone is no reason to build them again.
$(EXAMPLES_ALL:%=$(EXAMPLES_DIR)/%): $(EXAMPLES_DIR)/%: $(EXAMPLES_SRC)/%.c $(EXAMPLES_HEADERS) | lib
	@mkdir -p $(EXAMPLES_DIR)
	@$(PKG_CONFIG) --exists rdkafka || { echo "librdkafka is missing: apt-get install librdkafka-dev" >&2; exit 1; }
	$(CC) $(EXAMPLES_FLAGS) $< $(EXAMPLES_LIBS) $(RDKAFKA) -o $@

example-go: go-lib ## Build bindings/go/examples/shipping: build/examples/shipping
	@mkdir -p $(EXAMPLES_DIR)
	cd bindings/go/examples/shipping && $(GO) build -o $(CURDIR)/$(EXAMPLES_DIR)/shipping .

example-python: $(EXAMPLES_DIR)/tracking ## Put bindings/python/examples/tracking.py with all it needs where the demonstration looks: build/examples/tracking

# The wheel is built anew only when something in it changed.
EXAMPLE_PYTHON := bindings/python/examples
EXAMPLE_PYTHON_NEEDS = $(EXAMPLE_PYTHON)/requirements.txt include/datastreams.h \
  $(shell find bindings/python/setup.py bindings/python/pyproject.toml bindings/python/src -name '*.[ch]' -o -name '*.py' -o -name '*.toml')

$(EXAMPLES_DIR)/tracking: $(EXAMPLE_PYTHON_NEEDS)
	@mkdir -p $(EXAMPLES_DIR)
	$(MAKE) --no-print-directory python
	python=$$(tools/venv $(EXAMPLE_PYTHON)/requirements.txt) && \
	  $$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PYTHON_WHEEL) && \
	  printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$$python" "$(CURDIR)/$(EXAMPLE_PYTHON)/tracking.py" >$@.new
	@chmod +x $@.new && mv $@.new $@

# What cannot be built is left out of the demonstration: one sentence, and the whole story in a file.
examples-more:
	@mkdir -p build/logs $(EXAMPLES_DIR)
	@for part in go:shipping python:tracking; do language=$${part%%:*} program=$${part##*:}; \
	  echo "demo: building the service in $$language (build/logs/example-$$language.log)"; \
	  $(MAKE) --no-print-directory example-$$language >build/logs/example-$$language.log 2>&1 || { \
	    rm -f $(EXAMPLES_DIR)/$$program; \
	    echo "demo: the service in $$language cannot be built: $$(grep -v '^make' build/logs/example-$$language.log | tail -n 1)"; }; done

# Not all of `make setup`: the demonstration needs no more than this.
demo-setup:
	@tools/setup rust c kafka

command: ## Build the datastreams command: build/bin
	$(COMMAND_BUILD)
	@mkdir -p build/bin
	@# In one step, and only when it is another: somebody may be running it.
	@cmp -s target/$(COMMAND_PROFILE)/datastreams $(COMMAND) || \
	  { cp target/$(COMMAND_PROFILE)/datastreams $(COMMAND).new && mv $(COMMAND).new $(COMMAND); }

demo: demo-setup examples command examples-more ## Run a pipeline of C, Go and Python programs until Ctrl-C, and the collector's page on them; then latencies beside the delays put in
	@$(COMMAND) demo --examples $(EXAMPLES_DIR) $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(DEMO_ARGS)

test-demo: setup examples command example-go example-python ## The demonstration, checked from outside; datastreams_rdkafka.h over a mock cluster
	tests/e2e/demo/run.sh $(COMMAND) $(EXAMPLES_DIR)
