package scripts

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The arrows between the packages: what each may import of ours. They point one way, so that each can be read without what is above.
var arrows = map[string][]string{
	"maelraft":                      {"maelraft/maelstrom", "maelraft/maelstrom/workbench"},
	"maelraft/maelstrom":            {"maelraft/raft", "maelraft/raft/driver", "maelraft/raft/session", "maelraft/raft/wal", "maelraft/raft/wal/simfs", "maelraft/raft/internal/oracle", "maelraft/kv"},
	"maelraft/maelstrom/workbench":  {},
	"maelraft/raft":                 {},
	"maelraft/raft/driver":          {"maelraft/raft"},
	"maelraft/raft/explore":         {"maelraft/raft", "maelraft/raft/internal/oracle"},
	"maelraft/raft/session":         {"maelraft/raft"},
	"maelraft/raft/sim":             {"maelraft/raft", "maelraft/raft/internal/oracle", "maelraft/raft/driver"},
	"maelraft/raft/wal":             {"maelraft/raft"},
	"maelraft/raft/wal/simfs":       {"maelraft/raft", "maelraft/raft/wal"},
	"maelraft/raft/internal/oracle": {"maelraft/raft"},
	"maelraft/kv":                   {},
	"maelraft/scripts":              {},
	"maelraft/scripts/figures":      {},
	"maelraft/scripts/campaign":     {},
	"maelraft/scripts/gallery":      {},
	"maelraft/scripts/messages":     {"maelraft/raft", "maelraft/raft/session", "maelraft/raft/sim", "maelraft/kv"},
}

// standardOnly are the packages that import nothing but the standard library and what the arrows allow.
var standardOnly = []string{"maelraft/raft", "maelraft/raft/driver", "maelraft/raft/explore", "maelraft/raft/session", "maelraft/raft/sim", "maelraft/raft/wal", "maelraft/raft/wal/simfs", "maelraft/raft/internal/oracle", "maelraft/kv"}

func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "maelraft/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, imports := fields[0], fields[1:]
		allowed, known := arrows[pkg]
		if !known {
			t.Errorf("package %s has no place in the house: add its arrows", pkg)
		}
		for _, i := range imports {
			ours := i == "maelraft" || strings.HasPrefix(i, "maelraft/")
			if ours && !slices.Contains(allowed, i) {
				t.Errorf("%s must not import %s", pkg, i)
			}
			if !ours && strings.Contains(strings.Split(i, "/")[0], ".") && slices.Contains(standardOnly, pkg) {
				t.Errorf("%s must not import %s: standard library only", pkg, i)
			}
		}
	}
}

// The core knows no clock, goroutine, I/O or randomness of its own.
func TestCoreIsPure(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \"\\n\"}}", "maelraft/raft").Output()
	if err != nil {
		t.Fatal(err)
	}
	pure := []string{"cmp", "errors", "fmt", "maps", "math", "math/rand/v2", "slices", "sort", "sync", "time"}
	for _, i := range strings.Fields(string(out)) {
		if !slices.Contains(pure, i) {
			t.Errorf("the core imports %s", i)
		}
	}
	if out, _ := exec.Command("grep", "-nE", `time\.(Now|Since|Sleep|After|NewTimer|NewTicker)|^\s*go `, "-r", "--include=*.go",
		"--exclude=*_test.go", "--exclude-dir=driver", "--exclude-dir=sim", "--exclude-dir=wal", "../raft").Output(); len(out) > 0 {
		t.Errorf("the core has a clock or a goroutine:\n%s", out)
	}
}
