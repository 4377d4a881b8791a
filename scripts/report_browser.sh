#!/bin/sh
# Makes three reports (a good test, one with partitions, one of a wrong node) and looks at each in a headless Chromium: the page must
# draw everything without an error, in light and dark. Screenshots and pages are left in build/report/.
# CHROMIUM names the browser if it is not called chromium.
set -eu
cd "$(dirname "$0")/.."
browser=${CHROMIUM:-chromium}
command -v "$browser" >/dev/null || { echo "report_browser: there is no $browser (Debian: apt-get install chromium; or set CHROMIUM)" >&2; exit 1; }
out=build/report
rm -rf "$out"
mkdir -p "$out"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
go build -o bin/maelraft .

# run NAME WORDS OPTIONS...: one test, whose verdict has these words; its page becomes NAME.html.
run() {
	name=$1 words=$2
	shift 2
	bin/maelraft test --quiet --seed 5 --store "$out/store" "$@" >"$out/$name.txt" 2>&1 || true
	if ! grep -q "$words" "$out/$name.txt"; then
		cat "$out/$name.txt"
		echo "report_browser: the verdict of $name is not: $words" >&2
		exit 1
	fi
	cp "$out/store/latest/report.html" "$out/$name.html"
}

# browse LOG ARGUMENTS...: runs the browser; what it says goes to LOG. It may talk to nobody.
browse() {
	log=$1
	shift
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
		--disable-sync --hide-scrollbars --user-data-dir="$profile" --enable-logging=stderr --v=0 --virtual-time-budget=20000 "$@" 2>"$log"
}

# exercise PAGE: a copy of the page that points at and clicks on everything, and says so when it has.
exercise() {
	{
		cat "$out/$1.html"
		cat <<-'SCRIPT'
			<script>
			const touch = (e, type) => { const b = e.getBoundingClientRect(); e.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: b.x + b.width / 2, clientY: b.y + b.height / 2 })); };
			for (const b of document.querySelectorAll('.controls button, .toggle')) { touch(b, 'click'); touch(b, 'click'); }
			for (const i of document.querySelectorAll('.controls input')) { i.value = 3; i.dispatchEvent(new Event('input')); i.dispatchEvent(new Event('change')); }
			let tips = 0;
			for (const e of document.querySelectorAll('.chart svg *')) for (const type of ['mouseenter', 'mousemove', 'mouseleave']) { touch(e, type); tips += type === 'mousemove' && !document.getElementById('tip').hidden; }
			document.documentElement.dataset.exercised = tips > 50 ? 'yes' : 'no: ' + tips;
			</script>
		SCRIPT
	} >"$out/exercise.html"
	browse "$out/exercise.log" --window-size=1400,1000 --dump-dom "file://$PWD/$out/exercise.html" >"$out/exercise.dom"
	if ! grep -q '<html[^>]* data-exercised="yes"' "$out/exercise.dom" || grep -q '<html[^>]* data-error=' "$out/exercise.dom"; then
		grep -o '<html[^>]*>' "$out/exercise.dom" >&2
		echo "report_browser: $1.html does not bear being touched" >&2
		exit 1
	fi
	rm -f "$out"/exercise.*
}

# look NAME PAGE WIDTH HEIGHT [FLAG]: a screenshot, and the page as its scripts left it.
look() {
	name=$1 page=file://$PWD/$out/$2 size=$3,$4 flag=${5:---enable-automation}
	browse "$out/$name.log" --window-size="$size" --screenshot="$PWD/$out/$name.png" "$flag" "$page" >/dev/null
	browse "$out/$name.log" --window-size="$size" --dump-dom "$flag" "$page" >"$out/$name.dom"
	if ! grep -q '<html[^>]* data-ready="yes"' "$out/$name.dom" || grep -q '<html[^>]* data-error=' "$out/$name.dom" || grep -q 'CONSOLE' "$out/$name.log"; then
		grep CONSOLE "$out/$name.log" >&2 || true
		echo "report_browser: $2 did not draw everything" >&2
		exit 1
	fi
	for chart in latency throughput nodes phases lamport types curves; do
		if ! grep -q "data-chart=\"$chart\"><svg" "$out/$name.dom"; then
			echo "report_browser: $2 has no chart of $chart" >&2
			exit 1
		fi
	done
	rm -f "$out/$name.dom" "$out/$name.log"
	echo "$out/$name.png"
}

run good 'looks good' --node-count 3 --time-limit 10
run partitioned 'looks good' --node-count 5 --time-limit 20 --latency 10 --nemesis partition --nemesis-interval 4
run invalid 'Analysis invalid' --bin maelstrom/workbench/testdata/gossip.py --node-count 5 --time-limit 6 --latency 10 --nemesis partition --nemesis-interval 1
look good good.html 1400 3400
look partitioned partitioned.html 1400 4200
look partitioned-dark partitioned.html 1000 4600 --force-dark-mode
look partitioned-fault-3 "partitioned.html#fault-3" 1600 4200
look invalid invalid.html 1400 4400
for page in good partitioned invalid; do exercise $page; done
