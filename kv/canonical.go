package kv

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// canonical returns the canonical form of a compact and valid JSON text. It is JSON again and its own canonical form:
//
//	object   members sorted by their canonical names, each name once: the last one counts
//	string   characters as themselves, but \" and \\, and \u00xx for control characters and \udxxx for half a surrogate pair
//	integer  as written, but -0 is 0: JSON allows no other variation
//	other    [-]<digits>e<exponent>, where digits neither begins nor ends with 0, or 0e0
//
// An integer is a number written without point and exponent. No other number's canonical form looks like one, so 1 and 1.0 differ.
// The exponent stays a number of its own: 1e999999999 takes no more room than it did.
func canonical(compact []byte) []byte {
	p := parser{rest: compact}
	return p.value().append(make([]byte, 0, len(compact)))
}

// node is a parsed value. A tree keeps the whole linear, where sorting nested texts in place would copy the innermost one once
// per level.
type node struct {
	kind    byte   // '{', '[' or 0 for a scalar
	scalar  []byte // canonical, if kind is 0
	members []member
}

// member is a member of an object, or an element of an array, then without name.
type member struct {
	name  []byte // canonical
	at    int    // its place in the text
	value node
}

// append writes the canonical form of n.
func (n node) append(dst []byte) []byte {
	if n.kind == 0 {
		return append(dst, n.scalar...)
	}
	dst = append(dst, n.kind)
	for i, m := range n.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		if n.kind == '{' {
			dst = append(append(dst, m.name...), ':')
		}
		dst = m.value.append(dst)
	}
	return append(dst, n.kind+2) // in ASCII, ] and } stand two behind [ and {
}

// parser takes values from the front of a text that is known to be compact and valid.
type parser struct{ rest []byte }

// value takes the next value.
func (p *parser) value() node {
	switch c := p.rest[0]; c {
	case '{', '[':
		return p.container(c)
	case '"':
		return node{scalar: canonicalString(p.stringLiteral())}
	case 't', 'f', 'n':
		return node{scalar: p.untilDelimiter()}
	default:
		return node{scalar: canonicalNumber(p.untilDelimiter())}
	}
}

// container takes an object or an array.
func (p *parser) container(kind byte) node {
	n := node{kind: kind}
	p.rest = p.rest[1:]
	for p.rest[0] != kind+2 {
		if p.rest[0] == ',' {
			p.rest = p.rest[1:]
		}
		m := member{at: len(n.members)}
		if kind == '{' {
			m.name = canonicalString(p.stringLiteral())
			p.rest = p.rest[1:] // the colon
		}
		m.value = p.value()
		n.members = append(n.members, m)
	}
	p.rest = p.rest[1:]
	if kind == '{' {
		n.members = sortMembers(n.members)
	}
	return n
}

// sortMembers sorts by name and keeps the last of those that share one.
func sortMembers(members []member) []member {
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(bytes.Compare(a.name, b.name), b.at-a.at) // the last one first
	})
	return slices.CompactFunc(members, func(a, b member) bool { return bytes.Equal(a.name, b.name) })
}

// stringLiteral takes a string with its quotes.
func (p *parser) stringLiteral() []byte {
	end := 1
	for p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			end++
		}
		end++
	}
	return p.take(end + 1)
}

// untilDelimiter takes a number, true, false or null.
func (p *parser) untilDelimiter() []byte {
	end := bytes.IndexAny(p.rest, ",]}")
	if end < 0 {
		end = len(p.rest)
	}
	return p.take(end)
}

func (p *parser) take(n int) []byte {
	taken := p.rest[:n:n]
	p.rest = p.rest[n:]
	return taken
}

// canonicalString returns the canonical form of a literal, quotes included. Without escapes it is canonical as it stands.
func canonicalString(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal
	}
	out := make([]byte, 0, len(literal))
	for len(literal) > 0 {
		if literal[0] != '\\' {
			out = append(out, literal[0])
			literal = literal[1:]
			continue
		}
		r, size := unescape(literal)
		literal = literal[size:]
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < ' ' || utf16.IsSurrogate(r):
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// unescape decodes the escape at the front of s and says how many bytes it takes. A surrogate pair is one escape; half a pair is
// returned as it is, which is not a valid rune.
func unescape(s []byte) (r rune, size int) {
	if s[1] != 'u' {
		const names, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
		return rune(meanings[strings.IndexByte(names, s[1])]), 2
	}
	r = hex4(s[2:6])
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(s[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

func hex4(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits), 16, 16) // known to be four hexadecimal digits
	return rune(n)
}

// canonicalNumber returns the canonical form of a number.
func canonicalNumber(literal []byte) []byte {
	if !bytes.ContainsAny(literal, ".eE") {
		if string(literal) == "-0" {
			return literal[1:]
		}
		return literal
	}
	mantissa, exponent := literal, "0"
	if e := bytes.IndexAny(literal, "eE"); e >= 0 {
		mantissa, exponent = literal[:e], string(literal[e+1:])
	}
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(mantissa, []byte("-")), []byte("."))
	digits := bytes.TrimLeft(slices.Concat(whole, fraction), "0")
	if len(digits) == 0 {
		return []byte("0e0")
	}
	significant := bytes.TrimRight(digits, "0")
	shift := len(digits) - len(significant) - len(fraction)

	e, _ := new(big.Int).SetString(exponent, 10) // digits with a sign at most: cannot fail
	e.Add(e, big.NewInt(int64(shift)))
	var out []byte
	if literal[0] == '-' {
		out = append(out, '-')
	}
	return e.Append(append(append(out, significant...), 'e'), 10)
}
