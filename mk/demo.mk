# The C examples and the demonstration that runs them.
#
#   make examples   builds bindings/c/examples into build/examples, against target/release
#   make demo       the whole pipeline, for DEMO_SECONDS; ends with the latencies beside the delays that were put in

EXAMPLES_DIR ?= build/examples
DEMO_SECONDS ?= 20
DEMO_ARGS    ?=
CARGO        ?= cargo
CC           ?= cc
PKG_CONFIG   ?= pkg-config
EXAMPLES_CFLAGS ?= -O2 -g -Wall -Wextra -Wpedantic -Werror

EXAMPLES_SRC   := bindings/c/examples
EXAMPLES_KAFKA := orders payments sink
EXAMPLES_ALL   := hello mock_kafka $(EXAMPLES_KAFKA)
EXAMPLES_BIN   := $(addprefix $(EXAMPLES_DIR)/,$(EXAMPLES_ALL))
EXAMPLES_LIB   := target/release/libdatastreams.so
# The programs find the library beside themselves, under its SONAME.
EXAMPLES_LINK  := $(EXAMPLES_DIR)/libdatastreams.so.1
EXAMPLES_FLAGS  = -std=c99 $(EXAMPLES_CFLAGS) -Iinclude -Ibindings/c/include
EXAMPLES_LIBS   = $(EXAMPLES_LINK) -Wl,-rpath,'$$ORIGIN'
# Evaluated only in recipes: the other targets of this Makefile do not need librdkafka.
RDKAFKA_CFLAGS  = $(shell $(PKG_CONFIG) --cflags rdkafka)
RDKAFKA_LIBS    = $(shell $(PKG_CONFIG) --libs rdkafka)

.PHONY: examples demo test-demo demo-command demo-force

examples: $(EXAMPLES_BIN)

# cargo decides whether there is something to do.
$(EXAMPLES_LIB): demo-force
	$(CARGO) build --release -p datastreams-ffi

demo-command:
	$(CARGO) build --release -p datastreams-collector

$(EXAMPLES_LINK): $(EXAMPLES_LIB)
	mkdir -p $(EXAMPLES_DIR)
	ln -sfn $(abspath $(EXAMPLES_LIB)) $@

EXAMPLES_HEADERS := include/datastreams.h bindings/c/include/datastreams_rdkafka.h $(EXAMPLES_SRC)/service.h

$(EXAMPLES_DIR)/hello: $(EXAMPLES_SRC)/hello.c include/datastreams.h $(EXAMPLES_LINK)
	$(CC) $(EXAMPLES_FLAGS) $< $(EXAMPLES_LIBS) -o $@

$(EXAMPLES_DIR)/mock_kafka: $(EXAMPLES_SRC)/mock_kafka.c | $(EXAMPLES_LINK)
	$(CC) $(EXAMPLES_FLAGS) $(RDKAFKA_CFLAGS) $< $(RDKAFKA_LIBS) -o $@

$(addprefix $(EXAMPLES_DIR)/,$(EXAMPLES_KAFKA)): $(EXAMPLES_DIR)/%: $(EXAMPLES_SRC)/%.c $(EXAMPLES_HEADERS) $(EXAMPLES_LINK)
	$(CC) $(EXAMPLES_FLAGS) $(RDKAFKA_CFLAGS) -pthread $< $(EXAMPLES_LIBS) $(RDKAFKA_LIBS) -o $@

demo: examples demo-command
	target/release/datastreams demo --examples $(EXAMPLES_DIR) --seconds $(DEMO_SECONDS) $(DEMO_ARGS)

test-demo: examples demo-command
	tests/e2e/demo --datastreams target/release/datastreams --examples $(EXAMPLES_DIR)
