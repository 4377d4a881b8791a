// Command gallery plants the bugs of this folder, one at a time, and proves that the tests it names catch each. A bug is a NAME.patch that
// takes one rule out of the code; its first lines say in plain English which rule, where the paper has it, and whose bug it was.
//
//	go run ./scripts/gallery                     all bugs, as a table; exit code 1 if one survives
//	go run ./scripts/gallery -only NAME          one of them
//	go run ./scripts/gallery -part 2/4           every fourth, from the second on
//	go run ./scripts/gallery -build bin/maelraft-NAME -only NAME
//	                                             the program with the bug, for the workbench
//
// The tree is copied to a temporary folder and left alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

var (
	only  = flag.String("only", "", "the name of one bug")
	part  = flag.String("part", "1/1", "K/N: every Nth bug from the Kth on")
	jobs  = flag.Int("j", 1, "bugs at the same time")
	limit = flag.Duration("limit", time.Minute, "how long a test may run before it counts as failed")
	build = flag.String("build", "", "build the program with the bug -only into this file instead of testing")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gallery:", err)
	}
	if !ok || err != nil {
		stop()
		os.Exit(1)
	}
}

// run does what the flags say, and returns whether every bug was caught.
func run(ctx context.Context) (bool, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return false, err
	}
	bugs, err := load(filepath.Join(root, "scripts", "gallery"))
	if err != nil {
		return false, err
	}
	bugs, err = choose(bugs)
	if err != nil {
		return false, err
	}
	if *build != "" {
		return true, buildOne(ctx, root, bugs)
	}
	verdicts, err := tryAll(ctx, root, bugs)
	if err != nil {
		return false, err
	}
	return report(verdicts), nil
}

// choose keeps the bugs that -only and -part name.
func choose(bugs []bug) ([]bug, error) {
	var k, n int
	if _, err := fmt.Sscanf(*part, "%d/%d", &k, &n); err != nil || k < 1 || k > n {
		return nil, fmt.Errorf("-part %s is not K/N", *part)
	}
	var chosen []bug
	for i, b := range bugs {
		if *only == b.name || *only == "" && i%n == k-1 {
			chosen = append(chosen, b)
		}
	}
	if len(chosen) == 0 && *only != "" {
		return nil, fmt.Errorf("there is no %s.patch", *only)
	}
	return chosen, nil
}

// tryAll plants each bug in a copy of the tree, -j of them at a time.
func tryAll(ctx context.Context, root string, bugs []bug) ([]verdict, error) {
	verdicts := make([]verdict, len(bugs))
	next := make(chan int, len(bugs))
	for i := range bugs {
		next <- i
	}
	close(next)
	failed := make([]error, *jobs)
	var workers sync.WaitGroup
	for w := range *jobs {
		workers.Go(func() {
			t, err := newTree(root)
			if err != nil {
				failed[w] = err
				return
			}
			defer t.remove()
			for i := range next {
				verdicts[i] = t.try(ctx, bugs[i])
				fmt.Fprintln(os.Stderr, verdicts[i].word, bugs[i].name) // a sign of life; the table comes at the end
			}
		})
	}
	workers.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return verdicts, ctx.Err()
}

// report prints the table, and returns whether every bug was caught.
func report(verdicts []verdict) bool {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "BUG\tTEST\tSECONDS\t")
	caught := 0
	for _, v := range verdicts {
		var tests []string
		for _, c := range v.bug.tests {
			tests = append(tests, c.String())
		}
		fmt.Fprintf(out, "%s\t%s\t%.2f\t%s\n", v.bug.name, strings.Join(tests, ", "), v.took.Seconds(), v.word)
		if v.word == caughtWord {
			caught++
		}
	}
	_ = out.Flush()
	for _, v := range verdicts {
		if v.word != caughtWord {
			fmt.Printf("\n%s: %s\n%s\n", v.bug.name, v.word, v.detail)
		}
	}
	fmt.Printf("%d of %d bugs caught\n", caught, len(verdicts))
	return caught == len(verdicts)
}

// buildOne builds the program with a bug in it.
func buildOne(ctx context.Context, root string, bugs []bug) error {
	if len(bugs) != 1 {
		return fmt.Errorf("-build wants one bug: say which with -only")
	}
	target, err := filepath.Abs(*build)
	if err != nil {
		return err
	}
	t, err := newTree(root)
	if err != nil {
		return err
	}
	defer t.remove()
	if out, err := t.plant(ctx, bugs[0]); err != nil {
		return fmt.Errorf("%s.patch does not apply: %s", bugs[0].name, out)
	}
	if out, err := t.run(ctx, "go", "build", "-trimpath", "-o", target, "."); err != nil {
		return fmt.Errorf("%s.patch does not compile: %s", bugs[0].name, out)
	}
	fmt.Print(bugs[0].text)
	return nil
}
