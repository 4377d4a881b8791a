package maelstrom

import (
	"encoding/json"
	"fmt"
	"testing"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
)

// The whole table of outcomes, with the JSON that Maelstrom's schemas want: no field more, none less.
func TestAnswers(t *testing.T) {
	ok := func(s kv.Status, v string) outcome {
		r := kv.Result{Status: s}
		if v != "" {
			r.Value = value(v)
		}
		return outcome{Result: result{Status: session.Executed, Result: r}}
	}
	failed := func(code int) string {
		return fmt.Sprintf(`{"type":"error","code":%d,"text":"","in_reply_to":0}`, code)
	}
	for _, c := range []struct {
		name string
		op   kv.Op
		end  outcome
		want string
	}{
		{"read", kv.Read, ok(kv.OK, "1"), `{"type":"read_ok","value":1,"in_reply_to":0}`},
		{"read of 0", kv.Read, ok(kv.OK, "0"), `{"type":"read_ok","value":0,"in_reply_to":0}`},
		{"read of false", kv.Read, ok(kv.OK, "false"), `{"type":"read_ok","value":false,"in_reply_to":0}`},
		{"read of null", kv.Read, ok(kv.OK, "null"), `{"type":"read_ok","value":null,"in_reply_to":0}`},
		{"read of a large integer", kv.Read, ok(kv.OK, "1152921504606846977"), `{"type":"read_ok","value":1152921504606846977,"in_reply_to":0}`},
		{"write", kv.Write, ok(kv.OK, ""), `{"type":"write_ok","in_reply_to":0}`},
		{"cas", kv.CAS, ok(kv.OK, ""), `{"type":"cas_ok","in_reply_to":0}`},
		{"read, key missing", kv.Read, ok(kv.KeyMissing, ""), failed(20)},
		{"cas, key missing", kv.CAS, ok(kv.KeyMissing, ""), failed(20)},
		{"cas, other value", kv.CAS, ok(kv.Mismatch, ""), failed(22)},
		{"incomplete", kv.CAS, ok(kv.Invalid, ""), failed(12)},
		{"read, no leader", kv.Read, outcome{Err: raft.ErrUnavailable}, failed(11)},
		{"write, no leader", kv.Write, outcome{Err: raft.ErrUnavailable}, failed(11)},
		{"read, too many", kv.Read, outcome{Err: raft.ErrOverloaded}, failed(11)},
		{"cas, too many", kv.CAS, outcome{Err: raft.ErrOverloaded}, failed(11)},
		{"write, unknown", kv.Write, outcome{Err: raft.ErrUnknown}, failed(13)},
		{"write, some other error", kv.Write, outcome{Err: fmt.Errorf("new: %w", raft.ErrUnknown)}, failed(13)},
		{"forgotten", kv.Write, outcome{Result: result{Status: session.Forgotten}}, failed(13)},
		{"reused", kv.Write, outcome{Result: result{Status: session.Reused}}, failed(12)},
	} {
		reply := answer(asker{name: "c1", msgID: 0}, kv.Command{Op: c.op}, c.end)
		if e, isError := reply.(errorReply); isError {
			if e.Text == "" {
				t.Errorf("%s: no text", c.name)
			}
			e.Text = ""
			reply = e
		}
		if got, err := json.Marshal(reply); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
