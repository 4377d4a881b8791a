package maelstrom

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
)

// Of two copies of a cas that a client sends to one node, none is executed when the other one is told that it did not match, whenever the copies come,
// before and after the write that makes it match; and both get the same answer.
func TestCopiesOfACas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startClusterWith(t, Options{Seed: 1, CASReads: true}, 10*time.Millisecond, three...)
		defer c.close()
		told := map[string]int{}
		for i := range 60 {
			node, key := three[i%3], fmt.Sprintf(`"key":%d`, i)
			c.want("write_ok", node, "write", key+`,"value":1`)
			wrote := c.start(three[i/3%3], "write", key+`,"value":5`)
			time.Sleep(time.Duration(i/9) * 4 * time.Millisecond)
			box := c.start(node, "cas", key+`,"from":5,"to":6`)
			time.Sleep(time.Duration(i%9) * 5 * time.Millisecond)
			c.again(node, "cas", key+`,"from":5,"to":6`)
			first, second := c.await(box, time.Second), c.await(box, time.Second)
			if got := c.await(wrote, time.Second); got != "write_ok" {
				t.Errorf("%d: write: %s", i, got)
			}
			c.again(node, "cas", key+`,"from":1,"to":6`) // the msg_id belongs to another one
			if got := c.await(box, time.Second); got != "12" {
				t.Errorf("%d: another cas got %s", i, got)
			}
			want := map[string]string{"22": "read_ok 5", "cas_ok": "read_ok 6"}[first]
			if first != second {
				t.Errorf("%d: the copies got %s and %s", i, first, second)
			}
			c.want(want, node, "read", key)
			told[first]++
		}
		if told["22"] < 5 || told["cas_ok"] < 5 {
			t.Errorf("answers: %v", told)
		}
	})
}

func TestCopiesAreRemembered(t *testing.T) {
	const client = "c1"
	cas := func(to int) kv.Command {
		return kv.Command{Op: kv.CAS, Key: number(1), From: number(2), To: number(to)}
	}
	mismatch := result{Status: session.Executed, Result: kv.Result{Status: kv.Mismatch}}
	a := &attempts{}
	want := func(what string, who asker, to int, wantVerdict verdict, wantResult result) {
		t.Helper()
		if v, r := a.begin(who, cas(to)); v != wantVerdict || r != wantResult {
			t.Errorf("%s: %v %+v", what, v, r)
		}
	}
	want("first", asker{name: client, msgID: 1}, 3, tryIt, result{})
	want("under way", asker{name: client, msgID: 1}, 3, join, result{})
	want("another one", asker{name: client, msgID: 1}, 4, repeat, result{Status: session.Reused})
	if n := a.end(asker{name: client, msgID: 1}, outcome{Result: mismatch}); n != 1 {
		t.Errorf("%d copies waited", n)
	}
	want("answered", asker{name: client, msgID: 1}, 3, repeat, mismatch)
	want("another one", asker{name: client, msgID: 1}, 4, repeat, result{Status: session.Reused})

	want("first", asker{name: client, msgID: 2}, 3, tryIt, result{})
	a.end(asker{name: client, msgID: 2}, outcome{Err: raft.ErrUnavailable})
	want("not executed", asker{name: client, msgID: 2}, 3, tryIt, result{})
	a.end(asker{name: client, msgID: 2}, outcome{Err: raft.ErrUnknown})
	want("perhaps executed", asker{name: client, msgID: 2}, 3, proposeIt, result{})

	want("too long a name to be remembered", asker{name: string(make([]byte, maxToken+1)), msgID: 1}, 3, proposeIt, result{})

	for i := range 3 * copyGeneration {
		who := asker{name: client, msgID: int64(10 + i)}
		a.begin(who, cas(3))
		a.end(who, outcome{Result: mismatch})
	}
	if n := len(a.recent) + len(a.older) + len(a.trying); n > 2*copyGeneration {
		t.Errorf("remembers %d", n)
	}
	want("one generation ago", asker{name: client, msgID: 10 + 2*copyGeneration}, 3, repeat, mismatch)
	want("forgotten", asker{name: client, msgID: 1}, 3, tryIt, result{})
}
