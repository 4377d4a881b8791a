package session

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"maelraft/raft"
)

// The form in which a machine travels:
//
//	version     one byte
//	evicted     number
//	results     how many there are, then each as JSON: its length, the text. Results that are equal are written once.
//	clients     how many there are, then each: name (its length, the text), since, floor, last, answers
//	answers     how many there are, then each: id, digest (eight bytes), the number of its result
//	machine     the wrapped machine's snapshot: its length, the bytes
//
// Numbers are varints. Most commands have one of a few results, and there may be a million answers: JSON would take thirty times as long.

// version is the first byte of a snapshot. The first version was JSON, and began with a brace.
const version = 2

// digestBytes is the length of a digest.
const digestBytes = 8

var _ raft.Capturer = (*Machine[int, int])(nil)

// Snapshot implements raft.StateMachine: what the machine remembers and the wrapped machine's snapshot. Results must be values that JSON brings back
// as they were.
func (m *Machine[C, R]) Snapshot() []byte { return m.Capture()() }

// Capture implements raft.Capturer. Of a wrapped machine that does not, the snapshot is written at once.
func (m *Machine[C, R]) Capture() func() []byte {
	inner := m.captureInner()
	evicted, captured := m.evicted, m.clients.capture()
	return func() []byte {
		var clients []*Client[R]
		for _, p := range captured {
			for _, r := range p.records {
				clients = append(clients, &r.Client)
			}
		}
		slices.SortFunc(clients, func(a, b *Client[R]) int { return cmp.Compare(a.Last, b.Last) })
		return appendBytes(encode(evicted, clients), inner())
	}
}

func (m *Machine[C, R]) captureInner() func() []byte {
	if c, ok := m.inner.(raft.Capturer); ok {
		return c.Capture()
	}
	state := m.inner.Snapshot()
	return func() []byte { return state }
}

// Restore implements raft.StateMachine. Anything but what Snapshot returned, on a machine with the same limits, is refused.
func (m *Machine[C, R]) Restore(state []byte) error {
	if len(state) == 0 || state[0] != version {
		return fmt.Errorf("session: snapshot: not of version %d", version)
	}
	s, inner, err := decode[R](state)
	if err != nil {
		return fmt.Errorf("session: snapshot: %w", err)
	}
	if err := s.check(m.limits); err != nil {
		return err
	}
	if !bytes.Equal(state, appendBytes(encodeState(s), inner)) {
		return errors.New("session: snapshot: not in the form that Snapshot writes")
	}
	if err := m.inner.Restore(inner); err != nil {
		return fmt.Errorf("session: the wrapped machine: %w", err)
	}
	return m.SetState(s)
}

func encodeState[R comparable](s State[R]) []byte {
	clients := make([]*Client[R], len(s.Clients))
	for i := range s.Clients {
		clients[i] = &s.Clients[i]
	}
	return encode(s.Evicted, clients)
}

// encode writes everything but the wrapped machine.
func encode[R comparable](evicted raft.Index, clients []*Client[R]) []byte {
	const perClient, perAnswer = 32, 16 // bytes: about what they take
	size := len(clients) * perClient
	for _, c := range clients {
		size += len(c.Answers) * perAnswer
	}
	results, texts, answers := map[R]uint64{}, [][]byte{}, make([]byte, 0, size)
	number := func(n uint64) { answers = binary.AppendUvarint(answers, n) }
	number(uint64(len(clients)))
	for _, c := range clients {
		answers = appendBytes(answers, []byte(c.Name))
		number(uint64(c.Since))
		number(c.Floor)
		number(uint64(c.Last))
		number(uint64(len(c.Answers)))
		for _, a := range c.Answers {
			result, known := results[a.Result]
			if !known {
				result = uint64(len(texts))
				results[a.Result], texts = result, append(texts, resultText(a.Result))
			}
			number(a.ID)
			answers = binary.LittleEndian.AppendUint64(answers, a.Digest)
			number(result)
		}
	}
	out := binary.AppendUvarint([]byte{version}, uint64(evicted))
	out = binary.AppendUvarint(out, uint64(len(texts)))
	for _, text := range texts {
		out = appendBytes(out, text)
	}
	return append(out, answers...)
}

func appendBytes(to, b []byte) []byte { return append(binary.AppendUvarint(to, uint64(len(b))), b...) }

func resultText(result any) []byte {
	text, err := json.Marshal(result)
	if err != nil {
		panic(fmt.Sprintf("session: a result that has no JSON: %v", err)) // the same on every node, and on the first occasion
	}
	return text
}

// decode reads a snapshot, and returns the wrapped machine's within it. It is not strict about the form: what it takes is written anew, and compared.
func decode[R comparable](state []byte) (s State[R], inner []byte, err error) {
	r := reader{rest: state[1:]}
	s.Evicted = raft.Index(r.number())
	var results []R
	for range r.count(1) {
		var result R
		if text := r.bytes(r.number()); r.err == nil {
			r.err = json.Unmarshal(text, &result)
		}
		results = append(results, result)
	}
	const leastClient, leastAnswer = 5, digestBytes + 2 // bytes
	s.Clients = []Client[R]{}
	for range r.count(leastClient) {
		c := Client[R]{Name: string(r.bytes(r.number())), Since: raft.Index(r.number()), Floor: r.number(), Last: raft.Index(r.number())}
		n := r.count(leastAnswer)
		c.Answers = make([]Answer[R], n)
		for i := range c.Answers {
			a := Answer[R]{ID: r.number(), Digest: r.digest()}
			if result := r.number(); result < uint64(len(results)) {
				a.Result = results[result]
			} else {
				r.fail()
			}
			c.Answers[i] = a
		}
		s.Clients = append(s.Clients, c)
	}
	inner = r.bytes(r.number())
	return s, inner, r.err
}

var errBroken = errors.New("it ends, or says what cannot be")

// reader reads numbers and texts. After an error it has nothing left.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail() {
	r.rest = nil
	if r.err == nil {
		r.err = errBroken
	}
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count reads a number of things that take at least so many bytes each, so that no number makes us ask for more memory than the text has earned.
func (r *reader) count(bytesEach int) int {
	n := r.number()
	if n > uint64(len(r.rest)/bytesEach) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) digest() uint64 {
	b := r.bytes(digestBytes)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}
