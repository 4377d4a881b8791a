#!/usr/bin/env bash
# Runs maelraft under the official Maelstrom, the judge that decides: rungs L0 to L6, from a single node without faults to
# partitions that flap every 0.3 s. The verdicts and figures go to results/maelstrom.md.
#
#   scripts/maelstrom.sh              all rungs
#   scripts/maelstrom.sh L3 L5        some of them
#   QUICK=1 scripts/maelstrom.sh      each rung at most 20 s long and once
#
# Maelstrom is $MAELSTROM, or maelstrom on PATH; else release v0.2.4 is fetched into .tools/.
set -euo pipefail
cd "$(dirname "$0")/.."

release=v0.2.4
url="https://github.com/jepsen-io/maelstrom/releases/download/$release/maelstrom.tar.bz2"

missing() {
	echo "maelstrom.sh: $1" >&2
	exit 3
}

find_maelstrom() {
	if [ -n "${MAELSTROM:-}" ]; then
		command -v "$MAELSTROM" >/dev/null || missing "\$MAELSTROM is $MAELSTROM, which cannot be run"
		command -v "$MAELSTROM"
		return
	fi
	if command -v maelstrom; then return; fi
	if [ ! -x .tools/maelstrom/maelstrom ]; then
		mkdir -p .tools
		command -v curl >/dev/null || missing "curl is missing, to fetch Maelstrom $release"
		curl -fsSL --retry 2 "$url" -o .tools/maelstrom.tar.bz2 ||
			missing "the network does not give $url; set MAELSTROM to a Maelstrom of your own"
		tar -xjf .tools/maelstrom.tar.bz2 -C .tools
	fi
	echo "$PWD/.tools/maelstrom/maelstrom"
}

for tool in java:default-jre-headless gnuplot:gnuplot-nox dot:graphviz git:git; do
	command -v "${tool%%:*}" >/dev/null || missing "${tool%%:*} is missing, which Maelstrom needs (Debian: ${tool##*:})"
done
maelstrom=$(find_maelstrom)

go build -o bin/maelraft .
go build -o bin/figures ./scripts/figures
bin=$PWD/bin/maelraft
work=$PWD/.tools/runs
mkdir -p "$work" results
out=results/maelstrom.md

# rung NAME TIMES SECONDS ARGS...: a test, so many times.
rung() {
	local name=$1 times=$2 seconds=$3
	shift 3
	if [ -n "${wanted:-}" ] && [[ " $wanted " != *" $name "* ]]; then return; fi
	if [ -n "${QUICK:-}" ]; then
		times=1
		seconds=$((seconds < 20 ? seconds : 20))
	fi
	echo "## $name: \`maelstrom test -w lin-kv --bin maelraft --time-limit $seconds $*\`" | tee -a "$out"
	echo >>"$out"
	bin/figures -header >>"$out"
	for run in $(seq "$times"); do
		local code=0
		(cd "$work" && "$maelstrom" test -w lin-kv --bin "$bin" --time-limit "$seconds" "$@") >"$work/$name-$run.log" 2>&1 || code=$?
		local said
		said=$(tail -n 1 "$work/$name-$run.log")
		local silenced
		silenced=$(grep -cE 'WARN .*Error!' "$work/$name-$run.log" || true)
		echo "   run $run: exit $code, $said"
		bin/figures -name "$run: exit $code, $silenced nodes silenced" "$(readlink -f "$work/store/latest")" >>"$out" ||
			echo "| $run: exit $code, no results | | | | | | | | | | |" >>"$out"
		[ "$code" = 0 ] || failed="$failed $name"
	done
	echo >>"$out"
}

wanted="$*"
failed=""
{
	echo "# maelraft under the official Maelstrom"
	echo
	echo "Made by \`make maelstrom\` (scripts/maelstrom.sh ${*:-} ${QUICK:+with QUICK=1}) on $(nproc) cores, $(date -u +%F), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)."
	echo "A failed cas counts as a failure for Maelstrom, so a flawless run has an ok-fraction of about 0.73 at concurrency 2n, 0.60 at 4n, 0.52 at 10n."
	echo
} >"$out"

rung L0 1 10 --node-count 1 --concurrency 2n --rate 100
rung L1 1 20 --node-count 3 --concurrency 2n --rate 100
rung L2 1 20 --concurrency 2n --rate 100
rung L3 10 60 --node-count 3 --concurrency 4n --rate 30 --nemesis partition --nemesis-interval 10
rung L4 5 60 --node-count 3 --concurrency 10n --rate 100 --nemesis partition --nemesis-interval 3
rung L5 1 120 --node-count 5 --concurrency 2n --rate 200 --nemesis partition --nemesis-interval 5
rung L6 1 60 --node-count 3 --concurrency 2n --rate 100 --nemesis partition --nemesis-interval 1
rung L6 1 60 --node-count 5 --concurrency 2n --rate 100 --nemesis partition --nemesis-interval 1
rung L6 1 60 --node-count 7 --concurrency 2n --rate 100 --nemesis partition --nemesis-interval 1
rung L6 1 60 --node-count 5 --concurrency 2n --rate 100 --nemesis partition --nemesis-interval 0.3

echo "verdicts and figures: $out"
if [ -n "$failed" ]; then
	echo "NOT VALID:$failed"
	exit 1
fi
