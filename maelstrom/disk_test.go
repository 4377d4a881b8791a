package maelstrom

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"maelraft/raft/wal"
)

func TestCommandsOnDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCommand(t)
		b, err := diskCodec{}.Append([]byte("before"), c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := diskCodec{}.Decode(b[len("before"):])
		again, _ := diskCodec{}.Append(nil, got)
		if err != nil || string(again) != string(b[len("before"):]) || !got.Op.Key.Equal(c.Op.Key) {
			t.Fatalf("wrote %+v\nread  %+v, %v", c, got, err)
		}
	})
}

func TestBadCommandsOnDisk(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `[]`, `null`, `{"client":"c1","id":1,"seen":0,"op":"write","key":1}`, `{"client":"c1","id":1,"seen":0,"op":"write","key":1,"value":1`,
		strings.Repeat("[", maxDepth+1),
	} {
		if c, err := (diskCodec{}).Decode([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, c)
		}
	}
}

// converse runs a node over pipes, as long as it takes to answer these bodies, and returns the answers' bodies and how it ended.
func converse(t *testing.T, o Options, node string, bodies ...string) (answers []string, logs string, err error) {
	t.Helper()
	stdin, toNode := io.Pipe()
	fromNode, stdout := io.Pipe()
	var log strings.Builder
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(stdin, stdout, &log, o)
		_ = stdout.Close()
		_ = stdin.Close()
	}()
	replies := bufio.NewScanner(fromNode)
	for _, body := range bodies {
		if _, err := fmt.Fprintf(toNode, `{"src":"c1","dest":"%s","body":%s}`+"\n", node, body); err != nil || !replies.Scan() {
			break
		}
		answers = append(answers, replies.Text())
	}
	_ = toNode.Close()
	for replies.Scan() { // to the end
	}
	err = <-ended
	return answers, log.String(), err
}

const initOne = `{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":1}`

// What was answered is there in the node's next life.
func TestLivesOfANode(t *testing.T) {
	o := Options{DataDir: filepath.Join(t.TempDir(), "made", "on the way"), RunID: "r1"}
	if _, _, err := converse(t, o, "n1", initOne, `{"type":"write","key":"x","value":[1],"msg_id":2}`); err != nil {
		t.Fatal(err)
	}
	answers, _, err := converse(t, o, "n1", initOne, `{"type":"read","key":"x","msg_id":2}`)
	if err != nil || len(answers) != 2 || !strings.Contains(answers[1], `"value":[1]`) {
		t.Errorf("answered %q, %v", answers, err)
	}
	var out strings.Builder
	if err := Inspect(o.DataDir, &out, true); err != nil || !strings.Contains(out.String(), `"key":"x","value":[1]`) {
		t.Errorf("inspected: %v\n%s", err, out.String())
	}
}

// A directory of somebody else's ends the node, with a line that says whose it is.
func TestDirectoriesOfOthers(t *testing.T) {
	dir := t.TempDir()
	o := Options{DataDir: dir, RunID: "r1"}
	if _, _, err := converse(t, o, "n1", initOne); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ node, init, run, want string }{
		{"n2", `{"type":"init","node_id":"n2","node_ids":["n2"],"msg_id":1}`, "r1", "node"},
		{"n1", `{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":1}`, "r1", "cluster"},
		{"n1", initOne, "r2", "run"},
	} {
		_, _, err := converse(t, Options{DataDir: dir, RunID: c.run}, c.node, c.init)
		other := (*wal.IdentityError)(nil)
		if !errors.As(err, &other) || other.What != c.want || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, run %s: %v", c.init, c.run, err)
		}
	}
	if answers, _, err := converse(t, Options{DataDir: dir}, "n1", initOne); err != nil || len(answers) != 1 {
		t.Errorf("without a run: %q, %v", answers, err)
	}
	held, err := wal.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := held.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := converse(t, o, "n1", initOne); !errors.Is(err, wal.ErrLocked) {
		t.Errorf("a directory in use: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryByDefault(t *testing.T) {
	s := &server{}
	if got, err := s.openStorage("n1", []string{"n1"}); err != nil || reflect.TypeOf(got) != reflect.TypeFor[*memory]() {
		t.Errorf("%T, %v", got, err)
	}
}
