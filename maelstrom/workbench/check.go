package workbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxListedKeys is how many keys a line of the report lists.
const maxListedKeys = 20

// CheckOptions says which histories to check and how. The tags make it a kong
// command.
type CheckOptions struct {
	// Files are the paths of the histories.
	Files []string `help:"Histories: history.edn of Maelstrom or history.jsonl of this bench, as they are or compressed with gzip." arg:"" name:"file"`
	// MaelstromQuirks makes the official verdict the one that counts.
	MaelstromQuirks bool `help:"Let the official verdict count and not the strict one."`
	// Quiet leaves only the final verdict line.
	Quiet bool `help:"Print only the verdict line."`
}

// CheckResult is the outcome of a check. Its verdicts are the worst of those
// of its histories: invalid is worse than unknown, unknown worse than valid.
type CheckResult struct {
	// Verdict is the one that counts: the official one with quirks, else the
	// strict one.
	Verdict Verdict
	// Official is what Maelstrom would say; Strict is the strict verdict.
	Official, Strict Verdict
	// Histories are the single results, in the order of CheckOptions.Files.
	Histories []CheckedHistory
}

// ExitCode is 0 for valid, 1 for invalid and 2 for unknown.
func (r CheckResult) ExitCode() int { return Result{Verdict: r.Verdict}.ExitCode() }

// CheckedHistory is what is found out about one history.
type CheckedHistory struct {
	// File is where the history came from.
	File string
	// Official and Strict are the verdicts. Beside linearizability they ask
	// that every function succeeded at least once, as Maelstrom does.
	Official, Strict Verdict
	// Reasons says in words what is not valid.
	Reasons []string
	// Notes says what a reader of the file should know.
	Notes []string
	// Operations counts all client operations; ByFunction splits them.
	Operations Counts
	ByFunction map[string]Counts
	// LinearizableOfficial and LinearizableStrict are the checker's part.
	LinearizableOfficial, LinearizableStrict Reading
	// Explanation shows what is wrong with the first bad key, or is nil.
	Explanation *Explanation
}

// Check reads histories and judges them, and writes what a person reads to
// stdout. An error means that there is no verdict: a *FileError for a file
// that is not a history, which ends the check, or ctx's own error. When ctx
// ends, the key that is being checked is still finished.
func Check(ctx context.Context, opts CheckOptions, stdout io.Writer) (CheckResult, error) {
	if len(opts.Files) == 0 {
		return CheckResult{}, errors.New("no history was given")
	}
	out := newPrinter(stdout, opts.Quiet)
	r := CheckResult{Official: Valid, Strict: Valid}
	for _, file := range opts.Files {
		h, err := checkHistory(ctx, file, opts.MaelstromQuirks)
		if err != nil {
			return CheckResult{}, err
		}
		r.Histories = append(r.Histories, h)
		r.Official, r.Strict = worse(r.Official, h.Official), worse(r.Strict, h.Strict)
		out.checked(h, opts.MaelstromQuirks)
	}
	r.Verdict = r.Strict
	if opts.MaelstromQuirks {
		r.Verdict = r.Official
	}
	out.verdict(r.Verdict)
	return r, nil
}

func checkHistory(ctx context.Context, file string, quirks bool) (CheckedHistory, error) {
	read, err := readHistoryFile(file)
	if err != nil {
		return CheckedHistory{}, err
	}
	found := linKV{}.check(ctx, read.ops)
	h := CheckedHistory{
		File: file, Notes: read.notes, ByFunction: map[string]Counts{},
		LinearizableOfficial: found.Official, LinearizableStrict: found.Strict,
	}
	for _, o := range read.ops {
		h.Operations.add(o)
		c := h.ByFunction[o.F]
		c.add(o)
		h.ByFunction[o.F] = c
	}
	var why string
	if h.Official, h.Strict, why = found.withStats(read.ops); why != "" {
		h.Reasons = append(h.Reasons, why)
	}
	key, rd, reasons := found.blame(quirks)
	h.Reasons = append(h.Reasons, reasons...)
	if key != nil && ctx.Err() == nil {
		h.Explanation = explain(*key, ofKey(*key, read.ops), rd)
	}
	return h, ctx.Err()
}

// checked reports on one history.
func (p *printer) checked(h CheckedHistory, quirks bool) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d operations on %d keys\n", h.File, h.Operations.Total, h.LinearizableStrict.Keys)
	if h.Operations.Total > 0 {
		reportCounts(&b, h.Operations, h.ByFunction)
	}
	for _, note := range h.Notes {
		fmt.Fprintf(&b, "Note: %s\n", note)
	}
	fmt.Fprintf(&b, "Linearizable as Maelstrom reads it: %s\n", h.LinearizableOfficial.text())
	fmt.Fprintf(&b, "Linearizable as read strictly: %s\n", h.LinearizableStrict.text())
	if h.Explanation != nil {
		fmt.Fprintf(&b, "    %s\n", h.Explanation.text())
	}
	label, counts := "Not valid", h.Strict
	if quirks {
		counts = h.Official
	}
	if counts == Valid {
		label = "Not valid if judged strictly"
	}
	for _, reason := range h.Reasons {
		fmt.Fprintf(&b, "%s: %s\n", label, reason)
	}
	fmt.Fprintf(&b, "Verdict: %s as Maelstrom judges, %s as judged strictly\n", h.Official, h.Strict)
	p.say("%s", b.String())
}

// text says a verdict and which keys are to blame for it.
func (r Reading) text() string {
	text := string(r.Verdict)
	for _, part := range []struct {
		name string
		keys []int
	}{{"bad", r.BadKeys}, {"undecided", r.UnknownKeys}} {
		if len(part.keys) == 0 {
			continue
		}
		shown := part.keys[:min(len(part.keys), maxListedKeys)]
		text += fmt.Sprintf(", %s keys (%d of %d): %s", part.name, len(part.keys), r.Keys, strings.Trim(fmt.Sprint(shown), "[]"))
		if more := len(part.keys) - len(shown); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	return text
}
