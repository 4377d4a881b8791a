package workbench

import (
	"bufio"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sharedHistories holds histories that the official Maelstrom wrote, with its
// verdicts. It is outside the repository and may be missing.
const sharedHistories = "../../../shared/data/histories"

var ednLine = regexp.MustCompile(`^\{:index (\d+), :time (\d+), :type :(\w+), :process (\d+), :f :(\w+), :value \[(\d+) (nil|\d+|\[\d+ \d+\])\](?:, .*?:error \[?:([a-z-]+))?`)

// readEDN reads the client operations of a history.edn.gz, as far as lin-kv
// histories go.
func readEDN(t *testing.T, path string) []*op {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]int{}
	for code, name := range codeNames {
		codes[name] = code
	}
	var ops []*op
	open := map[string]*op{}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := ednLine.FindStringSubmatch(lines.Text())
		if m == nil {
			if !strings.Contains(lines.Text(), ":process :nemesis") {
				t.Fatalf("cannot read %s", lines.Text())
			}
			continue
		}
		num := func(s string) int { n, _ := strconv.Atoi(s); return n }
		value := strings.ReplaceAll(strings.ReplaceAll(m[7], "nil", "null"), " ", ",")
		if m[3] == "invoke" {
			o := &op{
				Process: num(m[4]), F: m[5], Key: num(m[6]), Value: value, Outcome: outcomeInfo,
				Invoke: time.Duration(num(m[2])), InvokeIndex: num(m[1]), ReturnIndex: 1 << 40,
			}
			ops = append(ops, o)
			open[m[4]] = o
			continue
		}
		o := open[m[4]]
		delete(open, m[4])
		o.Outcome, o.ReturnIndex, o.Return = outcome(m[3]), num(m[1]), time.Duration(num(m[2]))
		if o.F == fRead && o.Outcome == outcomeOK {
			o.Result = value
		}
		if m[8] != "" {
			code, ok := codes[m[8]]
			if !ok {
				t.Fatalf("unknown error %q", m[8])
			}
			o.Code = code
		}
	}
	return ops
}

// TestOfficialHistories compares our verdicts with those of the official
// Maelstrom and with what the strict reading must say.
func TestOfficialHistories(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(sharedHistories); err != nil {
		t.Skip("the shared histories are not here")
	}
	for _, c := range []struct {
		name             string
		official, strict Verdict
	}{
		{"node-none", Valid, Valid},
		{"node-local-read", Invalid, Invalid},
		{"node-lost-write", Invalid, Invalid},
		{"node-double-cas", Invalid, Invalid},
		{"node-definite-lie", Invalid, Invalid},
		{"node-stale-missing", Valid, Invalid},
		{"node-spurious-22", Valid, Invalid},
		{"node-null-read", Valid, Invalid},
		{"etcd-readindex-partition", Valid, Valid},
		{"etcd-lease-partition-1s", Invalid, Invalid},
		{"python-demo-partition-exponential", Valid, Valid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ops := readEDN(t, filepath.Join(sharedHistories, c.name+".edn.gz"))
			start := time.Now()
			got := checkRegisters(t.Context(), ops)
			t.Logf("%d operations, %v", len(ops), time.Since(start))
			if got.Official.Verdict != c.official || got.Strict.Verdict != c.strict {
				t.Errorf("official %s, strict %s; want %s, %s", got.Official.Verdict, got.Strict.Verdict, c.official, c.strict)
			}
			for _, key := range got.Strict.BadKeys {
				var mine []*op
				for _, o := range ops {
					if o.Key == key {
						mine = append(mine, o)
					}
				}
				start := time.Now()
				e := explain(key, mine, strict)
				t.Logf("explained in %v:\n    %s", time.Since(start), e.text())
				if err := e.draw(filepath.Join(t.TempDir(), "x.html")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
