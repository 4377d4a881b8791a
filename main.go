// Command maelraft is a node of Maelstrom that serves lin-kv on Raft, with "test" a bench that tests this or any other node, with
// "check" a checker of the histories that such tests leave, and with "inspect" a look into a node's data directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"maelraft/maelstrom"
	"maelraft/maelstrom/workbench"
)

// commands is the command line. Maelstrom starts a node without arguments, so that is the default.
type commands struct {
	Node    maelstrom.Options `cmd:"" default:"withargs" help:"Be a node: Maelstrom's protocol on stdin and stdout. The default."`
	Test    test              `cmd:"" help:"Test nodes as 'maelstrom test' does. Exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 no verdict."`
	Inspect inspect           `cmd:"" help:"Show what is in a node's data directory, without changing it: term, vote, snapshot, members, entries, checksums. Exit codes: 0 sound, 255 damaged."`
	Check   check             `cmd:"" help:"Check that histories of 'maelstrom test -w lin-kv' or 'maelraft test' are linearizable. Exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad arguments or a file that is not a history."`
}

type test struct {
	workbench.Options `embed:""`
}

// Run runs the tests, and ends the process with the verdict of the last. kong calls it.
func (t test) Run() error {
	if t.Bin == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		t.Bin = self
		if t.Kills() && t.DataFlag == "" { // our own node remembers, if it is given a place
			t.DataFlag, t.RunFlag = "--data-dir", "--run-id"
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for range t.TestCount {
		result, err := workbench.Run(ctx, t.Options, os.Stdout)
		if err == nil && result.ExitCode() != workbench.ExitValid {
			err = verdict(result.ExitCode())
		}
		if err != nil {
			return err
		}
		t.Seed = result.Options.Seed + 1
	}
	return nil
}

type inspect struct {
	Dir     string `arg:"" help:"Data directory of a node."`
	Entries bool   `help:"Show every entry of the log, not only those that change the membership."`
}

// Run shows a data directory. kong calls it.
func (i inspect) Run() error { return maelstrom.Inspect(i.Dir, os.Stdout, i.Entries) }

type check struct {
	workbench.CheckOptions `embed:""`
}

// Run checks histories and ends the process with the verdict. kong calls it.
func (c check) Run() error {
	result, err := workbench.Check(context.Background(), c.CheckOptions, os.Stdout)
	if err == nil && result.ExitCode() != workbench.ExitValid {
		err = verdict(result.ExitCode())
	}
	return err
}

// verdict is the exit code of what was not valid. What there is to say about it has been said.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit code %d", int(v)) }

func main() {
	var c commands
	parser := kong.Must(&c, kong.Name("maelraft"), kong.Description("A lin-kv node on Raft for Jepsen's Maelstrom, and a bench to test it."))
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		exit(workbench.ExitBadArguments, err)
	}
	var v verdict
	var file *workbench.FileError
	var option *workbench.OptionError
	switch err := command.Run(); { // kong wraps what Run returns
	case err == nil:
	case errors.As(err, &v):
		os.Exit(int(v))
	case errors.As(err, &file):
		exit(workbench.ExitBadArguments, file)
	case errors.As(err, &option):
		exit(workbench.ExitBadArguments, option)
	default:
		exit(workbench.ExitCrashed, err)
	}
}

func exit(code int, err error) {
	fmt.Fprintln(os.Stderr, "maelraft:", err)
	os.Exit(code)
}
