package session

import (
	"bytes"
	"testing"

	"maelraft/raft"
)

// FuzzRestore: what is taken for a snapshot comes out again as it went in, and what is refused changes nothing.
func FuzzRestore(f *testing.F) {
	limits := Limits{Clients: 3, AnswersPerClient: 2}
	lived := func(t testing.TB, n int) *Machine[string, string] {
		m, _ := newMachine(t, limits)
		for i := range n {
			m.Apply(raft.Index(i+1), command([]string{"c1", "c2", "c3", "c4"}[i%4], uint64(i), raft.Index(i), "op"))
		}
		return m
	}
	f.Add([]byte{})
	for n := range 12 {
		f.Add(lived(f, n).Snapshot())
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		m := lived(t, 5)
		want := state
		if before := m.Snapshot(); m.Restore(state) != nil {
			want = before
		}
		if got := m.Snapshot(); !bytes.Equal(got, want) {
			t.Fatalf("given %s\nit has %s", state, got)
		}
	})
}
