package maelstrom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// FuzzLine feeds arbitrary bytes to a node. Whatever they are, it ends in order, and all it prints is valid.
func FuzzLine(f *testing.F) {
	for _, list := range [][]garbage{badLines(), badMessageIDs(), badRequests(), badRelays(), nonsense(kindRelay, sampleRelay()), nonsense(kindProxy, sampleProxy()), nonsense(kindProxyOK, sampleProxyOK())} {
		for _, g := range list {
			if len(g.line) < 4096 {
				f.Add([]byte(g.line))
			}
		}
	}
	for kind, body := range sampleBodies() {
		text, _ := json.Marshal(body)
		f.Add([]byte(`{"src":"n2","dest":"n1","body":` + string(text) + `}`))
		f.Add([]byte(`{"src":"n2","dest":"n1","body":{"type":"` + kind + `","term":1}}`))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var out, logs bytes.Buffer
		in := io.MultiReader(
			strings.NewReader(`{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1","n2"]}}`+"\n"),
			bytes.NewReader(input),
			strings.NewReader("\n"+`{"src":"c0","dest":"n1","body":{"type":"status","msg_id":2}}`+"\n"),
		)
		if err := Serve(in, &out, &logs, Options{Seed: 1}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(logs.String(), "PANIC") || strings.Contains(logs.String(), "INVARIANT") || strings.Contains(logs.String(), "bad_output") {
			t.Fatal(logs.String())
		}
		last := ""
		for line := range strings.Lines(out.String()) {
			last = line
			checkLine(t, line)
		}
		if !strings.Contains(out.String(), `"in_reply_to":2`) {
			t.Fatalf("it does not serve any more: %s", last)
		}
	})
}

func checkLine(t *testing.T, line string) {
	var m struct {
		Src, Dest string
		Body      map[string]any
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || m.Src != "n1" || m.Dest == "" || m.Body["type"] == nil || !strings.HasSuffix(line, "}}\n") {
		t.Fatalf("printed %q: %v", line, err)
	}
}

// FuzzErrand: whatever is asked of a node that is no member, and whatever members answer, it ends in order, prints nothing that is not valid, and answers
// once.
func FuzzErrand(f *testing.F) {
	request := []byte(`{"type":"write","key":1,"value":2}`)
	for _, reply := range []string{
		`{"type":"write_ok","in_reply_to":2}`, `{"type":"error","code":11,"in_reply_to":2}`, `{"type":"error","code":1e3,"in_reply_to":2}`, `[]`, `{}`, `null`, `5`,
		`{"type":"write_ok","in_reply_to":2,"msg_id":"x","more":[1]}`, `{"in_reply_to":2,"type":"write_ok","type":"init"}`,
	} {
		for _, life := range []uint64{0, 1} {
			f.Add(request, life, []byte(reply))
		}
	}
	f.Fuzz(func(t *testing.T, request []byte, life uint64, reply []byte) {
		if !json.Valid(request) || !json.Valid(reply) || bytes.ContainsAny(request, "\r\n") || bytes.ContainsAny(reply, "\r\n") {
			return
		}
		o, err := parseObject(request)
		if kind, _ := o.text("type"); err != nil || kind == "init" {
			return
		}
		var out, logs bytes.Buffer
		s := &server{log: slog.New(slog.NewTextHandler(&logs, nil))}
		s.drops, s.opts = newDrops(s.log), Options{Seed: 1, InitialVoters: 1}
		s.start(&out)
		s.take([]byte(`{"src":"c0","dest":"n2","body":{"type":"init","msg_id":1,"node_id":"n2","node_ids":["n1","n2"]}}`))
		c := call{asker: asker{name: "c0", msgID: 2}, body: bytes.Clone(request), limit: time.Minute, until: time.Now().Add(time.Minute)}
		c.kind, _ = o.text("type")
		s.begin()
		s.errands.mu.Lock()
		e := &errand{call: c, open: map[uint64]bool{}, tried: map[string]bool{}, timer: time.NewTimer(time.Hour)}
		s.errands.waiting[e] = true
		s.member.peers["n1"].heard.Store(true)
		s.askAnother(e, true)
		s.errands.mu.Unlock()
		for number := range uint64(3) {
			s.take(fmt.Appendf(nil, `{"src":"n1","dest":"n2","body":{"type":"proxy_ok","number":%d,"life":%d,"applied":1,"body":%s}}`, 1<<32+number+1, life>>1, reply))
		}
		s.stop()
		s.tasks.Wait()
		s.endErrands()
		s.out.close()
		if strings.Contains(logs.String(), "PANIC") || strings.Contains(logs.String(), "bad_output") {
			t.Fatal(logs.String())
		}
		replies := 0
		for line := range strings.Lines(out.String()) {
			var m struct {
				Src, Dest string
				Body      map[string]any
			}
			if err := json.Unmarshal([]byte(line), &m); err != nil || m.Src != "n2" || m.Body == nil {
				t.Fatalf("printed %q: %v", line, err)
			}
			if m.Dest == "c0" && m.Body["type"] != "init_ok" {
				replies++
			}
		}
		if replies != 1 {
			t.Fatalf("%d replies: %s", replies, out.String())
		}
	})
}

// FuzzDecodePeer: what is decoded is encoded again as something that decodes to the same.
func FuzzDecodePeer(f *testing.F) {
	for kind, body := range sampleBodies() {
		text, _ := json.Marshal(body)
		f.Add(kind, text)
	}
	f.Fuzz(func(t *testing.T, kind string, text []byte) {
		if !json.Valid(text) {
			return
		}
		o, err := parseObject(text)
		if err != nil {
			return
		}
		body, err := decodeBody(kind, o)
		if err != nil {
			return
		}
		again, err := travel(body)
		if err != nil {
			t.Fatalf("%v: %+v", err, body)
		}
		one, _ := json.Marshal(encodeBody(body))
		two, _ := json.Marshal(encodeBody(again))
		if !bytes.Equal(one, two) {
			t.Fatalf("%s\n%s", one, two)
		}
	})
}

// FuzzGlimpse: no text makes it panic, or keep more than it may.
func FuzzGlimpse(f *testing.F) {
	f.Add([]byte(`{"src":"c1","dest":"n1","body":{"msg_id":5}}`), 3)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		g := &glimpse{}
		if cut >= 0 && cut < len(text) {
			g.look(text[:cut])
			text = text[cut:]
		}
		g.look(text)
		if len(g.token) > maxToken+1 {
			t.Fatal("out of bounds")
		}
	})
}
