package pgtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tidemill/tidemill/internal/store/pgtest"
)

func count(t *testing.T, address, query string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSeparate: each test has a database of its own, which is empty and goes with the test.
func TestSeparate(t *testing.T) {
	const tables = `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`
	mine := pgtest.URL(t)
	var inner string
	t.Run("inner", func(t *testing.T) {
		inner = pgtest.URL(t)
		count(t, inner, `WITH x AS (SELECT 1) SELECT count(*) FROM x`)
	})
	if inner == mine {
		t.Fatal("two tests share a database")
	}
	if n := count(t, mine, tables); n != 0 {
		t.Errorf("%d tables in a new database", n)
	}
	name := strings.TrimPrefix(mustParse(t, inner).Path, "/")
	if n := count(t, mine, `SELECT count(*) FROM pg_database WHERE datname = '`+name+`'`); n != 0 {
		t.Error("the database outlives its test")
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestKilled: the cluster of a test process that is killed goes away, and its folder with it.
func TestKilled(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") != "" {
		fmt.Println(mustParse(t, pgtest.URL(t)).Query().Get("host"))
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent kills this process
		return
	}
	pgtest.URL(t) // skips when there is no PostgreSQL
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir = strings.TrimSpace(dir)
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
}
