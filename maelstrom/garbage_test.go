package maelstrom

import (
	"strings"
)

// garbage is a line, in which @ stands for a client's name, and what is to come of it: the reply to msg_id 5 in short, or nothing.
type garbage struct{ name, line, want string }

// request is a line with a body, to n1.
func request(body string) string { return `{"id":3,"src":"@","dest":"n1","body":` + body + `}` }

func badLines() []garbage {
	deep := strings.Repeat("[", 10_000)
	return []garbage{
		{"blank", "", ""},
		{"white space", " \t ", ""},
		{"not JSON", "hello, world", ""},
		{"NUL bytes", "\x00\x00", ""},
		{"truncated", `{"src":"@","dest":"n1","body":{"type":"read","msg_id":5,"ke`, "12"},
		{"truncated in the envelope", `{"src":"@","dest":"n1"`, ""},
		{"array", `["src","@"]`, ""},
		{"string", `"src"`, ""},
		{"number", `5`, ""},
		{"true", `true`, ""},
		{"null", "null", ""},
		{"empty object", "{}", ""},
		{"two objects", request(`{"type":"read","key":1,"msg_id":5}`) + `{}`, "12"},
		{"trailing comma", `{"src":"@","dest":"n1","body":{"type":"read","key":1,"msg_id":5,}}`, "12"},
		{"body missing", `{"src":"@","dest":"n1"}`, ""},
		{"body null", request(`null`), ""},
		{"body an array", request(`[{"type":"read","msg_id":5}]`), ""},
		{"body a string", request(`"{\"type\":\"read\",\"msg_id\":5}"`), ""},
		{"src missing", `{"dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"src empty", `{"src":"","dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"src a number", `{"src":5,"dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"src null", `{"src":null,"dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"SRC", `{"SRC":"@","dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"dest missing", `{"src":"@","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"dest a list", `{"src":"@","dest":["n1"],"body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"Dest", `{"src":"@","Dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"BODY", `{"src":"@","dest":"n1","BODY":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"for another node", `{"src":"@","dest":"n9","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"from ourselves", `{"src":"n1","dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, ""},
		{"twice src", `{"src":"c0","src":"@","dest":"n1","body":{"type":"read","key":1,"msg_id":5}}`, "20"},
		{"twice body", `{"src":"@","dest":"n1","body":7,"body":{"type":"read","key":1,"msg_id":5}}`, "20"},
		{"escaped names", `{"\u0073rc":"@","dest":"n\u0031","body":{"type":"r\u0065ad","key":1,"msg_id":5}}`, "20"},
		{"unknown field", `{"src":"@","more":[1],"dest":"n1","body":{"type":"read","key":1,"msg_id":5,"x":{}}}`, "20"},
		{"CRLF", request(`{"type":"read","key":1,"msg_id":5}`) + "\r", "20"},
		{"white space within", "\t{ \"src\" : \"@\" , \"dest\":\"n1\"\r,\"body\": { \"type\":\"read\",\"key\" : 1 ,\"msg_id\" :5 } } ", "20"},
		{"byte order mark", "\xef\xbb\xbf" + request(`{"type":"read","key":1,"msg_id":5}`), "12"},
		{"invalid UTF-8 in a value", request(`{"type":"write","key":1,"value":"` + "\xff" + `","msg_id":5}`), "12"},
		{"invalid UTF-8 in a name", request(`{"type":"read","key":1,"` + "\xc0\x80" + `":1,"msg_id":5}`), "12"},
		{"UTF-16", "{\x00\"\x00s\x00r\x00c\x00", ""},
		{"10,000 deep", deep, ""},
		{"10,000 deep and closed", request(`{"type":"write","key":1,"msg_id":5,"value":` + deep + strings.Repeat("]", 10_000) + `}`), "12"},
		{"10,000 deep objects", request(`{"type":"write","key":1,"value":` + strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_000) + `,"msg_id":5}`), "12"},
		{"300 fields", request(`{` + strings.Repeat(`"x":1,`, 300) + `"type":"read","key":1,"msg_id":5}`), "12"},
		{"20 MiB", request(`{"type":"write","key":1,"value":"` + strings.Repeat("x", 20<<20) + `","msg_id":5}`), "12"},
		{"20 MiB of nothing", strings.Repeat(" ", 20<<20), ""},
		{"20 MiB of brackets", strings.Repeat("[", 20<<20), ""},
		{"MiB of a name", `{"src":"` + strings.Repeat("c", 1<<20) + `","dest":"n1","body":{"type":"read","key":1}}`, ""},
		{"reply to nothing", request(`{"type":"read_ok","in_reply_to":1}`), ""},
		{"reply to nothing with msg_id", request(`{"type":"read","key":1,"msg_id":5,"in_reply_to":0}`), ""},
		{"error to nothing", request(`{"type":"error","code":13,"text":1,"in_reply_to":77}`), ""},
		{"second init", request(`{"type":"init","node_id":"n1","node_ids":["n1"],"msg_id":5}`), "init_ok"},
		{"third init, as somebody else", request(`{"type":"init","node_id":"n2","node_ids":["n1","n2"],"msg_id":5}`), "12"},
		{"init with other nodes", request(`{"type":"init","node_id":"n1","node_ids":["n1","n2"],"msg_id":5}`), "12"},
		{"init without anything", request(`{"type":"init","msg_id":5}`), "12"},
		{"a stranger's Raft message", request(`{"type":"request_vote","term":9,"last_index":9,"last_term":9,"at_us":0}`), ""},
		{"a stranger's Raft request", request(`{"type":"append_entries","term":9,"msg_id":5}`), "10"},
	}
}

func badMessageIDs() []garbage {
	var all []garbage
	for _, id := range []string{`"5"`, `null`, `5.0`, `5e0`, `5.5`, `[5]`, `{}`, `true`, `9223372036854775808`, `-9223372036854775809`, `1e400`} {
		all = append(all, garbage{"msg_id " + id, request(`{"type":"read","key":1,"msg_id":` + id + `}`), ""})
		all = append(all, garbage{"nonsense with msg_id " + id, request(`{"type":"nonsense","msg_id":` + id + `}`), ""})
	}
	return append(all,
		garbage{"no msg_id", request(`{"type":"read","key":1}`), ""},
		garbage{"MSG_ID", request(`{"type":"read","key":1,"MSG_ID":5}`), ""},
		garbage{"msg_id twice", request(`{"type":"read","key":1,"msg_id":4,"msg_id":5}`), "20"},
		garbage{"msg_id and MSG_ID", request(`{"type":"read","key":1,"msg_id":5,"MSG_ID":4}`), "20"},
		garbage{"empty body", request(`{}`), ""},
	)
}

func badRequests() []garbage {
	all := []garbage{
		{"no type", request(`{"key":1,"msg_id":5}`), "12"},
		{"type null", request(`{"type":null,"key":1,"msg_id":5}`), "12"},
		{"type a number", request(`{"type":5,"key":1,"msg_id":5}`), "12"},
		{"type empty", request(`{"type":"","key":1,"msg_id":5}`), "12"},
		{"TYPE", request(`{"TYPE":"read","key":1,"msg_id":5}`), "12"},
		{"unknown type", request(`{"type":"topology","msg_id":5}`), "10"},
		{"Read", request(`{"type":"Read","key":1,"msg_id":5}`), "10"},
		{"read_ok", request(`{"type":"read_ok","value":1,"msg_id":5}`), "10"},
		{"read without key", request(`{"type":"read","msg_id":5}`), "12"},
		{"read with KEY", request(`{"type":"read","KEY":1,"msg_id":5}`), "12"},
		{"write without key", request(`{"type":"write","value":1,"msg_id":5}`), "12"},
		{"write without value", request(`{"type":"write","key":1,"msg_id":5}`), "12"},
		{"write with Value", request(`{"type":"write","key":1,"Value":1,"msg_id":5}`), "12"},
		{"cas without key", request(`{"type":"cas","from":1,"to":2,"msg_id":5}`), "12"},
		{"cas without from", request(`{"type":"cas","key":1,"to":2,"msg_id":5}`), "12"},
		{"cas without to", request(`{"type":"cas","key":1,"from":2,"msg_id":5}`), "12"},
		{"cas with a flag that is none", request(`{"type":"cas","key":1,"from":1,"to":2,"create_if_not_exists":1,"msg_id":5}`), "12"},
		{"cas that creates", request(`{"type":"cas","key":"new","from":1,"to":2,"create_if_not_exists":true,"msg_id":5}`), "cas_ok"},
		{"null key", request(`{"type":"read","key":null,"msg_id":5}`), "20"},
		{"number of 501 digits", request(`{"type":"write","key":1,"value":` + strings.Repeat("1", 501) + `,"msg_id":5}`), "12"},
		{"value 501 deep", request(`{"type":"write","key":1,"value":` + strings.Repeat("[", 501) + strings.Repeat("]", 501) + `,"msg_id":5}`), "12"},
	}
	for _, text := range rejected {
		all = append(all, garbage{"value " + text, request(`{"type":"write","msg_id":5,"key":1,"value":` + text + `}`), "12"})
		all = append(all, garbage{"line " + text, text, ""})
	}
	return all
}

// rejected and accepted follow the categories of the public JSON parsing test suite, with examples of our own.
var rejected = []string{
	// structures
	`[1,]`, `[,1]`, `[1,,2]`, `[1`, `1]`, `[1}`, `{"a":1]`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":1,}`, `{,"a":1}`, `{a:1}`, `{'a':1}`, `{1:1}`,
	`{"a":1 "b":2}`, `[1 2]`, `{"a"::1}`, `[1:2]`, `[] []`, `(1)`, `<1>`, `/**/1`, `1//`, `#`, `@`, `{"a":/*x*/1}`,
	// literals
	`True`, `TRUE`, `nul`, `nulll`, `tru`, `false1`, `undefined`, `NaN`, `-NaN`, `Infinity`, `-Infinity`, `inf`,
	// numbers
	`+1`, `01`, `-01`, `-`, `--1`, `1.`, `.5`, `-.5`, `1.e3`, `1e`, `1e+`, `1E-`, `1ee2`, `0x1f`, `1_000`, `1,5`, `١`, `1a`, `0e`, `1.2.3`,
	// strings
	`"`, `"a`, `'a'`, `"\x41"`, `"\u12"`, `"\u12g4"`, `"\`, `"\a"`, `"\'"`, "\"a\tb\"", "\"\x01\"", `"a" "b"`, `a`, "`a`", `"\U0041"`, `“a”`,
}

var accepted = []string{
	`0`, `-0`, `1`, `-1`, `1.0`, `1.50`, `-0.0`, `1e5`, `1E+5`, `1e-5`, `0e0`, `123456789012345678901234567890`, `1152921504606846977`,
	`9007199254740993`, `0.1000000000000000055511151231257827`, `1e400`, `-1e-400`, `1e999999999`,
	`true`, `false`, `null`, `""`, `" "`, `"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\u00e9"`, `"é"`, `"日本"`, `"\ud83d\ude00"`, `"😀"`,
	`"\u2028\u2029"`, "\"\u2028\u2029\"", `"<b>&amp;</b>"`, `"\ufeff"`, `"\ud800"`, `"\udc00x"`, "\"\x7f\"", `"\u007F"`, `"@"`, `"\\u0041"`,
	`[]`, `[[]]`, `[ 1 , [ 2 ] ]`, `[null,true,"x",{}]`, `{}`, `{"":0}`, `{"a":{"b":[1]}}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`, `{"a\u0000b":1}`,
	`{"msg_id":9,"src":"x","in_reply_to":1}`, `"},\"msg_id\":6}"`, strings.Repeat("[", 500) + strings.Repeat("]", 500), strings.Repeat("7", 500),
}
