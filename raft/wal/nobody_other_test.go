//go:build !linux

package wal_test

import (
	"os"
	"testing"
)

// asNobody does something unless the test runs as a user whom permissions do not bind.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Getuid() <= 0 {
		t.Skip("permissions do not bind this user")
	}
	do()
}
