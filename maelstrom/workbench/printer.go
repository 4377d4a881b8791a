package workbench

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// printer writes for a person. Safe for concurrent use.
type printer struct {
	mu       sync.Mutex
	w        io.Writer
	quiet    bool
	terminal bool
	width    int // of the rewritten line on the terminal, 0 if there is none
}

func newPrinter(w io.Writer, quiet bool) *printer {
	p := &printer{w: w, quiet: quiet}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// say prints a line unless the printer is quiet.
func (p *printer) say(format string, args ...any) {
	if !p.quiet {
		p.line(fmt.Sprintf(format, args...))
	}
}

// warn prints a warning.
func (p *printer) warn(text string) { p.say("%s", text) }

// line prints a line, quiet or not. There is nobody to tell if that fails.
func (p *printer) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		_, _ = fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
	_, _ = fmt.Fprintln(p.w, text)
}

// status shows how far a test is: on a terminal by rewriting one line.
func (p *printer) status(text string) {
	if !p.terminal {
		p.line(text)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.w, "\r%-*s", p.width, text)
	p.width = max(p.width, len(text))
}

// progress shows how far the test is until ctx ends.
func (p *printer) progress(ctx context.Context, b *bench) {
	if p.quiet {
		return
	}
	period := progressPeriod
	if p.terminal {
		period = time.Second
	}
	lastEnded, lastAt := 0, time.Duration(0)
	for coarseSleep(ctx, period) {
		at := b.history.now()
		invoked, ended := b.history.counts()
		rate := float64(ended-lastEnded) / (at - lastAt).Seconds()
		left := max(seconds(b.opts.TimeLimit)-at, 0).Round(time.Second)
		p.status(fmt.Sprintf("%5.0f s, %v to go: %d operations, %d waiting, %.0f answered per second, %d messages between nodes",
			at.Seconds(), left, invoked, invoked-ended, rate, b.cluster.router.snapshot().Servers.Sent))
		lastEnded, lastAt = ended, at
	}
}

// header says what is about to run.
func (p *printer) header(b *bench) {
	p.say("Testing %s on %d nodes of %s", b.opts.Workload, len(b.nodes), strings.Join(append([]string{b.opts.Bin}, b.opts.NodeArgs...), " "))
	for _, line := range conditions(b.opts, b.threads) {
		p.say("  %s", line)
	}
}

// conditions says how a test is run, a topic per line.
func conditions(o Options, threads int) []string {
	network := "no delay between nodes"
	if o.Latency > 0 {
		network = fmt.Sprintf("delay between nodes %d ms, %s", o.Latency, o.LatencyDist)
	}
	faults := "no faults"
	if names := o.faults(); len(names) > 0 {
		faults = fmt.Sprintf("%s, each starting or ending every %g s on average", strings.Join(names, ", "), o.NemesisInterval)
	}
	form := "strict form"
	if o.MaelstromQuirks {
		form = "with Maelstrom's quirks"
	}
	return []string{
		fmt.Sprintf("load     %d client threads, %g operations/s for %g s, each waiting up to %v", threads, o.Rate, o.TimeLimit, o.clientLimit()),
		fmt.Sprintf("network  %s; %s", network, faults),
		fmt.Sprintf("rules    %s", form),
		fmt.Sprintf("seed     %d", o.Seed),
	}
}
