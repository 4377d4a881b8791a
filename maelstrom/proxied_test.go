package maelstrom

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// insider is a real node n1, the only member. The test plays n2, which passes requests on.
type insider struct {
	*cluster
	replies chan proxyOKBody
}

func startInsider(t *testing.T) *insider {
	o := &insider{cluster: &cluster{network: newNetwork(t, 0, "n1", "n2")}, replies: make(chan proxyOKBody, 100)}
	f := newFeed()
	o.ends = append(o.ends, f)
	o.attach("n1", f)
	o.attach("n2", &lineWriter{take: func(line []byte) {
		var m struct{ Body proxyOKBody }
		if err := json.Unmarshal(line, &m); err == nil && m.Body.Type == kindProxyOK {
			o.replies <- m.Body
		}
	}})
	o.done.Go(func() {
		if err := Serve(f, o.stdout("n1"), io.Discard, Options{Seed: 1, InitialVoters: 1, CASReads: true}); err != nil {
			t.Error(err)
		}
	})
	box := o.expect("c9", "1")
	o.line("n1", `{"src":"c9","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":1}}`)
	if got := o.await(box, time.Second); got != "init_ok" {
		t.Fatal(got)
	}
	time.Sleep(time.Second)
	return o
}

// pass sends a copy, and returns the answer in short: the type of the reply or its code, "-" without one, or "" if nothing comes.
func (o *insider) pass(number, life uint64, body string) string {
	o.line("n1", fmt.Sprintf(`{"src":"n2","dest":"n1","body":{"type":"proxy","number":%d,"life":%d,"patience_us":500000,"seen":0,"client":"c5","body":%s}}`, number, life, body))
	select {
	case r := <-o.replies:
		reply, _ := r.Body.(map[string]any)
		switch {
		case r.Number != number || r.Life != 1:
			o.t.Errorf("%+v answers %d", r, number)
		case r.Body == nil:
			return "-"
		case reply["type"] == "error":
			return fmt.Sprint(reply["code"])
		}
		return fmt.Sprint(reply["type"])
	case <-time.After(time.Second):
		return ""
	}
}

func TestEachCopyIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := startInsider(t)
		defer o.close()
		write := func(id int) string { return fmt.Sprintf(`{"type":"write","key":1,"value":%d,"msg_id":%d}`, id, id) }
		for i, c := range []struct {
			number, life uint64
			body, want   string
		}{
			{1, 0, write(1), "-"}, // meant for nobody
			{1, 7, write(1), "-"}, // meant for another life
			{1, 1, write(1), "write_ok"},
			{1, 1, write(1), ""},
			{1, 1, write(2), ""},
			{3, 1, write(3), "write_ok"},
			{2, 1, write(2), "write_ok"}, // overtaken
			{2, 1, write(2), ""},
			{4, 1, write(1), "write_ok"}, // another copy of the first request, which is not executed again
			{5, 1, `{"type":"read","key":1,"msg_id":4}`, "read_ok"},
			{6, 1, `{"type":"write","key":1,"msg_id":4}`, "12"},
			{7, 1, `{"type":"write","key":1,"value":9,"msg_id":-4}`, "12"},
			{8, 1, `{"type":"remove","node":"n1","msg_id":4}`, "22"},
			{9, 1, `{"type":"configuration","msg_id":4}`, "configuration_ok"},
			{10, 1, `{"type":"transfer","node":"n1","msg_id":4}`, "transfer_ok"},
			{11, 1, `{"type":"status","msg_id":4}`, ""}, // is not passed on
			{12, 1, `{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":4}`, ""},
			{13, 1, `{"type":"write","key":1,"value":9}`, ""},
			{14, 1, `[]`, ""},
		} {
			if got := o.pass(c.number, c.life, c.body); got != c.want {
				t.Errorf("%d, %+v: %q", i, c, got)
			}
			want := "20"
			if i >= 2 {
				want = map[bool]string{true: "read_ok 1", false: "read_ok 3"}[i < 5]
			}
			if i >= 6 {
				want = "read_ok 2"
			}
			o.want(want, "n1", "read", `"key":1`)
		}
	})
}

// A cas that is passed on may have copies, so it is not enough to see that it changes nothing: that has to be remembered.
func TestCopiesOfACASThatDoesNotMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := startInsider(t)
		defer o.close()
		o.want("write_ok", "n1", "write", `"key":1,"value":0`)
		const cas = `{"type":"cas","key":1,"from":1,"to":2,"msg_id":1}`
		for number := range uint64(2) {
			if got := o.pass(number+1, 1, cas); got != "22" {
				t.Errorf("copy %d: %s", number, got)
			}
			o.want("write_ok", "n1", "write", `"key":1,"value":1`)
		}
		o.want("read_ok 1", "n1", "read", `"key":1`)
	})
}

// A node that does not serve passes nothing on that has been passed on to it.
func TestNoFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := startInsider(t)
		defer o.close()
		o.wantMembers("n1 learners n2", "n1", "add_learner", `"node":"n2"`)
		o.ends[0].Close()
		o.done.Wait()

		out := startOutsider(t)
		defer out.close()
		body := `{"type":"write","key":1,"value":1,"msg_id":1}`
		out.line("n3", `{"src":"n1","dest":"n3","body":{"type":"proxy","number":1,"life":1,"patience_us":500000,"seen":0,"client":"c5","body":`+body+`}}`)
		if p, more := out.next(); more {
			t.Errorf("passed on: %+v", p)
		}
	})
}

func TestNumbersAreTakenOnce(t *testing.T) {
	var n numbers
	taken := map[uint64]bool{}
	window := uint64(len(n))
	for i := range 10 * window {
		number := i + 1
		if i%3 == 0 {
			number += 100 // overtakes others
		}
		if n.take(number) == taken[number] {
			t.Fatalf("%d was taken before: %v", number, taken[number])
		}
		taken[number] = true
	}
	for number := range 11 * window {
		if taken[number] && n.take(number) {
			t.Fatalf("%d is taken again", number)
		}
	}
}
