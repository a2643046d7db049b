// Package pgtest starts a private PostgreSQL for tests: once per test process, in a temporary folder, on a unix socket
// only, and gone with the process, however it ends. Tests of all packages may use it, in parallel.
package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnvDurable is the name of the variable that, when set, makes the cluster wait for the disk as a real one does: for
// benchmarks.
const EnvDurable = "TIDEMILL_PGTEST_DURABLE"

// cluster is the one of this process. Starting a second would cost every test a second.
var cluster = sync.OnceValues(start)

// URL makes an empty database for the test and returns its URL. The test is skipped, with the reason, where no PostgreSQL
// server is installed, and fails where one is but does not start.
func URL(t testing.TB) string {
	t.Helper()
	dir, err := cluster()
	if errors.Is(err, errNone) {
		t.Skipf("SKIPPED, NO POSTGRESQL: %v", err)
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	name := database(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := admin(ctx, dir, `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`); err != nil {
			t.Logf("pgtest: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := admin(ctx, dir, `CREATE DATABASE "`+name+`"`); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return address(dir, name)
}

var errNone = errors.New("no initdb and pg_ctl on the PATH, in /usr/lib/postgresql/*/bin or in /usr/local/bin")

// next numbers databases within the process, which has the cluster for itself.
var next = func() func() int {
	var mu sync.Mutex
	n := 0
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		n++
		return n
	}
}()

func database(testing.TB) string { return "t" + strconv.Itoa(next()) }

func address(dir, name string) string {
	return "postgres:///" + name + "?" + url.Values{"host": {dir}, "user": {"postgres"}, "sslmode": {"disable"}}.Encode()
}

func admin(ctx context.Context, dir, statement string) error {
	conn, err := pgx.Connect(ctx, address(dir, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// binaries finds the folder of the server's programs: the newest version, when there are several.
func binaries() (string, error) {
	var dirs []string
	for _, program := range []string{"initdb", "postgres"} {
		if p, err := exec.LookPath(program); err == nil {
			if real, err := filepath.EvalSymlinks(p); err == nil {
				dirs = append(dirs, filepath.Dir(real))
			}
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is valid
	slices.SortFunc(versions, func(a, b string) int { return number(b) - number(a) })
	dirs = append(append(dirs, versions...), "/usr/local/bin")
	for _, dir := range dirs {
		complete := true
		for _, program := range []string{"initdb", "pg_ctl", "postgres"} {
			if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
				complete = false
			}
		}
		if complete {
			return dir, nil
		}
	}
	return "", errNone
}

func number(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// watchdog starts the cluster, says so, and waits until its standard input ends, which the kernel sees to when the test
// process is gone. Then it stops the server and removes the folder.
const watchdog = `
cd "$DIR" || exit 1
if "$BIN/initdb" -D "$DIR/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$DIR/initdb.log" 2>&1 &&
   "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/server.log" -o "$OPTIONS" -w -t 60 start >"$DIR/start.log" 2>&1 </dev/null
then echo ready
else echo failed; cat "$DIR"/*.log; echo end
fi
exec >/dev/null
read -r _
"$BIN/pg_ctl" -D "$DIR/data" -m immediate stop >/dev/null 2>&1
cd / && rm -rf "$DIR"
`

// start makes a cluster and returns the folder of its socket.
func start() (dir string, err error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	// Not the folder of a test, whose name can be too long for a socket.
	if dir, err = os.MkdirTemp("/tmp", "pgtest"); err != nil {
		return "", err
	}
	attr := &syscall.SysProcAttr{Setpgid: true} // so that an interrupt for the tests does not stop the cleaning up
	if os.Geteuid() == 0 {
		// PostgreSQL refuses to run as root.
		if attr.Credential, err = unprivileged(dir); err != nil {
			return "", err
		}
	}
	options := "-c listen_addresses='' -c unix_socket_directories='" + dir + "' -c max_connections=300 -c shared_buffers=64MB" +
		" -c autovacuum_naptime=5s -c log_min_messages=warning"
	if os.Getenv(EnvDurable) == "" {
		options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	}
	cmd := exec.Command("/bin/sh", "-c", watchdog)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DIR=" + dir, "BIN=" + bin, "OPTIONS=" + options, "LC_ALL=C", "TZ=UTC"}
	cmd.Dir = dir
	cmd.SysProcAttr = attr
	// The pipe stays open, unused, for as long as this process lives.
	if _, err := cmd.StdinPipe(); err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		switch line := lines.Text(); line {
		case "ready":
			keep = cmd
			return dir, nil
		case "end":
			return "", fmt.Errorf("PostgreSQL of %s does not start:\n%s", bin, strings.Join(said, "\n"))
		default:
			said = append(said, line)
		}
	}
	return "", fmt.Errorf("the watchdog of PostgreSQL ended: %w\n%s", cmd.Wait(), strings.Join(said, "\n"))
}

// keep holds the command, so that the collector does not close its pipe.
//
//lint:ignore U1000 it is only to be reachable
var keep *exec.Cmd

// unprivileged finds a user for the server and gives it the folder.
func unprivileged(dir string) (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("this is root and there is neither a user postgres nor a user nobody to run PostgreSQL as")
}
