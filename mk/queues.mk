# The headers for message queues of C over real brokers, and their examples.
#
# Variables: CC, CXX, CARGO, QUEUES (what runs: amqp, nats; all of it).

QUEUES ?=
QUEUES_EXAMPLES := $(EXAMPLES_DIR)/rabbitmq
QUEUES_HEADERS := $(wildcard bindings/c/include/datastreams_*.h) include/datastreams.h

.PHONY: queue-examples test-queues test-queues-memory

queue-examples: $(QUEUES_EXAMPLES) ## Build the examples for RabbitMQ and NATS: build/examples

$(EXAMPLES_DIR)/rabbitmq: bindings/c/examples/rabbitmq.c $(QUEUES_HEADERS) | lib
	@tools/setup queues-c
	@mkdir -p $(EXAMPLES_DIR)
	$(CC) -std=c99 -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Ibindings/c/include $< $(EXAMPLES_LIBS) -lrabbitmq -o $@

test-queues: queue-examples demo-command ## The headers for rabbitmq-c and cnats over RabbitMQ and NATS
	@tools/setup queues queues-c
	python3 tests/queues/run.py target/release/datastreams $(EXAMPLES_DIR) $(QUEUES)

test-queues-memory: queue-examples demo-command ## The same under valgrind, and with AddressSanitizer and UBSan
	@tools/setup queues queues-c valgrind
	TOOL=valgrind python3 tests/queues/run.py target/release/datastreams $(EXAMPLES_DIR) $(QUEUES)
	TOOL=asan python3 tests/queues/run.py target/release/datastreams $(EXAMPLES_DIR) $(QUEUES)
