package maelstrom

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// drop names a reason for which something was thrown away.
type drop string

// All reasons. They are the keys of "dropped" in status_ok.
const (
	dropBlank        drop = "blank_line"
	dropUnreadable   drop = "unreadable_line"
	dropBeforeInit   drop = "before_init"
	dropBadInit      drop = "bad_init"
	dropElsewhere    drop = "for_another_node"
	dropNoSource     drop = "no_source"
	dropReply        drop = "reply_to_nothing"
	dropTaken        drop = "passed_on_twice"
	dropStranger     drop = "raft_message_from_stranger"
	dropBadPeer      drop = "bad_raft_message"
	dropUnanswerable drop = "no_usable_msg_id"
	dropSilence      drop = "silence_after_start"
	dropFull         drop = "output_full"
	dropBadOutput    drop = "bad_output"
)

// drops counts what was thrown away. Safe for concurrent use.
type drops struct {
	log *slog.Logger

	mu     sync.Mutex
	counts map[drop]uint64
}

func newDrops(log *slog.Logger) *drops {
	return &drops{log: log, counts: map[drop]uint64{}}
}

// add counts and logs. What belongs to a network's ordinary life should be logged at debug level.
func (d *drops) add(level slog.Level, why drop, args ...any) {
	d.mu.Lock()
	d.counts[why]++
	d.mu.Unlock()
	d.log.Log(context.Background(), level, "dropped: "+string(why), args...)
}

// snapshot returns a copy of the counts.
func (d *drops) snapshot() map[drop]uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// limiter is a slog.Handler that lets a text pass once in logEvery, from warnings up: a peer gone mad must not fill the disk, or
// block us on a stderr that nobody reads fast enough. Texts are constants, so there are not many to be remembered. The
// next line with the same text says how many were left out.
type limiter struct {
	slog.Handler
	*limiterState
}

type limiterState struct {
	mu   sync.Mutex
	last map[string]logged
}

type logged struct {
	at      time.Time
	skipped int
}

func newLimiter(h slog.Handler) slog.Handler {
	return limiter{h, &limiterState{last: map[string]logged{}}}
}

// Handle implements slog.Handler.
func (l limiter) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		skipped, pass := l.pass(r)
		if !pass {
			return nil
		}
		if skipped > 0 {
			r.AddAttrs(slog.Int("left_out", skipped))
		}
	}
	return l.Handler.Handle(ctx, r)
}

func (l limiter) pass(r slog.Record) (skipped int, pass bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, known := l.last[r.Message]
	if known && r.Time.Sub(before.at) < logEvery {
		before.skipped++
		l.last[r.Message] = before
		return 0, false
	}
	l.last[r.Message] = logged{at: r.Time}
	return before.skipped, true
}

// WithAttrs implements slog.Handler.
func (l limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limiter{l.Handler.WithAttrs(attrs), l.limiterState}
}

// WithGroup implements slog.Handler.
func (l limiter) WithGroup(name string) slog.Handler {
	return limiter{l.Handler.WithGroup(name), l.limiterState}
}
