package maelstrom

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
)

// members asks, and returns the configuration of the answer in short, or its code.
func (n *network) members(node, kind, what string) string {
	n.t.Helper()
	body := <-n.start(node, kind, what)
	if code := body["code"]; code != nil {
		return string(code)
	}
	var now membersBody
	if err := json.Unmarshal(body["configuration"], &now); err != nil || string(body["type"]) != quote(kind+"_ok") {
		n.t.Errorf("%s at %s: %s", kind, node, body)
	}
	text := fmt.Sprint(now.Voters)
	for name, ids := range map[string][]raft.NodeID{" outgoing ": now.Outgoing, " learners ": now.Learners, " witnesses ": now.Witnesses} {
		if len(ids) > 0 {
			text += name + fmt.Sprint(ids)
		}
	}
	return strings.NewReplacer("[", "", "]", "").Replace(text)
}

func (n *network) wantMembers(want, node, kind, what string) {
	n.t.Helper()
	if got := n.members(node, kind, what); got != want {
		n.t.Errorf("%s at %s %s: %s, want %s", kind, node, what, got, want)
	}
}

// Every request of an operator, asked of nodes of every kind.
func TestMembershipRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startClusterWith(t, Options{Seed: 1, CASReads: true, InitialVoters: 3}, 10*time.Millisecond, five...)
		defer c.close()
		c.want("write_ok", "n1", "write", `"key":1,"value":0`)
		for _, at := range five {
			c.wantMembers("n1 n2 n3", at, "configuration", "")
		}
		for i, step := range []struct{ want, kind, what string }{
			{"n1 n2 n3 learners n4", "add_learner", `"node":"n4"`},
			{"n1 n2 n3 learners n4", "add_learner", `"node":"n4"`}, // which is so
			{"21", "add_learner", `"node":"n1"`},
			{"21", "add_witness", `"node":"n4"`},
			{"20", "promote", `"node":"n5"`},
			{"n1 n2 n3 n5 learners n4", "add_voter", `"node":"n5"`},
			{"n1 n2 n3 n5 n4", "promote", `"node":"n4"`},
			{"n1 n3 n5 n4", "remove", `"node":"n2"`},
			{"n1 n3 n5 n4", "remove", `"node":"n2"`},
			{"n1 n3 n5 n4", "configuration", ""},
			{"n2 n3 n4", "replace", `"voters":["n2","n3","n4"]`},
			{"n2 n3 n4 n5 witnesses n5", "add_witness", `"node":"n5"`},
			{"22", "replace", `"voters":["n5"]`},
			{"12", "transfer", `"node":"n1"`},
			{"n2 n3 n4", "remove", `"node":"n5"`},
			{"22", "add_voter", `"node":"n5"`},
			{"n2 n3 n4", "transfer", `"node":"n2"`},
			{"n2", "replace", `"voters":["n2"]`},
			{"22", "remove", `"node":"n2"`},
			{"n2 n1", "add_voter", `"node":"n1"`},
		} {
			at := five[(2*i)%5]
			c.wantMembers(step.want, at, step.kind, step.what)
			time.Sleep(time.Second) // so that everybody has heard of it
			c.want(fmt.Sprint("read_ok ", i), at, "read", `"key":1`)
			c.want("cas_ok", five[(3*i)%5], "cas", fmt.Sprintf(`"key":1,"from":%d,"to":%d`, i, i+1))
		}
		if now := c.status("n1").Members; len(now.Voters) != 2 || now.Index == 0 {
			t.Errorf("status shows %+v", now)
		}
	})
}

func TestBadRequestsOfOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startClusterWith(t, Options{Seed: 1, InitialVoters: 2}, 0, three...)
		defer c.close()
		c.want("write_ok", "n1", "write", `"key":1,"value":0`)
		for _, at := range three {
			for _, kind := range []string{"add_learner", "add_voter", "add_witness", "promote", "remove"} {
				for _, what := range []string{``, `"node":""`, `"node":3`, `"node":null`, `"node":["n1"]`, `"node":"n9"`, `"Node":"n1"`, `"voters":["n1"]`} {
					c.want("12", at, kind, what)
				}
			}
			for _, what := range []string{``, `"voters":[]`, `"voters":null`, `"voters":"n1"`, `"voters":["n1","n1"]`, `"voters":["n1",2]`, `"voters":["n9"]`, `"node":"n1"`} {
				c.want("12", at, "replace", what)
			}
			c.wantMembers("n1 n2", at, "configuration", "")
		}
	})
}

// A change that cannot be is answered in time, and one of which nothing is heard too.
func TestChangesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startClusterWith(t, Options{Seed: 1, InitialVoters: 3}, 10*time.Millisecond, five...)
		defer c.close()
		leader := c.leaderOf("n1")
		const patience = changePatience * minClientLimit
		c.isolate("n5", true)
		slow := c.start(leader, "add_voter", `"node":"n5"`)
		time.Sleep(500 * time.Millisecond)
		c.want("30", others(three, leader)[0], "remove", `"node":"n2"`)
		if got := c.await(slow, patience); got != "14" {
			t.Errorf("a voter that does not catch up: %s", got)
		}
		c.wantMembers("n1 n2 n3", leader, "configuration", "")
		c.wantMembers("n1 n2 n3 learners n5", leader, "add_learner", `"node":"n5"`)
		c.want("22", leader, "promote", `"node":"n5"`)

		for _, id := range five {
			c.isolate(id, true)
		}
		done := c.start(leader, "remove", `"node":"n5"`)
		time.Sleep(2 * time.Second)
		never := c.start(leader, "remove", `"node":"n5"`) // its leader has stepped down
		for i, box := range []chan map[string]json.RawMessage{done, never} {
			if got, want := c.await(box, patience), []string{"13", "11"}[i]; got != want {
				t.Errorf("without a majority: %s, want %s", got, want)
			}
		}
	})
}

func TestChangeErrorCodes(t *testing.T) {
	for err, code := range map[error]int{
		nil: 0, raft.ErrUnavailable: 11, raft.ErrOverloaded: 11, raft.ErrNotServing: 11, raft.ErrUnknown: 13, raft.ErrNotCaughtUp: 14, raft.ErrNoMember: 20,
		raft.ErrMember: 21, raft.ErrBehind: 22, raft.ErrWitness: 22, raft.ErrTooFewVoters: 22, raft.ErrNoQuorum: 14, raft.ErrTooManyMembers: 22, raft.ErrChanging: 30,
		raft.ErrTransferring: 30, errors.New("other"): 13,
	} {
		if got, text := changeError(err); got != code || (text == "") != (err == nil) {
			t.Errorf("%v: code %d, want %d", err, got, code)
		}
	}
}

// Former witnesses are remembered, and nobody else's business.
func TestMembersShown(t *testing.T) {
	ids := func(text string) (ids []raft.NodeID) {
		for _, id := range strings.Fields(text) {
			ids = append(ids, raft.NodeID(id))
		}
		return ids
	}
	b := membersOf(raft.Configuration{Index: 7, Voters: ids("n1 n2"), Outgoing: ids("n1 n3"), Learners: ids("n5"), Witnesses: ids("n2 n3 n4")})
	text, _ := json.Marshal(b)
	if want := `{"index":7,"voters":["n1","n2"],"outgoing":["n1","n3"],"learners":["n5"],"witnesses":["n2","n3"]}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}
