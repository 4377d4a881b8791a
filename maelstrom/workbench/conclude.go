package workbench

import (
	"context"
	"errors"
	"path/filepath"
)

// conclude checks the finished history, measures, reports and stores.
func (b *bench) conclude(ctx context.Context) (Result, error) {
	rec, asked := b.history.finish(), b.opts
	b.out.say("Checking %d operations ...", len(rec.ops))
	samples := b.board.all()
	if b.opts.ElectionTimeout == 0 {
		b.opts.ElectionTimeout = electionTimeout(samples)
	}
	eras := newEras(b.nodes, sightings(rec.admin))
	servable := newServability(b.opts, b.nodes, rec.phases, eras)
	m := measurement{
		opts: b.opts, nodes: b.nodes, workload: b.workload, record: rec.withoutFinal(), eras: eras, samples: samples, end: b.end,
		late: &lateness{},
	}
	if b.cluster != nil {
		m.net, m.late = b.cluster.router.snapshot(), &b.cluster.router.late
		if b.net != nil {
			m.net = *b.net
		}
	}
	r := Result{
		Options: b.opts, LeaderWatched: b.watched, Store: b.dir,
		Violations: b.violations, ViolationCount: b.violationN, Figures: m.figures(servable), FinalReads: b.final,
	}
	b.judge(ctx, &r, rec, servable)
	err := errors.Join(writeHistory(b.dir, rec.events), writeResults(b.dir, r), ctx.Err())
	if err == nil {
		b.drawReport(story{asked: asked, result: r, nodes: b.nodes, record: rec, eras: eras, samples: samples, servable: servable, end: b.end})
		b.out.report(r)
	}
	return r, err
}

// judge fills in verdicts and reasons.
func (b *bench) judge(ctx context.Context, r *Result, rec record, s *servability) {
	checked := b.workload.check(ctx, rec.ops)
	r.LinearizableOfficial, r.LinearizableStrict = checked.Official, checked.Strict
	all := rec
	rec = rec.withoutFinal()
	stopped := b.violationN > 0 && !b.opts.MaelstromQuirks
	if stopped {
		// Cut short: what the rest would have brought nobody knows.
		r.Official = worse(checked.Official.Verdict, Unknown)
		r.Strict = Invalid
	} else {
		var why string
		if r.Official, r.Strict, why = checked.withStats(rec.ops); why != "" {
			r.Reasons = append(r.Reasons, why)
		}
	}
	least, _ := b.opts.leastOK() // validated
	if available, why := checkAvailability(rec.ops, least); available != Valid {
		r.Official, r.Strict = worse(r.Official, available), worse(r.Strict, available)
		r.Reasons = append(r.Reasons, why)
	}
	if mute := findMute(rec.ops, s); mute != nil {
		r.Violations = append(r.Violations, mute)
		r.ViolationCount++
	}
	if r.ViolationCount > 0 {
		r.Strict = Invalid
		r.Reasons = append(r.Reasons, r.Violations[0].Error())
	}
	if why := b.final.reproach(); why != "" {
		r.Strict = Invalid
		r.Reasons = append(r.Reasons, why)
	}
	r.Verdict = r.Strict
	if b.opts.MaelstromQuirks {
		r.Verdict = r.Official
	}
	key, rd, reasons := checked.blame(b.opts.MaelstromQuirks)
	r.Reasons = append(r.Reasons, reasons...)
	if key != nil {
		r.Explanation = b.explain(*key, all.ops, rd)
	}
}

// explain explains one bad key and draws it into the store.
func (b *bench) explain(key int, ops []*op, rd reading) *Explanation {
	e := b.workload.explain(key, ops, rd)
	if err := e.draw(filepath.Join(b.dir, "linearizability.html")); err != nil {
		b.out.warn("WARN the visualisation could not be written: " + err.Error())
	}
	return e
}
