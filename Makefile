# Tools, each in a modfile of its own: tools/<name>/go.mod has the version.
SQLC          := bin/sqlc
GOLANGCI_LINT := bin/golangci-lint
GOVULNCHECK   := bin/govulncheck
GOOSE         := bin/goose
ACTIONLINT    := bin/actionlint
WITHPG        := bin/withpg

# Settings: make test RACE= (without the race detector), make fuzz FUZZTIME=1m
# SQLite in Go is a C program that was translated: its memory is none of the race detector's
# concern, and watching it takes most of a test's time. So is the parser of command
# lines with its regular expressions, which takes half of the time of the command's tests.
RACE     ?= -race $(foreach package,modernc.org/sqlite/lib modernc.org/libc github.com/alecthomas/kong regexp,-gcflags=$(package)=-race=false)
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

# The same source gives the same bytes: the OCI layout out/image for both architectures, and
# archives for docker load.
.PHONY: image
image: ## container image without Docker, in out/
	go -C tools/image run . -version $(VERSION) -out $(CURDIR)/out

.PHONY: image/otel
image/otel: ## the same with spans by OpenTelemetry, in out/otel
	go -C tools/image run . -version $(VERSION) -tags otel -out $(CURDIR)/out/otel

##@ Test

# -p 3, since some packages mostly wait for processes. The suites read files of the root
# module, which Go's cache of test results does not track: -count=1.
.PHONY: test
test: testtools ## all packages, on SQLite and on PostgreSQL if it can be had
	@status=0; $(WITHPG) go test $(RACE) -p 3 -timeout 40m ./... || status=$$?; \
		$(WITHPG) go -C test test -count=1 $(RACE) ./... || status=$$?; \
		go -C examples/gosdk test -count=1 $(RACE) ./... || status=$$?; \
		go -C tools/image test -count=1 ./... || status=$$?; go -C tools/cloudrun test -count=1 ./... || status=$$?; exit $$status

# LOG=FILE is what make test printed.
.PHONY: test/again
test/again: testtools ## the packages that failed in LOG
	@scripts/again.sh $(LOG) $(CURDIR)/$(WITHPG) go test -count=1 $(RACE) -timeout 40m

.PHONY: test/short
test/short: ## all packages on what is installed, without the race detector
	@status=0; go test -short ./... || status=$$?; go -C test test -count=1 -short ./... || status=$$?; exit $$status

.PHONY: test/clients
test/clients: testtools clienttools ## lives of real MCP clients (Node.js, Python, Go)
	@$(WITHPG) go -C test test $(RACE) -tags clients $(SLOW) -parallel 6 ./clients $(ARGS)

.PHONY: test/conformance
test/conformance: testtools clienttools ## the official conformance suite (Node.js)
	@$(WITHPG) go -C test test $(RACE) -tags conformance $(SLOW) ./conformance $(ARGS)

.PHONY: docs/clients
docs/clients: ## run both and write what was seen into docs/clients.md
	@$(MAKE) --no-print-directory test/clients test/conformance ARGS='-v -update'

.PHONY: docs/takeover
docs/takeover: testtools ## run all of FastMCP's versions and write what was seen into docs/takeover.md
	@scripts/fastmcp.sh soak
	@MCPKEEP_TEST_TAKEOVER=soak $(MAKE) --no-print-directory test/takeover ARGS='-timeout 2h -run ^TestMatrix$$$$ -update'

.PHONY: test/browser
test/browser: testtools ## the pages in a real browser (Chromium), and axe (npm)
	@scripts/node.sh
	@$(WITHPG) go -C test test $(RACE) -tags browser $(SLOW) ./browser

.PHONY: test/chaos
test/chaos: testtools ## kill -9, restarts, replicas, a database that goes away
	@$(WITHPG) go -C test test $(RACE) -tags chaos $(SLOW) -parallel 6 -skip '^TestRevocationIsFelt$$|^TestKeyRotation' ./chaos ./histories ./outside ./week
	@$(WITHPG) go -C test test $(RACE) -tags chaos $(SLOW) -v -run '^TestRevocationIsFelt$$' ./chaos
	@$(WITHPG) go -C test test -tags chaos $(SLOW) -v -run '^TestKeyRotation' ./chaos

# MCPKEEP_FAULTS_FOR=4m repeats each fault for so long; ARGS=-update writes the table.
.PHONY: test/faults
test/faults: testtools ## networks, databases and processes that break, under load
	@$(WITHPG) go -C test test -tags faults $(SLOW) -v -parallel 8 ./faults $(ARGS)

# MCPKEEP_ATTACK_FOR and MCPKEEP_ATTACK_HONEST make it longer.
COUNTS := ^(TestPeopleInParallel|TestStreams|TestKilledWithStreams|TestSessionsAbandoned)$$
.PHONY: test/attack
test/attack: testtools ## floods by strangers: revocation, sign-ins, disk, memory, processor
	@$(WITHPG) go -C test test -tags attack $(SLOW) -v ./attack $(ARGS)
	@$(WITHPG) go -C test test -tags attack $(SLOW) -v -run '$(COUNTS)' ./gateway

# The long form of the suites that kill: 1,000 kills and 100 crashes of the database under load,
# an hour of faults, and a million storage steps on each engine, with more of both.
SOAK := -count=1 -timeout 4h -v
.PHONY: soak
soak: testtools ## hours: a thousand kills, a hundred crashes of the database, a million storage steps
	@MCPKEEP_CHAOS_KILLS=500 $(WITHPG) go -C test test -tags chaos $(SOAK) -run '^TestKilledUnderLoad$$' ./chaos
	@MCPKEEP_FAULTS_FOR=8m $(WITHPG) go -C test test -tags faults $(SOAK) -parallel 4 ./faults
	@MCPKEEP_ATTACK_FOR=10m MCPKEEP_ATTACK_HONEST=100 $(WITHPG) go -C test test -tags attack $(SOAK) -parallel 1 ./attack
	@MCPKEEP_CLOUD_THAWS=100 MCPKEEP_CLOUD_STARTS=50 MCPKEEP_CLOUD_ROLLOUTS=10 $(WITHPG) go -C test test -tags cloud $(SOAK) -parallel 4 ./cloud
	@scripts/fastmcp.sh soak
	@MCPKEEP_TEST_OUTAGE=1m MCPKEEP_TEST_TAKEOVER=soak $(MAKE) --no-print-directory test/takeover ARGS='-timeout 2h'
	@MCPKEEP_TEST_SILENCE=150s $(WITHPG) go -C test test $(SOAK) -run '^TestSilence$$' ./gateway
	@MCPKEEP_TEST_PEOPLE=50 MCPKEEP_TEST_MESSAGES=100000 MCPKEEP_TEST_STREAMS=1000 MCPKEEP_TEST_STREAMS_FOR=2m \
		MCPKEEP_TEST_SESSIONS=10000 $(WITHPG) go -C test test -tags attack $(SOAK) -run '$(COUNTS)' ./gateway
	@MCPKEEP_TEST_EVENTS=100000 $(WITHPG) go test -count=1 -timeout 30m -v -run '^TestExportWhileOthersWrite$$' ./internal/console
	@MCPKEEP_HISTORY_OPERATIONS=1000000 $(WITHPG) go -C test test -tags chaos $(SOAK) ./histories ./week
	@$(MAKE) --no-print-directory mutants

.PHONY: test/tls
test/tls: testtools ## HTTPS by itself, against Pebble
	@$(WITHPG) go -C test test -tags https -count=1 -timeout 5m -parallel 8 ./https $(ARGS)

# The build with OpenTelemetry, which is an image of its own: -tags otel.
.PHONY: test/otel
test/otel: testtools ## the build that exports spans
	CGO_ENABLED=0 go build -tags otel -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/mcpkeep-otel ./cmd/mcpkeep
	@go test -tags otel -count=1 ./internal/tracing
	@MCPKEEP_TEST_OTEL=$(CURDIR)/bin/mcpkeep-otel $(WITHPG) go -C test test -tags otel $(SLOW) ./traces $(ARGS)

# Without bubblewrap or buildah, or where the kernel lets one make no namespaces, its tests are
# skipped.
.PHONY: test/image
test/image: testtools ## the container image, built twice, by the Dockerfile, and run by bubblewrap
	@scripts/imagetools.sh
	@$(WITHPG) go -C test test -tags image $(SLOW) -v ./image $(ARGS)

.PHONY: test/takeover
test/takeover: testtools ## FastMCP servers of several versions, whose place mcpkeep takes (Python)
	@scripts/fastmcp.sh
	@scripts/redis.sh
	@$(WITHPG) go -C test test -tags takeover $(SLOW) -v ./takeover $(ARGS)

# What FastMCP issues and stores, for the tests without Python. Its keys are those of the test.
.PHONY: testdata/fastmcp
testdata/fastmcp: testtools ## record FastMCP's rows and tokens again, of each version (Python)
	@scripts/fastmcp.sh soak
	@MCPKEEP_TEST_TAKEOVER=soak $(WITHPG) go -C test test -tags takeover $(SLOW) -v -run '^TestRecordings$$' ./takeover -update

.PHONY: test/upgrade
test/upgrade: testtools ## databases of earlier releases; ARGS='-from HEAD~1' for others
	@$(WITHPG) go -C test test $(RACE) -tags upgrade $(SLOW) -v ./upgrade $(ARGS)

# MCPKEEP_CLOUD_THAWS, MCPKEEP_CLOUD_STARTS and MCPKEEP_CLOUD_ROLLOUTS make it longer.
.PHONY: test/cloud
test/cloud: testtools ## a Cloud Run service with Cloud SQL and Secret Manager, by stand-ins
	@$(WITHPG) go -C test test -tags cloud $(SLOW) -v -parallel 4 ./cloud $(ARGS)

# MCPKEEP_TEST_OUTAGE=1m makes the outages in it last a minute.
.PHONY: test/providers
test/providers: testtools ## sign-in at real OpenID providers (Node.js, Go)
	@scripts/node.sh
	@$(WITHPG) go -C test test $(RACE) -tags providers $(SLOW) -parallel 8 ./providers $(ARGS)

# Its transaction_timeout ends what takes too long with an error of its own (25P04).
.PHONY: test/postgres17
test/postgres17: $(WITHPG) ## what only PostgreSQL 17 has; says so where npm cannot bring it
	@scripts/postgres17.sh $(WITHPG) go test -count=1 -v \
		-run '^(TestTransactionTimeout|TestIdleTransactionEnded|TestClassesOfServer)$$' ./internal/db

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: mutants
mutants: $(WITHPG) ## security conditions, each taken out once; SINCE=COMMIT for what changed, WITHIN=3m
	@scripts/postgres.sh
	@$(WITHPG) go -C test test -tags mutants $(SLOW) -timeout 2h -v -run '^TestMutants$$' ./mutants $(if $(SINCE),-since $(SINCE)) $(if $(WITHIN),-within $(WITHIN)) $(ARGS)

.PHONY: bench
bench: $(WITHPG) ## latency and throughput
	@scripts/postgres.sh
	@$(WITHPG) go -C test test -tags bench $(SLOW) -v ./bench

.PHONY: cover
cover: $(WITHPG) ## coverage of all packages by all of them
	@scripts/postgres.sh
	@$(WITHPG) go test -coverprofile=cover.out -coverpkg=./... ./...
	@$(WITHPG) go -C test test -coverprofile=$(CURDIR)/cover.test.out -coverpkg=github.com/mcpkeep/mcpkeep/... ./...
	@grep -h '^github.com/mcpkeep/mcpkeep/' cover.test.out | grep -v '^github.com/mcpkeep/mcpkeep/test/' >>cover.out
	@rm cover.test.out
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

.PHONY: docs/imports
docs/imports: ## write the diagram of imports into docs/development.md
	@go -C test test -count=1 ./repository -run '^TestImportsDocument$$' -update

.PHONY: docs/images
docs/images: testtools ## take the pictures of pages for the README again (Chromium)
	@$(WITHPG) go -C test test -tags browser -count=1 ./browser -run '^TestGallery$$/^consent-local$$'
	cp out/screenshots/consent-local-desktop-light.png docs/images/consent.png

# What is generated says so in its first lines; the folders of sqlc hold
# nothing else.
.PHONY: verify
verify: $(SQLC) ## fail if generated code is not current
	$(SQLC) diff
	@$(MAKE) --no-print-directory generate api
	git diff --exit-code -- docs/api.txt
	git diff --exit-code -- $$(git grep -l '^// Code generated .* DO NOT EDIT\.$$' -- '*.go')
	@new=$$(git ls-files --others --exclude-standard internal/db/pgdb internal/db/sqlitedb); \
		test -z "$$new" || { echo "generated, but not in git: $$new" >&2; exit 1; }

.PHONY: api
api: ## write what the public packages export into docs/api.txt
	@for package in . ./bearer; do echo "# go doc -all $$package"; echo; go doc -all $$package; done > docs/api.txt

.PHONY: goose/check
goose/check: $(GOOSE) $(WITHPG) ## the goose command migrates and agrees with this program
	@MCPKEEP_TEST_GOOSE=$(CURDIR)/$(GOOSE) $(WITHPG) go test -count=1 -run '^TestGooseCommand$$' ./internal/db

.PHONY: lint
lint: $(GOLANGCI_LINT) $(ACTIONLINT) ## style, mistakes, and who may import whom
	@scripts/each.sh $(CURDIR)/$(GOLANGCI_LINT) run --allow-parallel-runners
	$(ACTIONLINT) -shellcheck= -pyflakes=
	$(ACTIONLINT) -shellcheck= -pyflakes= deploy/cloudrun/deploy.yaml

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## known vulnerabilities in what the program calls
	@scripts/vulncheck.sh

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format all code
	@scripts/each.sh $(CURDIR)/$(GOLANGCI_LINT) fmt

.PHONY: tidy
tidy: ## bring all go.mod files up to date
	@scripts/each.sh go mod tidy
	for dir in tools/*/; do test ! -f "$$dir/go.mod" || go -C "$$dir" mod tidy || exit 1; done

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

# Without the drivers of other databases.
bin/goose: tools/goose/go.mod tools/goose/go.sum
	CGO_ENABLED=0 go -C tools/goose build -trimpath -tags 'no_azuresql no_clickhouse no_libsql no_mssql no_mysql no_vertica no_ydb' \
		-o $(CURDIR)/$@ github.com/pressly/goose/v3/cmd/goose
	@touch $@

bin/govulncheck: tools/govulncheck/go.mod tools/govulncheck/go.sum
	CGO_ENABLED=0 go -C tools/govulncheck build -trimpath -o $(CURDIR)/$@ golang.org/x/vuln/cmd/govulncheck
	@touch $@

bin/actionlint: tools/actionlint/go.mod tools/actionlint/go.sum
	CGO_ENABLED=0 go -C tools/actionlint build -trimpath -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint
	@touch $@

# A binary and not `go run`, which would swallow signals and the exit status.
.PHONY: bin/withpg
bin/withpg:
	@go build -o $@ ./internal/db/pgtest/withpg
