package maelstrom

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	official "github.com/jepsen-io/maelstrom/demo/go"
)

// The official Go client carries the protocol: its Node sends every line that leaves us, its Message is the envelope of those that
// come in, and its error codes are ours. This file is the one place that deals with what a long-lived, ordered and
// fast node has to know about it (line numbers of its node.go at cb7f072):
//
//   - Run (77) reads lines of up to 64 KiB and returns, which ends the process and with it the whole test, at any longer
//     line, at any line that is not a message, and at any unknown type. It handles every message in a goroutine of its own
//     (112, 127), so that none of them, not even init, is sure to be handled before those that came later. We do not call
//     Run: lines.go and server.go read, in order.
//   - Init (47) writes fields that Send (211) reads without a lock. We call it once, in the reader, before anything can send.
//   - RPC (236) forgets a callback only when a reply comes, and SyncRPC leaves a goroutine behind for every reply that comes too late. Raft
//     needs neither: its messages are one-way, and terms, indices and rounds say what answers what.
//   - Every message is logged twice (92, 225), the second time with the lock held: newNode turns the standard logger off, which then
//     returns before it formats anything. Our own log is log/slog on stderr.
//   - Send (211) holds its lock over two writes to stdout. Ours go to memory (output.go), so that nobody waits.
//   - Reply (185) reads the request's body as encoding/json does, where "MSG_ID" is as good as "msg_id", sends numbers through
//     float64, and drops what is zero and marked omitempty. We use it for init_ok alone, with a body of our own making; all other
//     replies are structs with every field that the schema wants, handed to Send.
//   - Send writes <, > and & within strings as \u003c, \u003e and \u0026. It is the same JSON.

// newNode returns the library's node, which sends through out. It turns off the standard logger of this process.
func newNode(out io.Writer) *official.Node {
	log.SetOutput(io.Discard)
	n := official.NewNode()
	n.Stdin, n.Stdout = nil, out
	return n
}

// replyInitOK answers an init.
func replyInitOK(n *official.Node, to asker) error {
	request := official.Message{
		Src:  to.name,
		Body: json.RawMessage(fmt.Sprintf(`{"type":"init","msg_id":%d}`, to.msgID)),
	}
	return n.Reply(request, official.MessageBody{Type: "init_ok"})
}

// Run makes this process a Maelstrom node, until the end of stdin, or until SIGTERM or SIGINT, when it first takes leave. It takes stdout for itself: whatever else in the process prints
// there goes to stderr. A stdout that nobody reads any more does not end the process, and a stdin that breaks ends it as the end of stdin
// does, with nothing but a word on stderr: Maelstrom drops a test without analysis for either. The error is that of bad options, or of a data
// directory that is not to be used.
// kong calls it.
func (o Options) Run() error {
	if err := o.Validate(); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE)
	stdout := os.Stdout
	os.Stdout = os.Stderr
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := ServeUntil(ctx, os.Stdin, stdout, os.Stderr, o)
	if isDiskError(err) {
		return err
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return nil
}
