# The collector: what it costs.

CARGO ?= cargo

.PHONY: bench-collector

bench-collector: ## What a payload costs the collector on one core, against a floor in the same run; its memory; what an answer costs
	$(CARGO) bench --quiet -p datastreams-collector --bench collect
	$(CARGO) test --quiet --release -p datastreams-collector --bin datastreams speed -- --ignored --nocapture --test-threads 1
