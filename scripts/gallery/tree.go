package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// tree is a copy of the module in which bugs are planted.
type tree struct {
	root   string // the original
	dir    string // the copy
	tests  string // the folder for test programs
	passes map[catcher]error
}

// verdict is what became of a bug.
type verdict struct {
	bug    bug
	word   string
	detail string
	took   time.Duration // of the tests alone
}

const caughtWord = "caught"

// parts are what a copy needs: the module and its packages, without results and what was built.
var parts = []string{"go.mod", "go.sum", "main.go", "raft", "kv", "maelstrom"}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func newTree(root string) (*tree, error) {
	dir, err := os.MkdirTemp("", "maelraft-gallery-")
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, dir: filepath.Join(dir, "tree"), tests: filepath.Join(dir, "tests"), passes: map[catcher]error{}}
	for _, p := range parts {
		if err := t.copy(p); err != nil {
			t.remove()
			return nil, err
		}
	}
	return t, os.MkdirAll(t.tests, 0o755)
}

func (t *tree) remove() { _ = os.RemoveAll(filepath.Dir(t.dir)) }

// copy brings a file or folder of the original into the tree, in place of what is there.
func (t *tree) copy(part string) error {
	from, to := filepath.Join(t.root, part), filepath.Join(t.dir, part)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// run runs a command in the tree and returns what it printed.
func (t *tree) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = t.dir
	// The copy is no repository, and whatever lies above it is none of its business.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(t.dir))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// plant applies a patch.
func (t *tree) plant(ctx context.Context, b bug) (string, error) {
	return t.run(ctx, "git", "apply", "-p1", b.file)
}

// touched matches the names of the files that a patch changes.
var touched = regexp.MustCompile(`(?m)^\+\+\+ b/(\S+)`)

// heal undoes a patch.
func (t *tree) heal(b bug) error {
	content, err := os.ReadFile(b.file)
	if err != nil {
		return err
	}
	for _, match := range touched.FindAllStringSubmatch(string(content), -1) {
		if err := t.copy(match[1]); err != nil {
			return err
		}
	}
	return nil
}

// try plants a bug, runs the tests that are to catch it, and takes the bug out again. The tests must pass without the bug.
func (t *tree) try(ctx context.Context, b bug) (v verdict) {
	for _, c := range b.tests {
		if err := t.passesWithout(ctx, c); err != nil {
			return verdict{bug: b, word: "BAD TEST", detail: err.Error()}
		}
	}
	out, err := t.plant(ctx, b)
	if err != nil {
		return verdict{bug: b, word: "DOES NOT APPLY", detail: out}
	}
	defer func() {
		if err := t.heal(b); err != nil {
			v = verdict{bug: b, word: "NOT UNDONE", detail: err.Error()}
		}
	}()
	v = verdict{bug: b, word: caughtWord}
	for _, c := range b.tests {
		program, out, err := t.compile(ctx, c.pkg)
		if err != nil {
			return verdict{bug: b, word: "DOES NOT COMPILE", detail: out}
		}
		start := time.Now()
		out, err = t.test(ctx, program, c)
		v.took += time.Since(start)
		if err == nil {
			v.word, v.detail = "SURVIVED", fmt.Sprintf("%s%v passes\n%s", v.detail, c, out)
		}
	}
	return v
}

// passesWithout returns nil if a test exists and passes on the tree as it is. It looks only once.
func (t *tree) passesWithout(ctx context.Context, c catcher) error {
	if err, known := t.passes[c]; known {
		return err
	}
	program, out, err := t.compile(ctx, c.pkg)
	if err == nil {
		out, err = t.test(ctx, program, c)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("%v fails without the bug: %w\n%s", c, err, out)
	case !strings.Contains(out, "--- PASS: "+c.test):
		err = fmt.Errorf("there is no test %v", c)
	}
	t.passes[c] = err
	return err
}

// compile builds the test program of a package.
func (t *tree) compile(ctx context.Context, pkg string) (program, out string, err error) {
	program = filepath.Join(t.tests, filepath.Base(pkg)+".test")
	out, err = t.run(ctx, "go", "test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-o", program, pkg)
	return program, out, err
}

// test runs one test where go test would run it.
func (t *tree) test(ctx context.Context, program string, c catcher) (string, error) {
	folder := filepath.Join(t.dir, strings.TrimPrefix(c.pkg, "maelraft/"))
	ctx, cancel := context.WithTimeout(ctx, *limit+5*time.Second) // its own limit is first, and prints where it hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.run=^"+c.test+"$", "-test.v", "-test.failfast", "-test.timeout="+limit.String())
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	return string(out), err
}
