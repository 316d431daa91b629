# The way to bigger engines: OTLP, Prometheus and Grafana.
#
# Variables: CARGO, GO (tools/go).

EXPORT := tests/export
EXPORT_OUT := build/test/export
EXPORT_COLLECTOR = $(COMMAND)

.PHONY: test-otlp test-export

test-otlp: command ## OTLP against a receiver that fails in every way; /metrics as text, read by Prometheus' own client
	@mkdir -p $(EXPORT_OUT)/logs
	python=$$(tools/venv $(EXPORT)/requirements.txt) && \
	  $$python $(EXPORT)/test_otlp.py $(EXPORT_COLLECTOR) $(EXPORT_OUT)/logs

test-export: test-otlp $(EXPORT_OUT)/otelcol $(EXPORT_OUT)/prometheus ## A real OpenTelemetry Collector and a real Prometheus, set up as docs/fleet.md shows it
	python=$$(tools/venv $(EXPORT)/requirements.txt) && \
	  $$python $(EXPORT)/test_engines.py $(EXPORT_COLLECTOR) $(EXPORT_OUT) $(EXPORT_OUT)/logs

# Both take minutes to build: once, and anew when their versions change.
$(EXPORT_OUT)/otelcol: $(EXPORT)/otelcol/go.mod $(EXPORT)/otelcol/go.sum $(EXPORT)/otelcol/main.go
	@mkdir -p $(EXPORT_OUT)
	cd $(EXPORT)/otelcol && $(GO) build -ldflags '-s -w' -o $(CURDIR)/$@ .

# Without service discovery, which has most of its dependencies, and without the page.
$(EXPORT_OUT)/prometheus: $(EXPORT)/prometheus/go.mod $(EXPORT)/prometheus/go.sum
	@mkdir -p $(EXPORT_OUT)
	cd $(EXPORT)/prometheus && $(GO) build -tags remove_all_sd -ldflags '-s -w' -o $(CURDIR)/$@ \
	  github.com/prometheus/prometheus/cmd/prometheus
