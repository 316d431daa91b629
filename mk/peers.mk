# The other implementations, as they are released, against our library and our collector.

PEERS := tests/peers
PEERS_LOGS := build/test/peers

.PHONY: test-peers test-peers-full

test-peers: lib ## The released ddtrace: headers and payloads, both ways
	$(CARGO) build --quiet -p datastreams-collector
	$$(tools/venv $(PEERS)/requirements.txt) $(PEERS)/test_peers.py build/lib/libdatastreams.so target/debug/datastreams $(PEERS_LOGS)
