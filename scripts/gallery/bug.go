package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bug is one patch.
type bug struct {
	name  string
	file  string
	text  string // the lines before the diff
	tests []catcher
}

// catcher is a test that catches a bug.
type catcher struct {
	pkg, test string
}

func (c catcher) String() string { return strings.TrimPrefix(c.pkg, "maelraft/") + " " + c.test }

// load reads all patches of a folder, in the order of their names.
func load(folder string) ([]bug, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	var bugs []bug
	for _, file := range files {
		b, err := read(file)
		if err != nil {
			return nil, err
		}
		bugs = append(bugs, b)
	}
	return bugs, nil
}

// read parses one patch. Each must say all of this before its diff:
//
//	Rule: what the code does without the bug, and the paper's section
//	Bug: what it does with it
//	Whose: raftz, zaft, miniraft, or none; where
//	Caught-by: package Test; of several such lines each names a test that catches it by itself
func read(file string) (bug, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return bug{}, err
	}
	name := strings.TrimSuffix(filepath.Base(file), ".patch")
	text, _, found := strings.Cut(string(content), "\ndiff --git ")
	if !found {
		return bug{}, fmt.Errorf("%s: no diff", name)
	}
	b := bug{name: name, file: file, text: text + "\n"}
	for _, key := range []string{"Rule", "Bug", "Whose", "Caught-by"} {
		if b.lines(key) == nil {
			return bug{}, fmt.Errorf("%s: no line that begins with %q", name, key+":")
		}
	}
	for _, line := range b.lines("Caught-by") {
		pkg, test, found := strings.Cut(line, " ")
		if !found {
			return bug{}, fmt.Errorf("%s: Caught-by names no package and test", name)
		}
		b.tests = append(b.tests, catcher{pkg, test})
	}
	return b, nil
}

// lines returns what follows a key at the beginning of the lines of the text that have it.
func (b bug) lines(key string) []string {
	var all []string
	for line := range strings.Lines(b.text) {
		if rest, found := strings.CutPrefix(line, key+":"); found && strings.TrimSpace(rest) != "" {
			all = append(all, strings.TrimSpace(rest))
		}
	}
	return all
}
