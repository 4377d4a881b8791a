package kv

import (
	"encoding/json"
	"hash/fnv"
	"strings"
	"testing"
)

// command reads a command from its JSON.
func command(t testing.TB, text string) Command {
	t.Helper()
	var c Command
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestStore(t *testing.T) {
	s := New()
	for _, step := range []struct {
		command string
		want    Status
		value   string
	}{
		{`{"op":"read","key":1}`, KeyMissing, ""},
		{`{"op":"cas","key":1,"from":1,"to":2}`, KeyMissing, ""},
		{`{"op":"write","key":1,"value":1152921504606846977}`, OK, ""},
		{`{"op":"read","key":1}`, OK, "1152921504606846977"},
		{`{"op":"read","key":1.0}`, KeyMissing, ""},
		{`{"op":"cas","key":1,"from":1152921504606846976,"to":2}`, Mismatch, ""},
		{`{"op":"cas","key":1,"from":1152921504606846977,"to":{"b": 1.50,"a":[]}}`, OK, ""},
		{`{"op":"cas","key":1,"from":{"a":[],"b":15e-1},"to":"x"}`, OK, ""},
		{`{"op":"read","key":1}`, OK, `"x"`},
		{`{"op":"cas","key":null,"from":1,"to":null,"create_if_not_exists":true}`, OK, ""},
		{`{"op":"read","key":null}`, OK, "null"},
		{`{"op":"cas","key":null,"from":1,"to":3,"create_if_not_exists":true}`, Mismatch, ""},
		{`{"op":"write","key":"a","value":0}`, OK, ""},
		{`{"op":"write","key":"\u0061","value":-0}`, OK, ""},
		{`{"op":"read","key":"a"}`, OK, "-0"},
		{`{"op":"delete","key":1}`, Invalid, ""},
		{`{"op":"read"}`, Invalid, ""},
		{`{"op":"write","key":1}`, Invalid, ""},
		{`{"op":"cas","key":1,"from":1}`, Invalid, ""},
		{`{"op":"cas","key":1,"to":1,"create_if_not_exists":true}`, Invalid, ""},
		{`{}`, Invalid, ""},
	} {
		query := s.Query(command(t, step.command))
		settle, settled := s.Settle(command(t, step.command))
		got := s.Apply(command(t, step.command))
		if idle := got.Status != OK || command(t, step.command).Op == Read; settled != idle || settle != got {
			t.Errorf("%s: settled as %+v: %t", step.command, settle, settled)
		}
		if got.Status != step.want || got.Value.String() != step.value || query != got {
			t.Errorf("%s: %+v, and %+v for the query; want %s %s", step.command, got, query, step.want, step.value)
		}
	}
	if want := `[["a",-0],[1,"x"],[null,null]]`; string(s.Snapshot()) != want || s.Len() != 3 {
		t.Errorf("snapshot %s, want %s", s.Snapshot(), want)
	}
}

func TestRestoreRefusesAnythingElse(t *testing.T) {
	s := New()
	s.Apply(command(t, `{"op":"write","key":1,"value":2}`))
	before := string(s.Snapshot())
	for _, text := range []string{
		"", "null", "{}", "1", "[", "[]]", " []", "[[]]", "[[1]]", "[[1,2,3]]", "[1]", "[null]", "[[1,2],]", "[[1,2],[1,2]]", "[[2,1],[1,1]]", "[[1.0,1]]",
		"[[-0,1]]", "[[1, 2]]", "[[1,\"\xff\"]]", "[[\"\xff\",1]]", `[["\u0061",1]]`,
	} {
		if err := s.Restore([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
		if string(s.Snapshot()) != before {
			t.Fatalf("%q changed the state", text)
		}
	}
}

// TestSnapshotOfKeysAtTheLimit: this key's canonical form has more digits than a key may have.
func TestSnapshotOfKeysAtTheLimit(t *testing.T) {
	s, restored := New(), New()
	key := parse(t, "1.1e-"+strings.Repeat("9", MaxDigits-2))
	s.Apply(Command{Op: Write, Key: key, Value: key})
	if _, err := ParseValue([]byte(key.Canonical())); err == nil {
		t.Error("the canonical form is within the limits: this test has lost its point")
	}
	if err := restored.Restore(s.Snapshot()); err != nil || restored.Hash() != s.Hash() {
		t.Errorf("restored %x, want %x: %v", restored.Hash(), s.Hash(), err)
	}
}

func TestDigest(t *testing.T) {
	same := []string{
		`{"op":"cas","key":{"a":1,"b":2},"from":1.50,"to":"A"}`,
		`{"to":"\u0041","from":15e-1,"key":{"b":2,"a":1},"op":"cas"}`,
	}
	if a, b := Digest(command(t, same[0])), Digest(command(t, same[1])); a != b {
		t.Errorf("digests %x and %x of one command", a, b)
	}
	seen := map[uint64]string{}
	for _, text := range []string{
		same[0], `{}`, `{"op":"read"}`, `{"op":"read","key":1}`, `{"op":"read","key":1.0}`, `{"op":"read","key":null}`, `{"op":"write","key":1,"value":2}`,
		`{"op":"write","key":2,"value":1}`, `{"op":"write","key":1,"from":2}`, `{"op":"write","key":12}`, `{"op":"cas","key":1,"from":2,"to":3}`,
		`{"op":"cas","key":1,"from":2,"to":3,"create_if_not_exists":true}`,
	} {
		d := Digest(command(t, text))
		if other, twice := seen[d]; twice {
			t.Errorf("%s and %s share a digest", text, other)
		}
		seen[d] = text
	}
	// Digests are in logs and snapshots: the function must never change.
	reference := fnv.New64a()
	reference.Write([]byte("1\n\n2\n3\nfalse\ncas\n"))
	if got := Digest(command(t, `{"op":"cas","key":1,"from":2,"to":3}`)); got != reference.Sum64() {
		t.Errorf("digest %x, want %x", got, reference.Sum64())
	}
}

func TestSize(t *testing.T) {
	for _, text := range []string{
		`{"op":"read","key":1}`, `{"op":"write","key":"k","value":[1,2,3]}`, `{"op":"cas","key":1,"from":2,"to":3,"create_if_not_exists":true}`,
		`{"op":"write","key":1,"value":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		if size := Size(command(t, text)); size < len(text) || size > len(text)+64 {
			t.Errorf("size %d of a command of %d bytes", size, len(text))
		}
	}
}

func TestHashFollowsMeaning(t *testing.T) {
	build := func(commands ...string) uint64 {
		s := New()
		for _, c := range commands {
			s.Apply(command(t, c))
		}
		return s.Hash()
	}
	one := build(`{"op":"write","key":1,"value":1.50}`, `{"op":"write","key":2,"value":"A"}`)
	if other := build(`{"op":"write","key":2,"value":"\u0041"}`, `{"op":"write","key":1,"value":9}`, `{"op":"write","key":1,"value":15e-1}`); other != one {
		t.Errorf("hashes %x and %x of one state", one, other)
	}
	for _, c := range []string{`{"op":"write","key":1,"value":2}`, `{"op":"write","key":3,"value":1.5}`, `{"op":"read","key":1}`} {
		if build(c) == one {
			t.Errorf("another state has the same hash: %s", c)
		}
	}
}
