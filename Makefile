# The front door of Tidemill. `make` prints what there is; the README's two commands are `make run` and `make test`.

SHELL   := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Where `make run` keeps its database. LISTEN and DATABASE_URL are passed on when set.
DATA    ?= .tidemill
export CGO_ENABLED := 1

GO_FILES  = $(shell find cmd internal web/embed.go -name '*.go' -not -path '*/testdata/*' 2>/dev/null) $(shell find internal -path '*/testdata' -prune -o \( -name '*.sql' -o -name '*.py' -o -name '*.ts' -o -name '*.txt' -o -name '*.tmpl' -o -name '*.sh' \) -print 2>/dev/null) go.mod go.sum
WEB_FILES = $(shell find web/src web/public web/scripts web/index.html web/package.json web/vite.config.ts -type f 2>/dev/null)

.PHONY: help
help: ## Print this list
	@echo "Tidemill: scripts and flows in one binary. The targets:"; echo
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## -- use ---------------------------------------------------------------------------------------------------------

.PHONY: run
run: bin/tidemill ## Install what is missing, build, start with the examples, print the sign-in link
	@DATA='$(DATA)' LISTEN='$(LISTEN)' DATABASE_URL='$(DATABASE_URL)' scripts/run

.PHONY: build
build: bin/tidemill ## Build bin/tidemill with the web UI inside

.PHONY: dev
dev: .cache/setup-run web/node_modules/.package-lock.json ## Develop: server and UI, both reloading when a file is saved
	@scripts/dev

## -- prove -------------------------------------------------------------------------------------------------------

.PHONY: test
test: ## Install what the tests need and run all of them
	@scripts/test

.PHONY: check
check: web/node_modules/.package-lock.json ## Lint, vet, staticcheck, licences, vulnerabilities
	@scripts/check

.PHONY: bench
bench: bin/tidemill ## Measure against bare spawn and commit on this machine; writes bench/results/latest.json
	@go run ./bench

.PHONY: fuzz
fuzz: ## Fuzz every parser for FUZZTIME (default 30s) each
	@FUZZTIME=$${FUZZTIME:-30s} scripts/fuzz

## -- maintain ----------------------------------------------------------------------------------------------------

.PHONY: generate
generate: web/node_modules/.package-lock.json ## Rewrite what is derived: OpenAPI, its TypeScript types, configuration page, module list
	@scripts/generate

.PHONY: release
release: web/dist/index.html ## Binaries for linux and darwin, amd64 and arm64, with checksums, into dist/
	@VERSION='$(VERSION)' scripts/release

.PHONY: clean
clean: ## Remove what was built (not the data of `make run`)
	rm -rf bin dist .cache web/dist web/node_modules && mkdir -p web/dist && touch web/dist/.keep

## -- files -------------------------------------------------------------------------------------------------------

.cache/setup-run: scripts/setup
	@scripts/setup run && mkdir -p .cache && touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@echo "→ npm packages (about a minute the first time)"
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_FILES)
	@echo "→ web UI"
	@cd web && npm run --silent build
	@touch $@ web/dist/.keep

bin/tidemill: .cache/setup-run web/dist/index.html $(GO_FILES)
	@echo "→ bin/tidemill (the first build compiles everything: a few minutes)"
	@mkdir -p bin && go build -buildvcs=false -ldflags '$(LDFLAGS)' -o $@ ./cmd/tidemill
