# What C programs have for message queues, over real brokers.
#
# Variables: CC, CXX, CARGO, QUEUES (what runs: amqp, nats; all of it).

QUEUES ?=
QUEUES_EXAMPLES := $(EXAMPLES_DIR)/rabbitmq $(EXAMPLES_DIR)/nats
QUEUES_HEADERS := $(wildcard bindings/c/include/datastreams_*.h) include/datastreams.h

.PHONY: queue-examples test-queues test-queues-memory test-queues-python test-kafka-c test-kafka-old

queue-examples: $(QUEUES_EXAMPLES) ## Build the examples for RabbitMQ and NATS: build/examples

$(EXAMPLES_DIR)/rabbitmq: QUEUES_CLIENT := -lrabbitmq
$(EXAMPLES_DIR)/nats: QUEUES_CLIENT := -lnats
$(QUEUES_EXAMPLES): $(EXAMPLES_DIR)/%: $(EXAMPLES_SRC)/%.c $(QUEUES_HEADERS) | lib
	@tools/setup queues-c
	@mkdir -p $(EXAMPLES_DIR)
	$(CC) $(EXAMPLES_FLAGS) $< $(EXAMPLES_LIBS) $(QUEUES_CLIENT) -o $@

test-queues: queue-examples command ## The headers for rabbitmq-c and cnats over RabbitMQ and NATS
	@tools/setup queues queues-c
	python3 tests/queues/run.py $(COMMAND) $(EXAMPLES_DIR) $(QUEUES)

test-queues-memory: queue-examples command ## The same under valgrind, and with AddressSanitizer and UBSan
	@tools/setup queues queues-c valgrind
	TOOL=valgrind python3 tests/queues/run.py $(COMMAND) $(EXAMPLES_DIR) $(QUEUES)
	TOOL=asan python3 tests/queues/run.py $(COMMAND) $(EXAMPLES_DIR) $(QUEUES)

test-queues-python: queue-examples ## Pipelines of Python and C over RabbitMQ and NATS
	$(MAKE) --no-print-directory test-python-integrations INTEGRATIONS=$(PYTHON)/tests/integrations/test_c_programs.py

# A broker for each: the first wants no topics, the second makes its own.
test-kafka-c: examples command ## The C programs over Apache Kafka; lag beside what kafka-consumer-groups prints
	@tools/setup java kafka
	@mkdir -p build/test
	$(CC) -std=c99 -g -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Wno-gnu-statement-expression -Iinclude \
	  -Ibindings/c/include -Itests/c tests/e2e/demo/rdkafka.c -Lbuild/lib -ldatastreams -Wl,-rpath,'$(CURDIR)/build/lib' \
	  $(RDKAFKA) -o build/test/rdkafka
	tests/kafka/with-broker build/test/rdkafka
	tests/kafka/with-broker python3 tests/kafka/c.py $(COMMAND) $(EXAMPLES_DIR)

# The same tests run over brokers that only refuse headers in test-go-integrations.
QUEUES_OLD_GO := $(GO_DIR)/integrations/franz $(GO_DIR)/integrations/ibmsarama $(GO_DIR)/integrations/kafka/v2 \
  $(GO_DIR)/internal/segmentiotest

test-kafka-old: lib command go-lib plugin-ready ## C, Go and Python over a broker of Apache Kafka that refuses headers: no message is lost; with the plugin the first
	@tools/setup java kafka python queues
	@mkdir -p build/test
	$(CC) -std=c99 -g -Wall -Wextra -Wpedantic -Wshadow -Werror -Wno-gnu-statement-expression -Iinclude -Ibindings/c/include \
	  -Itests/c tests/kafka/old.c -Lbuild/lib -ldatastreams -Wl,-rpath,'$(CURDIR)/build/lib' $(RDKAFKA) -o build/test/old
	tests/kafka/with-broker --old python3 tests/kafka/old.py $(COMMAND) build/test/old
	tests/kafka/with-broker --old bash -c 'for module in $(QUEUES_OLD_GO); do \
	  (cd $$module && $(GO) test -count 1 -run "RefusedHeaders|RefusesHeaders|IsRefused|UnknownErrorsOfOther" .) || exit 1; done'
	tests/kafka/with-broker --old $$(tools/venv $(PLUGIN_TEST)/requirements.txt) -B $(PLUGIN_TEST)/run.py test_old_format
	tests/kafka/with-broker --old $(MAKE) --no-print-directory test-python-integrations \
	  INTEGRATIONS=$(PYTHON)/tests/integrations/test_old_kafka.py
