package maelstrom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"maelraft/kv"
)

// program is the path of the program, built by TestMain.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "maelraft")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "maelraft")
	if out, err := exec.Command("go", "build", "-o", program, "maelraft").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// process is one node as a real process.
type process struct {
	*exec.Cmd
	in  io.WriteCloser
	log bytes.Buffer // its stderr
}

// processes is a network of real processes.
type processes struct {
	*network
	nodes []*process
	asked int
	// complain is in every line that may be on stderr at the end.
	complain string
}

func startProcesses(t *testing.T, ids ...string) *processes {
	return startProcessesWith(t, nil, ids...)
}

func startProcessesWith(t *testing.T, options []string, ids ...string) *processes {
	p := &processes{network: newNetwork(t, 0, ids...)}
	for _, id := range ids {
		node := &process{Cmd: exec.Command(program, append([]string{"--log-level", "error"}, options...)...)}
		node.Stdout, node.Stderr = p.stdout(id), &node.log
		var err error
		if node.in, err = node.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		p.nodes = append(p.nodes, node)
		p.attach(id, node.in)
	}
	return p
}

// end closes every stdin and wants every process to end with 0, soon and without having complained.
func (p *processes) end() {
	var ended sync.WaitGroup
	for i, node := range p.nodes {
		_ = node.in.Close()
		killer := time.AfterFunc(5*time.Second, func() { _ = node.Process.Kill() })
		ended.Go(func() {
			if err := node.Wait(); err != nil {
				p.t.Errorf("node %s ended with %v", p.ids[i], err)
			}
			killer.Stop()
			for line := range strings.Lines(node.log.String()) {
				if p.complain == "" || !strings.Contains(line, p.complain) {
					p.t.Errorf("node %s complained: %s", p.ids[i], line)
				}
			}
		})
	}
	ended.Wait()
}

// serves wants a write and a read to be served within two seconds. What is answered as unavailable or unknown may be tried again.
func (p *processes) serves(node string) {
	p.t.Helper()
	end := time.Now().Add(2 * time.Second)
	p.asked++
	p.until(end, "write_ok", node, "write", fmt.Sprintf(`"key":"ok?","value":%d`, p.asked))
	p.until(end, fmt.Sprintf("read_ok %d", p.asked), node, "read", `"key":"ok?"`)
}

// until asks until the answer is the one that is wanted, or the time is over.
func (p *processes) until(end time.Time, want, node, kind, members string) {
	p.t.Helper()
	got := ""
	for got != want && time.Now().Before(end) {
		got = p.await(p.start(node, kind, members), time.Until(end))
	}
	if got != want {
		p.t.Fatalf("%s at %s: got %.100q, want %.100q", kind, node, got, want)
	}
}

// inject sends each line, and looks whether it is answered as it should be, and whether the node still serves.
func (p *processes) inject(node string, lines []garbage) {
	for i, g := range lines {
		client := fmt.Sprintf("c%d-%d", len(lines), i)
		var box chan map[string]json.RawMessage
		if g.want != "" {
			box = p.expect(client, "5")
		} // else nobody has that name, and a reply is a bad line
		p.line(node, strings.ReplaceAll(g.line, "@", client))
		if g.want != "" {
			if got := p.await(box, 2*time.Second); got != g.want {
				p.t.Errorf("%s: got %q, want %q", g.name, got, g.want)
			}
		}
		p.serves(node)
		if p.t.Failed() {
			p.t.Fatalf("after %s: %.300s", g.name, g.line)
		}
	}
}

func TestGarbageBeforeInit(t *testing.T) {
	p := startProcesses(t, "n1")
	for _, line := range []string{
		"", "x", request(`{"type":"read","key":1,"msg_id":5}`), request(`{"type":"pre_vote"}`), request(`{"type":"nonsense","msg_id":5}`),
		`{"src":"n2","dest":"n1","body":{"type":"append_entries","term":1}}`,
		request(`{"type":"init","msg_id":5}`),
		request(`{"type":"init","node_id":"n1","node_ids":["n1"]}`),
		request(`{"type":"init","node_id":"n1","node_ids":[],"msg_id":5}`),
		request(`{"type":"init","node_id":"n1","node_ids":["n2"],"msg_id":5}`),
		request(`{"type":"init","node_id":"n1","node_ids":["n1","n1"],"msg_id":5}`),
		request(`{"type":"init","node_id":"n1","node_ids":["n1",2],"msg_id":5}`),
		request(`{"type":"init","node_id":"n2","node_ids":["n1","n2"],"msg_id":5}`),
		request(`{"type":"init","node_id":1,"node_ids":"n1","msg_id":5}`),
		request(`{"type":"init","NODE_ID":"n1","node_ids":["n1"],"msg_id":5}`),
		strings.Repeat("[", 10_000), strings.Repeat("{\"a\":", 10_000),
	} {
		p.line("n1", line)
	}
	p.init()
	p.serves("n1")
	p.complain = "bad_init"
	p.end()
}

func TestGarbage(t *testing.T) {
	p := startProcesses(t, "n1")
	p.init()
	p.inject("n1", badLines())
	p.inject("n1", badMessageIDs())
	p.inject("n1", badRequests())
	p.end()
}

func TestAnyJSONAsKeyAndValue(t *testing.T) {
	p := startProcesses(t, "n1")
	p.init()
	for _, text := range accepted {
		p.want("write_ok", "n1", "write", `"key":`+text+`,"value":`+text)
		got, isRead := strings.CutPrefix(p.ask("n1", "read", `"key":`+text), "read_ok ")
		want, _ := kv.ParseValue([]byte(text))
		if v, err := kv.ParseValue([]byte(got)); !isRead || err != nil || !v.Equal(want) {
			t.Errorf("%s came back as %s", text, got)
		}
		p.want("cas_ok", "n1", "cas", `"key":`+text+`,"from":`+text+`,"to":0`)
	}
	p.serves("n1")
	p.end()
}

func TestLargeValues(t *testing.T) {
	p := startProcesses(t, three...)
	p.init()
	for i, size := range []int{60 << 10, 64 << 10, 1 << 20} {
		value := `"` + strings.Repeat("x", size) + `"`
		end := time.Now().Add(time.Minute) // for the network of this test is slow under the race detector
		p.until(end, "write_ok", three[i%3], "write", `"key":1,"value":`+value)
		for _, id := range three {
			p.until(end, "read_ok "+value, id, "read", `"key":1`)
		}
	}
	p.serves("n2")
	p.end()
}

func TestNonsenseFromPeers(t *testing.T) {
	p := startProcesses(t, three...)
	p.init()
	p.serves("n1")
	for kind, body := range sampleBodies() {
		p.inject("n1", nonsense(kind, body))
	}
	p.inject("n1", nonsense(kindRelay, sampleRelay()))
	p.inject("n1", nonsense(kindProxy, sampleProxy()))
	p.inject("n1", nonsense(kindProxyOK, sampleProxyOK()))
	p.inject("n1", badRelays())
	p.serves("n3")
	p.end()
}

// nonsense returns lines from n2 with a field that is missing, of the wrong type, or out of all proportion.
func nonsense(kind string, sample map[string]any) []garbage {
	var all []garbage
	line := func(name string, body map[string]any) {
		text, _ := json.Marshal(body)
		all = append(all, garbage{kind + " with " + name, `{"src":"n2","dest":"n1","body":` + string(text) + `}`, ""})
	}
	for field := range sample {
		if field == "type" {
			continue
		}
		wrong := []any{
			nil, "", "1", -1, 1.5, json.Number("1e2"), json.Number("9223372036854775807"), json.Number("18446744073709551616"), true,
			[]int{1},
			map[string]int{},
			[]any{nil},
			[]any{[]int{}},
			[]any{map[string]any{"index": 1, "term": "x"}},
		}
		for _, value := range wrong {
			body := clone(sample)
			body[field] = value
			line(fmt.Sprintf("%s %v", field, value), body)
		}
		body := clone(sample)
		delete(body, field)
		line("no "+field, body)
		body[strings.ToUpper(field)] = sample[field]
		line("upper case "+field, body)
	}
	line("nothing", map[string]any{"type": kind})
	return all
}

// sampleRelay returns a relay to n1 by its own sender.
func sampleRelay() map[string]any {
	return map[string]any{"type": kindRelay, "from": "n2", "to": "n1", "heard": "n1", "body": sampleBodies()[kindPreVote]}
}

// sampleProxy returns a request that n2 passes on, and sampleProxyOK an answer to one that n1 never passed on.
func sampleProxy() map[string]any {
	return map[string]any{
		"type": kindProxy, "number": 1 << 32, "life": 1, "patience_us": 1000, "seen": 0, "client": "c5", "body": map[string]any{"type": "read", "key": 1, "msg_id": 9},
	}
}

func sampleProxyOK() map[string]any {
	return map[string]any{"type": kindProxyOK, "number": 1 << 32, "life": 1, "applied": 3, "body": map[string]any{"type": "write_ok", "in_reply_to": 9}}
}

// badRelays are relays of which no part is of a wrong type. What n1 passes on of them must not hurt the others either.
func badRelays() []garbage {
	const vote = `{"type":"pre_vote","term":1,"last_index":1,"last_term":1,"at_us":1}`
	relay := func(from, to, heard, body string) string {
		return fmt.Sprintf(`{"type":"relay","from":%q,"to":%q,"heard":%q,"body":%s}`, from, to, heard, body)
	}
	var all []garbage
	add := func(name, src, body string) {
		all = append(all, garbage{"relay: " + name, fmt.Sprintf(`{"src":%q,"dest":"n1","body":%s}`, src, body), ""})
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	add("of a relay", "n2", relay("n2", "n1", "n1", relay("n2", "n1", "n1", vote)))
	add("of a relay, to be passed on", "n2", relay("n2", "n3", "n3", relay("n2", "n3", "n3", vote)))
	add("of a client's request", "n2", relay("n2", "n1", "n1", `{"type":"write","key":1,"value":1,"msg_id":5}`))
	add("of an init", "n2", relay("n2", "n1", "n1", `{"type":"init","node_id":"n9","node_ids":["n9"],"msg_id":5}`))
	add("of nothing", "n2", relay("n2", "n1", "n1", `{}`))
	add("body an array", "n2", relay("n2", "n1", "n1", `[`+vote+`]`))
	add("body a string", "n2", relay("n2", "n1", "n1", `"{}"`))
	add("from a stranger", "n2", relay("n9", "n1", "n1", vote))
	add("to a stranger", "n2", relay("n2", "n9", "n9", vote))
	add("to a client", "n2", relay("n2", "c1", "c1", vote))
	add("from a client", "n2", relay("c1", "n1", "n1", vote))
	add("from itself to itself", "n2", relay("n2", "n2", "n2", vote))
	add("from us to us", "n2", relay("n1", "n1", "n1", vote))
	add("from us", "n2", relay("n1", "n3", "n3", vote))
	add("from a third node that never sent it", "n2", relay("n3", "n1", "", vote))
	add("of a third node, to a third node", "n3", relay("n2", "n3", "n3", vote))
	add("heard through a stranger", "n2", relay("n2", "n1", "n9", vote))
	add("heard through its sender", "n2", relay("n2", "n1", "n2", vote))
	add("heard through nobody", "n2", relay("n2", "n1", "", vote))
	add("nonsense to be passed on", "n2", relay("n2", "n3", "n3", `{"type":"append_entries","term":"x","entries":{}}`))
	add("half a surrogate to be passed on", "n2", relay("n2", "n3", "n3", `{"type":"pre_vote","term":"\ud800<\u0000"}`))
	add("400 deep, to be passed on", "n2", relay("n2", "n3", "n3", `{"type":"pre_vote","term":`+deep(400)+`}`))
	add("10,000 deep", "n2", relay("n2", "n3", "n3", `{"type":"pre_vote","term":`+deep(10_000)+`}`))
	add("a reply", "n2", `{"in_reply_to":5,`+relay("n2", "n3", "n3", vote)[1:])
	add("two bodies", "n2", relay("n2", "n3", "n3", "5")[:1]+`"body":7,`+relay("n2", "n3", "n3", vote)[1:])
	add("large, to be passed on", "n2", relay("n2", "n3", "n3", `{"type":"pre_vote","x":"`+strings.Repeat("x", 1<<20)+`"}`))
	add("by a stranger", "n9", relay("n9", "n1", "n1", vote))
	add("by a client", "@", relay("n2", "n1", "n1", vote))
	all = append(all, garbage{"relay asked for by a client", request(`{"msg_id":5,` + relay("n2", "n1", "n1", vote)[1:]), "10"})
	return all
}

func clone(m map[string]any) map[string]any {
	c := map[string]any{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// sampleBodies returns a body of every type, of a term that is over.
func sampleBodies() map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, m := range sampleMessages() {
		text, _ := json.Marshal(encodeBody(m))
		var body map[string]any
		_ = json.Unmarshal(text, &body)
		kind := body["type"].(string)
		all[kind] = body
	}
	return all
}

// A peer that lies within the bounds of reason can disturb a cluster, but not for long.
func TestPlausibleLies(t *testing.T) {
	p := startProcesses(t, three...)
	p.init()
	p.serves("n1")
	var lies []garbage
	for _, body := range []string{
		`{"type":"append_entries","term":500,"prev_index":0,"prev_term":0,"entries":[],"commit":0,"round":0,"at_us":0,"early":false,"rtt_us":0,"rtt_deviation_us":0}`,
		`{"type":"request_vote","term":900,"last_index":1000,"last_term":899,"at_us":0}`,
		`{"type":"request_vote_ok","term":901,"granted":true,"at_us":0}`,
		`{"type":"pre_vote_ok","term":902,"granted":false,"at_us":1}`,
		`{"type":"append_entries_ok","term":903,"success":true,"match":0,"prev_index":0,"hint_index":0,"hint_term":0,"round":0,"at_us":1}`,
		`{"type":"commit_notice","term":904,"commit":5000}`,
		`{"type":"read_index_ok","term":905,"read_id":1,"index":5000,"commit":5000}`,
	} {
		lies = append(lies, garbage{"a lie", `{"src":"n2","dest":"n1","body":` + body + `}`, ""})
	}
	p.inject("n1", lies)
	p.end()
}

func TestStdoutGone(t *testing.T) {
	cmd := exec.Command(program)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	_, err := io.WriteString(in, `{"src":"c1","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}`+"\n")
	for i := 0; i < 20 && err == nil; i++ {
		time.Sleep(5 * time.Millisecond)
		_, err = io.WriteString(in, strings.ReplaceAll(request(`{"type":"status","msg_id":5}`), "@", "c1")+"\n")
	}
	_ = in.Close()
	if waitErr := cmd.Wait(); err != nil || waitErr != nil {
		t.Errorf("with stdout closed: write %v, exit %v", err, waitErr)
	}
}

func TestBadFlagsExitWith254(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such-flag"},
		{"--log-level", "loud"},
		{"--heartbeat", "x"},
		{"--reads", "quorum"},
		{"--election-timeout", "-5"},
		{"--snapshot-entries", "-5"},
		{"--initial-voters", "-1"},
		{"--heartbeat", "900", "--election-timeout", "1000"},
		{"--election-timeout", "5", "--max-election-timeout", "10"},
		{"--min-election-timeout", "50", "--max-election-timeout", "10"},
	} {
		out, err := exec.Command(program, args...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 254 || len(out) == 0 {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}
