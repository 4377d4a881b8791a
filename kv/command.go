package kv

import "strconv"

// Op is what a Command wants done. Any other text than the constants below is answered with Invalid.
type Op string

// The operations of lin-kv.
const (
	Read  Op = "read"  // Key
	Write Op = "write" // Key, Value
	CAS   Op = "cas"   // Key, From, To: compare and set
)

// Command is one operation on one key. It is a plain value and may be copied freely. Its JSON, the form in which it travels,
// reads like the request that it came from:
//
//	{"op":"cas","key":1,"from":2,"to":3}
//
// Commands that are == have the same JSON, byte for byte.
type Command struct {
	Op  Op    `json:"op"`
	Key Value `json:"key,omitzero"`
	// Value is what a write sets.
	Value Value `json:"value,omitzero"`
	// From is what a cas expects and To is what it sets then.
	From Value `json:"from,omitzero"`
	To   Value `json:"to,omitzero"`
	// CreateIfNotExists makes a cas set To where the key does not exist, instead of answering KeyMissing.
	CreateIfNotExists bool `json:"create_if_not_exists,omitempty"`
}

// complete says whether the command is one that the store knows, with everything that it needs.
func (c Command) complete() bool {
	switch c.Op {
	case Read:
		return !c.Key.IsZero()
	case Write:
		return !c.Key.IsZero() && !c.Value.IsZero()
	case CAS:
		return !c.Key.IsZero() && !c.From.IsZero() && !c.To.IsZero()
	default:
		return false
	}
}

// Size is about how many bytes the command takes in a message or in a log, for limits: the texts of its values and something for the
// rest.
func Size(c Command) int {
	const names = 64 // the longest set of field names, with punctuation, and create_if_not_exists
	return names + len(c.Op) + len(c.Key.raw) + len(c.Value.raw) + len(c.From.raw) + len(c.To.raw)
}

// Digest is equal for commands that mean the same, however their values are written, and almost certainly different for others.
// It is FNV-1a (64 bits), the same in every process and every version of Go. It recognises mistakes; it is no protection against
// somebody who looks for collisions.
func Digest(c Command) uint64 {
	// The operation stands last, since it alone might contain the separator.
	return fnv1a(c.Key.canon, c.Value.canon, c.From.canon, c.To.canon, strconv.FormatBool(c.CreateIfNotExists), string(c.Op))
}

// fnv1a hashes texts with a separator that no canonical form contains. (hash/fnv would want each of them copied into a []byte.)
func fnv1a(texts ...string) uint64 {
	const offset, prime, separator = 14695981039346656037, 1099511628211, '\n'
	h := uint64(offset)
	for _, text := range texts {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * prime
		}
		h = (h ^ separator) * prime
	}
	return h
}

// Status is how a command ended.
type Status string

// All that a Store answers.
const (
	OK         Status = "ok"
	KeyMissing Status = "missing"  // a read or cas of a key that does not exist
	Mismatch   Status = "mismatch" // a cas whose From is not the present value
	Invalid    Status = "invalid"  // an unknown Op, or a field that it needs is zero
)

// Result is the answer to a Command. Like it, it is a plain value with a deterministic JSON.
type Result struct {
	Status Status `json:"status"`
	// Value is what a read found. It is zero for everything else.
	Value Value `json:"value,omitzero"`
}
