# The Python binding's integrations, each with its client over a broker that the tests start.
#
# Variables: INTEGRATIONS (what pytest runs; all).

INTEGRATIONS ?= $(PYTHON)/tests/integrations

.PHONY: test-python-integrations

test-python-integrations: python ## The Python binding's integrations: real clients over real brokers
	@tools/setup python queues
	python=$$(tools/venv $(PYTHON)/tests/integrations/requirements.txt) && \
	  $$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PYTHON_WHEEL) && \
	  PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $$python -m pytest -q -p no:cacheprovider $(INTEGRATIONS)
