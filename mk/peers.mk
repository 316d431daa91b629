# The other implementations, as they are released, against our library and our collector.

PEERS := tests/peers
PEERS_OUT := build/test/peers
PEERS_LIBRARY := build/lib/libdatastreams.so
PEERS_COLLECTOR = $(COMMAND)

# Whether what was fetched is what is wanted now; npm and mvn fetch nothing then.
PEERS_KEPT = cmp -s $(PEERS)/tracers/$(1) $(PEERS_OUT)/$(1)

.PHONY: peers-programs peers-tracers test-peers test-peers-full

peers-programs: lib command ## Build what the tests with other tracers run
	mkdir -p $(PEERS_OUT)

test-peers: peers-programs ## The released ddtrace: headers and payloads, both ways, also over a Kafka client
	python=$$(tools/venv $(PEERS)/requirements.txt) && \
	  $$python $(PEERS)/test_peers.py $(PEERS_LIBRARY) $(PEERS_COLLECTOR) $(PEERS_OUT)

test-peers-full: peers-programs peers-tracers ## Tracers for Go, JavaScript and Java; the real trace-agent's receiver
	cd $(PEERS)/agent && $(GO) build -o $(CURDIR)/$(PEERS_OUT)/trace-agent .
	python=$$(tools/venv $(PEERS)/requirements.txt) && \
	  $$python $(PEERS)/test_agent.py $(PEERS_LIBRARY) $(PEERS_OUT)/trace-agent $(PEERS_COLLECTOR) $(PEERS_OUT) && \
	  tests/kafka/with-broker $$python $(PEERS)/test_tracers.py $(PEERS_LIBRARY) $(PEERS_COLLECTOR) $(PEERS_OUT) $(PEERS_OUT)

peers-tracers: ## Fetch the released tracers for Go, JavaScript and Java, and build the services that they are in
	@tools/setup jdk python
	@command -v npm >/dev/null || { echo 'peers-tracers: npm is missing. Install Node.js 22 or newer' >&2; exit 1; }
	@tools/go version >/dev/null
	@mkdir -p $(PEERS_OUT)
	cd $(PEERS)/tracers/go && $(GO) build -o $(CURDIR)/$(PEERS_OUT)/dd-trace-go .
	@$(call PEERS_KEPT,node/package-lock.json) || { echo 'peers-tracers: fetching dd-trace' && rm -rf $(PEERS_OUT)/node && \
	  mkdir -p $(PEERS_OUT)/node && cp $(PEERS)/tracers/node/package.json $(PEERS_OUT)/node && \
	  cp $(PEERS)/tracers/node/package-lock.json $(PEERS_OUT)/node && \
	  (cd $(PEERS_OUT)/node && npm ci --silent --no-audit --no-fund || { rm package-lock.json; exit 1; }); }
	@cp $(PEERS)/tracers/node/service.js $(PEERS_OUT)/node
	@$(call PEERS_KEPT,java/pom.xml) || { echo 'peers-tracers: fetching dd-java-agent' && rm -rf $(PEERS_OUT)/java && \
	  mvn -q -B --no-transfer-progress -f $(PEERS)/tracers/java/pom.xml dependency:copy-dependencies \
	    -DoutputDirectory=$(CURDIR)/$(PEERS_OUT)/java/lib && cp $(PEERS)/tracers/java/pom.xml $(PEERS_OUT)/java; }
	javac -cp '$(PEERS_OUT)/java/lib/*' -d $(PEERS_OUT)/java/classes $(PEERS)/tracers/java/Service.java
