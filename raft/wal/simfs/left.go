package simfs

import (
	"maps"
	"slices"
)

// file is a file: what is durable, and what was done to it since.
type file struct {
	now, durable []byte
	pending      []edit
}

// edit is a write at an offset, or a truncation if there are no bytes.
type edit struct {
	at    int
	bytes []byte
}

// apply returns the text after an edit. What stood there before stays what it was: whoever holds less of the text than all of it holds it clipped.
func (e edit) apply(to []byte) []byte {
	switch {
	case e.bytes == nil:
		return slices.Clip(to[:min(e.at, len(to))])
	case e.at == len(to):
		return append(to, e.bytes...)
	}
	out := make([]byte, max(len(to), e.at+len(e.bytes))) // what was not written is zero
	copy(out, to)
	copy(out[e.at:], e.bytes)
	return out
}

// Left returns what a power cut may leave: every outcome for the names with every outcome for the contents.
func (d *FS) Left() []map[string][]byte {
	var all []map[string][]byte
	for _, names := range d.namesLeft() {
		for variant := range variants {
			image := map[string][]byte{}
			for name, f := range names {
				image[name] = f.left(variant)
			}
			if !slices.ContainsFunc(all, func(m map[string][]byte) bool { return maps.EqualFunc(m, image, slices.Equal) }) {
				all = append(all, image)
			}
		}
	}
	return all
}

// maxOpen is of how many of the last changes to names, if they are not synced, all combinations are tried. What came before them has happened.
const maxOpen = 8

// namesLeft: of what was done to names any part may have become durable, in any order that keeps each name's own.
func (d *FS) namesLeft() []map[string]*file {
	var all []map[string]*file
	settled := maps.Clone(d.durable)
	before := max(len(d.pending)-maxOpen, 0)
	for _, change := range d.pending[:before] {
		change(settled)
	}
	open := d.pending[before:]
	for subset := range 1 << len(open) {
		m := maps.Clone(settled)
		for i, change := range open {
			if subset>>i&1 == 1 {
				change(m)
			}
		}
		all = append(all, m)
	}
	return all
}

// What may be left of a file. A write is torn at several places, or the beginning of it is missing.
const (
	nothing = iota // of what was not synced
	oneByte        // of the last write, and all before it
	header         // within the header of a record
	half
	allButOne
	secondHalf
	allButTheFirst
	lastAlone // the last write without those before it
	withoutFirst
	withoutLast
	everything
	variants
)

// left returns one of the things that may be left of a file.
func (f *file) left(variant int) []byte {
	last := len(f.pending) - 1
	if variant == nothing || last < 0 {
		return f.durable
	}
	edits := slices.Clone(f.pending)
	e := &edits[last]
	cut := func(n int) { e.bytes = e.bytes[:n] }
	hole := func(n int) { e.at, e.bytes = e.at+n, e.bytes[n:] }
	if n := len(e.bytes); n > 1 {
		switch variant {
		case oneByte:
			cut(1)
		case header:
			cut(min(20, n-1))
		case half:
			cut(n / 2)
		case allButOne:
			cut(n - 1)
		case secondHalf:
			hole(n / 2)
		case allButTheFirst:
			hole(1)
		}
	}
	switch variant {
	case lastAlone:
		edits = edits[last:]
	case withoutFirst:
		edits = edits[1:]
	case withoutLast:
		edits = edits[:last]
	}
	text := slices.Clip(f.durable)
	for _, e := range edits {
		text = e.apply(text)
	}
	return text
}
