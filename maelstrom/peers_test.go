package maelstrom

import (
	"testing"
	"time"

	"maelraft/raft"
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

func TestPatience(t *testing.T) {
	for _, c := range []struct {
		rtt, deviation time.Duration
		measured       bool
		want           time.Duration
	}{
		{20 * time.Millisecond, 0, true, 850 * time.Millisecond},
		{200 * time.Millisecond, 10 * time.Millisecond, true, 850 * time.Millisecond},
		{100 * time.Millisecond, 50 * time.Millisecond, true, 800 * time.Millisecond}, // exponential
		{200 * time.Millisecond, 100 * time.Millisecond, true, 700 * time.Millisecond},
		{time.Second, 0, true, 3400 * time.Millisecond}, // a limit of 5 s, taken for 4 s
		{time.Second, 0, false, 850 * time.Millisecond},
		{0, 0, true, 850 * time.Millisecond},
	} {
		s := raft.Status{Measured: c.measured, RTT: raft.RoundTrip{Mean: c.rtt, Deviation: c.deviation}}
		if got := patience(s); (got - c.want).Abs() > time.Millisecond {
			t.Errorf("round trip %v: patience %v, want %v", c.rtt, got, c.want)
		}
	}
}
