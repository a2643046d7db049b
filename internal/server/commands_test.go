package server

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// TestMain lets the test binary be a tidemill: tests that need a process of its own start it again.
func TestMain(m *testing.M) {
	if os.Getenv("TIDEMILL_TEST_PROCESS") == "" {
		os.Exit(m.Run())
	}
	ctx, stop := Signals(context.Background())
	root := tidemill()
	root.SetArgs(os.Args[1:])
	err := root.ExecuteContext(ctx)
	stop()
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

func tidemill() *cobra.Command {
	root := &cobra.Command{Use: "tidemill", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Commands("test")...)
	return root
}

// run1 runs one command line in this process and returns what it printed.
func run1(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := tidemill()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(t.Output())
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func lastLine(s string) string {
	s = strings.TrimRight(s, "\n")
	return s[strings.LastIndex(s, "\n")+1:]
}

func TestTokensAndLinksAreMadeBesideARunningServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, AllInOne, testConfig(t, data))

	_, err := run1(t, "admin", "token", "--data", data)
	refused(t, err, errs.Invalid, "there is no user yet", "--email")
	out, err := run1(t, "admin", "token", "--data", data, "--email", "Admin@localhost", "--label", "make run", "--expires", "1h")
	if err != nil {
		t.Fatal(err)
	}
	token := lastLine(out)
	if !strings.HasPrefix(token, account.PrefixPersonal) {
		t.Fatalf("got %q", out)
	}
	if status, body := call(t, s, "GET", "/api/users/whoami", token, nil); status != 200 || !strings.Contains(body, "admin@localhost") {
		t.Fatalf("%d %s", status, body)
	}
	list, err := s.accounts.ListTokens(t.Context(), domain.Identity{Email: "admin@localhost"})
	if err != nil || len(list) != 1 || list[0].Label != "make run" || time.Until(list[0].ExpiresAt) > time.Hour {
		t.Fatalf("got %+v, %v", list, err)
	}
	if out, err = run1(t, "admin", "token", "--data", data); err != nil { // the first administrator
		t.Fatal(err)
	}
	if status, _ := call(t, s, "GET", "/api/users/whoami", lastLine(out), nil); status != 200 {
		t.Fatalf("got %d", status)
	}

	// A link for the existing user signs in; it names the address on which the server really is.
	if out, err = run1(t, "admin", "invite", "--data", data, "--email", "admin@localhost"); err != nil {
		t.Fatal(err)
	}
	link := lastLine(out)
	secret, found := strings.CutPrefix(link, s.URL()+"/welcome?token=")
	if !found {
		t.Fatalf("got %q", link)
	}
	session, err := s.accounts.AcceptInvite(t.Context(), secret, "", "", "")
	if err != nil || session.Workspace != "main" {
		t.Fatalf("got %+v, %v", session, err)
	}

	// One for a new user, with a role; and one that resets the password.
	out, err = run1(t, "admin", "invite", "--data", data, "--email", "bob@example.com", "--role", "operator", "--base-url", "https://tide.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	secret, found = strings.CutPrefix(lastLine(out), "https://tide.example.com/welcome?token=")
	if !found {
		t.Fatalf("got %q", out)
	}
	if session, err = s.accounts.AcceptInvite(t.Context(), secret, "", "Bob", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	who, err := s.accounts.Authenticate(t.Context(), session.Secret, "main")
	if err != nil || who.Role != domain.RoleOperator || who.Superadmin {
		t.Fatalf("got %+v, %v", who, err)
	}
	if out, err = run1(t, "admin", "reset-password", "--data", data, "--email", "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	secret = lastLine(out)[strings.Index(lastLine(out), "=")+1:]
	if _, err = s.accounts.AcceptInvite(t.Context(), secret, "", "", "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err = s.accounts.Authenticate(t.Context(), session.Secret, "main"); !errs.Is(err, errs.Unauthenticated) {
		t.Fatalf("the old session lives: %v", err)
	}
}

func TestAdminRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	_, err := run1(t, "admin", "token", "--data", nowhere, "--email", "a@example.com")
	refused(t, err, errs.NotFound, nowhere, "--data")
	if _, err := os.Stat(nowhere); err == nil {
		t.Fatal("a mistyped folder was made")
	}
	data := t.TempDir()
	admin(t, start(t, AllInOne, testConfig(t, data)))
	_, err = run1(t, "admin", "token", "--data", data, "--email", "nobody@example.com")
	refused(t, err, errs.NotFound, "nobody@example.com", "tidemill admin invite")
	_, err = run1(t, "admin", "token", "--data", data, "--expires", "soon")
	refused(t, err, errs.Invalid, "--expires", "30d")
	_, err = run1(t, "admin", "token", "--data", data, "--workspace", "none")
	refused(t, err, errs.Invalid, "none")
	_, err = run1(t, "admin", "invite", "--data", data)
	refused(t, err, errs.Invalid, "--email")
	_, err = run1(t, "admin", "invite", "--data", data, "--email", "x@example.com", "--role", "king")
	refused(t, err, errs.Invalid, "role")
	_, err = run1(t, "admin", "reset-password", "--data", data, "--email", "nobody@example.com")
	refused(t, err, errs.NotFound, "nobody@example.com")
}

func TestRolesSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"server", "worker"} {
		_, err := run1(t, role, "--data", t.TempDir())
		refused(t, err, errs.Invalid, "needs a PostgreSQL database", "--database-url")
	}
	_, err := run1(t, "start", "--lisen", ":1")
	if err == nil || !strings.Contains(err.Error(), "did you mean --listen?") {
		t.Fatalf("got %v", err)
	}
	out, err := run1(t, "start", "--help")
	if err != nil || !strings.Contains(out, "--listen ADDR") || !strings.Contains(out, "TIDEMILL_LISTEN") {
		t.Fatalf("got %s, %v", out, err)
	}
	out, err = run1(t, "version")
	if err != nil || !strings.HasPrefix(out, "tidemill test (go 1.") {
		t.Fatalf("got %s, %v", out, err)
	}
}

// TestDoctorFindsABrokenAuditLog: whole beside a running server, and the line is named after somebody changed it by hand.
func TestDoctorFindsABrokenAuditLog(t *testing.T) {
	t.Parallel()
	c := testConfig(t, t.TempDir())
	s := start(t, AllInOne, c)
	if err := s.accounts.FirstAdmin(t.Context(), "root@example.com", "Root"); err != nil {
		t.Fatal(err)
	}
	out, err := run1(t, "admin", "token", "--data", c.Data)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = run1(t, "doctor", "--data", c.Data, "--listen", s.listener.Addr().String()); err != nil || !strings.Contains(out, "whole: ") {
		t.Fatalf("got %v\n%s", err, out)
	}
	list, err := s.store.AuditList(t.Context(), store.AuditListParams{User: "root@example.com"})
	if err != nil || len(list) != 1 || list[0].Action != "users.token.create" || list[0].Address != "host" {
		t.Fatalf("%+v, %v", list, err)
	}
	stop(t, s)
	db, err := sql.Open("sqlite", c.DatabaseFile())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE audit_event SET email = 'eve@example.com' WHERE workspace = 'main' AND seq = 1`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	out, err = run1(t, "doctor", "--data", c.Data, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "of the workspace main is broken at line 1") {
		t.Fatalf("got %v\n%s", err, out)
	}
}

func TestDoctorTellsWhatWorks(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	out, err := run1(t, "doctor", "--json", "--data", data, "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var report struct {
		OK     bool
		Checks []check
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	names := map[string]check{}
	for _, c := range report.Checks {
		names[c.Name] = c
		if c.Grade != ok && c.Hint == "" && !strings.Contains(c.Detail, "not tell") {
			t.Errorf("%+v has no hint", c)
		}
	}
	for _, name := range []string{"data folder", "disk space", "database", "address", "sandbox", "Bash", "clock", "git"} {
		if _, found := names[name]; !found {
			t.Errorf("nothing is said about %s", name)
		}
	}
	if names["sandbox"].Grade != warning || !strings.Contains(names["sandbox"].Detail, "can read its files") {
		t.Errorf("got %+v", names["sandbox"])
	}
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) != 0 {
		t.Fatalf("doctor changed something: %v, %v", entries, err)
	}

	// A port that somebody else has is a failure, one that a Tidemill has is none.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	foreign := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	go func() { _ = foreign.Serve(l) }()
	defer foreign.Close()
	out, err = run1(t, "doctor", "--data", data, "--listen", l.Addr().String())
	if err == nil || !strings.Contains(out, "FAIL") || !strings.Contains(out, "is in use") {
		t.Fatalf("got %v\n%s", err, out)
	}
	refused(t, ready(t.Context(), l.Addr().String()), errs.Unavailable, "not ready")
	s := start(t, AllInOne, testConfig(t, t.TempDir()))
	address := s.listener.Addr().String()
	if out, err = run1(t, "doctor", "--data", s.o.Config.Data, "--listen", address); err != nil || !strings.Contains(out, "a Tidemill serves on "+address) {
		t.Fatalf("got %v\n%s", err, out)
	}
	if out, err = run1(t, "doctor", "--ready", "--listen", address); err != nil || out != "" {
		t.Fatalf("got %v\n%s", err, out)
	}
	stop(t, s)
	_, err = run1(t, "doctor", "--ready", "--listen", address)
	refused(t, err, errs.Unavailable, "no server answers")
}

// child is a tidemill of its own.
type child struct {
	*exec.Cmd
	url string
}

var addressLine = regexp.MustCompile(`address\s+(http://\S+)`)

// spawn starts a tidemill and waits for it to say where it is.
func spawn(t *testing.T, args ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TIDEMILL_TEST_PROCESS=1", "TIDEMILL_PASSWORD_MEMORY=8KB")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &child{Cmd: cmd}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := addressLine.FindStringSubmatch(lines.Text()); m != nil {
			p.url = m[1]
			go func() {
				for lines.Scan() {
				}
			}()
			return p
		}
	}
	t.Fatalf("the process ended without serving: %v", cmd.Wait())
	return nil
}

func (p *child) end(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return p.code(t)
}

func (p *child) code(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

func TestSignalsEndAProcessInOrder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := spawn(t, "start", "--data", data, "--listen", "127.0.0.1:0")
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Fatalf("SIGTERM: exit code %d", code)
	}
	p = spawn(t, "start", "--data", data, "--listen", "127.0.0.1:0")
	if code := p.end(t, syscall.SIGINT); code != 0 {
		t.Fatalf("SIGINT: exit code %d", code)
	}
}

func TestAKilledProcessLeavesAFolderThatStarts(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for range 3 {
		p := spawn(t, "start", "--data", data, "--listen", "127.0.0.1:0")
		out, err := run1(t, "admin", "token", "--data", data, "--email", "admin@localhost")
		if err != nil || out == "" {
			t.Fatalf("got %q, %v", out, err)
		}
		p.end(t, syscall.SIGKILL)
	}
	s := start(t, AllInOne, testConfig(t, data))
	list, err := s.accounts.ListTokens(t.Context(), domain.Identity{Email: "admin@localhost"})
	if err != nil || len(list) != 3 {
		t.Fatalf("%d tokens are left, %v", len(list), err)
	}
}

func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := spawn(t, "start", "--data", data, "--listen", "127.0.0.1:0")
	token, err := run1(t, "admin", "token", "--data", data, "--email", "admin@localhost")
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(t.TempDir(), "mark")
	s := &Server{url: p.url}
	status, body := call(t, s, "POST", "/api/w/main/jobs/run/preview", strings.TrimSpace(token),
		map[string]any{"language": "bash", "content": "touch " + mark + "; sleep 300"})
	if status >= 300 {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, "the job runs", func() bool { _, err := os.Stat(mark); return err == nil })
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// The first signal drains, so the second meets a process that waits for its job.
	eventually(t, "the process is stopping", func() bool {
		resp, err := http.Get(p.url + "/readyz")
		if err != nil {
			return true
		}
		_ = resp.Body.Close()
		return resp.StatusCode != http.StatusOK
	})
	if code := p.end(t, syscall.SIGTERM); code != 130 {
		t.Fatalf("exit code %d", code)
	}
}

// eventually polls for what another process does, which tells us nothing by itself.
func eventually(t *testing.T, what string, fn func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !fn() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("still not: %s", what)
		}
	}
}
