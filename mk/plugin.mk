# The librdkafka plugin: measures programs that know nothing about it. Needs librdkafka's header (Debian: librdkafka-dev);
# the plugin links no librdkafka, and holds all of libdatastreams.

PLUGIN_SRC := bindings/c/plugin
PLUGIN_DIR := build/plugin
PLUGIN := $(PLUGIN_DIR)/libdatastreams_rdkafka.so
PLUGIN_C := $(addprefix $(PLUGIN_SRC)/,cluster.c consume.c edges.c headers.c instance.c measure.c parent.c plugin.c \
  produce.c rdkafka_api.c topics.c)
PLUGIN_FLAGS := -std=c99 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -Wpedantic -Werror -Iinclude
# With nodelete, since librdkafka closes its plugins, while the reporter's thread goes on.
PLUGIN_LINK := -shared -Wl,--version-script=$(PLUGIN_SRC)/exports.map -Wl,-z,nodelete -Wl,-z,defs -Wl,-Bsymbolic

.PHONY: plugin

plugin: $(PLUGIN) ## Build the librdkafka plugin: build/plugin

$(PLUGIN): $(PLUGIN_C) $(wildcard $(PLUGIN_SRC)/*.h) $(PLUGIN_SRC)/exports.map include/datastreams.h archive
	@mkdir -p $(PLUGIN_DIR)
	@[ -e /usr/include/librdkafka/rdkafka.h ] || { echo "librdkafka is missing: apt-get install librdkafka-dev" >&2; exit 1; }
	$(CC) $(PLUGIN_FLAGS) $(PLUGIN_LINK) $(PLUGIN_C) build/lib/libdatastreams.a $(DS_PRIVATE) -o $@
