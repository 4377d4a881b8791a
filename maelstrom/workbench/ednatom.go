package workbench

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What EDN's forms are made of: strings, characters, numbers and names.

// str reads the rest of a string. Its escapes are JSON's, but unlike JSON it may
// hold line breaks and other control characters as they are.
func (d *ednReader) str() (any, error) {
	text, plain := []byte{'"'}, true
	for {
		c, err := d.byte()
		if err != nil {
			return nil, d.truncated(err)
		}
		switch {
		case c == '"':
			return d.unquote(append(text, c), plain)
		case c < ' ':
			text, plain = fmt.Appendf(text, `\u%04x`, c), false
		case c == '\\':
			after, err := d.byte()
			if err != nil {
				return nil, d.truncated(err)
			}
			text, plain = append(text, c, after), false
		default:
			text = append(text, c)
		}
	}
}

func (d *ednReader) unquote(text []byte, plain bool) (any, error) {
	if !utf8.Valid(text) {
		return nil, d.fail("a string is not valid UTF-8")
	}
	if plain {
		return string(text[1 : len(text)-1]), nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, d.fail("a string has an escape that does not exist")
	}
	return s, nil
}

// ednChars are the characters that have names.
var ednChars = map[string]rune{
	"newline": '\n', "return": '\r', "space": ' ', "tab": '\t', "formfeed": '\f', "backspace": '\b',
}

// char reads the rest of a character. Its first byte may be anything.
func (d *ednReader) char() (any, error) {
	c, err := d.byte()
	if err != nil {
		return nil, d.truncated(err)
	}
	name, err := d.token(c)
	if err != nil {
		return nil, err
	}
	if named, ok := ednChars[name]; ok {
		return ednChar(named), nil
	}
	r, size := utf8.DecodeRuneInString(name)
	if hex, ok := strings.CutPrefix(name, "u"); ok && len(hex) == 4 {
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil {
			return ednChar(n), nil
		}
	}
	if size != len(name) {
		return nil, d.fail("there is no character \\%.40s", name)
	}
	return ednChar(r), nil
}

// token reads the rest of what starts with c and goes on to a delimiter.
func (d *ednReader) token(c byte) (string, error) {
	text := []byte{c}
	for {
		c, err := d.byte()
		switch {
		case err == io.EOF:
		case err != nil:
			return "", d.truncated(err)
		case isEDNDelimiter(c):
			d.unread(c)
		default:
			text = append(text, c)
			continue
		}
		if !utf8.Valid(text) {
			return "", d.fail("%q is not valid UTF-8", text[:min(len(text), 40)])
		}
		return string(text), nil
	}
}

func isEDNBlank(c byte) bool {
	return c == ' ' || c == ',' || '\t' <= c && c <= '\r'
}

func isEDNDelimiter(c byte) bool {
	return isEDNBlank(c) || strings.IndexByte("()[]{}\";\\", c) >= 0
}

// atom says what a token is.
func (d *ednReader) atom(text string) (any, error) {
	switch text {
	case "nil":
		return nil, nil
	case "true", "false":
		return text == "true", nil
	}
	name, isKeyword := strings.CutPrefix(text, ":")
	switch number, isNumber := ednNumberOf(text); {
	case isNumber:
		return number, nil
	case !isEDNName(name):
		return nil, d.fail("%.40q is not EDN", text)
	case isKeyword:
		return ednKeyword(name), nil
	default:
		return ednSymbol(name), nil
	}
}

// ednNumberOf reads a number. EDN's are JSON's, with a plus if one likes, and
// with N or M behind an integer or a decimal that is to be exact.
func ednNumberOf(text string) (ednNumber, bool) {
	unsigned := strings.TrimPrefix(text, "-")
	if plain, ok := strings.CutPrefix(text, "+"); ok {
		text, unsigned = plain, plain
	}
	if unsigned == "" || !isDigit(unsigned[0]) {
		return "", false
	}
	if whole, ok := strings.CutSuffix(text, "N"); ok {
		text = whole
		if !isInteger(json.RawMessage(text)) {
			return "", false
		}
	}
	text = strings.TrimSuffix(text, "M")
	return ednNumber(text), json.Valid([]byte(text))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isEDNName says whether text can be a symbol, or follow the colon of a
// keyword.
func isEDNName(text string) bool {
	start := strings.TrimLeft(text, "+-.")
	if text == "" || start != "" && isDigit(start[0]) || text[0] == ':' || text[0] == '#' || isEDNDelimiter(text[0]) {
		return false
	}
	for _, r := range text {
		if strings.ContainsRune("'`~@^", r) || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
