// Package sandboxtest is the contract of package sandbox in executable form. Every tier runs it.
package sandboxtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// Tier says what a tier can do beyond what all must do.
type Tier struct {
	New     func(t *testing.T) sandbox.Runner
	Setsid  bool // sees children that left the session
	Memory  bool // enforces Limits.Memory
	Limits  bool // enforces Limits.Files and Disk
	Inspect bool // /proc/self/fd can be read inside
}

// Env is a plain environment for the shell commands of a test.
func Env(more ...string) []string {
	return append([]string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}, more...)
}

// Sink is a writer whose lines can be waited for.
type Sink struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lines chan string
	part  string
}

// NewSink makes a sink.
func NewSink() *Sink { return &Sink{lines: make(chan string, 1<<16)} }

// Write implements io.Writer.
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(p)
	s.part += string(p)
	for {
		line, rest, ok := strings.Cut(s.part, "\n")
		if !ok {
			return len(p), nil
		}
		s.part = rest
		select {
		case s.lines <- line:
		default:
		}
	}
}

func (s *Sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// Line waits for the next line.
func (s *Sink) Line(t *testing.T) string {
	t.Helper()
	select {
	case l := <-s.lines:
		return l
	case <-time.After(20 * time.Second):
		t.Fatalf("no line came; so far: %q", s.String())
		return ""
	}
}

// Gone reports whether no living process has the number.
func Gone(pid int) bool {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return true
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(text, ')')
	return i > 0 && len(text) > i+2 && text[i+2] == 'Z'
}

// Run runs the suite.
func Run(t *testing.T, tier Tier) {
	t.Run("environment is exact", tier.environment)
	t.Run("input output and files", tier.plumbing)
	t.Run("one writer keeps the order", tier.order)
	t.Run("descriptors are closed", tier.descriptors)
	t.Run("ways to end", tier.ends)
	t.Run("what cannot start says why", tier.cannotStart)
	t.Run("wall time", tier.wall)
	t.Run("cancel lets the program clean up", tier.graceful)
	t.Run("who ignores SIGTERM is killed after the grace", tier.stubborn)
	t.Run("context", tier.context)
	t.Run("children that are left behind are killed", tier.leftovers)
	t.Run("children that left the session are killed", tier.setsid)
	t.Run("a kill reaches the whole tree", tier.killTree)
	t.Run("a writer that fails stops nothing", tier.badWriter)
	t.Run("much output", tier.muchOutput)
	t.Run("limits", tier.limits)
	t.Run("memory", tier.memory)
	t.Run("many at once", tier.many)
	t.Run("kill at any time", tier.killAnytime)
}

func (tier Tier) run(t *testing.T, s sandbox.Spec, script string, args ...string) sandbox.Exit {
	t.Helper()
	return tier.start(t, s, script, args...).Wait()
}

func (tier Tier) start(t *testing.T, s sandbox.Spec, script string, args ...string) sandbox.Process {
	t.Helper()
	s.Argv = append([]string{"/bin/sh", "-c", script, "sh"}, args...)
	if s.Env == nil {
		s.Env = Env()
	}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	p, err := tier.New(t).Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (tier Tier) environment(t *testing.T) {
	t.Setenv("TIDEMILL_TEST_SECRET", "must not be seen")
	var out bytes.Buffer
	dir := t.TempDir()
	exit, err := sandbox.Run(t.Context(), tier.New(t), sandbox.Spec{
		Argv: []string{"env"}, Env: Env("A=1", "EMPTY=", "B=two words"), Dir: dir, Stdout: &out,
	})
	if err != nil || exit.Code != 0 {
		t.Fatal(exit, err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, sandbox.Mark+"=") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(got)
	want := Env("A=1", "EMPTY=", "B=two words")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("environment is %q, want %q", got, want)
	}
}

func (tier Tier) plumbing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out, errOut bytes.Buffer
	dir := t.TempDir()
	p := tier.start(t, sandbox.Spec{Stdin: strings.NewReader("from stdin\n"), Stdout: &out, Stderr: &errOut, Files: []*os.File{w}, Dir: dir},
		`cat; echo oops >&2; echo three >&3; pwd > here; exit 7`)
	w.Close()
	three, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	exit := p.Wait()
	here, _ := os.ReadFile(filepath.Join(dir, "here"))
	real, _ := filepath.EvalSymlinks(dir)
	if exit.Code != 7 || out.String() != "from stdin\n" || errOut.String() != "oops\n" || three != "three\n" {
		t.Fatalf("%+v %q %q %q", exit, out.String(), errOut.String(), three)
	}
	if got := strings.TrimSpace(string(here)); got != dir && got != real {
		t.Fatalf("ran in %q, not in %q", got, dir)
	}
	// Without readers and writers everything is empty and goes nowhere.
	if exit := tier.run(t, sandbox.Spec{}, `read x && exit 1; echo nobody; echo hears >&2`); exit.Code != 0 {
		t.Fatalf("%+v", exit)
	}
	// Input that the program does not read holds nothing up.
	if exit := tier.run(t, sandbox.Spec{Stdin: io.LimitReader(zeros{}, 10<<20)}, `exit 0`); exit.Code != 0 {
		t.Fatalf("%+v", exit)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (tier Tier) order(t *testing.T) {
	var out bytes.Buffer
	tier.run(t, sandbox.Spec{Stdout: &out, Stderr: &out}, `for i in 1 2 3 4 5 6 7 8 9; do echo o$i; echo e$i >&2; done`)
	var want strings.Builder
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&want, "o%d\ne%d\n", i, i)
	}
	if out.String() != want.String() {
		t.Fatalf("order was lost: %q", out.String())
	}
	// Two writers: two words come in their order, either way.
	for range 20 {
		both := NewSink()
		tier.run(t, sandbox.Spec{Stdout: struct{ io.Writer }{both}, Stderr: both}, `echo out; echo err >&2`)
		if both.String() != "out\nerr\n" {
			t.Fatalf("order was lost: %q", both.String())
		}
	}
	for range 20 {
		if !tier.Setsid {
			break // nor does such a tier know which pipe was first
		}
		both := NewSink()
		tier.run(t, sandbox.Spec{Stdout: struct{ io.Writer }{both}, Stderr: both}, `echo err >&2; echo out`)
		if both.String() != "err\nout\n" {
			t.Fatalf("order was lost: %q", both.String())
		}
	}
}

func (tier Tier) descriptors(t *testing.T) {
	if !tier.Inspect {
		t.Skip("this tier cannot look at its descriptors")
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	if exit, err := sandbox.Run(t.Context(), tier.New(t), sandbox.Spec{
		Argv: []string{"ls", "/proc/self/fd"}, Env: Env(), Dir: t.TempDir(), Stdout: &out,
	}); err != nil || exit.Code != 0 {
		t.Fatal(exit, err)
	}
	if got := strings.Fields(out.String()); !slices.Equal(got, []string{"0", "1", "2", "3"}) { // 3 is ls reading the folder
		t.Fatalf("the child has descriptors %v", got)
	}
}

func (tier Tier) ends(t *testing.T) {
	before := time.Now()
	exit := tier.run(t, sandbox.Spec{}, `exit 42`)
	if exit.Code != 42 || exit.Signal != "" || exit.Killed != "" || exit.Leftover != 0 {
		t.Fatalf("%+v", exit)
	}
	if exit.Started.Before(before) || exit.Ended.Before(exit.Started) {
		t.Fatalf("times %+v", exit)
	}
	exit = tier.run(t, sandbox.Spec{}, `kill -SEGV $$`)
	if exit.Code != 128+int(syscall.SIGSEGV) || exit.Signal != "SIGSEGV" || exit.Killed != "" {
		t.Fatalf("%+v", exit)
	}
	exit = tier.run(t, sandbox.Spec{}, `i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done`)
	if exit.CPUTime <= 0 {
		t.Fatalf("%+v", exit)
	}
}

func (tier Tier) cannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	noInterpreter := filepath.Join(dir, "script")
	if err := os.WriteFile(plain, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(noInterpreter, []byte("#!/no/such/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"no-such-program-here", "/no/such/program", plain, noInterpreter} {
		_, err := tier.New(t).Start(t.Context(), sandbox.Spec{Argv: []string{program}, Env: Env(), Dir: dir})
		if err == nil || !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), program) {
			t.Fatalf("%s: %v", program, err)
		}
	}
	if _, err := tier.New(t).Start(t.Context(), sandbox.Spec{Argv: []string{"/bin/sh"}, Env: []string{"A=\x00"}, Dir: dir}); !errs.Is(err, errs.Invalid) {
		t.Fatal(err)
	}
	if _, err := tier.New(t).Start(t.Context(), sandbox.Spec{Argv: []string{"/bin/sh", strings.Repeat("x", 4<<20)}, Env: Env(), Dir: dir}); !errs.Is(err, errs.TooLarge) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tier.New(t).Start(ctx, sandbox.Spec{Argv: []string{"/bin/sh"}, Env: Env(), Dir: dir}); err == nil {
		t.Fatal("a finished context started a command")
	}
}

func (tier Tier) wall(t *testing.T) {
	exit := tier.run(t, sandbox.Spec{Limits: sandbox.Limits{Wall: 100 * time.Millisecond}}, `while :; do :; done`)
	if exit.Killed != sandbox.KillTimeout || exit.Signal != "SIGKILL" {
		t.Fatalf("%+v", exit)
	}
	if took := exit.Ended.Sub(exit.Started); took < 90*time.Millisecond || took > 5*time.Second {
		t.Fatalf("took %v", took)
	}
}

func (tier Tier) graceful(t *testing.T) {
	out := NewSink()
	p := tier.start(t, sandbox.Spec{Stdout: out, Grace: 20 * time.Second}, `trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done`)
	out.Line(t)
	p.Kill(sandbox.KillCanceled)
	p.Kill(sandbox.KillFenced) // the first reason counts
	exit := p.Wait()
	if exit.Killed != sandbox.KillCanceled || exit.Code != 3 || out.Line(t) != "bye" {
		t.Fatalf("%+v %q", exit, out)
	}
}

func (tier Tier) stubborn(t *testing.T) {
	out := NewSink()
	const grace = 300 * time.Millisecond
	p := tier.start(t, sandbox.Spec{Stdout: out, Grace: grace}, `trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo $!; while :; do sleep 0.05; done`)
	child, _ := strconv.Atoi(out.Line(t))
	begin := time.Now()
	p.Kill(sandbox.KillCanceled)
	exit := p.Wait()
	if took := time.Since(begin); took < grace-50*time.Millisecond || took > grace+time.Second {
		t.Fatalf("took %v", took)
	}
	if exit.Killed != sandbox.KillCanceled || exit.Signal != "SIGKILL" || !Gone(child) {
		t.Fatalf("%+v, child gone %v", exit, Gone(child))
	}
}

func (tier Tier) context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := NewSink()
	p, err := tier.New(t).Start(ctx, sandbox.Spec{Argv: []string{"/bin/sh", "-c", "echo ready; sleep 600"}, Env: Env(), Dir: t.TempDir(), Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	out.Line(t)
	cancel()
	if exit := p.Wait(); exit.Killed != sandbox.KillCanceled {
		t.Fatalf("%+v", exit)
	}
}

func (tier Tier) leftovers(t *testing.T) {
	out := NewSink()
	begin := time.Now()
	exit := tier.run(t, sandbox.Spec{Stdout: out, Stderr: out}, `sleep 600 & echo $!; (sleep 601 & echo $!) ; exit 0`)
	if exit.Code != 0 {
		t.Fatalf("%+v", exit)
	}
	for range 2 {
		if pid, _ := strconv.Atoi(out.Line(t)); !Gone(pid) {
			t.Fatalf("child %d is left", pid)
		}
	}
	if time.Since(begin) > 5*time.Second {
		t.Fatal("a child that holds the output held up the end")
	}
	if tier.Setsid && exit.Leftover != 2 {
		t.Fatalf("%d leftovers, want 2", exit.Leftover)
	}
}

func (tier Tier) setsid(t *testing.T) {
	if !tier.Setsid {
		t.Skip("this tier does not see children that left the session")
	}
	out := NewSink()
	begin := time.Now()
	// The daemon leaves the session, loses its parent, and keeps our pipe.
	exit := tier.run(t, sandbox.Spec{Stdout: out, Stderr: out},
		`setsid sh -c '(trap "" TERM HUP; echo $$ >&2; exec sleep 600) & sleep 0.05; sleep 602 & echo $!'; exit 0`)
	if exit.Code != 0 || exit.Leftover < 2 {
		t.Fatalf("%+v", exit)
	}
	if time.Since(begin) > 5*time.Second {
		t.Fatal("a daemon that holds the output held up the end")
	}
	out.Line(t)
	if pid, _ := strconv.Atoi(out.Line(t)); !Gone(pid) {
		t.Fatalf("daemon %d is left", pid)
	}
	// One that ended by itself leaves no zombie of ours.
	tier.run(t, sandbox.Spec{Stdout: out}, `setsid -f sh -c 'echo $$' ; sleep 0.2`)
	pid, _ := strconv.Atoi(out.Line(t))
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Fatalf("process %d is still there: %v", pid, err)
	}
}

func (tier Tier) killTree(t *testing.T) {
	out := NewSink()
	script := `sleep 600 & echo $!; (sleep 601; :) & echo $!; `
	n := 2
	if tier.Setsid {
		// A grandchild of another session with a wiped environment is still below the top.
		script += `setsid env -i /bin/sh -c 'echo $$; exec /bin/sleep 602' & wait`
		n = 3
	} else {
		script += "wait"
	}
	p := tier.start(t, sandbox.Spec{Stdout: out}, script)
	var pids []int
	for range n {
		pid, _ := strconv.Atoi(out.Line(t))
		pids = append(pids, pid)
	}
	p.Kill(sandbox.KillFenced)
	exit := p.Wait()
	if exit.Killed != sandbox.KillFenced || exit.Signal != "SIGKILL" {
		t.Fatalf("%+v", exit)
	}
	for _, pid := range append(pids, p.Pid()) {
		if !Gone(pid) {
			t.Fatalf("process %d of %v is left", pid, pids)
		}
	}
}

type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func (tier Tier) badWriter(t *testing.T) {
	exit := tier.run(t, sandbox.Spec{Stdout: badWriter{}}, `i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done`)
	if exit.Code != 0 {
		t.Fatalf("%+v", exit)
	}
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func (tier Tier) muchOutput(t *testing.T) {
	var c counter
	exit := tier.run(t, sandbox.Spec{Stdout: &c}, `head -c 50000000 /dev/zero`)
	if exit.Code != 0 || c.n != 50_000_000 {
		t.Fatalf("%+v, %d bytes", exit, c.n)
	}
}

func (tier Tier) limits(t *testing.T) {
	if !tier.Limits {
		t.Skip("this tier has no such limits")
	}
	var out bytes.Buffer
	exit := tier.run(t, sandbox.Spec{Stdout: &out, Limits: sandbox.Limits{Files: 77, Disk: 1 << 20}},
		`ulimit -c; ulimit -n; head -c 3000000 /dev/zero > big; echo $? >&2; wc -c < big`)
	f := strings.Fields(out.String())
	if exit.Code != 0 || len(f) != 3 || f[0] != "0" || f[1] != "77" || f[2] != strconv.Itoa(1<<20) {
		t.Fatalf("%+v %q", exit, out.String())
	}
}

func (tier Tier) memory(t *testing.T) {
	if !tier.Memory {
		t.Skip("this tier does not limit memory")
	}
	exit := tier.run(t, sandbox.Spec{Limits: sandbox.Limits{Memory: 64 << 20}}, `x=0123456789abcdef; while :; do x=$x$x; done`)
	if exit.Killed != sandbox.KillMemory || exit.MemPeak < 64<<20 {
		t.Fatalf("%+v", exit)
	}
	// A tree that stays below lives, and its peak is its own and not ours.
	exit = tier.run(t, sandbox.Spec{Limits: sandbox.Limits{Memory: 256 << 20}}, `sleep 0.15`)
	if exit.Code != 0 || exit.Killed != "" || exit.MemPeak <= 0 || exit.MemPeak > 64<<20 {
		t.Fatalf("%+v", exit)
	}
}

func (tier Tier) many(t *testing.T) {
	r := tier.New(t)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			var out bytes.Buffer
			exit, err := sandbox.Run(t.Context(), r, sandbox.Spec{
				Argv: []string{"/bin/sh", "-c", "sleep 600 & echo $1; exit $1", "sh", strconv.Itoa(i)}, Env: Env(), Dir: t.TempDir(), Stdout: &out,
			})
			if err != nil || exit.Code != i || strings.TrimSpace(out.String()) != strconv.Itoa(i) {
				t.Errorf("%d: %+v %v %q", i, exit, err, out.String())
			}
		})
	}
	wg.Wait()
}

func (tier Tier) killAnytime(t *testing.T) {
	r := tier.New(t)
	for range 20 {
		p, err := r.Start(t.Context(), sandbox.Spec{Argv: []string{"/bin/sh", "-c", "exit 0"}, Env: Env(), Dir: t.TempDir(), Grace: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { p.Kill(sandbox.KillCanceled) })
		}
		p.Wait()
		wg.Wait()
		p.Kill(sandbox.KillFenced)
	}
}
