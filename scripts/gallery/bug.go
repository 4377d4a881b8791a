package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bug is one patch.
type bug struct {
	name string
	file string
	text string // the lines before the diff
	pkg  string // the package of the test that catches it
	test string
}

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
//	Caught-by: package Test
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
		if b.line(key) == "" {
			return bug{}, fmt.Errorf("%s: no line that begins with %q", name, key+":")
		}
	}
	b.pkg, b.test, found = strings.Cut(b.line("Caught-by"), " ")
	if !found {
		return bug{}, fmt.Errorf("%s: Caught-by names no package and test", name)
	}
	return b, nil
}

// line returns what follows a key at the beginning of a line of the text.
func (b bug) line(key string) string {
	for line := range strings.Lines(b.text) {
		if rest, found := strings.CutPrefix(line, key+":"); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
