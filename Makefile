# Everything that is done with this repository. On a fresh Debian machine with Swift nothing else is needed: what is
# missing is installed first.
#
#   make demo     runs the agent against a simulated server and a real Docker Engine, and shows an instance's life
#   make test     builds and runs all tests, on a Docker Engine started for them
#   make build    the release binary, linked with the Swift runtime, in .build-release/release
#   make figures  size, memory and start-up time of the release binary
#   make simulate SEEDS=5000   plays so many histories of the core from seeds; SEEDS=1000-1999 and SEEDS=7,42 play those
#   make simulate SEED=7       plays one and prints what happens in it
#   make mutants  changes the program, one line at a time and in a copy, and lets the histories look for it
#   make lint     checks the layout of the code

SWIFT ?= swift
release = .build-release

.PHONY: demo test build figures simulate mutants lint format

demo:
	.ci/setup build engine
	$(SWIFT) build --product rancher-agent
	$(SWIFT) build --product rancher-sim
	.ci/demo

test:
	.ci/setup build engine registry
	.ci/test

build:
	.ci/setup build
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path $(release) --product rancher-agent

figures: build
	.ci/setup engine
	$(SWIFT) build --product rancher-sim
	.ci/with-engine .ci/figures $(release)/release/rancher-agent

simulate:
	@.ci/setup build
	@SEEDS='$(SEEDS)' SEED='$(SEED)' .ci/simulate

mutants:
	.ci/setup build
	.ci/mutants $(ONLY)

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests migrations

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests migrations
