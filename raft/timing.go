package raft

import "time"

// unmeasuredRTT stands for the round trip until the first one has been measured.
const unmeasuredRTT = 20 * time.Millisecond

// maxSample is the longest round trip that is believed; what takes longer was waiting for a process that had been stopped.
const maxSample = 10 * time.Second

// pace derives every time-out of a node from one estimate of the round trip. The leader measures and tells its followers in
// every AppendRequest, so that a leader's heartbeats and its followers' time-outs never disagree.
type pace struct {
	rtt       RoundTrip
	measured  bool
	renewedAt time.Duration // when the estimate was last renewed
	min, max  time.Duration // of the election time-out
	heartbeat time.Duration // zero: derived
}

func newPace(least, most, heartbeat time.Duration) pace {
	return pace{rtt: RoundTrip{Mean: unmeasuredRTT}, min: least, max: most, heartbeat: heartbeat}
}

// sample takes in one measured round trip, much as RFC 6298 does. A sample from the future or from before the sender's start
// is nonsense from a peer and is passed over.
func (p *pace) sample(sentAt, now time.Duration) {
	rtt := now - sentAt
	if sentAt < 0 || rtt < 0 || rtt > maxSample {
		return
	}
	p.renewedAt = now
	if !p.measured {
		p.measured = true
		p.rtt = RoundTrip{Mean: rtt, Deviation: rtt / 4}
		return
	}
	// The deviation falls more slowly than it rises: a few round trips of like length do not make a jittery network a steady one,
	// and too short a time-out costs an election.
	if d := (p.rtt.Mean - rtt).Abs() - p.rtt.Deviation; d > 0 {
		p.rtt.Deviation += d / 4
	} else {
		p.rtt.Deviation += d / 16
	}
	p.rtt.Mean += (rtt - p.rtt.Mean) / 8
}

// adopt takes over the leader's estimate.
func (p *pace) adopt(rtt RoundTrip, now time.Duration) {
	p.rtt, p.measured, p.renewedAt = rtt, true, now
}

// replyTime is how long to wait for a reply before holding it for lost: nearly all come earlier (RFC 6298).
func (p *pace) replyTime() time.Duration { return p.rtt.Mean + 4*p.rtt.Deviation }

// electionMin is the least silence after which a follower suspects its leader. A vote needs a round trip, and a leader's
// messages arrive as irregularly as the round trips vary; so it is no less than what nearly all round trips take.
func (p *pace) electionMin() time.Duration { return min(max(p.replyTime(), p.min), p.max) }

// electionMax is the top of the range from which a follower draws its time-out.
func (p *pace) electionMax() time.Duration { return 2 * p.electionMin() }

// heartbeatEvery is the longest silence that a leader allows itself towards a follower.
func (p *pace) heartbeatEvery() time.Duration {
	if p.heartbeat > 0 {
		return p.heartbeat
	}
	return p.electionMin() / heartbeatsPerTimeout
}

// contactLost is the silence after which a node supposes that two heartbeats were lost, and keeps requests to itself rather than
// send them where they may hang.
func (p *pace) contactLost() time.Duration { return 2*p.heartbeatEvery() + p.replyTime()/2 }

// resendAfter is how long to wait for the outcome of a message that asked for a quorum, before asking again.
func (p *pace) resendAfter() time.Duration { return max(3*p.replyTime(), p.electionMin()) }
