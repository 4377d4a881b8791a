package maelstrom

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
)

// A node that was cut off until the others had dropped what it lacks gets a snapshot, and serves what was written meanwhile.
func TestSnapshotOverTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startClusterWith(t, Options{Seed: 1, SnapshotEntries: 20}, 5*time.Millisecond, three...)
		defer c.close()
		c.want("write_ok", "n1", "write", `"key":0,"value":0`)
		away := "n3"
		if c.status("n1").Leader == "n3" {
			away = "n2"
		}
		c.isolate(away, true)
		large := strings.Repeat("x", 2*maxChunk/10)
		for i := range 50 {
			c.want("write_ok", "n1", "write", fmt.Sprintf(`"key":%d,"value":"%d%s"`, i%20, i, large))
		}
		c.isolate(away, false)
		time.Sleep(5 * time.Second)
		s, leader := c.status(away), c.status("n1")
		if s.Applied != leader.Applied || s.Snapshot < 20 {
			t.Errorf("%s: snapshot at %d, applied %d of %d", away, s.Snapshot, s.Applied, leader.Applied)
		}
		c.want(`read_ok "49`+large+`"`, away, "read", `"key":9`)
	})
}

// The machine that the nodes replicate travels in a snapshot with all that it remembers: equal states give equal bytes, and a command that is
// sent again after the snapshot has its answer.
func TestMachineTravels(t *testing.T) {
	machine := func() *session.Machine[kv.Command, kv.Result] {
		m, err := session.New(kv.New(), kv.Digest, session.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	a, b := machine(), machine()
	var sent []command
	for i := range uint64(50) {
		op := kv.Command{Op: kv.CAS, Key: value(fmt.Sprint(i % 7)), From: value(fmt.Sprint(i)), To: value(`"a\u0000<\u00e9"`), CreateIfNotExists: i%2 == 0}
		c := command{Client: fmt.Sprint("c", i%5), ID: i, Seen: raft.Index(i), Op: op}
		a.Apply(raft.Index(i+1), c)
		sent = append(sent, c)
	}
	if err := b.Restore(a.Snapshot()); err != nil || string(b.Snapshot()) != string(a.Snapshot()) {
		t.Fatalf("restored %q, want %q: %v", b.Snapshot(), a.Snapshot(), err)
	}
	before := string(b.Snapshot())
	for i, c := range sent {
		if x, y := a.Apply(100+raft.Index(i), c), b.Apply(100+raft.Index(i), c); x != y {
			t.Errorf("request %d: %+v, after the snapshot %+v", i, x, y)
		}
	}
	if string(b.Snapshot()) != before {
		t.Error("something was executed twice")
	}
}
