package maelstrom

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quietDrops() *drops { return newDrops(slog.New(slog.DiscardHandler)) }

func TestOutputRefusesBadLines(t *testing.T) {
	out := newOutput(io.Discard, quietDrops())
	good := `{"src":"n1","dest":"c1","body":{"type":"read_ok","value":"}{\"\n","in_reply_to":1}}`
	if err := out.check([]byte(good)); err == nil {
		t.Error("something may be sent before init")
	}
	out.name("n1", []string{"n1", "n2"})
	if err := out.check([]byte(good)); err == nil {
		t.Error("something may be sent to a client that has not asked")
	}
	out.allow("c1")
	for _, line := range []string{good, strings.Replace(good, "c1", "n2", 1), strings.Replace(good, "c1", `\u00631`, 1)} {
		if err := out.check([]byte(line)); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	for _, line := range []string{
		"", "hello", "{}", "null", `{"src":"n1"}`,
		`{"src":"","dest":"c1","body":{}}`, `{"dest":"c1","body":{}}`, `{"src":"n2","dest":"c1","body":{}}`, `{"dest":"c1","src":"n1","body":{}}`,
		`{"src":"n1","dest":"","body":{}}`, `{"src":"n1","dest":"c2","body":{}}`, `{"src":"n1","dest":5,"body":{}}`, `{"src":"n1","dest":null,"body":{}}`,
		`{"src":"n1","dest":"c1"}`, `{"src":"n1","dest":"c1","body":null}`, `{"src":"n1","dest":"c1","body":[]}`, `{"src":"n1","dest":"c1","body":"{}"}`,
		`{"src":"n1","dest":"c1","body":{},"id":1}`, `{"src":"n1","dest":"c1","body":{}}{}`, `{"src":"n1","dest":"c1","body":{}} `,
		`{"src":"n1","dest":"c1","body":{"a":"` + "\xff" + `"}}`,
	} {
		if err := out.check([]byte(line)); err == nil {
			t.Errorf("may go out: %s", line)
		}
	}
}

func TestOutputCutsIntoLinesAndCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &gate{open: make(chan struct{})}
		out := newOutput(w, quietDrops())
		out.name("n1", []string{"n1", "n2"})
		go out.run()
		const line = `{"src":"n1","dest":"n2","body":{}}` + "\n"
		_, _ = io.WriteString(out, line[:9])
		_, _ = io.WriteString(out, line[9:]+"bad\n"+line+line[:1])
		synctest.Wait() // the writer holds these two
		_, _ = io.WriteString(out, line[1:]+line+line)
		close(w.open)
		out.close()
		if got := strings.Join(w.writes, "|"); got != line+line+"|"+line+line+line {
			t.Errorf("wrote %s", got)
		}
		_, _ = io.WriteString(out, line)
		if n := out.drops.snapshot(); n[dropBadOutput] != 1 || n[dropFull] != 1 {
			t.Errorf("dropped %v", n)
		}
	})
}

// gate is a writer that waits until it is open.
type gate struct {
	open   chan struct{}
	writes []string
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.writes = append(g.writes, string(p))
	return len(p), nil
}

// With a stdout that nobody reads, memory is bounded, the core goes on, and the end of stdin is noticed.
func TestStdoutThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &gate{open: make(chan struct{})}
		f := newFeed()
		done := make(chan error)
		go func() { done <- Serve(f, w, io.Discard, Options{}) }()
		write := func(format string, args ...any) {
			_, _ = fmt.Fprintf(f, `{"src":"c1","dest":"n1","body":`+format+"}\n", args...)
		}
		write(`{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}`)
		write(`{"type":"write","msg_id":2,"key":1,"value":"%s"}`, strings.Repeat("x", 1<<20))
		for i := range 20 {
			write(`{"type":"read","msg_id":%d,"key":1}`, i+3)
			time.Sleep(10 * time.Millisecond)
		}
		_ = f.Close()
		began := time.Now()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 40*maxPause {
			t.Errorf("the end was noticed after %v", took)
		}
		close(w.open)
	})
}

func TestOutputBounds(t *testing.T) {
	out := newOutput(io.Discard, quietDrops()) // and no writer
	out.name("n1", []string{"n1", "n2"})
	out.peersLimit, out.limit = 1000, 10_000
	line := `{"src":"n1","dest":"n2","body":{"x":"` + strings.Repeat("x", 100) + `"}}` + "\n"
	for i := range out.limit/len(line) + 3 {
		_, _ = io.WriteString(out, line)
		if crowded := (i+1)*len(line) > out.peersLimit; out.crowded() != crowded {
			t.Fatalf("crowded is not %v after %d lines", crowded, i+1)
		}
	}
	if len(out.queue) > out.limit || out.drops.snapshot()[dropFull] == 0 {
		t.Errorf("%d bytes in the queue", len(out.queue))
	}
}

func TestClientSet(t *testing.T) {
	s := clientSet{always: map[string]struct{}{"n2": {}}, recent: map[string]struct{}{}}
	for i := range 3*clientGeneration + 5 {
		s.add(fmt.Sprint("c", i))
		s.add(fmt.Sprint("c", i))
		if i >= clientGeneration && !s.has(fmt.Sprint("c", i-clientGeneration+1)) {
			t.Fatalf("forgot a recent client at %d", i)
		}
	}
	if s.has("c0") || !s.has("n2") || len(s.recent)+len(s.older) > 2*clientGeneration {
		t.Errorf("remembers %d clients", len(s.recent)+len(s.older))
	}
}
