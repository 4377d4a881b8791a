package maelstrom

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"maelraft/kv"
	"maelraft/raft"
)

// BenchmarkSingleNode measures round trips over the pipes of one real process, with so many requests under way at a time.
func BenchmarkSingleNode(b *testing.B) {
	for _, kind := range []string{"read", "write"} {
		for _, window := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/window=%d", kind, window), func(b *testing.B) { roundTrips(b, kind, window) })
		}
	}
}

func roundTrips(b *testing.B, kind string, window int) {
	cmd := exec.Command(program)
	in, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	ask := func(id int, kind, rest string) {
		_, _ = fmt.Fprintf(in, `{"id":%d,"src":"c1","dest":"n1","body":{"type":%q,%s,"msg_id":%d}}`+"\n", id, kind, rest, id)
	}
	ask(1, "init", `"node_id":"n1","node_ids":["n1"]`)
	_, _ = out.ReadString('\n')
	ask(2, "write", `"key":1,"value":1`)
	_, _ = out.ReadString('\n')
	b.ResetTimer()
	slots := make(chan struct{}, window)
	go func() {
		for i := range b.N {
			slots <- struct{}{}
			ask(i+3, kind, `"key":1,"value":1`)
		}
	}()
	for range b.N {
		line, err := out.ReadString('\n')
		if err != nil || !strings.Contains(line, "_ok") {
			b.Fatal(line, err)
		}
		<-slots
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	_ = in.Close()
	_ = cmd.Wait()
}

func append1(text string, entries int) raft.AppendRequest[command] {
	c := command{Client: "c6", ID: 1, Op: kv.Command{Op: kv.Write, Key: value(`1`), Value: value(text)}}
	m := raft.AppendRequest[command]{Term: 1}
	for i := range entries {
		m.Entries = append(m.Entries, raft.Entry[command]{Index: raft.Index(i + 1), Term: 1, ID: raft.ProposalID{Node: "n1", Seq: 1 << 50}, Command: c})
	}
	return m
}

// BenchmarkAppend measures what one hop of an append costs, at either end.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []struct {
		name    string
		message raft.AppendRequest[command]
	}{{"entries=0", append1("1", 0)}, {"entries=1", append1("1", 1)}, {"entries=64", append1("1", 64)}, {"1MiB", append1(`"`+strings.Repeat("x", 1<<20)+`"`, 1)}} {
		b.Run("send/"+size.name, func(b *testing.B) {
			out := newOutput(io.Discard, newDrops(nil))
			out.name("n1", []string{"n1", "n2"})
			n := newNode(out)
			n.Init("n1", []string{"n1", "n2"})
			b.ReportAllocs()
			for b.Loop() {
				_ = n.Send("n2", encodeBody(size.message))
				out.queue = emptied(out.queue)
			}
		})
		b.Run("receive/"+size.name, func(b *testing.B) {
			text, _ := json.Marshal(encodeBody(size.message))
			line := []byte(`{"id":77,"src":"n1","dest":"n2","body":` + string(text) + "}\n")
			b.ReportAllocs()
			for b.Loop() {
				m, err := parseMessage(line)
				if err == nil {
					_, err = decodeBody(m.kind(), m.body)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
