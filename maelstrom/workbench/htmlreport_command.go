package workbench

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"
)

// commandLine is the command that runs a test again, with every option that is
// not at its default and the seed that was used. It goes by Options' fields,
// whose names make the command line's options, so that none can be forgotten.
func commandLine(o Options) string {
	words := []string{"maelraft", "test"}
	value, normal := reflect.ValueOf(o), reflect.ValueOf(DefaultOptions())
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() || field.Tag.Get("name") == "node-args" || reflect.DeepEqual(value.Field(i).Interface(), normal.Field(i).Interface()) {
			continue
		}
		if field.Name == "Bin" && isSelf(o.Bin) {
			continue // the default of the command line
		}
		words = append(words, flagName(field))
		switch field.Type.Kind() {
		case reflect.Bool:
		case reflect.Slice:
			words = append(words, shellQuote(strings.Join(value.Field(i).Interface().([]string), ",")))
		default:
			words = append(words, shellQuote(fmt.Sprint(value.Field(i).Interface())))
		}
	}
	if len(o.NodeArgs) > 0 {
		words = append(words, "--")
	}
	for _, arg := range o.NodeArgs {
		words = append(words, shellQuote(arg))
	}
	return strings.Join(words, " ")
}

// isSelf says whether a program is the one that runs.
func isSelf(bin string) bool {
	self, err := os.Executable()
	return err == nil && filepath.Clean(self) == filepath.Clean(bin)
}

// flagName is the option that a field stands for.
func flagName(field reflect.StructField) string {
	if name := field.Tag.Get("name"); name != "" {
		return "--" + name
	}
	return "--" + kebab(field.Name)
}

// kebab spells a field's name as kong does: NodeCount is node-count.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// shellQuote quotes a word for a POSIX shell if it needs that.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-./:=,+@%", r))
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
