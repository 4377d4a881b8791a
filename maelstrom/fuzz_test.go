package maelstrom

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// FuzzLine feeds arbitrary bytes to a node. Whatever they are, it ends in order, and all it prints is valid.
func FuzzLine(f *testing.F) {
	for _, list := range [][]garbage{badLines(), badMessageIDs(), badRequests(), badRelays(), nonsense(kindRelay, sampleRelay())} {
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
