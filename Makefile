# The two commands of the README are demo and test. Each recipe says what it runs; machines without make can run that.

GO     ?= go
BIN    := bin/maelraft
TOOLS  := .tools/bin
# The race detector needs a C compiler.
RACE   := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)

.PHONY: help demo test build check lint tools short fuzz sim kills explore gallery bug maelstrom report-browser bench-check docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

demo: ## five nodes under partitions for 20 s, and a verdict
	$(GO) run . test --node-count 5 --time-limit 20 --rate 100 --latency 10 --nemesis partition --nemesis-interval 4

test: ## all tests
	@test -n "$(RACE)" || echo "no C compiler found: testing without the race detector"
	$(GO) test $(RACE) ./...

build: ## the binary, in bin/
	$(GO) build -o $(BIN) .

check: lint test short ## what CI runs

tools:
	@mkdir -p $(TOOLS)
	@$(GO) build -C scripts/tools -o $(abspath $(TOOLS))/ honnef.co/go/tools/cmd/staticcheck mvdan.cc/gofumpt

lint: tools ## format, vet, staticcheck
	@unformatted=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofumpt: $$unformatted"; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(TOOLS)/staticcheck ./...
	$(GO) vet -C scripts/peers .

short: build ## short runs of the workbench under partitions and other faults, and crashes at every step of a node's disk
	$(GO) test ./raft/sim -run 'TestSwarmOnFiles|TestEveryCrash'
	$(BIN) test --node-count 3 --time-limit 12 --rate 100 --latency 10 --nemesis partition --nemesis-interval 2
	$(BIN) test --node-count 5 --time-limit 12 --rate 100 --latency 10 --latency-dist exponential --nemesis partition --nemesis-interval 2
	$(BIN) test --node-count 5 --time-limit 15 --rate 200 --latency 5 --nemesis partition,pause,loss,duplicate,reorder,slow --nemesis-interval 1

SEEDS ?= 2000
FIRST ?= 0
WITH  ?=
sim: ## SEEDS seeds of the simulator from FIRST on (default 2000 from 0), 60 virtual seconds each; WITH=members,kills: with these faults in each
	$(GO) test ./raft/sim -v -run 'TestSwarm|TestImpatientClusters' -first $(FIRST) -seeds $(SEEDS) -span 60s -with "$(WITH)" -timeout 60m

kills: build ## 40 runs under kills of one, the leader, a minority, a majority and all nodes, with partitions; every key is read at the end
	$(GO) run ./scripts/campaign -bin $(BIN) -nodes 3,5 -latency 5 -every 1 -seeds 20 -nemesis kill,partition -time 15 -parallel 2 -extra "--final-reads -- --snapshot-entries 100"

explore: ## every run of three nodes up to larger bounds than in make test, a few minutes
	$(GO) test ./raft/explore -v -deep -timeout 60m

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME (default 30s), one after another
	@set -e; for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
		echo "$$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x; done; done

PART ?= 1/1
gallery: ## plant every bug of scripts/gallery, and see a test catch each; PART=2/4 takes a quarter of them
	$(GO) run ./scripts/gallery -part $(PART)

BUG       ?=
BUG_BENCH ?= $(or $(shell sed -n 's/^Workbench: //p' scripts/gallery/$(BUG).patch 2>/dev/null),--node-count 5 --time-limit 30 --rate 200 --latency 10 --nemesis partition --nemesis-interval 1)
bug: build ## BUG=name: build the program with a bug of scripts/gallery into bin/, and let the workbench look for it
	@test -n "$(BUG)" || { echo "say which: make bug BUG=name"; ls scripts/gallery/*.patch | sed 's/.*\///; s/\.patch$$/ /' | tr -d '\n'; echo; exit 1; }
	$(GO) run ./scripts/gallery -only $(BUG) -build $(BIN)-$(BUG)
	@echo; echo "To look for it with other faults: $(BIN) test --bin $(BIN)-$(BUG) ... (all options: $(BIN) test --help)"
	-$(BIN) test --bin $(BIN)-$(BUG) $(BUG_BENCH)

bench-check: ## every planted defect of the bench's own toy nodes, twenty seeds each
	$(GO) test ./maelstrom/workbench -run 'TestToys|TestFaultsOnToys|TestEcho|TestScript' -toy-seeds 20 -timeout 30m

maelstrom: ## the rungs L0 to L6 under the official Maelstrom; figures in results/maelstrom.md
	scripts/maelstrom.sh

report-browser: ## reports of three tests, looked at in a headless Chromium; screenshots in build/report/
	scripts/report_browser.sh

docs: ## the API documentation as text, in build/docs/
	@mkdir -p build/docs
	@for p in $$($(GO) list ./... | grep -v /scripts); do $(GO) doc -all $$p > build/docs/$$(echo $$p | tr / .).txt; done
	@ls build/docs/*
	@echo "in a browser: $(GO) doc -http"

clean: ## remove everything that was built
	rm -rf bin build .tools
