# Tools, each in a modfile of its own: tools/<name>/go.mod has the version.
SQLC          := bin/sqlc
GOLANGCI_LINT := bin/golangci-lint
GOVULNCHECK   := bin/govulncheck
WITHPG        := bin/withpg

# Settings: make test RACE= (without the race detector), make fuzz FUZZTIME=1m
RACE     ?= -race
FUZZTIME ?= 10s
ARGS     ?=
# A suite that is slow on a loaded machine is not yet one that hangs.
SLOW     := -count=1 -timeout 30m
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
IMAGE    ?= mcpkeep:$(VERSION)

# Where scripts/node.sh puts a Node.js that the system does not have.
export PATH := $(CURDIR)/.cache/node/node_modules/.bin:$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z\/]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## static binary bin/mcpkeep
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/mcpkeep ./cmd/mcpkeep

.PHONY: run
run: ## serve from source; ARGS="--listen 127.0.0.1:9000"
	go run ./cmd/mcpkeep serve $(ARGS)

.PHONY: docker
docker: ## container image
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

##@ Test

.PHONY: test
test: testtools ## all packages, on SQLite and on PostgreSQL if it can be had
	@$(WITHPG) go test $(RACE) ./...

.PHONY: test/short
test/short: ## all packages on what is installed, without the race detector
	@go test -short ./...

.PHONY: test/clients
test/clients: testtools clienttools ## lives of real MCP clients (Node.js, Python, Go)
	@$(WITHPG) go test $(RACE) -tags clients $(SLOW) -parallel 6 ./test/clients $(ARGS)

.PHONY: test/conformance
test/conformance: testtools clienttools ## the official conformance suite (Node.js)
	@$(WITHPG) go test $(RACE) -tags conformance $(SLOW) ./test/conformance $(ARGS)

.PHONY: docs/clients
docs/clients: ## run both and write what was seen into docs/clients.md
	@$(MAKE) --no-print-directory test/clients test/conformance ARGS='-v -update'

.PHONY: test/browser
test/browser: testtools ## the pages in a real browser (Chromium)
	@$(WITHPG) go test $(RACE) -tags browser $(SLOW) ./test/...

.PHONY: test/chaos
test/chaos: testtools ## kill -9, restarts, replicas, a database that goes away
	@$(WITHPG) go test $(RACE) -tags chaos $(SLOW) -parallel 6 -skip '^TestRevocationIsFelt$$|^TestKeyRotation' ./test/...
	@$(WITHPG) go test $(RACE) -tags chaos $(SLOW) -v -run '^TestRevocationIsFelt$$' ./test/chaos
	@$(WITHPG) go test -tags chaos $(SLOW) -v -run '^TestKeyRotation' ./test/chaos

# MCPKEEP_TEST_OUTAGE=1m makes the outages in it last a minute.
.PHONY: test/providers
test/providers: testtools ## sign-in at real OpenID providers (Node.js, Go)
	@scripts/node.sh
	@$(WITHPG) go test $(RACE) -tags providers $(SLOW) -parallel 8 ./test/providers $(ARGS)

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: $(WITHPG) ## latency and throughput
	@scripts/postgres.sh
	@$(WITHPG) go test -tags bench $(SLOW) -v ./test/bench

.PHONY: cover
cover: $(WITHPG) ## coverage of all packages by all of them
	@scripts/postgres.sh
	@$(WITHPG) go test -coverprofile=cover.out -coverpkg=./cmd/...,./internal/... ./...
	@go tool cover -func=cover.out | tail -1

.PHONY: clienttools
clienttools:
	@scripts/node.sh
	@scripts/python.sh

.PHONY: testtools
testtools: $(WITHPG)
	@$(if $(RACE),scripts/cc.sh)
	@scripts/postgres.sh

##@ Code

.PHONY: generate
generate: $(SQLC) ## regenerate the code that is generated
	$(SQLC) generate
	go generate ./...

# What is generated says so in its first lines; the folders of sqlc hold
# nothing else.
.PHONY: verify
verify: $(SQLC) ## fail if generated code is not current
	$(SQLC) diff
	@$(MAKE) --no-print-directory generate
	git diff --exit-code -- $$(git grep -l '^// Code generated .* DO NOT EDIT\.$$' -- '*.go')
	@new=$$(git ls-files --others --exclude-standard internal/db/pgdb internal/db/sqlitedb); \
		test -z "$$new" || { echo "generated, but not in git: $$new" >&2; exit 1; }

.PHONY: lint
lint: $(GOLANGCI_LINT) ## style, mistakes, and who may import whom
	$(GOLANGCI_LINT) run
	for dir in test/clients/gosdk test/providers/zitadel; do (cd $$dir && $(CURDIR)/$(GOLANGCI_LINT) run) || exit 1; done

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## known vulnerabilities in what the program calls
	@scripts/vulncheck.sh

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format all code
	$(GOLANGCI_LINT) fmt

.PHONY: tidy
tidy: ## bring go.mod and the tools' modfiles up to date
	go mod tidy
	for dir in tools/*/ test/clients/gosdk/ test/providers/zitadel/; do go -C "$$dir" mod tidy; done

.PHONY: ci
ci: ## what continuous integration runs
	.ci/run

# Tools

bin/sqlc: tools/sqlc/go.mod tools/sqlc/go.sum
	CGO_ENABLED=0 go -C tools/sqlc build -trimpath -o $(CURDIR)/$@ github.com/sqlc-dev/sqlc/cmd/sqlc
	@touch $@

bin/golangci-lint: tools/golangci-lint/go.mod tools/golangci-lint/go.sum
	CGO_ENABLED=0 go -C tools/golangci-lint build -trimpath -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

bin/govulncheck: tools/govulncheck/go.mod tools/govulncheck/go.sum
	CGO_ENABLED=0 go -C tools/govulncheck build -trimpath -o $(CURDIR)/$@ golang.org/x/vuln/cmd/govulncheck
	@touch $@

# A binary and not `go run`, which would swallow signals and the exit status.
.PHONY: bin/withpg
bin/withpg:
	@go build -o $@ ./internal/db/pgtest/withpg
