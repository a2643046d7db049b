package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/pgtest"
)

// testLog writes what the server says into the test's output.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func testConfig(t *testing.T, data string, flags ...string) config.Config {
	t.Helper()
	in := config.Input{Flags: map[string]string{
		"data": data, "listen": "127.0.0.1:0", "password-memory": "8KB", "password-passes": "1", "workers": "2", "shutdown-grace": "10s",
	}}
	for i := 0; i < len(flags); i += 2 {
		in.Flags[flags[i]] = flags[i+1]
	}
	c, err := config.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func plan(t *testing.T, role Role, c config.Config) *Server {
	return New(Options{Config: c, Role: role, Version: "test", Log: testLog(t)})
}

// start starts a server that the end of the test stops.
func start(t *testing.T, role Role, c config.Config) *Server {
	t.Helper()
	s := plan(t, role, c)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// call makes a request and returns the status and the body.
func call(t *testing.T, s *Server, method, path, token string, body any) (int, string) {
	t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// admin makes the first administrator and returns who that is.
func admin(t *testing.T, s *Server) domain.Identity {
	t.Helper()
	err := s.accounts.FirstAdmin(t.Context(), "root@example.com", "Root")
	if err != nil && !errs.Is(err, errs.Conflict) {
		t.Fatal(err)
	}
	return domain.Identity{Email: "root@example.com", Superadmin: true, Workspace: "main", Username: "root", Role: domain.RoleAdmin}
}

func refused(t *testing.T, err error, kind errs.Kind, texts ...string) {
	t.Helper()
	if !errs.Is(err, kind) {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	var e *errs.Error
	errors.As(err, &e)
	text := err.Error() + " " + e.Hint
	for _, want := range texts {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

func TestAServerStartsServesAndStops(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "new", "data")
	began := time.Now()
	s := start(t, AllInOne, testConfig(t, data))
	t.Logf("ready after %v", time.Since(began))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := call(t, s, "GET", path, "", nil); status != 200 || body != "ok" {
			t.Fatalf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := call(t, s, "GET", "/api/w/main/jobs/list", "", nil); status != 401 {
		t.Fatalf("jobs without a token: %d", status)
	}
	info, err := os.Stat(data)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("the data folder is %v, %v", info.Mode(), err)
	}
	b, err := s.banner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	b.write(&text, false)
	for _, want := range []string{"Tidemill test", s.URL(), data, "sandbox tier process", "bash 5", "/welcome?token=tminv_"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the start does not say %q:\n%s", want, text.String())
		}
	}
	address := s.listener.Addr().String()
	stop(t, s)
	stop(t, s)
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		t.Fatal("the port is still open")
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatalf("a second Start tells another story: %v", err)
	}

	// The same folder again, with a user now: no link.
	again := start(t, AllInOne, testConfig(t, data))
	admin(t, again)
	if b, err := again.banner(t.Context()); err != nil || b.link != "" {
		t.Fatalf("got %+v, %v", b, err)
	}
}

func TestStartAndStopAtOnceLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for range 5 {
		s := plan(t, AllInOne, testConfig(t, data))
		var all sync.WaitGroup
		all.Go(func() { _ = s.Start(context.WithoutCancel(t.Context())) })
		all.Go(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
		all.Wait()
		stop(t, s)
	}
	start(t, AllInOne, testConfig(t, data)) // the folder and its lock are free
}

// It runs alone: the parallel tests wait until it is over.
func TestAStoppedServerLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := plan(t, AllInOne, testConfig(t, t.TempDir()))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	who := admin(t, s)
	token, err := s.accounts.CreateToken(t.Context(), domain.Identity{Email: who.Email, Superadmin: true}, "t", "", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	job, err := s.engine.Run(t.Context(), engine.Run{Who: who, Code: bash(`echo '"done"'`), Trigger: "api"})
	if err != nil {
		t.Fatal(err)
	}
	outcome(t, s, job.ID)
	// A browser tab that watches must not hold the stop up.
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/api/w/main/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	transport := &http.Transport{}
	resp, err := transport.RoundTrip(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the stream: %v, %v", resp, err)
	}
	began := time.Now()
	stop(t, s)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	transport.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestTheSecondProcessOnAFolderIsRefused(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := start(t, AllInOne, testConfig(t, data))
	refused(t, plan(t, AllInOne, testConfig(t, data)).Start(t.Context()), errs.Unavailable, data, fmt.Sprint(os.Getpid()))
	// A worker of a PostgreSQL database must not share it either.
	refused(t, plan(t, WorkerOnly, testConfig(t, data, "database-url", "postgres://127.0.0.1:1/x")).Start(t.Context()), errs.Unavailable, data)
	if status, _ := call(t, first, "GET", "/readyz", "", nil); status != 200 {
		t.Fatalf("the first one suffered: %d", status)
	}
}

func TestAPortInUseIsNamedWithItsUser(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = plan(t, AllInOne, testConfig(t, t.TempDir(), "listen", l.Addr().String())).Start(t.Context())
	texts := []string{l.Addr().String() + " is in use", "--listen"}
	if _, err := os.Stat("/proc/net/tcp"); err == nil {
		texts = append(texts, "by process "+fmt.Sprint(os.Getpid()))
	}
	refused(t, err, errs.Conflict, texts...)
	err = plan(t, AllInOne, testConfig(t, t.TempDir(), "listen", "192.0.2.1:80")).Start(t.Context())
	refused(t, err, errs.Invalid, "192.0.2.1:80", "--listen")
}

func TestTheNetworkIsClosedUntilThereIsAUser(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	refused(t, plan(t, AllInOne, testConfig(t, data, "listen", ":0")).Start(t.Context()), errs.Invalid, "no user yet", "--allow-remote-setup")
	open := start(t, AllInOne, testConfig(t, data, "listen", ":0", "allow-remote-setup", "true"))
	admin(t, open)
	stop(t, open)
	start(t, AllInOne, testConfig(t, data, "listen", ":0"))
}

func TestDataFoldersThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, plan(t, AllInOne, testConfig(t, file)).Start(t.Context()), errs.Invalid, file, "--data")
	refused(t, plan(t, AllInOne, testConfig(t, filepath.Join(file, "x"))).Start(t.Context()), errs.Invalid, file, "--data")
	sticky := filepath.Join(t.TempDir(), "tmp")
	if err := errors.Join(os.Mkdir(sticky, 0o700), os.Chmod(sticky, 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	refused(t, plan(t, AllInOne, testConfig(t, sticky)).Start(t.Context()), errs.Invalid, "others use it too")
	wide := filepath.Join(t.TempDir(), "wide")
	if err := errors.Join(os.Mkdir(wide, 0o700), os.Chmod(wide, 0o755)); err != nil {
		t.Fatal(err)
	}
	start(t, AllInOne, testConfig(t, wide))
	if info, err := os.Stat(wide); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
	if os.Getuid() != 0 {
		locked := filepath.Join(t.TempDir(), "locked")
		if err := os.Mkdir(locked, 0o500); err != nil {
			t.Fatal(err)
		}
		refused(t, plan(t, AllInOne, testConfig(t, locked)).Start(t.Context()), errs.Invalid, locked, "cannot be written")
	}
}

func bash(content string) *domain.Code {
	return &domain.Code{Language: "bash", Content: content}
}

// outcome waits for a job and returns its result.
func outcome(t *testing.T, s *Server, id string) (domain.Job, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	job, err := s.queue.Wait(ctx, store.Viewer{Workspace: "main", All: true}, id)
	if err != nil {
		t.Fatalf("waiting for the job: %v", err)
	}
	result, err := s.queue.Result(ctx, "main", id)
	if err != nil {
		t.Fatal(err)
	}
	return job, string(result)
}

func TestJobsSurviveARestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, AllInOne, testConfig(t, data))
	who := admin(t, s)
	run := func(at time.Time, content string) string {
		t.Helper()
		job, err := s.engine.Run(t.Context(), engine.Run{Who: who, Code: bash(content), ScheduledFor: at, Trigger: "api"})
		if err != nil {
			t.Fatal(err)
		}
		return job.ID
	}
	done := run(time.Time{}, `echo '"done"'`)
	if job, result := outcome(t, s, done); job.Status != domain.StatusSuccess || result != `"done"` {
		t.Fatalf("got %s %s", job.Status, result)
	}
	later := run(time.Now().Add(time.Second), `echo '"later"'`)
	stop(t, s)

	s = start(t, AllInOne, testConfig(t, data))
	if job, result := outcome(t, s, done); job.Status != domain.StatusSuccess || result != `"done"` {
		t.Fatalf("after the restart: %s %s", job.Status, result)
	}
	if job, result := outcome(t, s, later); job.Status != domain.StatusSuccess || result != `"later"` {
		t.Fatalf("got %s %s", job.Status, result)
	}
}

func TestARunningJobIsGivenBackWhenTheGraceIsOver(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, AllInOne, testConfig(t, data, "shutdown-grace", "0s"))
	who := admin(t, s)
	mark := filepath.Join(t.TempDir(), "mark")
	started := s.hub.Watch(watchStarted)
	defer started.Close()
	job, err := s.engine.Run(t.Context(), engine.Run{
		Who: who, Trigger: "api",
		Code: bash(fmt.Sprintf(`if [ -e %q ]; then echo '"second"'; else touch %q; sleep 60; fi`, mark, mark)),
	})
	if err != nil {
		t.Fatal(err)
	}
	limit := time.After(20 * time.Second)
	for {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		select {
		case <-started.C:
		case <-time.After(50 * time.Millisecond): // the note comes before the script is under way
		case <-limit:
			t.Fatal("the job does not start")
		}
	}
	began := time.Now()
	stop(t, s)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("stopping took %v", took)
	}
	s = start(t, AllInOne, testConfig(t, data))
	got, result := outcome(t, s, job.ID)
	if got.Status != domain.StatusSuccess || result != `"second"` || got.Attempt != 2 || got.Deaths != 0 {
		t.Fatalf("got %s %s, attempt %d, deaths %d", got.Status, result, got.Attempt, got.Deaths)
	}
}

func TestAJobReachesTheAPIWithItsTokenAlsoWhileTheServerStops(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, AllInOne, testConfig(t, data, "shutdown-grace", "30s"))
	who := admin(t, s)
	mark, proceed := filepath.Join(t.TempDir(), "mark"), filepath.Join(t.TempDir(), "proceed")
	job, err := s.engine.Run(t.Context(), engine.Run{Who: who, Trigger: "api", Code: bash(fmt.Sprintf(`
touch %q
until [ -e %q ]; do sleep 0.05; done
address=${BASE_INTERNAL_URL#http://}
exec 7<>"/dev/tcp/${address%%:*}/${address##*:}"
printf 'GET /api/w/main/users/whoami HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer %%s\r\n\r\n' "$WM_TOKEN" >&7
read -r _ status _ <&7
echo "$status"`, mark, proceed))})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the job runs", func() bool { _, err := os.Stat(mark); return err == nil })
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop(t, s) }()
	eventually(t, "the server is stopping", func() bool { return !s.ready.Load() })
	if err := os.WriteFile(proceed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-stopped
	s = start(t, AllInOne, testConfig(t, data))
	if got, result := outcome(t, s, job.ID); got.Status != domain.StatusSuccess || result != "200" || got.Attempt != 1 {
		t.Fatalf("got %s %s, attempt %d", got.Status, result, got.Attempt)
	}
}

func TestServerAndWorkerShareAPostgres(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	one := start(t, ServerOnly, testConfig(t, t.TempDir(), "database-url", url))
	two := start(t, ServerOnly, testConfig(t, t.TempDir(), "database-url", url))
	shared := t.TempDir() // two workers of one machine share a folder
	start(t, WorkerOnly, testConfig(t, shared, "database-url", url))
	start(t, WorkerOnly, testConfig(t, shared, "database-url", url))
	who := admin(t, one)
	// A result too large for a row elsewhere: it must reach the other server without a common disk.
	job, err := one.engine.Run(t.Context(), engine.Run{Who: who, Trigger: "api", Code: bash(
		`head -c 600000 /dev/zero | tr '\0' x | sed 's/^/"/; s/$/"/' > result.json; echo "$BASE_INTERNAL_URL"`)})
	if err != nil {
		t.Fatal(err)
	}
	got, result := outcome(t, two, job.ID)
	if got.Status != domain.StatusSuccess || len(result) != 600002 {
		t.Fatalf("got %s, %d bytes: %.200s", got.Status, len(result), result)
	}
	token, err := one.accounts.CreateToken(t.Context(), domain.Identity{Email: who.Email, Superadmin: true}, "t", "", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := call(t, two, "GET", "/api/w/main/jobs_u/get/"+job.ID, token, nil); status != 200 || !strings.Contains(body, job.ID) {
		t.Fatalf("%d %.300s", status, body)
	}
}

func TestAWorkerWaitsForTheFirstServer(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	w := plan(t, WorkerOnly, testConfig(t, t.TempDir(), "database-url", url))
	started := make(chan error, 1)
	go func() { started <- w.Start(context.WithoutCancel(t.Context())) }()
	s := start(t, ServerOnly, testConfig(t, t.TempDir(), "database-url", url))
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, w) })
	job, err := s.engine.Run(t.Context(), engine.Run{Who: admin(t, s), Trigger: "api", Code: bash(`echo "\"$BASE_URL\""`)})
	if err != nil {
		t.Fatal(err)
	}
	if got, result := outcome(t, s, job.ID); result != `"`+s.URL()+`"` {
		t.Fatalf("got %s %s", got.Status, result)
	}
	// One that never sees a server can be stopped.
	lone := plan(t, WorkerOnly, testConfig(t, t.TempDir(), "database-url", pgtest.URL(t)))
	go func() { started <- lone.Start(context.WithoutCancel(t.Context())) }()
	stop(t, lone)
	if err := <-started; err == nil {
		t.Fatal("started without a server")
	}
}

func TestADatabaseThatIsDownIsSaidSo(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	s := plan(t, ServerOnly, testConfig(t, t.TempDir(), "database-url", "postgres://me:hunter2@"+address+"/x?sslmode=disable"))
	err = s.Start(t.Context())
	refused(t, err, errs.Unavailable)
	if strings.Contains(err.Error(), "hunter2") {
		t.Fatal("the error shows the password")
	}
}
