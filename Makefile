# Everything happens in .venv, made from setup.py by the first target used.
PYTHON ?= python3
VENV   := .venv
BENCH  := .venv-bench
BIN    := $(VENV)/bin
TESTS  ?= tests
FLAGS  ?=
IMAGES ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-tensorflow test-jax lint format bench clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## train, evaluate, export and report on the built-in dataset
	$(BIN)/python -m kerastricks.train --flagfile=configs/demo.flags $(FLAGS)

test: test-tensorflow test-jax ## run the whole suite: everything on TensorFlow, what is traced on JAX too

test-tensorflow: $(VENV)/.installed-dev
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -n 2 --dist loadscope $(TESTS)

test-jax: $(VENV)/.installed-dev
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 --dist loadscope -m traced $(TESTS)

lint: $(VENV)/.installed-dev ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## put the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed $(BENCH)/.installed ## the input pipeline beside torchvision, timm, Keras, keras-cv (IMAGES=DIR of JPEGs)
	$(BIN)/python benchmarks/input.py --images=$(IMAGES) --torch_python=$(BENCH)/bin/python $(FLAGS)

clean: ## remove the environment and what tools left behind (runs stay)
	rm -rf $(VENV) $(BENCH) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "kerastricks needs Python >= 3.11. Received: PYTHON=$(PYTHON)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(VENV)/.installed $@

# torchvision from the package index is built for CUDA, and says so to pip only:
# without its dependencies it works on a torch for CPUs. What cannot be had is
# skipped by the benchmark, with a line that says why.
$(BENCH)/.installed:
	$(PYTHON) -m venv $(BENCH)
	-$(BENCH)/bin/python -m pip install --quiet torch==2.13.0 numpy pillow pyyaml huggingface_hub safetensors && \
	  $(BENCH)/bin/python -m pip install --quiet --no-deps torchvision==0.28.0 timm==1.0.31 && touch $@
