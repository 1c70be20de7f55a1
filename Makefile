# Five commands; each sets up what it needs and is quick the second time.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-sqlite check bench faults soak ux screens sizes clean

$(VENV)/run.stamp: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements.txt requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

run: $(VENV)/run.stamp
	$(BIN)/python manage.py up

# A stage that hangs ends with the stack of every thread, not with the patience of whoever waits for it.
PYTEST = PYTHONFAULTHANDLER=1 timeout --signal=ABRT --kill-after=20 $(1) $(BIN)/python -m pytest

# With real browsers and killed processes: what failed is tried once more, by itself; what fails twice is wrong.
TWICE = $(call PYTEST,$(1)) $(2) || $(call PYTEST,$(1)) $(2) -n 0 --last-failed --last-failed-no-failures none

test: $(VENV)/dev.stamp
	$(call PYTEST,900) -n 3 --dist loadscope --ignore=tests/e2e -m "not e2e and not faults"
	AUTOMATE_TEST_DATABASE=sqlite $(call PYTEST,600) -n 2 --dist loadscope tests/workflows/runs tests/workflows/ingress
	$(call TWICE,900,-n 2 --dist loadfile -m e2e --timeout 300)
	$(call TWICE,1200,-m faults --timeout 300)

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint templates --check --lint

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench $(if $(ROW),--row $(ROW)) $(if $(QUICK),--quick)

faults: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults $(ROW)

soak: $(VENV)/dev.stamp
	$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),10)

ux: $(VENV)/dev.stamp
	$(BIN)/python -m tools.ux

screens: $(VENV)/dev.stamp
	$(BIN)/python -m tools.screens

sizes: $(VENV)/dev.stamp
	$(BIN)/python -m tools.sizes

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
