# Everything that is done with this repository. On a fresh Debian machine with Swift nothing else is needed: what is
# missing is installed first.
#
#   make demo          runs the agent against a simulated server and a real Docker Engine, and shows an instance's life;
#                      DIALECT=1.6 with a server of Rancher 1.6, DIALECT=2.0 with one of the 2.0 tech preview
#   make test          builds and runs all tests, on a Docker Engine started for them
#
# Proof beyond that, as long as asked for:
#   make simulate      plays histories of the core from seeds: SEEDS=5000 so many, SEEDS=1000-1999 or SEEDS=7,42 those;
#                      SEED=7 plays one and prints what happens in it
#   make mutants       changes the program, one line at a time and in a copy, and lets the histories look for it
#   make kill-test     kills the agent, and sometimes the server, in the middle of whole lives; ROUNDS=100 SEED=random
#   make soak          mixed load with faults, and what it leaves behind in the agent; MINUTES=60
#   make test-engines  the integration tests on the oldest and the newest Docker Engine at hand and on Podman
#   make bench         what the agent costs and how fast it is, as one page; ROUNDS=5
#
#   make build         the release binary, linked with the Swift runtime, in .build-release/release
#   make image         the image of the agent, from that binary and without a registry; IMAGE=rancher-agent:latest
#   make figures       size, memory and start-up time of the release binary
#   make tables        writes the tables of the state machines into the documentation of Lifecycle
#   make documentation the documentation of all modules, in .build/documentation; fails at a warning
#   make picture       the picture of the demo in the README
#   make lint          checks the layout of the code

SWIFT ?= swift
release = .build-release
MINUTES ?= 60
DIALECT ?= 2.0
IMAGE ?= rancher-agent:latest

.PHONY: demo test kill-test test-engines soak simulate mutants build image bench figures tables documentation picture lint format

demo:
	.ci/setup build engine
	$(SWIFT) build --product rancher-agent
	$(SWIFT) build --product rancher-sim
	DIALECT=$(DIALECT) .ci/demo

test:
	.ci/setup build engine registry
	.ci/test

kill-test: export KILL_GATE_ROUNDS = $(or $(ROUNDS),100)
kill-test: export KILL_GATE_SEED = $(or $(SEED),$(shell date +%s))
kill-test:
	.ci/setup build engine registry
	$(SWIFT) build --build-tests
	.ci/with-engine $(SWIFT) test --skip-build --disable-xctest --no-parallel --filter IntegrationTests.KillGateTests

test-engines:
	.ci/setup build engine registry newest-engine podman
	$(SWIFT) build --build-tests
	.ci/test-engines

build:
	.ci/setup build
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path $(release) --product rancher-agent

image: build
	.ci/setup image
	.ci/image -t '$(IMAGE)' -b $(release)/release/rancher-agent

soak:
	.ci/setup build engine
	$(SWIFT) build --build-tests
	SOAK_SECONDS=$$(($(MINUTES) * 60)) .ci/with-engine $(SWIFT) test --skip-build --disable-xctest --no-parallel \
		--filter IntegrationTests.SoakTests

bench: build
	.ci/setup engine
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path $(release) --product rancher-bench
	strip -o $(release)/rancher-agent.stripped $(release)/release/rancher-agent
	.ci/with-engine $(release)/release/rancher-bench --agent $(release)/rancher-agent.stripped --rounds $(or $(ROUNDS),5)

figures: build
	.ci/setup engine
	$(SWIFT) build --product rancher-sim
	.ci/with-engine .ci/figures $(release)/release/rancher-agent

tables:
	.ci/setup build
	WRITE_TABLES=1 $(SWIFT) test --disable-xctest --filter StateTableTests

documentation:
	.ci/setup build
	$(SWIFT) build
	.ci/documentation .build/documentation

picture = Sources/rancher-agent/rancher-agent.docc/Resources/demo.svg
picture:
	.ci/setup build engine
	$(SWIFT) build --product rancher-agent
	$(SWIFT) build --product rancher-sim
	script -qefc 'stty cols 132; .ci/demo' .build/demo.typescript
	.ci/picture $(picture) '/^No Docker Engine/,/^$$/d; /state show demo/,$$d' <.build/demo.typescript

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
