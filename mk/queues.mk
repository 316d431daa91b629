# The headers for message queues of C over real brokers, and their examples.
#
# Variables: CC, CXX, CARGO, QUEUES (what runs: amqp, nats; all of it).

QUEUES ?=
QUEUES_EXAMPLES := $(EXAMPLES_DIR)/rabbitmq $(EXAMPLES_DIR)/nats
QUEUES_HEADERS := $(wildcard bindings/c/include/datastreams_*.h) include/datastreams.h

.PHONY: queue-examples test-queues test-queues-memory

queue-examples: $(QUEUES_EXAMPLES) ## Build the examples for RabbitMQ and NATS: build/examples

$(EXAMPLES_DIR)/rabbitmq: QUEUES_CLIENT := -lrabbitmq
$(EXAMPLES_DIR)/nats: QUEUES_CLIENT := -lnats
$(QUEUES_EXAMPLES): $(EXAMPLES_DIR)/%: $(EXAMPLES_SRC)/%.c $(QUEUES_HEADERS) | lib
	@tools/setup queues-c
	@mkdir -p $(EXAMPLES_DIR)
	$(CC) $(EXAMPLES_FLAGS) $< $(EXAMPLES_LIBS) $(QUEUES_CLIENT) -o $@

test-queues: queue-examples demo-command ## The headers for rabbitmq-c and cnats over RabbitMQ and NATS
	@tools/setup queues queues-c
	python3 tests/queues/run.py target/release/datastreams $(EXAMPLES_DIR) $(QUEUES)

test-queues-memory: queue-examples demo-command ## The same under valgrind, and with AddressSanitizer and UBSan
	@tools/setup queues queues-c valgrind
	TOOL=valgrind python3 tests/queues/run.py target/release/datastreams $(EXAMPLES_DIR) $(QUEUES)
	TOOL=asan python3 tests/queues/run.py target/release/datastreams $(EXAMPLES_DIR) $(QUEUES)
