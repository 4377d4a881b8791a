package workbench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Names inside the store.
const (
	resultsFile = "results.json"
	historyFile = "history.jsonl"
	// messagesFile has every message; reportFile shows it all on a page.
	messagesFile = "messages.jsonl"
	reportFile   = "report.html"
	logsDir      = "node-logs"
	dataDir      = "node-data"
	latestLink   = "latest"
)

// newStore makes the directory of one test, store/<workload>/<time>, and
// points store/latest to it.
func newStore(root, workload string, at time.Time) (string, error) {
	parent := filepath.Join(root, workload)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	stamp := at.Format("20060102T150405.000")
	name := stamp
	for i := 2; ; i++ {
		err := os.Mkdir(filepath.Join(parent, name), 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		name = fmt.Sprintf("%s-%d", stamp, i) // two tests in one millisecond
	}
	link(root, filepath.Join(workload, name))
	return filepath.Join(parent, name), nil
}

// link replaces root/latest in one step. A file system without links is no
// reason to fail a test.
func link(root, target string) {
	temp := filepath.Join(root, fmt.Sprintf(".latest-%d", os.Getpid()))
	_ = os.Remove(temp)
	if os.Symlink(target, temp) == nil {
		_ = os.Rename(temp, filepath.Join(root, latestLink))
	}
}

// writeHistory writes one event per line.
func writeHistory(dir string, events []event) error {
	f, err := os.Create(filepath.Join(dir, historyFile))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// writeResults writes everything that is known about the test.
func writeResults(dir string, r Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, resultsFile), append(text, '\n'), 0o644)
}
