package maelstrom

import (
	"testing"
	"time"
)

func TestReachable(t *testing.T) {
	heard := &peer{}
	heard.heard.Store(true)
	m := &member{id: "n1", peers: map[string]*peer{"n2": {}, "n3": heard}}
	for _, c := range []struct {
		name string
		at   time.Duration
		want bool
	}{
		{"n2", 0, false},
		{"n2", silence - 1, false},
		{"n2", silence, true},
		{"n3", 0, true}, // it has written to us, so it exists
		{"n4", time.Hour, false},
		{"n1", time.Hour, false},
		{"", time.Hour, false},
	} {
		if got := m.reachable(c.name, c.at); got != c.want {
			t.Errorf("%q after %v: %v", c.name, c.at, got)
		}
	}
}
