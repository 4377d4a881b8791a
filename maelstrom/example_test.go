package maelstrom_test

import (
	"bufio"
	"fmt"
	"io"

	"maelraft/maelstrom"
)

// A client talks to a cluster of one node over pipes, as Maelstrom does.
func Example() {
	stdin, toNode := io.Pipe()
	fromNode, stdout := io.Pipe()
	ended := make(chan error)
	go func() { ended <- maelstrom.Serve(stdin, stdout, io.Discard, maelstrom.Options{}) }()

	replies := bufio.NewScanner(fromNode)
	for _, body := range []string{
		`{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":1}`,
		`{"type":"write","key":"x","value":[1,{"two":2.0}],"msg_id":2}`,
		`{"type":"cas","key":"x","from":[1,{"two":2.0}],"to":0,"msg_id":3}`,
		`{"type":"read","key":"x","msg_id":4}`,
		`{"type":"read","key":"y","msg_id":5}`,
	} {
		fmt.Fprintf(toNode, `{"src":"c1","dest":"n1","body":%s}`+"\n", body)
		replies.Scan()
		fmt.Println(replies.Text())
	}
	toNode.Close()
	fmt.Println(<-ended)
	// Output:
	// {"src":"n1","dest":"c1","body":{"in_reply_to":1,"type":"init_ok"}}
	// {"src":"n1","dest":"c1","body":{"type":"write_ok","in_reply_to":2}}
	// {"src":"n1","dest":"c1","body":{"type":"cas_ok","in_reply_to":3}}
	// {"src":"n1","dest":"c1","body":{"type":"read_ok","value":0,"in_reply_to":4}}
	// {"src":"n1","dest":"c1","body":{"type":"error","code":20,"text":"there is no such key","in_reply_to":5}}
	// <nil>
}
