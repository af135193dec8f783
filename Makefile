# Everything that is done with this repository. On a fresh Debian machine with Swift nothing else is needed: what is
# missing is installed first.
#
#   make demo     runs the agent against a simulated server and a real Docker Engine, and shows an instance's life
#   make test     builds and runs all tests, on a Docker Engine started for them
#   make test-engines  the integration tests on the oldest and the newest Docker Engine at hand and on Podman
#   make build    the release binary, linked with the Swift runtime, in .build-release/release
#   make figures  size, memory and start-up time of the release binary
#   make lint     checks the layout of the code

SWIFT ?= swift
release = .build-release

.PHONY: demo test test-engines build figures lint format

demo:
	.ci/setup build engine
	$(SWIFT) build --product rancher-agent
	$(SWIFT) build --product rancher-sim
	.ci/demo

test:
	.ci/setup build engine registry
	.ci/test

test-engines:
	.ci/setup build engine registry newest-engine podman
	$(SWIFT) build --build-tests
	.ci/test-engines

build:
	.ci/setup build
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path $(release) --product rancher-agent

figures: build
	.ci/setup engine
	$(SWIFT) build --product rancher-sim
	.ci/with-engine .ci/figures $(release)/release/rancher-agent

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests migrations

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests migrations
