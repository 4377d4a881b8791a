package workbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// memoryFile is a file in memory whose writes wait for open, unless it is nil.
type memoryFile struct {
	bytes.Buffer
	open   chan struct{}
	broken error
	closed bool
}

func (f *memoryFile) Write(p []byte) (int, error) {
	if f.open != nil {
		<-f.open
	}
	if f.broken != nil {
		return 0, f.broken
	}
	return f.Buffer.Write(p)
}

func (f *memoryFile) Close() error {
	f.closed = true
	return nil
}

// lines returns what a journal wrote, without and with its last line.
func (f *memoryFile) lines(t *testing.T) (lines []string, note string) {
	t.Helper()
	all := strings.Split(strings.TrimSuffix(f.String(), "\n"), "\n")
	var last struct{ Note string }
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil || last.Note == "" || !f.closed {
		t.Fatalf("no last line (%v) or not closed (%v): %s", err, f.closed, all[len(all)-1])
	}
	return all[:len(all)-1], last.Note
}

func entryOf(id int, body string) journalEntry {
	return journalEntry{id: id, message: message{src: "c1", dest: "n0", body: []byte(body)}, sent: 5 * time.Second, at: 6 * time.Second}
}

func TestJournalLines(t *testing.T) {
	t.Parallel()
	f := &memoryFile{}
	j := newJournal(f, 1<<20)
	early := entryOf(0, `{"type":"init"}`)
	early.sent, early.at = time.Second, 2*time.Second
	j.add(early) // before anybody knows when the first operation is
	j.begin(4 * time.Second)
	dropped := entryOf(1, `{"type":"read","key":3}`)
	dropped.fate = fateDropped
	j.add(dropped)
	lost := entryOf(2, `{}`)
	lost.fate, lost.message.kind = fateLost, `odd "kind"`
	j.add(lost)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	lines, note := f.lines(t)
	want := []string{
		`{"id":0,"src":"c1","dest":"n0","type":"init","sent_ns":-3000000000,"received_ns":-2000000000,"body":{"type":"init"}}`,
		`{"id":1,"src":"c1","dest":"n0","type":"read","sent_ns":1000000000,"dropped_ns":2000000000,"body":{"type":"read","key":3}}`,
		`{"id":2,"src":"c1","dest":"n0","type":"odd \"kind\"","sent_ns":1000000000,"lost":true,"body":{}}`,
	}
	if fmt.Sprint(lines) != fmt.Sprint(want) || note != "3 messages" {
		t.Errorf("note %q, lines\n%s", note, strings.Join(lines, "\n"))
	}
}

// TestJournalLimit: the file stops at its limit without a hole, even for a
// later message that would fit, and says so.
func TestJournalLimit(t *testing.T) {
	t.Parallel()
	f := &memoryFile{}
	j := newJournal(f, 1000)
	j.begin(0)
	body := fmt.Sprintf(`{"type":"read","text":%q}`, strings.Repeat("x", 200))
	for id := range 10 {
		j.add(entryOf(id, body))
	}
	j.add(entryOf(10, `{}`))
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	lines, note := f.lines(t)
	if n := len(strings.Join(lines, "\n")) + 1; len(lines) != 3 || n > 1000 {
		t.Errorf("%d lines of %d bytes", len(lines), n)
	}
	if want := "3 messages; the limit of 1000 bytes (--messages-limit) was reached at 6.000 s: the 8 messages from there on are missing"; note != want {
		t.Errorf("the last line says %q", note)
	}
}

// TestJournalBacklog: a disk that does not move holds nobody up, costs a
// bounded amount of memory, and what it cost is said.
func TestJournalBacklog(t *testing.T) {
	t.Parallel()
	f := &memoryFile{open: make(chan struct{})}
	j := newJournal(f, 1<<30)
	j.begin(0)
	e := entryOf(0, fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 1<<20)))
	const sent = 5 * journalBacklog >> 20
	for id := range sent {
		e.id = id
		j.add(e) // would hang here if it waited for the disk
		j.mu.Lock()
		if j.size > journalBacklog {
			t.Errorf("%d bytes wait", j.size)
		}
		j.mu.Unlock()
	}
	close(f.open)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	lines, note := f.lines(t)
	if len(lines) > 2*journalBacklog>>20 || len(lines) < journalBacklog>>20-1 {
		t.Errorf("%d of %d messages were kept", len(lines), sent)
	}
	if want := fmt.Sprintf("%d messages; %d messages are missing in between because the disk did not keep up", len(lines), sent-len(lines)); note != want {
		t.Errorf("%q, not %q", note, want)
	}
}

func TestJournalError(t *testing.T) {
	t.Parallel()
	f := &memoryFile{broken: errors.New("disk full")}
	j := newJournal(f, 1<<30)
	j.begin(0)
	j.add(entryOf(0, `{}`))
	if err := j.close(); err == nil || !f.closed {
		t.Errorf("%v, closed %v", err, f.closed)
	}
}

func TestNoJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := openJournal(dir, 0)
	if err != nil || j != nil {
		t.Fatal(j, err)
	}
	j.add(entryOf(0, `{}`))
	j.begin(0)
	if err := j.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, messagesFile)); err == nil {
		t.Error("there is a file all the same")
	}
}

// TestJournalOfRouter: a message is received, dropped, or lost because the test
// ended while it was waited for or stood behind such a one.
func TestJournalOfRouter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, _, end := wire(t, constantLatency(10))
		f := &memoryFile{}
		rt.journal = newJournal(f, 1<<20)
		rt.journal.begin(0)
		post(t, rt, "n0", "n1", "received")
		time.Sleep(20 * time.Millisecond)
		rt.setWeather(weather{grudge: split([]string{"n0"}, []string{"n1"})})
		post(t, rt, "n0", "n1", "dropped")
		time.Sleep(20 * time.Millisecond)
		rt.setWeather(weather{grudge: nil})
		post(t, rt, "n0", "n1", "waited-for")
		post(t, rt, "n0", "n1", "behind")
		time.Sleep(5 * time.Millisecond)
		end()
		rt.abandon()
		if err := rt.journal.close(); err != nil {
			t.Fatal(err)
		}
		lines, _ := f.lines(t)
		slices.Sort(lines) // those that are lost have no order
		want := []string{
			`{"id":0,"src":"n0","dest":"n1","type":"received","sent_ns":0,"received_ns":10000000,"body":{"type":"received"}}`,
			`{"id":1,"src":"n0","dest":"n1","type":"dropped","sent_ns":20000000,"dropped_ns":20000000,"body":{"type":"dropped"}}`,
			`{"id":2,"src":"n0","dest":"n1","type":"waited-for","sent_ns":40000000,"lost":true,"body":{"type":"waited-for"}}`,
			`{"id":3,"src":"n0","dest":"n1","type":"behind","sent_ns":40000000,"lost":true,"body":{"type":"behind"}}`,
		}
		if fmt.Sprint(lines) != fmt.Sprint(want) {
			t.Errorf("lines\n%s", strings.Join(lines, "\n"))
		}
	})
}

// checkMessagesFile reads messages.jsonl of a test back: every message that
// was counted stands there once, with the fate that was counted.
func checkMessagesFile(t *testing.T, r Result) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Store, messagesFile))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	received, dropped := 0, 0
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, line := range lines[:len(lines)-1] {
		l := struct {
			ID *int
			journalLine
		}{}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.ID == nil || seen[*l.ID] || l.Src == "" || l.Dest == "" || l.Type == "" || len(l.Body) == 0 {
			t.Fatalf("%v: %s", err, line)
		}
		seen[*l.ID] = true
		if l.Received != nil {
			received++
			if *l.Received < l.Sent {
				t.Fatalf("received before it was sent: %s", line)
			}
		}
		if l.Dropped != nil {
			dropped++
		}
	}
	net := r.Figures.Messages
	if len(seen) != net.All.Sent || received != net.All.Received || dropped != net.Dropped {
		t.Errorf("%d messages, %d received, %d dropped; counted were %d, %d and %d", len(seen), received, dropped, net.All.Sent, net.All.Received, net.Dropped)
	}
	if want := fmt.Sprintf(`{"note":"%d messages"}`, net.All.Sent); lines[len(lines)-1] != want {
		t.Errorf("the last line is %s, not %s", lines[len(lines)-1], want)
	}
}
