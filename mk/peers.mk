# The other implementations, as they are released, against our library and our collector.

PEERS := tests/peers
PEERS_OUT := build/test/peers
PEERS_LIBRARY := build/lib/libdatastreams.so
PEERS_COLLECTOR := target/debug/datastreams

.PHONY: peers-programs test-peers test-peers-full

peers-programs: lib ## Build what the tests with other tracers run
	$(CARGO) build --quiet -p datastreams-collector
	mkdir -p $(PEERS_OUT)

test-peers: peers-programs ## The released ddtrace: headers and payloads, both ways, also over a Kafka client
	python=$$(tools/venv $(PEERS)/requirements.txt) && \
	  $$python $(PEERS)/test_peers.py $(PEERS_LIBRARY) $(PEERS_COLLECTOR) $(PEERS_OUT)

test-peers-full: peers-programs ## The real trace-agent's receiver between our library and a strict intake
	@tools/go version >/dev/null
	cd $(PEERS)/agent && $(CURDIR)/tools/go build -o ../../../$(PEERS_OUT)/trace-agent .
	python=$$(tools/venv $(PEERS)/requirements.txt) && \
	  $$python $(PEERS)/test_agent.py $(PEERS_LIBRARY) $(PEERS_OUT)/trace-agent $(PEERS_COLLECTOR) $(PEERS_OUT)
