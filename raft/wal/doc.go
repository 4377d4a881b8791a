// Package wal keeps what a Raft node must not forget in a directory: term, vote, log and snapshot, so that the process can be killed at any
// instant, and the power cut, and nothing that was synced is lost. It implements raft.Storage for any command that has a Codec.
//
// # How it works
//
// A directory holds one file, a generation: first the snapshot and what else was known when the file was made, then one record for every
// batch, appended and never changed. Compaction writes the next generation under another name, syncs it, renames it, syncs the directory, and
// only then removes the old one; so a generation under its own name is whole from its first byte to the end of its beginning, and the newest
// one is all that counts. FORMAT.md has every byte.
//
// A snapshot that is announced (Stage) is written beside all this, by another goroutine: the change to the next generation then takes as long as what the log has
// behind it, and not as long as the state is large.
//
// The same is done without a new snapshot when most of a file does not count any more: terms and votes come for as long as nobody is elected.
//
// Every record says how much of the file was durable when it was written. That is what tells a torn write from damage: bytes that a later
// record calls durable cannot have been torn. A torn end is cut off, and the log says so. Damage is refused, and nothing is deleted.
//
// Term and vote stand in every record, and twice in a batch that changes them: what is behind a torn place still counts for them.
//
// # What it does not promise
//
// Damage to the last batch looks like a torn write, and a file that was cut exactly between two records looks like one that was never longer.
// Nothing can be told about either from the file alone.
//
// # Order of reading
//
//	record.go     the frame around everything that is written, and how to look for one behind a bad place
//	encode.go     what stands in the frames
//	read.go       a file becomes contents: replay, torn ends, damage
//	storage.go    Open, Load, Write, Sync: the raft.Storage
//	generation.go the next generation
//	stage.go      its beginning, written while the present one is still at work
//	rewrite.go    when a file has more in it than counts
//	errors.go     what goes wrong, in words for the person who has to deal with it
//	fs.go         the file system, as little of it as is needed; dir.go is the real one, lock_*.go what differs between systems
//	inspect.go    a look at a directory, without changing it
//
// Package wal/simfs is the file system of the tests; raft/sim has whole clusters on it.
//
// It imports package raft and the standard library.
package wal
