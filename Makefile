# Each target sets up what it needs; a second call finds it done. `make help` lists them.

SHELL := /bin/bash
BIN := .venv/bin
SET_UP := pyproject.toml constraints.txt scripts/set-up
ARGS ?=
BENCH ?= quick

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench format peers constraints clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: .venv/.base  ## Set up .venv with what the connector needs; then .venv/bin/causeway
	@echo "Ready: .venv/bin/causeway --help"

demo: .venv/.base  ## Watch two studies cross (ARGS=--once ends by itself)
	@$(BIN)/python -m causeway.demo $(ARGS)

test: .venv/.test peers  ## Run all tests (ARGS="tests/unit -k spool" for some)
	@scripts/test $(ARGS)

check: .venv/.check .venv/.test  ## ruff and mypy, nothing is changed
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "Not formatted; run: make format"; exit 1; }
	@$(BIN)/mypy

bench: .venv/.test peers  ## Side by side with peers (BENCH=full, ARGS="--only receive")
	@$(BIN)/python -m bench --$(BENCH) $(ARGS)

format: .venv/.check  ## Format the code and apply safe fixes
	@$(BIN)/ruff check --quiet --fix; $(BIN)/ruff format --quiet

peers:  # DCMTK, Orthanc and tools of the tests, where they may be installed
	@scripts/peers

constraints: .venv/.base .venv/.test .venv/.check  ## Write constraints.txt from what is installed
	@scripts/constraints > constraints.new && mv constraints.new constraints.txt
	@touch $^

clean:  ## Remove .venv, caches and what demo and bench left
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-data bench/results

.venv/.base: $(SET_UP)
	@scripts/set-up && touch $@

.venv/.test: $(SET_UP)
	@scripts/set-up test && touch $@

.venv/.check: $(SET_UP)
	@scripts/set-up check && touch $@
