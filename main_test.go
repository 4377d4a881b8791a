package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// beMain makes this test program behave as the command.
const beMain = "MAELRAFT_TEST_BE_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(beMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestExitCodes: what a script sees of a verdict is the exit code.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const write = "{:type :invoke :process 0 :f :write :value [0 1]} {:type :ok :process 0 :f :write :value [0 1]}"
	valid := file("valid.edn", write)
	lost := file("lost.edn", write+"{:type :invoke :process 0 :f :read :value [0 nil]} {:type :ok :process 0 :f :read :value [0 2]}")
	absent := filepath.Join(dir, "absent")
	empty := file("empty.edn", "")
	broken := file("broken.edn", write+"\n]")
	for _, c := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"check", valid}, 0, ""},
		{[]string{"check", valid, lost}, 1, ""},
		{[]string{"check", empty}, 2, ""},
		{[]string{"check", broken}, 254, "maelraft: " + broken + ": line 2: "},
		{[]string{"check", absent}, 254, "maelraft: " + absent + ": "},
		{[]string{"check"}, 254, "maelraft: expected \"<file> ...\""},
		{[]string{"check", "--nonsense", valid}, 254, "maelraft: unknown flag --nonsense"},
		{[]string{"test", "--node-count", "0"}, 254, "maelraft: "},
		{[]string{"node", "--reads", "quorum"}, 254, "maelraft: "},
	} {
		cmd := exec.Command(self, c.args...)
		cmd.Env = append(os.Environ(), beMain+"=1")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(cmd.Run(), &exit) {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.HasPrefix(stderr.String(), c.stderr) || strings.Count(stderr.String(), "\n") > 1 || (stderr.Len() > 0) != (c.stderr != "") {
			t.Errorf("maelraft %q: exit code %d, want %d; stderr: %s", c.args, code, c.code, stderr.String())
		}
	}
}

// TestKillsOutOfTheBox: without a word about data, the bench gives our own node a directory that survives its being killed.
func TestKillsOutOfTheBox(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	at := t.TempDir()
	store := filepath.Join(at, "store")
	cmd := exec.Command(self, "test", "--node-count", "3", "--time-limit", "2", "--nemesis", "kill,partition", "--nemesis-interval", "0.4",
		"--seed", "1", "--store", "store")
	cmd.Dir = at // the nodes run elsewhere, and must find their data all the same
	cmd.Env = append(os.Environ(), beMain+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dirs, err := filepath.Glob(filepath.Join(store, "latest", "node-data", "n*"))
	if err != nil || len(dirs) != 3 {
		t.Fatalf("data directories: %q, %v", dirs, err)
	}
	run, err := os.Readlink(filepath.Join(store, "latest"))
	if err != nil {
		t.Fatal(err)
	}
	restarted := false
	for _, dir := range dirs {
		cmd := exec.Command(self, "inspect", dir)
		cmd.Env = append(os.Environ(), beMain+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "run "+filepath.Base(run)) {
			t.Errorf("inspect %s: %v\n%s", dir, err, out)
		}
		restarted = restarted || !strings.Contains(string(out), "life 1\n")
	}
	if !restarted {
		t.Error("no node was killed and started again")
	}
}
