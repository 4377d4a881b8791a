// Command figures prints one row of a Markdown table for each store directory of the official Maelstrom that it is given: the verdict, and
// the figures that the verdict does not look at. With -header it prints the head of the table first.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// run is what one test has left behind.
type run struct {
	valid      string
	okFraction string
	serverMsgs float64

	invoked, ok   int
	timeouts      int
	codes         map[string]int             // by Maelstrom's name of the error
	latencies     map[string][]time.Duration // of operations that ended ok, by f
	longestWindow time.Duration              // without a write that ended ok
}

var (
	operation  = regexp.MustCompile(`^\{:index \d+, :time (\d+), :type :(\w+), :process (\d+), :f :(\w+)`)
	failure    = regexp.MustCompile(`:error (?:\[:([\w-]+)|:([\w-]+))`)
	okFraction = regexp.MustCompile(`:ok-fraction ([0-9.]+)`)
	serverSent = regexp.MustCompile(`:servers\s+\{:send-count (\d+)`)
	verdict    = regexp.MustCompile(`:valid\? ([\w:]+)\}\s*$`)
)

func main() {
	header := flag.Bool("header", false, "print the head of the table")
	name := flag.String("name", "", "the first column of every row; empty: the directory")
	flag.Parse()
	if *header {
		fmt.Println("| run | verdict | ok-fraction | time-outs | 11 | 13 | read p50 / p99 ms | write p50 / p99 ms | cas p50 / p99 ms |" +
			" longest window without an ok write, ms | server messages per invocation / per ok |")
		fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|")
	}
	for _, dir := range flag.Args() {
		r, err := read(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, "figures:", err)
			os.Exit(1)
		}
		title := *name
		if title == "" {
			title = filepath.Base(dir)
		}
		r.print(os.Stdout, title)
	}
}

func read(dir string) (*run, error) {
	results, err := os.ReadFile(filepath.Join(dir, "results.edn"))
	if err != nil {
		return nil, err
	}
	r := &run{codes: map[string]int{}, latencies: map[string][]time.Duration{}}
	r.valid, r.okFraction = first(verdict, results), first(okFraction, results)
	r.serverMsgs, _ = strconv.ParseFloat(first(serverSent, results), 64)
	history, err := os.Open(filepath.Join(dir, "history.edn"))
	if err != nil {
		return nil, err
	}
	defer history.Close()
	return r, r.readHistory(history)
}

func first(re *regexp.Regexp, text []byte) string {
	if m := re.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return "?"
}

func (r *run) readHistory(history io.Reader) error {
	invoked := map[string]time.Duration{}
	var lastWrite, at time.Duration
	lines := bufio.NewScanner(history)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := operation.FindStringSubmatch(lines.Text())
		if m == nil {
			continue // the nemesis
		}
		ns, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return err
		}
		kind, process, f := m[2], m[3], m[4]
		at = time.Duration(ns)
		switch kind {
		case "invoke":
			r.invoked++
			invoked[process] = at
		case "ok":
			r.ok++
			r.latencies[f] = append(r.latencies[f], at-invoked[process])
			if f == "write" {
				r.longestWindow = max(r.longestWindow, at-lastWrite)
				lastWrite = at
			}
		default:
			r.count(lines.Text())
		}
	}
	r.longestWindow = max(r.longestWindow, at-lastWrite)
	return lines.Err()
}

func (r *run) count(line string) {
	m := failure.FindStringSubmatch(line)
	switch {
	case m == nil:
		r.codes["no error named"]++
	case m[2] == "net-timeout" || m[1] == "net-timeout":
		r.timeouts++
	default:
		r.codes[m[1]+m[2]]++
	}
}

func (r *run) print(to io.Writer, title string) {
	fmt.Fprintf(to, "| %s | %s | %s | %d | %d | %d | %s | %s | %s | %d | %.1f / %.1f |\n",
		title, r.valid, r.okFraction, r.timeouts, r.codes["temporarily-unavailable"], r.codes["crash"],
		r.quantiles("read"), r.quantiles("write"), r.quantiles("cas"), r.longestWindow.Milliseconds(),
		r.serverMsgs/float64(max(r.invoked, 1)), r.serverMsgs/float64(max(r.ok, 1)))
}

// quantiles returns the median and the 99th percentile in milliseconds.
func (r *run) quantiles(f string) string {
	l := r.latencies[f]
	if len(l) == 0 {
		return "-"
	}
	slices.Sort(l)
	ms := func(q float64) float64 { return float64(l[int(q*float64(len(l)-1))].Microseconds()) / 1000 }
	return fmt.Sprintf("%.1f / %.1f", ms(0.5), ms(0.99))
}
