// Package e2e tells the behaviour of the real binary in script files: testdata/*.txtar. Each script has a folder, a port
// and, where it asks for one, a PostgreSQL database of its own. Beside the commands of testscript there are:
//
//	tidemill-start DATA [FLAG...]   start a server and wait until it is ready; sets URL
//	tidemill-stop                   stop it gracefully and wait
//	tidemill-kill                   kill -9 it and wait
//	token, job                      put the last line of the last output into TOKEN (and TIDEMILL_TOKEN), JOB
//	wait-log JOB TEXT               wait until a job's log contains TEXT
//	exitcode N COMMAND...           run a command and compare its exit code
package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidemill/tidemill/internal/cli"
	"github.com/tidemill/tidemill/internal/server"
	"github.com/tidemill/tidemill/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tidemill": tidemill})
}

// tidemill is what cmd/tidemill does; the test binary runs itself under that name, race detector and all.
func tidemill() {
	ctx, stop := server.Signals(context.Background())
	code := cli.Main(ctx, cli.Options{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Version: "test", Server: server.Commands("test"), Default: "start",
	})
	stop()
	os.Exit(code)
}

type running struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
	log  string
}

func TestScripts(t *testing.T) { scripts(t, "testdata", nil) }

// TestScriptsOnPostgres gives each script a database in DATABASE.
func TestScriptsOnPostgres(t *testing.T) {
	scripts(t, "testdata/postgres", func(env *testscript.Env) { env.Setenv("DATABASE", pgtest.URL(t)) })
}

func scripts(t *testing.T, dir string, more func(*testscript.Env)) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("LISTEN", l.Addr().String())
			env.Setenv("URL", "http://"+l.Addr().String())
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("NO_COLOR", "1")
			// What the machine's own registries and runtimes need.
			for _, kv := range os.Environ() {
				name, _, _ := strings.Cut(kv, "=")
				if strings.Contains(name, "CERT") || strings.Contains(name, "CA_BUNDLE") || strings.HasPrefix(name, "GO") && name != "GOCOVERDIR" {
					env.Vars = append(env.Vars, kv)
				}
			}
			r := &running{log: filepath.Join(env.WorkDir, "server.log")}
			env.Values["server"] = r
			env.Defer(func() { r.end(syscall.SIGKILL) })
			if more != nil {
				more(env)
			}
			return l.Close()
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"tidemill-start": startServer,
			"tidemill-stop":  func(ts *testscript.TestScript, _ bool, _ []string) { server_(ts).end(syscall.SIGTERM) },
			"tidemill-kill":  func(ts *testscript.TestScript, _ bool, _ []string) { server_(ts).end(syscall.SIGKILL) },
			"token": func(ts *testscript.TestScript, _ bool, _ []string) {
				v := lastLine(ts.ReadFile("stdout"))
				ts.Setenv("TOKEN", v)
				ts.Setenv("TIDEMILL_TOKEN", v)
			},
			"job": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Setenv("JOB", lastLine(ts.ReadFile("stdout")))
			},
			"wait-log": waitLog,
			"exitcode": exitCode,
		},
	})
}

func server_(ts *testscript.TestScript) *running { return ts.Value("server").(*running) }

func startServer(ts *testscript.TestScript, _ bool, args []string) {
	r := server_(ts)
	if r.cmd != nil {
		ts.Fatalf("a server is running already")
	}
	if len(args) == 0 {
		ts.Fatalf("usage: tidemill-start DATA [FLAG...]")
	}
	log, err := os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	path, err := exec.LookPath("tidemill")
	ts.Check(err)
	cmd := exec.Command(path, append([]string{"start", "--data", ts.MkAbs(args[0]), "--listen", ts.Getenv("LISTEN")}, args[1:]...)...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Stdout, cmd.Stderr = log, log
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name != "HOME" && !strings.HasPrefix(name, "TIDEMILL_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+ts.Getenv("WORK"))
	shareTools(ts, ts.MkAbs(args[0]))
	ts.Check(cmd.Start())
	r.cmd, r.done = cmd, make(chan struct{})
	go func() { _ = cmd.Wait(); close(r.done) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, ts.Getenv("URL")+"/readyz", nil)
		ts.Check(err)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("the server was not ready after a minute:\n%s", ts.ReadFile(r.log))
		case <-r.done:
			ts.Fatalf("the server ended:\n%s", ts.ReadFile(r.log))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// shareTools lets all scripts use one folder of language runtimes, so that one is installed once per machine.
func shareTools(ts *testscript.TestScript, data string) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "tidemill", "test-tools")
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.MkdirAll(data, 0o700))
	if err := os.Symlink(dir, filepath.Join(data, "tools")); err != nil && !errors.Is(err, os.ErrExist) {
		ts.Fatalf("%v", err)
	}
}

// end signals the server and waits until it is gone.
func (r *running) end(sig syscall.Signal) {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(sig)
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.done
	}
	r.cmd = nil
}

func waitLog(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: wait-log JOB TEXT")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ts.Getenv("URL")+"/api/w/main/jobs_u/getupdate_sse/"+args[0], nil)
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), args[1]) {
		n, err := res.Body.Read(buf)
		seen.Write(buf[:n])
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			ts.Fatalf("the log ended without %q: %v\n%s", args[1], err, seen.String())
		}
	}
}

func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
