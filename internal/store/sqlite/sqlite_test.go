package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/sqlite"
	"github.com/tidemill/tidemill/internal/store/storetest"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	return openWith(t, sqlite.Options{Path: path})
}

func openWith(t testing.TB, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func() store.Store) {
		path := filepath.Join(t.TempDir(), "tidemill.db")
		s := open(t, path)
		return s, func() store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, path)
		}
	})
}

// TestModes: only the user reads the data, whatever the umask.
func TestModes(t *testing.T) {
	if os.Getenv("SQLITE_CHILD") == "modes" {
		syscall.Umask(0)
		open(t, os.Getenv("SQLITE_PATH"))
		ok := true
		for name, want := range map[string]fs.FileMode{".": 0o700 | fs.ModeDir, "t.db": 0o600, "t.db-wal": 0o600, "t.db-shm": 0o600, "tidemill.lock": 0o600} {
			info, err := os.Stat(filepath.Join(filepath.Dir(os.Getenv("SQLITE_PATH")), name))
			if err != nil || info.Mode() != want {
				t.Errorf("%s: %v, %v, want %v", name, info, err, want)
				ok = false
			}
		}
		if ok {
			fmt.Println("modes are right")
		}
		return
	}
	// In a process of its own, because the umask is the process's.
	out, err := child(t, "TestModes", "modes", filepath.Join(t.TempDir(), "data", "t.db")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "modes are right") {
		t.Errorf("%v\n%s", err, out)
	}
}

func child(t *testing.T, test, role, path string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SQLITE_CHILD="+role, "SQLITE_PATH="+path)
	return cmd
}

// TestOneProcess: a second process on the folder is refused by name; one for administration is let in, and both work.
func TestOneProcess(t *testing.T) {
	if os.Getenv("SQLITE_CHILD") == "server" {
		s := open(t, os.Getenv("SQLITE_PATH"))
		if err := s.SettingPut(t.Context(), "server", domain.JSON(`1`)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("serving")
		_, _ = os.Stdin.Read(make([]byte, 1))
		return
	}
	path := filepath.Join(t.TempDir(), "data", "t.db")
	cmd := child(t, "TestOneProcess", "server", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "serving" {
	}
	_, err = sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) || errs.As(err).Hint == "" {
		t.Errorf("got %v, want a refusal that names process %d", err, cmd.Process.Pid)
	}
	admin := openWith(t, sqlite.Options{Path: path, Shared: true})
	if v, err := admin.SettingGet(t.Context(), "server"); err != nil || string(v) != "1" {
		t.Errorf("%s, %v", v, err)
	}
	if err := admin.SettingPut(t.Context(), "admin", domain.JSON(`2`)); err != nil {
		t.Error(err)
	}
	// The lock ends with its process, also when that is killed; what it wrote is there.
	_ = in
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s := open(t, path)
	for _, key := range []string{"server", "admin"} {
		if _, err := s.SettingGet(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestSharedWriters: two stores on one file write at once; none of the changes is lost or refused.
func TestSharedWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	a := open(t, path)
	b := openWith(t, sqlite.Options{Path: path, Shared: true})
	var wg sync.WaitGroup
	for i, s := range []*sqlite.Store{a, b} {
		for k := range 40 {
			wg.Go(func() {
				if err := s.SettingPut(t.Context(), fmt.Sprint(i, " ", k), domain.JSON(`1`)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range 2 {
		for k := range 40 {
			if _, err := b.SettingGet(t.Context(), fmt.Sprint(i, " ", k)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestManyOpen: several processes may start at once on a new file; the tables are made once.
func TestManyOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Shared: true})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestFoldersThatWereOpenStayOpen: a database from before there were grants.
func TestFoldersThatWereOpenStayOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	sqlite.Execute(t, path, `DROP TABLE access_grant; DROP TABLE folder; DROP TABLE group_member; DROP TABLE member_group;
		DROP TABLE audit_event; DROP TABLE audit_chain;
		DELETE FROM goose_db_version WHERE version_id >= 2;
		INSERT INTO workspace VALUES ('w', 'W', 'root@x', 0, 0);
		INSERT INTO script VALUES ('w', 'h1', 'f/old/a/b', 1, '', '', '', 'l', 'script', 0, '{}', '', '', 'ann@x', 0, 1, 0, '', '', NULL, NULL),
			('w', 'h2', 'f/old/c', 1, '', '', '', 'l', 'script', 0, '{}', '', '', 'ann@x', 0, 0, 0, '', '', NULL, NULL),
			('w', 'h3', 'u/ann/x', 1, '', '', '', 'l', 'script', 0, '{}', '', '', 'ann@x', 0, 0, 0, '', '', NULL, NULL)`)
	s := open(t, path)
	defer s.Close()
	bob := store.Viewer{Workspace: "w", Username: "bob"}
	folders, err := s.FolderList(t.Context(), store.FolderListParams{Viewer: bob})
	if err != nil || len(folders) != 1 || folders[0].Name != "old" {
		t.Fatalf("%+v, %v", folders, err)
	}
	if _, err := s.ScriptByHash(t.Context(), bob, "h1"); err != nil {
		t.Errorf("what everybody could see before: %v", err)
	}
	a, err := s.AccessTo(t.Context(), "w", "bob", "f/old/a/b")
	if err != nil || len(a.Grants) != 1 || a.Grants[0].Level != domain.GrantWrite {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestNewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	sqlite.Execute(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "9999") || errs.As(err).Hint == "" {
		t.Errorf("got %v", err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Path: path}); !strings.Contains(err.Error(), "9999") {
		t.Errorf("the failed Open kept the lock: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{garbage, filepath.Join(file, "t.db"), filepath.Join(file, "deeper", "t.db")} {
		_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
		if !errs.Is(err, errs.Unavailable) || errs.As(err).Hint == "" {
			t.Errorf("%s: got %v (%s)", path, err, errs.KindOf(err))
		}
	}
	odd := filepath.Join(dir, "a b?c#d%41;é", "t.db")
	open(t, odd)
	if _, err := os.Stat(odd); err != nil {
		t.Errorf("odd characters in the path: %v", err)
	}
}

// TestPanic: a panic is the failure of its own change; those beside it and after it succeed.
func TestPanic(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "t.db"))
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
				if err := tx.SettingPut(ctx, fmt.Sprint(i), domain.JSON(`1`)); err != nil {
					return err
				}
				if i%2 == 1 {
					panic("boom")
				}
				return nil
			})
			if i%2 == 0 && err != nil || i%2 == 1 && !errs.Is(err, errs.Internal) {
				t.Errorf("change %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		if _, err := s.SettingGet(ctx, fmt.Sprint(i)); (err == nil) != (i%2 == 0) {
			t.Errorf("change %d: %v", i, err)
		}
	}
}

// TestGroup: changes that wait while another one runs share a commit, and one that was canceled while it waited is skipped.
func TestGroup(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "t.db"))
	ctx := t.Context()
	running, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Tx(ctx, func(context.Context, store.Nouns) error { close(running); <-goOn; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-running
	gone, cancel := context.WithCancel(ctx)
	queued := s.Waiting()
	for i := range 10 {
		wg.Go(func() {
			if err := s.SettingPut(ctx, fmt.Sprint(i), domain.JSON(`1`)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		if err := s.SettingPut(gone, "gone", domain.JSON(`1`)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.Waiting() < queued+11 {
		<-tick.C
	}
	cancel()
	before := s.Commits()
	close(goOn)
	wg.Wait()
	if n := s.Commits() - before; n != 2 {
		t.Errorf("%d commits for the first change and the group behind it, want 2", n)
	}
	if _, err := s.SettingGet(ctx, "gone"); !errs.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
}

// TestCommitFails: when the commit fails, every change of the group is told so.
func TestCommitFails(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "t.db"))
	ctx := t.Context()
	// A reference that is only checked at the commit, and does not hold.
	sqlite.Execute(t, s.Path(), `CREATE TABLE late (id TEXT REFERENCES workspace (id) DEFERRABLE INITIALLY DEFERRED)`)
	running, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Tx(ctx, func(context.Context, store.Nouns) error { close(running); <-goOn; return nil })
	})
	<-running
	results := make(chan error, 3)
	wg.Go(func() { results <- s.Broken(ctx, `INSERT INTO late VALUES ('nowhere')`) })
	for i := range 2 {
		wg.Go(func() { results <- s.SettingPut(ctx, fmt.Sprint(i), domain.JSON(`1`)) })
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.Waiting() < 3 {
		<-tick.C
	}
	close(goOn)
	wg.Wait()
	for range 3 {
		if err := <-results; err == nil {
			t.Error("a change of a failed commit was acknowledged")
		}
	}
	if _, err := s.SettingGet(ctx, "0"); !errs.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.SettingPut(ctx, "after", domain.JSON(`1`)); err != nil {
		t.Errorf("the writer does not go on: %v", err)
	}
}

// TestDiskFull: a full disk is named, loses nothing that was acknowledged, and is over when there is room again.
func TestDiskFull(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "t.db"))
	ctx := t.Context()
	if err := s.SettingPut(ctx, "before", domain.JSON(`1`)); err != nil {
		t.Fatal(err)
	}
	pages := s.LimitPages(t, 20)
	push := func() error {
		return s.JobPush(ctx, store.NewJob{
			Job:  domain.Job{ID: id.New(), Workspace: "w", Tag: "x"},
			Args: domain.Payload{Inline: []byte(strings.Repeat("x", 200_000))},
		})
	}
	err := push()
	if !errs.Is(err, errs.StorageFull) || errs.As(err).Hint == "" {
		t.Fatalf("got %v (%s)", err, errs.KindOf(err))
	}
	if n, err := s.JobCount(ctx, ""); err != nil || len(n) != 0 {
		t.Errorf("half a job is there: %v, %v", n, err)
	}
	if _, err := s.SettingGet(ctx, "before"); err != nil {
		t.Error(err)
	}
	// Small changes beside a large one: each is either acknowledged and there, or refused as full.
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if i == 5 {
				_ = push()
				return
			}
			key := fmt.Sprint("small", i)
			err := s.SettingPut(ctx, key, domain.JSON(`1`))
			_, got := s.SettingGet(ctx, key)
			if err == nil && got != nil || err != nil && !errs.Is(err, errs.StorageFull) {
				t.Errorf("%s: %v, then %v", key, err, got)
			}
		})
	}
	wg.Wait()
	s.LimitPages(t, pages+10_000)
	if err := push(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2031, 5, 6, 7, 8, 9, 123_456_789, time.FixedZone("x", 3600))
	s := openWith(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "t.db"), Clock: func() time.Time { return now }})
	ctx := t.Context()
	if err := s.JobPush(ctx, store.NewJob{Job: domain.Job{ID: id.New(), Workspace: "w", Tag: "x"}}); err != nil {
		t.Fatal(err)
	}
	claim := store.JobClaimParams{Worker: "w", Tags: []string{"x"}, Limit: 1, Lease: 15 * time.Second}
	jobs, err := s.JobClaim(ctx, claim)
	if err != nil || len(jobs) != 1 || !jobs[0].CreatedAt.Equal(now.Truncate(time.Microsecond)) {
		t.Fatalf("%+v, %v", jobs, err)
	}
	now = now.Add(14 * time.Second)
	if got, err := s.JobReap(ctx, 10, domain.Payload{}); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	now = now.Add(time.Second)
	if got, err := s.JobReap(ctx, 10, domain.Payload{}); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
