# SPDX-License-Identifier: BSD-2-Clause
#
# The front door. Every target does the set-up it needs (see .ci/setup), which takes no time when nothing changed.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help run build test test-vm test-vm-smoke test-kill test-trace test-stacks lint format man bench bench-thesis instructions screenshots cast comparison fuzz sanitize ci clean

help: ## list the targets
	@echo 'usage: make TARGET [ARGS="..."]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | awk -F'\t' '{ printf "  %-14s %s\n", $$1, $$2 }'

run: build ## set up, then open xtop on traffic of its own; ARGS="-i eth1" watches a link, ARGS="-r FILE" a file
	@case " $(ARGS) " in \
	*" -i"*|*" -r"*|*" --interface"*|*" --read"*) exec $(BIN)/xtop $(ARGS) ;; \
	*) exec $(BIN)/xtop demo $(ARGS) ;; \
	esac

build: ## set up and build: .venv/bin/xtop, .venv/bin/xtop-capture
	@.ci/setup

test: ## set up, then run the whole test suite; ARGS goes to pytest
	@.ci/setup test
	@.ci/native_tests build/native-tests
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@# Most of them wait more than they work, so there is one more at a time than CPUs; frames at full speed have all CPUs.
	@$(BIN)/python -m pytest -n $$(($$(nproc) + 1)) --dist worksteal -m 'not alone'
	@$(BIN)/python -m pytest -m alone tests/integration
endif

test-vm: ## capture in virtual machines whose NICs have zero copy (QEMU and kernels from packages, kept in build/vm); ARGS="--nic igb"
	@.ci/test_vm $(ARGS)

test-vm-smoke: ## the same with one NIC and one kernel, in half a minute
	@.ci/test_vm --smoke

test-kill: ## kill -9 at random moments under load, KILLS (50) times each capture mode
	@.ci/setup test
	@.ci/native_tests build/native-tests >/dev/null
	@XTOP_KILLS=$(or $(KILLS),50) $(BIN)/python -m pytest tests/integration/test_kill.py

test-trace: ## system calls of a capture while viewers come and go, under strace, TRACE_SECONDS (60) each capture mode
	@.ci/setup test
	@.ci/native_tests build/native-tests >/dev/null
	@XTOP_TRACE_SECONDS=$(or $(TRACE_SECONDS),60) $(BIN)/python -m pytest tests/integration/test_viewers.py -k come_go

test-stacks: ## random stacks of encapsulations, STACKS (16000) of them, from a file and over a link, against tshark; SEED=5
	@.ci/setup test
	@XTOP_STACKS=$(or $(STACKS),16000) XTOP_STACKS_SEED=$(or $(SEED),5) $(BIN)/python -m pytest -k random_stacks tests/scenarios tests/integration

lint: ## every linter, and a build with warnings as errors
	@.ci/setup test lint
	@.ci/lint

format: ## put Python and C into the project's format
	@.ci/setup lint
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format --quiet .
	@git ls-files '*.c' '*.h' | xargs clang-format -i

man: build ## write build/xtop.1, the manual page
	@$(BIN)/python -m xtop.manual > build/xtop.1 && echo build/xtop.1

bench: ## xtop beside nfpcapd, softflowd, argus and tcpdump on the same captures, and what a look and the screen cost: tables, and build/bench.json
	@.ci/setup test bench
	@.ci/native_tests build/native-tests >/dev/null
	@$(BIN)/python -m tests.bench $(ARGS)

bench-thesis: ## the thesis's experiments on this machine (root); ARGS=--write writes docs/thesis.md and .svg
	@.ci/setup bench
	@$(BIN)/python -m tests.bench.thesis $(ARGS)

instructions: build ## instructions a packet beside the baseline (callgrind); ARGS=--accept makes them the baseline
	@$(PYTHON) .ci/instructions $(ARGS)

screenshots: ## draw the pictures of screenshots/ again
	@.ci/setup test lint
	@$(BIN)/python -m tests.screenshots $(ARGS)

comparison: ## hold xtop against tshark, nfpcapd and softflowd on the captures of CAPTURES, and write docs/comparison.md
	@.ci/setup test
	@$(BIN)/python -m tests.comparison --write docs/comparison.md $(or $(CAPTURES),tests/scenarios/pcaps)

cast: build ## draw screenshots/demo.svg again, the moving picture
	@.ci/setup test
	@$(BIN)/python -m tests.cast $(ARGS)

fuzz: ## fuzz the parser for FUZZ_SECONDS (60)
	@.ci/setup test lint
	@.ci/fuzz $(or $(FUZZ_SECONDS),60)

sanitize: ## native tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@.ci/setup test
	@.ci/native_tests build/sanitize -Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized

ci: ## what the build machine runs
	@.ci/run

clean: ## remove what was built, the virtual environment too
	rm -rf build .venv xtop/_native*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
