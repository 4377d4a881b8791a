package maelstrom

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A node that is no member serves as long as it is linked to one that does, in time, whoever leads.
func TestNonMemberFindsAMember(t *testing.T) {
	for _, latency := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := startClusterWith(t, Options{Seed: 1, CASReads: true, InitialVoters: 3}, latency, five...)
			defer c.close()
			c.want("write_ok", "n5", "write", `"key":1,"value":0`)
			for i, linked := range []string{"n1", "n2", "n3"} {
				for _, other := range five {
					c.cutLink("n5", other, other != linked)
					c.cutLink(other, "n5", other != linked)
				}
				c.want("cas_ok", "n5", "cas", fmt.Sprintf(`"key":1,"from":%d,"to":%d`, i, i+1)) // by way of some that do not answer
				began := time.Now()
				c.want(fmt.Sprint("read_ok ", i+1), "n5", "read", `"key":1`)
				if took := time.Since(began); took > 5*latency {
					t.Errorf("by %s, which had just answered, a read took %v", linked, took)
				}
				c.want("22", "n5", "cas", `"key":1,"from":9,"to":0`)
				c.want("20", "n5", "read", `"key":2`)
			}
			c.isolate("n5", true)
			began := time.Now()
			write, read := c.start("n5", "write", `"key":1,"value":9`), c.start("n5", "read", `"key":1`)
			if a, b := c.await(write, 2*time.Second), c.await(read, 2*time.Second); a != "13" || b != "11" {
				t.Errorf("without a link: write %s, read %s", a, b)
			}
			if took := time.Since(began); took > minClientLimit {
				t.Errorf("the answers took %v", took)
			}
			c.want("read_ok 3", "n4", "read", `"key":1`)
		})
	}
}

// A node that was cut off when it was removed serves again soon after it is back: it finds out that it is no member, and asks those that are.
func TestRemovedWhileCutOff(t *testing.T) {
	for _, latency := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := startClusterWith(t, Options{Seed: 1, CASReads: true}, latency, five...)
			defer c.close()
			c.want("write_ok", "n2", "write", `"key":1,"value":0`)
			time.Sleep(2 * time.Second)
			c.isolate("n5", true)
			time.Sleep(time.Second)
			c.want("remove_ok", "n2", "remove", `"node":"n5"`)
			time.Sleep(2 * time.Second)
			c.isolate("n5", false)
			time.Sleep(2 * time.Second)
			for i := range 5 {
				began := time.Now()
				c.want("write_ok", "n5", "write", fmt.Sprintf(`"key":1,"value":%d`, i))
				if took := time.Since(began); i > 0 && took > 5*latency {
					t.Errorf("a write took %v", took)
				}
			}
		})
	}
}

// passed is a copy of a request, as it arrives at a member.
type passed struct {
	proxyBody
	to string
}

// outsider is a real node n3, which is no member. The test plays the members, n1 and n2, and nothing takes time.
type outsider struct {
	*cluster
	copies chan passed
	life   uint64 // of the members
}

func startOutsider(t *testing.T) *outsider {
	o := &outsider{cluster: &cluster{network: newNetwork(t, 0, three...)}, copies: make(chan passed, 1<<17), life: 1}
	f := newFeed()
	o.ends = append(o.ends, f)
	o.attach("n3", f)
	for _, id := range three[:2] {
		o.attach(id, &lineWriter{take: func(line []byte) {
			var m struct{ Body proxyBody }
			if err := json.Unmarshal(line, &m); err == nil && m.Body.Type == kindProxy {
				o.copies <- passed{m.Body, id}
			}
		}})
	}
	o.done.Go(func() {
		if err := Serve(f, o.stdout("n3"), io.Discard, Options{Seed: 1, InitialVoters: 2}); err != nil {
			t.Error(err)
		}
	})
	box := o.expect("c9", "1")
	o.line("n3", `{"src":"c9","dest":"n3","body":{"type":"init","node_id":"n3","node_ids":["n1","n2","n3"],"msg_id":1}}`)
	if got := o.await(box, time.Second); got != "init_ok" {
		t.Fatal(got)
	}
	time.Sleep(silence)
	return o
}

// reply answers a copy: with nothing if the body is empty. In the body # stands for what it is a reply to.
func (o *outsider) reply(p passed, body string) {
	if body != "" {
		var asked struct {
			MsgID int64 `json:"msg_id"`
		}
		_ = json.Unmarshal(p.Body, &asked)
		body = `,"body":` + strings.ReplaceAll(body, "#", fmt.Sprint(asked.MsgID))
	}
	o.line("n3", fmt.Sprintf(`{"src":%q,"dest":"n3","body":{"type":"proxy_ok","number":%d,"life":%d,"applied":5%s}}`, p.to, p.Number, o.life, body))
}

// next returns the next copy that a member takes.
func (o *outsider) next() (passed, bool) {
	for {
		select {
		case p := <-o.copies:
			if p.Life == o.life {
				return p, true
			}
			o.reply(p, "")
		case <-time.After(10 * time.Second):
			return passed{}, false
		}
	}
}

// errandCase is a request to a node that does not serve, what members say to the copies of it in turn, and what the client is told.
type errandCase struct {
	kind, what string
	answers    []string
	want       string
}

// Members that say nothing, and that they do not serve.
const silent, notServing = "silent", ""

func okOf(kind string) string { return fmt.Sprintf(`{"type":"%s_ok","in_reply_to":#}`, kind) }

func errandCases() []errandCase {
	failed := func(code int) string {
		return fmt.Sprintf(`{"type":"error","code":%d,"text":"x","in_reply_to":#}`, code)
	}
	const node, cas = `"node":"n1"`, `"key":1,"from":1,"to":2`
	ok := okOf
	return []errandCase{
		{"write", `"key":1,"value":1`, []string{ok("write")}, "write_ok"},
		{"write", `"key":1,"value":1`, []string{silent, ok("write")}, "write_ok"},
		{"write", `"key":1,"value":1`, []string{silent, silent, silent, ok("write")}, "write_ok"},
		{"write", `"key":1,"value":1`, []string{failed(11), ok("write")}, "write_ok"},
		{"write", `"key":1,"value":1`, []string{failed(13), ok("write")}, "write_ok"},
		{"write", `"key":1,"value":1`, []string{notServing, notServing, notServing, ok("write")}, "write_ok"},
		{"write", `"key":1,"value":1`, []string{notServing}, "11"},
		{"write", `"key":1,"value":1`, []string{failed(11)}, "11"},
		{"write", `"key":1,"value":1`, []string{silent}, "13"},
		{"write", `"key":1,"value":1`, []string{silent, failed(11)}, "13"}, // the first copy may be executed yet
		{"write", `"key":1,"value":1`, []string{silent, notServing}, "13"},
		{"write", `"key":1,"value":1`, []string{failed(13), failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{failed(0), failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{failed(1000), failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{ok("read"), failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{`{"type":"write_ok"}`, failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{`{"type":"write_ok","in_reply_to":77}`, failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{`{"type":"error","in_reply_to":#}`, failed(11)}, "13"},
		{"write", `"key":1,"value":1`, []string{`[1]`, failed(11)}, "13"},
		{"cas", cas, []string{failed(22)}, "22"},
		{"cas", cas, []string{silent, failed(22)}, "22"}, // as the first copy will be answered too
		{"cas", cas, []string{silent, failed(20)}, "20"},
		{"read", `"key":1`, []string{`{"type":"read_ok","value":[7],"in_reply_to":#}`}, "read_ok [7]"},
		{"read", `"key":1`, []string{silent, failed(20)}, "20"},
		{"read", `"key":1`, []string{silent}, "11"},
		{"read", `"key":1`, []string{failed(13)}, "11"},
		{"configuration", "", []string{silent}, "11"},
		{"configuration", "", []string{notServing, ok("configuration")}, "configuration_ok"},
		{"remove", node, []string{ok("remove")}, "remove_ok"},
		{"remove", node, []string{silent, ok("remove")}, "remove_ok"},
		{"remove", node, []string{failed(30)}, "30"},
		{"remove", node, []string{notServing, failed(14)}, "14"},
		{"remove", node, []string{failed(11), failed(30)}, "30"},
		{"remove", node, []string{silent, failed(30)}, "13"}, // perhaps it is the first copy that is under way
		{"remove", node, []string{failed(13), failed(22)}, "13"},
		{"remove", node, []string{silent, failed(30), failed(30), ok("remove")}, "remove_ok"},
		{"transfer", node, []string{failed(12)}, "12"},
	}
}

// What a node makes of the answers of those that it has asked. The last one is what all further copies get.
func TestErrands(t *testing.T) {
	for _, c := range errandCases() {
		synctest.Test(t, func(t *testing.T) {
			o := startOutsider(t)
			defer o.close()
			box := o.start("n3", c.kind, c.what)
			for i := 0; ; i++ {
				answer := c.answers[min(i, len(c.answers)-1)]
				p, more := o.next()
				if !more {
					break
				}
				if answer != silent {
					o.reply(p, answer)
					o.reply(p, okOf(c.kind)) // a member has one answer; another one is none
				}
			}
			if got := o.await(box, time.Millisecond); got != c.want {
				t.Errorf("%s answered %q: got %q, want %q", c.kind, c.answers, got, c.want)
			}
		})
	}
}

// A copy that was meant for an earlier life of a member may have been executed in that one.
func TestMemberRestarts(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{`{"type":"write_ok","in_reply_to":#}`, "write_ok"},
		{`{"type":"error","code":11,"text":"x","in_reply_to":#}`, "13"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := startOutsider(t)
			defer o.close()
			box := o.start("n3", "write", `"key":1,"value":1`)
			if _, ok := o.next(); !ok { // is lost, or executed
				t.Fatal("nothing is passed on")
			}
			again := o.start("n3", "write", `"key":1,"value":1`)
			p, _ := o.next()
			o.life = 2
			o.reply(p, "")
			for {
				p, more := o.next()
				if !more {
					break
				}
				o.reply(p, c.answer)
			}
			for _, box := range []chan map[string]json.RawMessage{box, again} {
				if got := o.await(box, time.Millisecond); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
		})
	}
}

// All copies of a request say the same of its age, and later requests say more when the members have told of more.
func TestCopiesAreAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := startOutsider(t)
		defer o.close()
		for _, seen := range []uint64{0, 5} {
			o.start("n3", "write", `"key":1,"value":1`)
			first, _ := o.next()
			numbers := map[uint64]bool{first.Number: true}
			for {
				p, more := o.next()
				if !more {
					break
				}
				if string(p.Body) != string(first.Body) || p.Client != "c1" || uint64(p.Seen) != seen || numbers[p.Number] || p.Patience > first.Patience {
					t.Errorf("%+v is a copy of %+v", p, first)
				}
				numbers[p.Number] = true
			}
			if len(numbers) < 5 {
				t.Errorf("%d copies", len(numbers))
			}
		}
	})
}

// At its end a node answers those for whom it has asked others, and it does not ask for any number of them.
func TestErrandsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := startOutsider(t)
		var boxes []chan map[string]json.RawMessage
		for i := range maxErrands {
			boxes = append(boxes, o.start("n3", []string{"write", "read"}[i%2], `"key":1,"value":1`))
		}
		synctest.Wait()
		o.want("11", "n3", "write", `"key":1,"value":1`)
		o.close()
		for i, box := range boxes {
			if got, want := o.await(box, time.Millisecond), []string{"13", "11"}[i%2]; got != want {
				t.Fatalf("%d: %s, want %s", i, got, want)
			}
		}
	})
}
