# The Python binding's integrations, each with its client over a broker that the tests start.
#
# Variables: INTEGRATIONS (what pytest runs; all).

INTEGRATIONS ?= $(PYTHON)/tests/integrations
INTEGRATIONS_PUBSUB = $(PYTHON)/tests/integrations/pstest

.PHONY: test-python-integrations

test-python-integrations: python ## The Python binding's integrations: real clients over real brokers
	@tools/setup python queues
	@# Before the tests: where it was never built, it takes longer than all of them.
	go=$$([ -x tools/go ] && echo $(CURDIR)/tools/go || echo go) && cd $(INTEGRATIONS_PUBSUB) && $$go build -o $(CURDIR)/build/pstest .
	python=$$(tools/venv $(PYTHON)/tests/integrations/requirements.txt) && \
	  $$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PYTHON_WHEEL) && \
	  PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $$python -m pytest -q -rs -p no:cacheprovider $(INTEGRATIONS)
