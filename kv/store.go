package kv

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Store is the state: all keys with their values. It never fails: what cannot be executed gets a Result that says so, and
// changes nothing. It is not safe for concurrent use; whoever replicates it calls it from one place.
type Store struct {
	values *table // by the key's canonical form
}

// New returns an empty store.
func New() *Store { return &Store{values: newTable()} }

// Apply executes a command.
func (s *Store) Apply(c Command) Result {
	result, next := s.decide(c)
	if !next.IsZero() {
		s.values.set(c.Key.canon, next)
	}
	return result
}

// Settle answers as Apply would if that would change nothing, and says whether that is so. A cas that does not match needs no place in a log.
func (s *Store) Settle(c Command) (result Result, settled bool) {
	result, next := s.decide(c)
	return result, next.IsZero()
}

// Query answers as Apply would, and changes nothing. For a read that is all there is to it. A cas learns whether it would match
// at this moment; a complete write always would be OK.
func (s *Store) Query(c Command) Result {
	result, _ := s.decide(c)
	return result
}

// decide returns the answer to c and the new value of its key, which is zero if nothing changes.
func (s *Store) decide(c Command) (Result, Value) {
	if !c.complete() {
		return Result{Status: Invalid}, Value{}
	}
	present, exists := s.values.get(c.Key.canon)
	switch {
	case c.Op == Write:
		return Result{Status: OK}, c.Value
	case c.Op == CAS && !exists && c.CreateIfNotExists:
		return Result{Status: OK}, c.To
	case !exists:
		return Result{Status: KeyMissing}, Value{}
	case c.Op == Read:
		return Result{Status: OK, Value: present}, Value{}
	case !present.Equal(c.From):
		return Result{Status: Mismatch}, Value{}
	default:
		return Result{Status: OK}, c.To
	}
}

// Len is the number of keys.
func (s *Store) Len() int { return s.values.len }

// Hash is equal for stores that hold equal values under equal keys, however these were written. It takes time linear in Len and
// depends neither on order nor on the process. Like Digest, it recognises mistakes and not malice.
func (s *Store) Hash() uint64 {
	var h uint64
	for _, p := range s.values.parts {
		for key, value := range p.values {
			h ^= fnv1a(key, value.canon) // no key occurs twice, so nothing cancels out
		}
	}
	return h
}

// Snapshot returns the whole state as one JSON text, an array of pairs [key, value] sorted by canonical key. Values are as they
// were written, keys are canonical. The same state gives the same bytes; the caller owns them.
func (s *Store) Snapshot() []byte { return s.Capture()() }

// Capture notes the state as it is now, and returns a function that writes the snapshot of it. To note it takes the same short time however many keys
// there are; to write it may be left to another goroutine, while the store goes on.
func (s *Store) Capture() func() []byte {
	captured := s.values.capture()
	return func() []byte { return write(captured) }
}

// write writes a snapshot.
func write(captured *[parts]part) []byte {
	type pair struct {
		key   string
		value Value
	}
	var pairs []pair
	for _, p := range captured {
		for key, value := range p.values {
			pairs = append(pairs, pair{key, value})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	out := []byte{'['}
	for i, p := range pairs {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, '['), p.key...)
		out = append(append(out, ','), p.value.raw...)
		out = append(out, ']')
	}
	return append(out, ']')
}

// Restore replaces the whole state by the one that Snapshot wrote. Anything but exactly such a text is refused, and the state
// then stays as it was. The text is not kept.
func (s *Store) Restore(snapshot []byte) error {
	var pairs [][]json.RawMessage
	if err := json.Unmarshal(snapshot, &pairs); err != nil {
		return fmt.Errorf("kv: snapshot: %w", err)
	}
	restored := New()
	for i, pair := range pairs {
		if len(pair) != 2 {
			return fmt.Errorf("kv: snapshot: entry %d is not a pair", i)
		}
		// Without limits: a canonical number can be a digit longer than the one which was within them.
		key, keyErr := parseUnlimited(pair[0])
		value, valueErr := parseUnlimited(pair[1])
		if err := errors.Join(keyErr, valueErr); err != nil {
			return fmt.Errorf("kv: snapshot: entry %d: %w", i, err)
		}
		restored.values.set(key.canon, value)
	}
	// Instead of one check each for order, repetition, canonical keys and white space:
	if !bytes.Equal(restored.Snapshot(), snapshot) {
		return errors.New("kv: snapshot: not in the form that Snapshot writes")
	}
	s.values = restored.values
	return nil
}
