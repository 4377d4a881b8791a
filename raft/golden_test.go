package raft

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestGolden plays the scenarios of testdata and compares what the nodes do with what stands there, word for word. They are meant
// to be read, with the paper in hand. The nodes are real; the network and the clocks are the scenario's, and nothing moves but by its
// commands. After a change that was meant:
//
//	go test ./raft -run TestGolden -rewrite
//
// writes what the nodes do now. Read every difference before you believe it. What must hold at every moment (Figure 3) is checked after each
// command besides, and no file is written in which it does not.
//
// A block is one command or several, one a line, then "----" and what happened. The commands:
//
//	cluster nodes=3 [early] [lease] [append=1]  a new cluster; append=1: one entry in each append; snapshots=4: a snapshot after every four, no
//	                                    entry kept before it, in chunks of 8 bytes. Lines behind it describe nodes that have lived
//	                                    before: n1 term=3 vote=n2 log=1,1,3. joiners=1: one node more, which is no member yet
//	                                    and has the next number; catchup=1s: how long new voters have to catch up
//	timeout n1                          n1 hears nothing until its election timer runs out; the clocks of others stand still
//	tick n1 n2 50ms                     the clocks of the nodes named go on (of all nodes, if none is named)
//	stop n1 50ms                        n1's clock goes on, but n1 is not called (kill -STOP, and -CONT)
//	deliver LINK [k]                    what is under way on a link arrives, or only the kth message. Replies stay under way.
//	                                    A LINK is n1->n2, n1->*, *->n2 or *->*
//	duplicate LINK [k]                  a copy arrives, and the message stays under way
//	drop LINK [k]                       it is lost
//	hold LINK [k] NAME, copy ...        it (or a copy) is put aside, until "deliver NAME"
//	network                             lists what is under way
//	settle n1 n2 ...                    between the nodes named (or all), everything arrives until nothing is left
//	elect n1 n2 ...                     the others named have not heard a leader lately, n1's timer runs out, and votes arrive among them. What
//	                                    was asked of others is lost. Appends stay under way
//	propose n1 x=1, read n1 x           a client's request; it gives up after 30 s
//	transfer n1 n2                      n1 is asked to have n2 lead; "transfer n1" leaves it to the leader who is to
//	change n1 add_learner n4            n1 is asked for another membership
//	slow n1, sync n1                    what n1 writes from now on is not durable, and nothing that depends on it leaves; now it is
//	crash n1, restart n1                what is not durable is lost
//	close n1                            n1 shuts down in an orderly way
//	state [n1 ...]                      what every node knows
//	quietly COMMAND                     as COMMAND, but tells of roles, commits and answers only
//
// An entry of a log is written as its term and its command (2:x=1), or as its term only if it was there before the scenario began; "|" stands
// behind the last one that is committed as far as the node knows. A place in a log is index/term.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var s *stage
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			lines := append([]string{d.FullCmd()}, strings.Split(d.Input, "\n")...)
			if d.Cmd == "cluster" {
				s = newStage(lines)
				lines = []string{"state"}
			}
			s.out = nil
			for _, line := range lines {
				words := strings.Fields(line)
				if len(words) == 0 {
					continue
				}
				if err := s.run(words); err != nil {
					s.tell("%s CANNOT BE DONE: %v", line, err)
					if !d.Rewrite { // the whole story may be wanted, to see where it goes wrong
						t.Errorf("%s: %s: %v", filepath.Base(path), line, err)
					}
				}
				for _, v := range s.violations() {
					t.Errorf("%s: after %q: %s", filepath.Base(path), line, v)
					s.say("VIOLATION: %s", v)
				}
			}
			if len(s.out) == 0 {
				return "nothing\n"
			}
			return strings.Join(s.out, "\n") + "\n"
		})
	})
}

// run carries out one command.
func (s *stage) run(words []string) error {
	command, args := words[0], words[1:]
	switch command {
	case "quietly":
		s.quiet = true
		defer func() { s.quiet = false }()
		return s.run(args)
	case "deliver", "duplicate", "drop", "hold", "copy":
		return s.runMail(command, args)
	case "network":
		for _, m := range s.wire {
			s.say("%s", s.message(m))
		}
		return nil
	case "tick", "stop":
		return s.runTick(command, args)
	}
	actors, rest, err := s.actorsOf(args)
	if err != nil {
		return err
	}
	return s.runNodes(command, actors, rest)
}

// runNodes carries out a command that names nodes first.
func (s *stage) runNodes(command string, actors []*actor, rest []string) error {
	first := actors[0]
	if first.node == nil && !slices.Contains([]string{"state", "settle", "restart"}, command) {
		return fmt.Errorf("%s is down", first.id)
	}
	switch command {
	case "state":
		s.state(actors)
	case "settle":
		s.settle(actors, func(Body) bool { return true })
	case "elect":
		s.elect(first, actors)
	case "timeout":
		s.timeout(first)
	case "propose", "read":
		if len(rest) != 1 {
			return fmt.Errorf("want a node and a command")
		}
		s.ask(first, command, rest[0])
	case "transfer":
		s.transfer(first, actors[1:])
	case "change":
		s.change(first, rest)
	case "slow":
		first.slow = true
		s.say("what %s writes is not durable yet", first.id)
	case "sync":
		s.sync(first)
	case "crash":
		s.crash(first)
	case "restart":
		s.restart(first)
	case "close":
		s.close(first)
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

// actorsOf splits off the nodes that arguments begin with; none means all.
func (s *stage) actorsOf(args []string) ([]*actor, []string, error) {
	var actors []*actor
	for len(args) > 0 && s.actor(args[0]) != nil {
		actors = append(actors, s.actor(args[0]))
		args = args[1:]
	}
	if len(actors) == 0 {
		if len(args) > 0 {
			return nil, nil, fmt.Errorf("no node %q", args[0])
		}
		actors = s.actors
	}
	return actors, args, nil
}

func (s *stage) runTick(command string, args []string) error {
	d, err := time.ParseDuration(args[len(args)-1])
	if err != nil {
		return err
	}
	actors, _, err := s.actorsOf(args[:len(args)-1])
	for _, a := range actors {
		if command == "stop" {
			a.now += d
			s.say("%s has been stopped for %v", a.id, d)
		} else {
			s.tick(a, d)
		}
	}
	return err
}

// runMail carries out a command on messages.
func (s *stage) runMail(command string, args []string) error {
	link, args := args[0], args[1:]
	if m, ok := s.shelf[link]; ok && command == "deliver" {
		delete(s.shelf, link)
		s.deliver(m)
		return nil
	}
	mail, err := s.on(link)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		if k, err := strconv.Atoi(args[0]); err == nil {
			if k > len(mail) {
				return fmt.Errorf("only %d messages are under way", len(mail))
			}
			mail, args = mail[k-1:k], args[1:]
		}
	}
	if len(mail) == 0 {
		return fmt.Errorf("nothing is under way")
	}
	if command != "duplicate" && command != "copy" {
		s.wire = slices.DeleteFunc(s.wire, func(m *Message) bool { return slices.Contains(mail, m) })
	}
	for _, m := range mail {
		switch command {
		case "deliver", "duplicate":
			s.deliver(m)
		case "drop":
			s.say("lost: %s", s.message(m))
		default:
			s.shelf[args[0]] = m
			s.say("put aside: %s", s.message(m))
		}
	}
	return nil
}

// on returns the messages under way on a link.
func (s *stage) on(link string) ([]*Message, error) {
	from, to, ok := strings.Cut(link, "->")
	for _, end := range []string{from, to} {
		if !ok || end != "*" && s.actor(end) == nil {
			return nil, fmt.Errorf("%q is no link and nothing put aside", link)
		}
	}
	var mail []*Message
	for _, m := range s.wire {
		if (from == "*" || from == string(m.From)) && (to == "*" || to == string(m.To)) {
			mail = append(mail, m)
		}
	}
	return mail, nil
}
