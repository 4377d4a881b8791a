package sim

import (
	"fmt"
	"strings"
	"time"

	"maelraft/raft"
)

// Violation is the first broken rule of a run.
type Violation struct {
	At     time.Duration
	Rule   string // its theorem
	Detail string
}

// Error says it in a line.
func (v *Violation) Error() string { return fmt.Sprintf("%s at %v: %s", v.Rule, v.At, v.Detail) }

// Violate notes that a rule is broken, and ends the run. Tests bring rules of their own; only the first violation counts.
func (c *Cluster[C, R]) Violate(rule, format string, args ...any) {
	if c.broken == nil {
		c.broken = &Violation{At: c.now, Rule: rule, Detail: fmt.Sprintf(format, args...)}
		c.note("BROKEN: %v", c.broken)
	}
}

// Note puts a line into the trace.
func (c *Cluster[C, R]) Note(format string, args ...any) { c.note(format, args...) }

func (c *Cluster[C, R]) note(format string, args ...any) {
	if c.Trace != nil {
		c.Trace(fmt.Sprintf("%12v  %s", c.now, fmt.Sprintf(format, args...)))
	}
}

// tellChanges notes what a node has become.
func (c *Cluster[C, R]) tellChanges(m *member[C, R], v raft.View[C]) {
	if c.Trace == nil {
		return
	}
	old := m.seen
	if v.Role != old.Role || v.Term != old.Term {
		c.note("%s is %s in term %d", m.id, v.Role, v.Term)
	}
	if v.Configuration.Index != old.Configuration.Index {
		c.note("%s is in the configuration of %d: %v", m.id, v.Configuration.Index, &v.Configuration)
	}
	if v.Commit != old.Commit {
		c.note("%s knows %d entries to be committed", m.id, v.Commit)
	}
}

// describe says what is in a message, as short as a line allows.
func describe[C any](m raft.Message) string {
	text := fmt.Sprintf("%+v", m.Body)
	if b, ok := m.Body.(raft.AppendRequest[C]); ok {
		entries := ""
		for _, e := range b.Entries {
			if e.Config != nil {
				entries += fmt.Sprintf(" %d/%d(%v)", e.Index, e.Term, e.Config)
				continue
			}
			entries += fmt.Sprintf(" %d/%d(%s#%d)", e.Index, e.Term, e.ID.Node, e.ID.Seq)
		}
		text = fmt.Sprintf("{Term:%d Prev:%d/%d Entries:[%s] Commit:%d Round:%d}",
			b.Term, b.PrevIndex, b.PrevTerm, strings.TrimSpace(entries), b.Commit, b.Round)
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprintf("%T", m.Body), "raft."), "[")
	return fmt.Sprintf("%s>%s %s%s", m.From, m.To, kind, text)
}
