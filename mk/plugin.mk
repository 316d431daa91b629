# The librdkafka plugin: measures programs that know nothing about it. Needs librdkafka's header (Debian: librdkafka-dev);
# the plugin links no librdkafka, and holds all of libdatastreams.
#
# Variables: PLUGIN_TESTS (modules of tests/plugin; make test-plugin runs these).

PLUGIN_TESTS ?= test_library test_chain test_messages test_off test_run

PLUGIN_SRC := bindings/c/plugin
PLUGIN_DIR := build/plugin
PLUGIN := $(PLUGIN_DIR)/libdatastreams_rdkafka.so
PLUGIN_PRELOAD := $(PLUGIN_DIR)/libdatastreams_rdkafka_preload.so
PLUGIN_C := $(addprefix $(PLUGIN_SRC)/,cluster.c commits.c consume.c edges.c headers.c instance.c measure.c parent.c plugin.c \
  produce.c program_symbols.c rdkafka_api.c topics.c)
# Calls into other libraries are many for each message: -fno-plt.
PLUGIN_FLAGS := -std=c99 -D_GNU_SOURCE -O3 -g -fPIC -fno-plt -fvisibility=hidden -Wall -Wextra -Wpedantic -Werror -Iinclude -shared -Wl,-z,defs
# With nodelete, since librdkafka closes its plugins, while the reporter's thread goes on.
PLUGIN_LINK := -Wl,--version-script=$(PLUGIN_SRC)/plugin.map -Wl,-z,now -Wl,-z,nodelete -Wl,-Bsymbolic

PLUGIN_TEST := tests/plugin
PLUGIN_PROGRAMS := $(PLUGIN_DIR)/programs
PLUGIN_PROGRAMS_ALL := $(addprefix $(PLUGIN_PROGRAMS)/,batch batches built_in failing forks handoff old_kafka relay relay++ transact ways)
PLUGIN_PROGRAMS_FLAGS := -O2 -g $(EXAMPLES_WARNINGS)
# Debian's librdkafka.a, with the libraries that the shared one uses.
PLUGIN_BUILT_IN = $(shell $(PKG_CONFIG) --variable=libdir rdkafka)/librdkafka.a -l:liblz4.so.1 -l:libzstd.so.1 \
  -l:libsasl2.so.2 -l:libssl.so.3 -l:libcrypto.so.3 -l:libz.so.1 -lm -ldl -pthread

.PHONY: plugin install-plugin plugin-programs plugin-ready plugin-tools test-plugin test-plugin-full bench-plugin

plugin-tools:
	@tools/setup c kafka

plugin: $(PLUGIN) $(PLUGIN_PRELOAD) ## Build the librdkafka plugin: build/plugin

$(PLUGIN): $(PLUGIN_C) $(wildcard $(PLUGIN_SRC)/*.h) $(PLUGIN_SRC)/plugin.map include/datastreams.h archive | plugin-tools
	@mkdir -p $(PLUGIN_DIR)
	$(CC) $(PLUGIN_FLAGS) $(PLUGIN_LINK) $(PLUGIN_C) build/lib/libdatastreams.a $(DS_PRIVATE) -o $@

$(PLUGIN_PRELOAD): $(PLUGIN_SRC)/preload.c $(PLUGIN_SRC)/plugin.h $(PLUGIN_SRC)/preload.map | plugin-tools
	@mkdir -p $(PLUGIN_DIR)
	$(CC) $(PLUGIN_FLAGS) -Wl,--version-script=$(PLUGIN_SRC)/preload.map $< -ldl -o $@

install-plugin: plugin ## Install the librdkafka plugin under DESTDIR, PREFIX and LIBDIR
	install -d '$(DESTDIR)$(PREFIX)/$(LIBDIR)'
	install -s -m 755 $(PLUGIN) $(PLUGIN_PRELOAD) '$(DESTDIR)$(PREFIX)/$(LIBDIR)'

plugin-programs: $(PLUGIN_PROGRAMS_ALL) $(PLUGIN_DIR)/bench

$(PLUGIN_PROGRAMS)/%: $(PLUGIN_TEST)/programs/%.c $(PLUGIN_TEST)/programs/kafka.h | plugin-tools
	@mkdir -p $(PLUGIN_PROGRAMS)
	$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L $(PLUGIN_PROGRAMS_FLAGS) $< $(RDKAFKA) -pthread -o $@

$(PLUGIN_PROGRAMS)/built_in: $(PLUGIN_TEST)/programs/relay.c $(PLUGIN_TEST)/programs/kafka.h | plugin-tools
	@mkdir -p $(PLUGIN_PROGRAMS)
	$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L $(PLUGIN_PROGRAMS_FLAGS) $< $(PLUGIN_BUILT_IN) -o $@

$(PLUGIN_PROGRAMS)/relay++: $(PLUGIN_TEST)/programs/relay.cpp | plugin-tools
	@mkdir -p $(PLUGIN_PROGRAMS)
	$(CXX) -std=c++17 $(PLUGIN_PROGRAMS_FLAGS) $< -lrdkafka++ $(RDKAFKA) -o $@

$(PLUGIN_DIR)/bench: $(PLUGIN_TEST)/bench.c | plugin-tools
	@mkdir -p $(PLUGIN_DIR)
	$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L $(PLUGIN_PROGRAMS_FLAGS) $< $(RDKAFKA) -o $@

plugin-ready: plugin plugin-programs examples command
	@tools/setup python kcat

test-plugin: plugin-ready ## The librdkafka plugin: kcat, C, C++ and Python programs that know nothing about it
	$$(tools/venv $(PLUGIN_TEST)/requirements.txt) -B $(PLUGIN_TEST)/run.py $(PLUGIN_TESTS)

test-plugin-full: plugin-ready ## The same with Rust, Go and Node programs, under valgrind, and over Apache Kafka
	@tools/setup valgrind java
	$(PLUGIN_TEST)/programs/build $(PLUGIN_PROGRAMS)
	$$(tools/venv $(PLUGIN_TEST)/requirements.txt) -B $(PLUGIN_TEST)/run.py test_languages test_valgrind
	tests/kafka/with-broker $$(tools/venv $(PLUGIN_TEST)/requirements.txt) -B $(PLUGIN_TEST)/run.py $(PLUGIN_TESTS) test_languages

bench-plugin: plugin-ready ## What the plugin costs for a message, beside the same client without it
	@$$(tools/venv $(PLUGIN_TEST)/requirements.txt) -B $(PLUGIN_TEST)/bench.py
