# ptplab: PTP test labs in software. `make help` lists the targets.

SHELL    := /bin/bash
GO       ?= go
SUDO     := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN      := bin/ptplab
TOPOLOGY ?= topologies/dnbc.yaml
SABOTAGE ?= all
LAB      = $(shell sed -n 's/^name: *//p' $(TOPOLOGY))

# What builds the lab kernel and the root file system. `ptplab doctor` says what is missing on other systems.
PACKAGES := gcc libc6-dev make flex bison bc xz-utils cpio patch binutils kmod mmdebstrap debian-archive-keyring

# How long each fuzz target runs, and which do: a regular expression of "./folder FuzzName".
FUZZTIME ?= 30s
FUZZ     ?= .

# The archive that the container image of the suite goes to.
SUITE_IMAGE ?= bin/suite.tar

.PHONY: help demo build images images-k8s test test-conformance test-k8s functests suite-image sabotage bench bench-k8s fuzz generate packages clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: images ## make a lab, test it, take it away
	$(BIN) up $(TOPOLOGY)
	$(BIN) test --lab $(LAB); status=$$?; $(BIN) down $(LAB) || status=$$?; exit $$status

build: ## build ptplab
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/ptplab

images: packages build ## build the lab kernel and the root file system, or find them in the cache
	$(BIN) image build

images-k8s: images ## build also what a lab with a kind cluster needs
	$(BIN) image build rootfs-docker node

test: images-k8s ## run every test, also those that boot the lab kernel
	test -z "$$(gofmt -l .)" || { gofmt -l . ; exit 1; }
	$(GO) vet -tags lab,guest ./...
	PTPLAB=$(abspath $(BIN)) $(GO) test -tags lab -p 1 -timeout 60m ./...

test-conformance: images ## run the whole suite on plain nodes, in every mode: a table
	$(GO) test -tags lab -count 1 -timeout 20m -run TestConformance -v ./cmd/ptplab/system

functests: build ## test the cluster of KUBECONFIG: PTP_TEST_MODE and the other variables say how
	$(BIN) test

suite-image: build ## write a container image of the suite, for docker load and podman load
	$(BIN) image suite $(SUITE_IMAGE)

sabotage: images ## break labs in every known way and see each spec fail: a table
	SABOTAGE=$(SABOTAGE) $(GO) test -tags lab -count 1 -timeout 60m -run TestSabotageOnLab -v ./cmd/ptplab/system

test-k8s: images-k8s ## take a lab with a kind cluster through its life, with the suite from outside
	PTPLAB=$(abspath $(BIN)) $(GO) test -tags lab -count 1 -timeout 60m -run TestKubernetes -v ./lab

bench: images ## measure speed and memory: a table, and bench.json
	PTPLAB=$(abspath $(BIN)) $(GO) run ./lab/bench -run '^(dnbc|oc|ptplab|star):' -json bench.json

bench-k8s: images-k8s ## the same of a lab with a kind cluster
	PTPLAB=$(abspath $(BIN)) $(GO) run ./lab/bench -run '^kind:' -n 3 -json bench-k8s.json

fuzz: ## feed every parser with nonsense for FUZZTIME each
	FUZZTIME=$(FUZZTIME) FUZZ='$(FUZZ)' ci/fuzz

generate: ## write again what is made from topologies: schema, plans, graphs
	$(GO) test ./lab/topology -update

packages:
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing:" $$missing; \
		$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	fi

clean: ## remove what was built here; the image cache stays (ptplab image prune)
	rm -rf bin bench.json bench-k8s.json
