package worker_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/sandbox/sandboxtest"
	"github.com/tidemill/tidemill/internal/worker"
)

func TestEnds(t *testing.T) {
	b := newBench(t, func(o *worker.Options) { o.MaxResult = 10_000 })
	envelope := func(text string) string { return "cat > result.json <<'EOF'\n" + text + "\nEOF\n" }
	for name, c := range map[string]struct {
		language     domain.Language
		script       string
		error        string // name; empty: success
		result, says string // exact; or part of the result
	}{
		"last line":              {plain, "echo one; echo; echo ' two  '; echo; echo", "", `"two"`, ""},
		"last line is JSON":      {plain, `echo '{"a":  1.50}'`, "", `{"a":  1.50}`, ""},
		"unfinished line":        {plain, "printf 'one\ntwo'", "", `"two"`, ""},
		"stderr is no result":    {plain, "echo out; echo err >&2", "", `"out"`, ""},
		"nothing said":           {plain, ":", "", "null", ""},
		"result file wins":       {plain, "echo line; echo '[1, 2]' > result.json", "", "[1, 2]\n", ""},
		"bad result file":        {plain, "echo '[1,' > result.json", "ResultInvalid", "", "[1,"},
		"exit code":              {plain, "echo before; echo why >&2; exit 3", "ExitCode", "", `exit code 3\nbefore\nwhy`},
		"signal":                 {plain, "echo bye; kill -SEGV $$", "Signal", "", "SIGSEGV"},
		"killed":                 {plain, "kill -KILL $$", "Killed", "", "memory"},
		"large result file":      {plain, "head -c 20000 /dev/zero > result.json", "ResultTooLarge", "", "max_result"},
		"link as result":         {plain, "ln -s /etc/passwd result.json", "ResultInvalid", "", ""},
		"pipe as result":         {plain, "mkfifo result.json", "ResultInvalid", "", "plain file"},
		"bytes that are no text": {plain, `printf 'a\377b\n'`, "", `"a` + "\uFFFD" + `b"`, ""},

		"returned":         {wrapped, envelope(`{"ok":true,"result":{"n": 12345678901234567890, "s":"\u00e9"}}`), "", `{"n": 12345678901234567890, "s":"\u00e9"}`, ""},
		"returned nothing": {wrapped, envelope(`{"ok":true}`), "", "null", ""},
		"threw": {
			wrapped, envelope(`{"ok":false,"error":{"name":"ValueError","message":"no","stack":"line 3","extra":{"a":1}}}`) + "exit 1", "ValueError",
			`{"error":{"name":"ValueError","message":"no","stack":"line 3","extra":{"a":1}}}`, "",
		},
		"threw a text":         {wrapped, envelope(`{"ok":false,"error":"no"}`) + "exit 1", "Error", "", "no"},
		"exit without a word":  {wrapped, "echo hm; exit 4", "ExitCode", "", `exit code 4\nhm`},
		"exit 0 without":       {wrapped, "exit 0", "", "null", ""},
		"died afterwards":      {wrapped, envelope(`{"ok":true,"result":1}`) + "exit 9", "ExitCode", "", "exit code 9"},
		"no envelope":          {wrapped, envelope(`{"result":1}`), "ResultInvalid", "", ""},
		"half an envelope":     {wrapped, envelope(`{"ok":true,"res`), "ResultInvalid", "", "byte"},
		"does not compile":     {wrapped, "#build-error", "BuildError", "", "main.sh:1: does not compile"},
		"syntax":               {wrapped, "#syntax", "SyntaxError", "", "line 3, column 7"},
		"a fault of ours":      {wrapped, "#panic", "InternalError", "", ""},
		"runtime is missing":   {absent, ":", "RuntimeMissing", "", "install a shell"},
		"language is unknown":  {"klingon", ":", "LanguageUnknown", "", "klingon"},
		"import is missing":    {plain, "#import f/no/where", "ImportError", "", "f/a/b imports f/no/where"},
		"package is missing":   {plain, "#require missing", "LockError", "", "check its name"},
		"left a child":         {plain, "sleep 600 & echo done", "", `"done"`, ""},
		"arguments are a file": {plain, "cat args.json", "", `{"x": 1}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.run(t, job(c.language, c.script))
			if o.ErrorName != c.error || (o.Status == domain.StatusSuccess) != (c.error == "") || c.result != "" && string(o.Result) != c.result || !strings.Contains(string(o.Result), c.says) {
				t.Fatalf("%s %s: %s", o.Status, o.ErrorName, o.Result)
			}
			if o.Tier != "process" {
				t.Error("no tier")
			}
		})
	}
}

func TestTimesAreTheUsersOwn(t *testing.T) {
	b := newBench(t)
	o := b.run(t, job(wrapped, `echo '{"ok":true,"result":1,"start":1700000000000001,"end":1700000000000099}' > result.json`))
	if o.UserStart.UnixMicro() != 1700000000000001 || o.UserEnd.UnixMicro() != 1700000000000099 {
		t.Fatal(o)
	}
}

func TestTimeout(t *testing.T) {
	b := newBench(t)
	begin := time.Now()
	o := b.run(t, job(plain, "trap '' TERM; while :; do sleep 0.05; done", func(a *domain.Assignment) { a.Job.Timeout = 100 * time.Millisecond }))
	if o.ErrorName != "Timeout" || !strings.Contains(string(o.Result), "100ms") || time.Since(begin) > 3*time.Second {
		t.Fatalf("%s %v", o.Result, time.Since(begin))
	}
}

func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is watched on Linux only")
	}
	b := newBench(t, func(o *worker.Options) { o.Memory = 48 << 20 })
	o := b.run(t, job(plain, "x=0123456789abcdef; while :; do x=$x$x; done"))
	if o.ErrorName != "OutOfMemory" || !strings.Contains(string(o.Result), "48 MB") || o.MemPeak < 48<<20 {
		t.Fatalf("%+v %s", o, o.Result)
	}
}

func (b *bench) end(e domain.Ended) {
	b.mu.Lock()
	b.ended = append(b.ended, e)
	b.mu.Unlock()
	b.wake <- struct{}{}
}

// leased is the lease as the worker holds it.
func (b *bench) leased(a domain.Assignment) domain.Lease {
	a.Lease.Worker = b.w.Name()
	return a.Lease
}

func TestCancelKillsTheTreeWithinTheGrace(t *testing.T) {
	b := newBench(t)
	a := job(plain, "trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo child $! ready; while :; do sleep 0.05; done")
	done := b.begin(a)
	b.until(t, a.Job.ID, "ready")
	begin := time.Now()
	b.end(domain.Ended{Lease: b.leased(a), Canceled: true, By: "ada", Reason: "enough"})
	o := await(t, done)
	if took := time.Since(begin); took > 1300*time.Millisecond {
		t.Fatalf("took %v", took)
	}
	if o.Status != domain.StatusCanceled || string(o.Result) != `{"error":{"name":"Canceled","message":"canceled by ada: enough"}}` {
		t.Fatalf("%+v %s", o, o.Result)
	}
	if pid, _ := strconv.Atoi(strings.Fields(b.log(a.Job.ID, domain.LogOutput))[1]); !sandboxtest.Gone(pid) {
		t.Fatal("a child is left")
	}
}

func TestCancelBeforeTheProgramStarts(t *testing.T) {
	b := newBench(t)
	a := job(plain, "#require slow")
	done := b.begin(a)
	b.until(t, a.Job.ID, "installing\n")
	b.end(domain.Ended{Lease: b.leased(a), Canceled: true, By: "ada"})
	if o := await(t, done); o.Status != domain.StatusCanceled {
		t.Fatalf("%+v %s", o, o.Result)
	}
	// Stop in the same place gives the job back.
	a = job(plain, "#require slow")
	b.begin(a)
	b.until(t, a.Job.ID, "installing\n")
	b.stop(10 * time.Millisecond)
	if l := await(t, b.released); l.JobID != a.Job.ID {
		t.Fatal(l)
	}
}

func TestAFencedJobIsKilledInSilence(t *testing.T) {
	for name, fence := range map[string]func(b *bench, a domain.Assignment){
		"by renewal": func(b *bench, a domain.Assignment) { b.end(domain.Ended{Lease: b.leased(a)}) },
		"by its log": func(b *bench, _ domain.Assignment) {
			b.failing("Log", errs.New(errs.Fenced, "not yours"))
		},
		"by silence of the source": func(b *bench, _ domain.Assignment) {
			b.failing("Renew", errs.New(errs.Unavailable, "the database is away"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(o *worker.Options) { o.Renew, o.GiveUp = 20*time.Millisecond, 100*time.Millisecond })
			a := job(plain, "setsid sleep 600 & echo pid $! ready; while :; do sleep 0.05; echo; done")
			b.begin(a)
			b.until(t, a.Job.ID, "ready")
			pid, _ := strconv.Atoi(strings.Fields(b.log(a.Job.ID, domain.LogOutput))[1])
			fence(b, a)
			b.stop(20 * time.Second) // drains: the job must end by itself
			if !sandboxtest.Gone(pid) {
				t.Error("a child is left")
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.finishes != 0 || len(b.released) != 0 || !b.left {
				t.Errorf("%d finishes, %d released, left %v", b.finishes, len(b.released), b.left)
			}
		})
	}
}

func TestWordsAreSeenWhileTheJobRuns(t *testing.T) {
	b := newBench(t)
	a := job(plain, "echo first; read never < fifo", func(a *domain.Assignment) {
		a.Code.Content = "echo first; mkfifo fifo; echo second >&2; read x < fifo"
	})
	done := b.begin(a)
	b.until(t, a.Job.ID, "first\nsecond\n")
	b.end(domain.Ended{Lease: b.leased(a), Canceled: true, By: "ada"})
	await(t, done)
}

func TestSecretsAreMasked(t *testing.T) {
	b := newBench(t)
	a := job(plain, `printf 'a token-01234'; sleep 0.2; printf '56789 b %s\n' "$WM_TOKEN"; echo token-0123; printf token-0`, func(a *domain.Assignment) {
		a.Masks = []string{a.Token, "", "token-01"}
	})
	b.run(t, a)
	if got := b.log(a.Job.ID, domain.LogOutput); got != "a ***** b *****\n*****23\ntoken-0" {
		t.Fatalf("%q", got)
	}
}

func TestLogIsValidText(t *testing.T) {
	b := newBench(t)
	a := job(plain, `printf '\303'; sleep 0.1; printf '\251 \377 \000 \033[31mred\033[0m\n'; printf '\342\202'`)
	b.run(t, a)
	if got := b.log(a.Job.ID, domain.LogOutput); got != "é \uFFFD \uFFFD \x1b[31mred\x1b[0m\n\uFFFD" {
		t.Fatalf("%q", got)
	}
}

func TestALongLogKeepsHeadAndTail(t *testing.T) {
	b := newBench(t, func(o *worker.Options) { o.MaxLog = 100_000 })
	a := job(plain, `i=0; echo begin; while [ $i -lt 20000 ]; do echo "line $i é"; i=$((i+1)); done; echo end`)
	if o := b.run(t, a); string(o.Result) != `"end"` {
		t.Fatal(string(o.Result))
	}
	got := b.log(a.Job.ID, domain.LogOutput)
	if len(got) > 100_100 || !strings.HasPrefix(got, "begin\nline 0 é\n") || !strings.HasSuffix(got, "line 19999 é\nend\n") || !utf8.ValidString(got) {
		t.Fatalf("%d bytes: %.60q … %q", len(got), got, got[len(got)-60:])
	}
	head, rest, ok := strings.Cut(got, "\n… ")
	left, tail, ok2 := strings.Cut(rest, " bytes left out …\n")
	n, err := strconv.Atoi(left)
	var full bytes.Buffer
	fmt.Fprintln(&full, "begin")
	for i := range 20000 {
		fmt.Fprintf(&full, "line %d é\n", i)
	}
	fmt.Fprintln(&full, "end")
	if !ok || !ok2 || err != nil || len(head)+n+len(tail) != full.Len() {
		t.Fatalf("%v %v %v: %d + %d + %d is not %d", ok, ok2, err, len(head), n, len(tail), full.Len())
	}
}

func TestAHugeLineKeepsMemoryFlat(t *testing.T) {
	b := newBench(t, func(o *worker.Options) { o.MaxLog = 1 << 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a := job(wrapped, `head -c 200000000 /dev/zero | tr '\0' x`)
	b.run(t, a)
	runtime.ReadMemStats(&after)
	if got := b.log(a.Job.ID, domain.LogOutput); len(got) > 1<<20+100 || len(got) < 1<<20 {
		t.Fatalf("%d bytes of log", len(got))
	}
	if used := after.Sys - before.Sys; used > 64<<20 && after.Sys > before.Sys {
		t.Fatalf("memory grew by %d MB", used>>20)
	}
	o := b.run(t, job(plain, `head -c 20000000 /dev/zero | tr '\0' x`))
	if o.ErrorName != "ResultTooLarge" {
		t.Fatal(o.ErrorName)
	}
}

func TestItemsAreStreamed(t *testing.T) {
	b := newBench(t)
	a := job(wrapped, `printf '"one\\n"\n"two"\n' >&3; echo 17 >&3; printf '"end"' >&3; echo out; echo '{"ok":true,"result":5}' > result.json`)
	if o := b.run(t, a); string(o.Result) != "5" {
		t.Fatal(string(o.Result))
	}
	if got := b.log(a.Job.ID, domain.LogStream); got != "one\ntwo17end" {
		t.Fatalf("%q", got)
	}
	if got := b.log(a.Job.ID, domain.LogOutput); got != "out\n" {
		t.Fatalf("%q", got)
	}
}

func TestAJobThatFillsTheDiskMakesRoomForItsOwnEnd(t *testing.T) {
	b := newBench(t)
	var lay []bool // whether the job's file was there, by call
	b.finish = func() {
		found := false
		filepath.WalkDir(b.workDir, func(_ string, d os.DirEntry, err error) error { //nolint:errcheck // never an error
			found = found || err == nil && d.Name() == "big"
			return nil
		})
		lay = append(lay, found)
	}
	b.failing("Finish", errs.New(errs.StorageFull, "the disk of the database is full"))
	if o := b.run(t, job(plain, "echo x > big; echo done")); string(o.Result) != `"done"` {
		t.Fatal(o)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(lay, []bool{true, false}) {
		t.Fatalf("at each report the job's file was there: %v", lay)
	}
}

func TestALockThatFellBehindAnImportedScript(t *testing.T) {
	b := newBench(t)
	lock := "locked abc own"
	script := func(a *domain.Assignment) { a.Code.Lock = &lock }
	b.scripts["f/lib/x"] = domain.Code{Path: "f/lib/x", Language: plain, Content: "#require abc"}
	a := job(plain, "#import f/lib/x\n#require other\necho $LOCK", script)
	if o := b.run(t, a); string(o.Result) != `"locked abc own"` || strings.Contains(o.Log+b.log(a.Job.ID, domain.LogOutput), "Resolving") {
		t.Fatalf("a lock that has all was not taken as it is: %s", o.Result)
	}
	b.mu.Lock()
	b.scripts["f/lib/x"] = domain.Code{Path: "f/lib/x", Language: plain, Content: "#require abc\n#require new"}
	b.mu.Unlock()
	a = job(plain, "#import f/lib/x\n#require other\necho $LOCK", script)
	o := b.run(t, a)
	if string(o.Result) != `"locked abc new other"` {
		t.Fatalf("%s: %s", o.Status, o.Result)
	}
	if log := b.log(a.Job.ID, domain.LogOutput) + o.Log; !strings.Contains(log, "requires new, which is not in the lock") {
		t.Fatalf("the log says %q", log)
	}
}

func TestImportsAreFetchedAndLocked(t *testing.T) {
	b := newBench(t)
	b.scripts["f/lib/x"] = domain.Code{Path: "f/lib/x", Language: plain, Content: "#import f/lib/y\n#require zlib"}
	b.scripts["f/lib/y"] = domain.Code{Path: "f/lib/y", Language: plain, Content: "#import f/lib/x\n#import f/a/b\n#require abc"}
	b.scripts["f/lib/other"] = domain.Code{Path: "f/lib/other", Language: wrapped}
	script := "#import f/lib/x\n#require zlib\nls $MODULES; echo $LOCK"
	for range 2 {
		a := job(plain, script)
		if o := b.run(t, a); string(o.Result) != `"locked abc zlib"` {
			t.Fatal(string(o.Result))
		}
		if got := b.log(a.Job.ID, domain.LogOutput); !strings.Contains(got, "f_lib_x\nf_lib_y\nmain.sh") {
			t.Fatal(got)
		}
	}
	if n, _ := b.locks.Load("abc zlib"); n != 1 {
		t.Fatal("locked", n, "times")
	}
	lock := "given abc zlib"
	if o := b.run(t, job(plain, script, func(a *domain.Assignment) { a.Code.Lock = &lock })); string(o.Result) != `"given abc zlib"` {
		t.Fatal(string(o.Result))
	}
	if o := b.run(t, job(plain, "#import f/lib/other")); o.ErrorName != "ImportError" || !strings.Contains(string(o.Result), "another language") {
		t.Fatal(string(o.Result))
	}
	o := b.run(t, job(plain, script, func(a *domain.Assignment) { a.Job.Kind = domain.JobDependencies }))
	if o.Status != domain.StatusSuccess || o.Lock == nil || *o.Lock != "locked abc zlib" {
		t.Fatal(o)
	}
	o = b.run(t, job(plain, "#require missing", func(a *domain.Assignment) { a.Job.Kind = domain.JobDependencies }))
	if o.Status != domain.StatusFailure || o.Lock != nil || o.ErrorName != "LockError" {
		t.Fatal(o)
	}
	o = b.run(t, job(plain, "#build-error", func(a *domain.Assignment) { a.Job.Kind = domain.JobDependencies }))
	if o.Status != domain.StatusSuccess || o.Lock == nil {
		t.Fatal(o)
	}
}

func TestEnvironment(t *testing.T) {
	b := newBench(t)
	run := func(envs ...string) domain.Outcome {
		return b.run(t, job(plain, `echo "$PATH|$HOME|$MINE|$WM_JOB_ID|$NO_COLOR|$TIDEMILL_TOKEN"`, func(a *domain.Assignment) { a.Code.Envs = envs }))
	}
	o := run("MINE=a=b", "PATH=/usr/bin:/bin")
	if f := strings.Split(string(o.Result), "|"); f[0] != `"/usr/bin:/bin` || !strings.HasPrefix(f[1], b.workDir) || f[2] != "a=b" || f[3] == "" || f[4] != "" || f[5] != `token-0123456789"` {
		t.Fatal(string(o.Result))
	}
	for _, bad := range []string{"LD_PRELOAD=/tmp/x.so", "LD_LIBRARY_PATH=/tmp", "DYLD_INSERT_LIBRARIES=x", "WM_TOKEN=x", "novalue", "=x", "A B=x", "A=\x00"} {
		if o := run(bad); o.ErrorName != "EnvironmentInvalid" {
			t.Errorf("%q: %s", bad, o.Result)
		}
	}
}

func TestFoldersAreRemoved(t *testing.T) {
	b := newBench(t)
	for range 2 {
		if o := b.run(t, job(plain, "mkdir -p a/b; echo x > a/b/c; chmod 500 a/b a; pwd; stat -c %a .")); string(o.Result) != "700" {
			t.Fatal(string(o.Result))
		}
	}
	// Whatever a job does to its folder, the next one finds it as new.
	for _, mess := range []string{
		"touch a .b tmp/c; mkdir tmp/d; ln -s / tmp/root", "rmdir tmp; ln -s /etc tmp", "chmod 755 .", "chmod 777 tmp", "rm -rf tmp", "rm -rf $PWD", "mkdir -p x/y; chmod 0 x",
	} {
		b.run(t, job(plain, mess))
		if o := b.run(t, job(plain, `ls -A . tmp | tr '\n' ' '; stat -c %a . tmp | tr '\n' ' '`)); string(o.Result) != `".: args.json tmp  tmp: 700 700"` {
			t.Fatalf("after %q: %s", mess, o.Result)
		}
	}
	// A worker that died left its folder; a living one's stays.
	dead := filepath.Join(b.workDir, "dead-1-abcd")
	if err := os.MkdirAll(filepath.Join(dead, "job", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	other := newBench(t, func(o *worker.Options) { o.WorkDir = b.workDir })
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if o := b.run(t, job(plain, "echo alive")); string(o.Result) != `"alive"` {
		t.Fatal(string(o.Result))
	}
	b.stop(time.Second)
	other.stop(time.Second)
	if entries, err := os.ReadDir(b.workDir); err != nil || len(entries) != 0 {
		t.Fatal(entries, err)
	}
}

func TestAFullDiskFailsOnlyTheJob(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("a small file system cannot be mounted here:", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH) //nolint:errcheck // best effort
	b := newBench(t, func(o *worker.Options) { o.WorkDir = dir })
	if o := b.run(t, job(plain, "head -c 5000000 /dev/zero > big; exit 1")); o.ErrorName != "DiskFull" {
		t.Fatal(o.ErrorName, string(o.Result))
	}
	big := job(plain, "echo 1", func(a *domain.Assignment) { a.Args = domain.JSON(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`) })
	if o := b.run(t, big); o.ErrorName != "DiskFull" {
		t.Fatal(o.ErrorName, string(o.Result))
	}
	if o := b.run(t, job(plain, "echo 1")); string(o.Result) != "1" {
		t.Fatal(string(o.Result))
	}
	b.stop(time.Second)
}

func TestStopDrains(t *testing.T) {
	b := newBench(t)
	a := job(plain, "mkfifo fifo; echo $PWD/fifo ready; read x < fifo; echo $x")
	done := b.begin(a)
	b.until(t, a.Job.ID, "ready")
	stopped := make(chan struct{})
	go func() { b.stop(30 * time.Second); close(stopped) }()
	fifo := strings.Fields(b.log(a.Job.ID, domain.LogOutput))[0]
	if err := os.WriteFile(fifo, []byte("drained\n"), 0); err != nil {
		t.Fatal(err)
	}
	if o := await(t, done); string(o.Result) != `"drained"` {
		t.Fatal(string(o.Result))
	}
	await(t, stopped)
	if !b.left {
		t.Fatal("did not sign off")
	}
	b.stop(time.Second)
}

func TestStopGivesBackWhatDoesNotEnd(t *testing.T) {
	b := newBench(t)
	a := job(plain, "echo ready; sleep 600")
	b.begin(a)
	b.until(t, a.Job.ID, "ready")
	b.stop(10 * time.Millisecond)
	if l := await(t, b.released); l.JobID != a.Job.ID {
		t.Fatal(l)
	}
	if b.finishes != 0 {
		t.Fatal("finished too")
	}
}

func TestTheEndIsReportedUntilItIsHeard(t *testing.T) {
	b := newBench(t)
	for _, err := range []error{errs.New(errs.Unavailable, "the database is away"), errs.New(errs.StorageFull, "the disk is full")} {
		b.failing("Finish", err)
		if o := b.run(t, job(plain, "echo 1")); string(o.Result) != "1" {
			t.Fatal(string(o.Result))
		}
	}
	b.failing("Finish", errs.New(errs.TooLarge, "the result is 9 MB; at most 1 MB are allowed"))
	if o := b.run(t, job(plain, "echo 1")); o.ErrorName != "ResultTooLarge" || !strings.Contains(string(o.Result), "9 MB") {
		t.Fatal(string(o.Result))
	}
}

func TestManyJobsAtOnce(t *testing.T) {
	b := newBench(t)
	var waits []chan domain.Outcome
	for i := range 60 {
		waits = append(waits, b.begin(job(plain, fmt.Sprintf("sleep 600 & echo %d", i))))
	}
	for i, c := range waits {
		if o := await(t, c); string(o.Result) != strconv.Itoa(i) {
			t.Fatal(i, string(o.Result))
		}
	}
}

func TestThePingDescribesTheWorker(t *testing.T) {
	b := newBench(t, func(o *worker.Options) { o.Ping = 5 * time.Millisecond })
	b.run(t, job(plain, ":"))
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.pinged
	if w.Name != b.w.Name() || w.Slots != 4 || fmt.Sprint(w.Tags) != "[plain wrapped absent dependency]" || fmt.Sprint(w.Languages) != "[plain wrapped]" || w.Group != "default" || w.Tier != "process" {
		t.Fatalf("%+v", w)
	}
}
