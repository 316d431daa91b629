# The Go binding: the package, its integrations, what a release would hold, and their tests.
#
# Variables: GO (tools/go), DATA_STREAMS_GO (a checkout of data-streams-go, to compare with and to measure against),
# GO_RACE (-race, for the integrations: to compile all clients for it takes minutes, so test-full does it).

GO ?= $(CURDIR)/tools/go
GO_RACE ?=
GO_DIR := bindings/go
GO_NATIVE := $(GO_DIR)/internal/native
GO_BUILD := build/go
DATA_STREAMS_GO ?=
# Every module of the checkout: where a go.mod is.
GO_MODULES = $(shell git ls-files --cached --others --exclude-standard '$(GO_DIR)/*go.mod' | xargs -n1 dirname | sort)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: go-lib go-dist test-go test-go-more test-go-dist test-go-integrations test-go-python test-kafka-full lint-go bench-go

# Without TLS: Go has its own. A static library alone, beside the shared one of lib-fault in the same directory.
go-lib: ## Put the static library where cgo finds it: bindings/go/internal/native
	@command -v $(CARGO) >/dev/null || { echo 'go-lib: cargo is missing. Install Rust (https://rustup.rs)' >&2; exit 1; }
	@tools/setup c
	$(CARGO) rustc --release -p datastreams-ffi --no-default-features --target-dir target/plain --crate-type staticlib
	@mkdir -p $(GO_BUILD)
	ffi/archive.sh include/datastreams.h target/plain/release/libdatastreams.a $(GO_BUILD)/libdatastreams.a
	@cmp -s $(GO_BUILD)/libdatastreams.a $(GO_NATIVE)/libdatastreams_linux_amd64.a || \
	  cp $(GO_BUILD)/libdatastreams.a $(GO_NATIVE)/libdatastreams_linux_amd64.a
	@# Go does not look into libraries: a header with the library's sum tells it that there is another one.
	@echo "// $$(sha256sum <$(GO_BUILD)/libdatastreams.a)" >$(GO_BUILD)/archive.h
	@cmp -s $(GO_BUILD)/archive.h $(GO_NATIVE)/archive.h || cp $(GO_BUILD)/archive.h $(GO_NATIVE)/archive.h
	@cmp -s include/datastreams.h $(GO_NATIVE)/datastreams.h || cp include/datastreams.h $(GO_NATIVE)/datastreams.h

go-dist: go-lib ## Write the Go modules as a release would tag them, and a module proxy of files: dist/go, dist/goproxy
	@mkdir -p $(GO_BUILD) dist
	cd $(GO_DIR)/internal/dist && $(GO) build -o ../../../../$(GO_BUILD)/dist .
	$(GO_BUILD)/dist $(GO_DIR) '$(DS_VERSION)' $(GO_BUILD)/libdatastreams.a dist

test-go: go-lib ## The Go package: with the race detector, with a collector at every turn, with and without cgo
	cd $(GO_DIR) && $(GO) test ./...
	cd $(GO_DIR) && $(GO) test -race ./...
	cd $(GO_DIR) && GOGC=1 GOEXPERIMENT=cgocheck2 $(GO) test -run . -short . ./internal/native
	cd $(GO_DIR) && CGO_ENABLED=0 $(GO) vet ./... && CGO_ENABLED=0 $(GO) test -run Test . ./internal/...
	cd $(GO_DIR) && $(GO) test -run '^$$' -fuzz FuzzDecode -fuzztime 10s .
	cd $(GO_DIR)/test && DATA_STREAMS_GO='$(DATA_STREAMS_GO)' $(GO) test -count 1 ./...
	@# Go tells of a skipped test only when it is asked.
	@cd $(GO_DIR)/test && DATA_STREAMS_GO='$(DATA_STREAMS_GO)' $(GO) test -v -run '^TestTheListIsThatOfTheAncestor$$' . | grep skipped: || true

# kafka and kafka/v2 are not among the integrations that compile without cgo: their client is C.
test-go-more: go-lib ## Long fuzzing of decoding; the package by the oldest Go that it names; the integrations without cgo
	cd $(GO_DIR) && $(GO) test -run '^$$' -fuzz FuzzDecode -fuzztime 300s .
	cd $(GO_DIR) && GOWORK=off GOTOOLCHAIN=go$$(sed -n 's/^go //p' go.mod) $(GO) build ./...
	@for module in $(filter-out %/kafka %/kafka/v2,$(filter $(GO_DIR)/integrations/%,$(GO_MODULES))); do \
	  echo "$$module without cgo" && (cd $$module && CGO_ENABLED=0 $(GO) build ./...) || exit 1; done

test-go-integrations: go-lib ## The Go integrations, over brokers and servers that the tests start; dd-trace-go on the same pathways
	@tools/setup queues python
	@for module in $(filter $(GO_DIR)/integrations/% $(GO_DIR)/internal/%,$(GO_MODULES)); do \
	  (cd $$module && $(GO) test $(GO_RACE) -count 1 ./...) || exit 1; done
	@echo 'TestPython in amqp091, nats, aws, pubsub: not run here, but by make test-go-python'

test-go-python: go-lib python ## Services in Go and Python on one pathway, over RabbitMQ, NATS, SQS, SNS, Kinesis and Pub/Sub
	@tools/setup queues
	python=$$(tools/venv $(PYTHON)/tests/integrations/requirements.txt) && \
	  $$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PYTHON_WHEEL) && \
	  for module in amqp091 nats aws pubsub; do \
	    (cd $(GO_DIR)/integrations/$$module && DATASTREAMS_PYTHON=$$python $(GO) test -race -count 1 ./...) || exit 1; done

test-kafka-full: go-lib ## The integrations of Go and Python over Apache Kafka, from Maven Central
	@tools/setup java python
	tests/kafka/with-broker $(MAKE) --no-print-directory test-go-integrations GO_RACE=-race
	tests/kafka/with-broker $(MAKE) --no-print-directory test-python-integrations

test-go-dist: go-dist lib ## Fetch the module from dist/goproxy into a program outside the checkout, vendor it, link it both ways
	tests/abi/paths.sh $(GO_BUILD)/libdatastreams.a
	GO='$(GO)' tests/go/dist dist/goproxy '$(DS_VERSION)' build/go/dist-test

lint-go: go-lib ## gofmt, go vet and staticcheck over every Go module
	@out=$$($$($(GO) --path)/gofmt -l $(GO_DIR) tests); [ -z "$$out" ] || { echo "gofmt: $$out" >&2; exit 1; }
	@for module in $(GO_MODULES); do echo "$$module"; \
	  (cd $$module && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...) || exit 1; done

bench-go: go-lib ## What Go programs pay, beside dd-trace-go and (DATA_STREAMS_GO) data-streams-go in the same run
	cd $(GO_DIR)/bench && DATA_STREAMS_GO='$(DATA_STREAMS_GO)' ./run $(GO)
