package session

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"maelraft/raft"
)

// model remembers everything for ever, and says what the bounded machine may answer.
type model struct {
	limits     Limits
	executions map[string][]execution // by client
}

// execution is one time that a command was executed.
type execution struct {
	index   raft.Index
	command Command[string]
	answer  string
}

// find returns the latest execution under the command's id.
func (m *model) find(c Command[string]) (execution, bool) {
	es := m.executions[c.Client]
	for i := len(es) - 1; i >= 0; i-- {
		if es[i].command.ID == c.ID {
			return es[i], true
		}
	}
	return execution{}, false
}

// evictedSince says whether a client's record can have been evicted after an index: as many other clients as there is room for have executed
// something since the client's own last execution at that index or behind it.
func (m *model) evictedSince(client string, from raft.Index) bool {
	marks := []raft.Index{from} // each execution of the client starts the count anew
	for _, e := range m.executions[client] {
		if e.index > from {
			marks = append(marks, e.index)
		}
	}
	for i, mark := range marks {
		others := 0
		for name, es := range m.executions {
			for _, e := range es {
				if name != client && e.index > mark && (i+1 == len(marks) || e.index < marks[i+1]) {
					others++
					break
				}
			}
		}
		if others >= m.limits.Clients {
			return true
		}
	}
	return false
}

// anythingForgotten says whether the machine has had a reason to forget anything that concerns this client.
func (m *model) anythingForgotten(client string) bool {
	others := len(m.executions)
	if m.executions[client] != nil {
		others--
	}
	return len(m.executions[client]) > m.limits.AnswersPerClient || others >= m.limits.Clients
}

// check compares one answer with what it may be, and notes an execution.
func (m *model) check(t *rapid.T, index raft.Index, c Command[string], got Result[string], executed bool) {
	earlier, before := m.find(c)
	if !executed {
		m.checkRefusal(t, c, got, earlier, before)
		return
	}
	switch {
	case got.Status != Executed:
		t.Fatalf("index %d: %+v executed, but answered %s", index, c, got.Status)
	case before && earlier.index > c.Seen:
		t.Fatalf("index %d: %+v executed again: this very copy may have been in the log at index %d", index, c, earlier.index)
	case before && !m.evictedSince(c.Client, earlier.index):
		t.Fatalf("index %d: %+v executed again, and the client was never evicted since index %d", index, c, earlier.index)
	}
	m.executions[c.Client] = append(m.executions[c.Client], execution{index, c, got.Result})
}

// checkRefusal is check for a command that was not executed now. If before, then earlier is the last execution under its id.
func (m *model) checkRefusal(t *rapid.T, c Command[string], got Result[string], earlier execution, before bool) {
	switch got.Status {
	case Executed:
		if !before || earlier.answer != got.Result || earlier.command.Op != c.Op {
			t.Fatalf("%+v got %q, which is another command's answer", c, got.Result)
		}
	case Reused:
		if !before || earlier.command.Op == c.Op || got.Result != "" {
			t.Fatalf("%+v is the only command under its id: %+v", c, got)
		}
	case Forgotten:
		if !m.anythingForgotten(c.Client) || got.Result != "" {
			t.Fatalf("%+v cannot have been forgotten: %+v, %v", c, got, m.executions)
		}
	default:
		t.Fatalf("%+v: %+v", c, got)
	}
}

// next draws the next entry of the log: a new request, or one of the earlier ones again, as the cluster or as the client sends it
// again, or with its id on another command. applied is the highest index that any node may have applied.
func next(t *rapid.T, earlier []Command[string], applied raft.Index) Command[string] {
	seen := raft.Index(rapid.Uint64Range(0, uint64(applied)).Draw(t, "seen"))
	if rapid.Bool().Draw(t, "up to date") {
		seen = applied
	}
	kind := rapid.SampledFrom([]string{"new", "new", "new", "copy", "copy", "resent", "reused"}).Draw(t, "kind")
	if kind == "new" || len(earlier) == 0 {
		return Command[string]{
			Client: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "client"),
			// Growing ids with some disorder, now and then the same one again.
			ID:   uint64(len(earlier)) + rapid.Uint64Range(0, 4).Draw(t, "id"),
			Seen: seen,
			Op:   fmt.Sprint("op", len(earlier)),
		}
	}
	c := rapid.SampledFrom(earlier).Draw(t, "earlier")
	switch kind {
	case "resent":
		c.Seen = seen
	case "reused":
		c.Op += "'"
	}
	return c
}

// TestAgainstUnboundedModel: never a second execution beyond what doc.go allows, never another request's answer, Forgotten only where
// something was forgotten; only executions change the state, replicas agree, and a restored one goes on like the others.
func TestAgainstUnboundedModel(t *testing.T) {
	statuses := map[Status]int{}
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{Clients: rapid.IntRange(1, 4).Draw(t, "clients"), AnswersPerClient: rapid.IntRange(1, 3).Draw(t, "answers")}
		inner := &recorder{}
		m, err := New(inner, digest, limits)
		replica, replicaErr := New(&recorder{}, digest, limits)
		if err := errors.Join(err, replicaErr); err != nil {
			t.Fatal(err)
		}
		model := model{limits, map[string][]execution{}}
		var earlier []Command[string]
		index := raft.Index(0)
		var captures []captured
		for range rapid.IntRange(1, 40).Draw(t, "entries") {
			c := next(t, earlier, index)
			earlier = append(earlier, c)
			index += raft.Index(rapid.IntRange(1, 2).Draw(t, "gap")) // no-ops leave gaps
			before, executions := m.State(), len(inner.executed)

			got := m.Apply(index, c)
			statuses[got.Status]++
			executed := len(inner.executed) > executions
			model.check(t, index, c, got, executed)
			if changed := !reflect.DeepEqual(before, m.State()); changed != executed {
				t.Fatalf("index %d: %+v: state changed: %v, executed: %v", index, c, changed, executed)
			}
			if err := m.State().check(limits); err != nil {
				t.Fatalf("index %d: %v", index, err)
			}
			if other := replica.Apply(index, c); other != got || !reflect.DeepEqual(replica.State(), m.State()) {
				t.Fatalf("index %d: %+v: %+v here, %+v on another replica", index, c, got, other)
			}
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				replica = restored(t, m, inner)
			}
			if rapid.IntRange(0, 4).Draw(t, "capture") == 0 {
				captures = append(captures, captured{index, m.Snapshot(), m.Capture()})
			}
		}
		for _, c := range captures {
			if got := c.write(); !bytes.Equal(got, c.want) {
				t.Fatalf("captured at %d, written at %d: %q, want %q", c.at, index, got, c.want)
			}
		}
	})
	for _, status := range []Status{Executed, Forgotten, Reused} {
		if statuses[status] == 0 {
			t.Errorf("no command was ever %s", status)
		}
	}
}

// captured is what was noted of a machine at an index, to be written later.
type captured struct {
	at    raft.Index
	want  []byte
	write func() []byte
}

// restored returns a machine that knows of m only what a snapshot carries. A second snapshot is equal to the first.
func restored(t *rapid.T, m *Machine[string, string], original *recorder) *Machine[string, string] {
	inner := &recorder{}
	r, err := New(inner, digest, m.limits)
	if err := errors.Join(err, r.Restore(m.Snapshot())); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Snapshot(), m.Snapshot()) || !slices.Equal(inner.executed, original.executed) {
		t.Fatalf("restored %s, want %s", r.Snapshot(), m.Snapshot())
	}
	return r
}
