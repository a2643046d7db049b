package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox/process"
	"github.com/tidemill/tidemill/internal/sandbox/sandboxtest"
	"github.com/tidemill/tidemill/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell is a language for these tests: a shell script with directives. "#import f/x" imports, "#require p" needs a
// package, "#build-error" does not compile. The plain one prints its result; the other writes result.json as a wrapper would.
type shell struct {
	id      domain.Language
	plain   bool
	locks   *sync.Map // requirements that were locked → how often
	program string
}

func (s shell) Manifest() lang.Manifest {
	return lang.Manifest{ID: s.id, Runtime: lang.Runtime{Tools: []lang.Tool{{Name: s.program, Hint: "install a shell"}}}}
}

func (s shell) Signature(string) (lang.Signature, error) { return lang.Signature{}, nil }

func (s shell) Imports(_, source string) (lang.Imports, error) {
	var out lang.Imports
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if p, ok := strings.CutPrefix(line, "#import "); ok {
			out.Scripts = append(out.Scripts, p)
		}
		if p, ok := strings.CutPrefix(line, "#require "); ok {
			out.Requirements = append(out.Requirements, p)
		}
		if line == "#panic" {
			panic("a fault of the language")
		}
		if line == "#syntax" {
			return out, &lang.SyntaxError{Line: 3, Column: 7, Message: "unexpected end"}
		}
	}
	return out, nil
}

func (s shell) Lock(ctx context.Context, k lang.Kit, requirements []string) (string, error) {
	fmt.Fprintf(k.Log, "locking %s\n", requirements)
	if requirements[0] == "slow" {
		_, _, err := k.Run(ctx, k.CacheDir, sandboxtest.Env(), "sh", "-c", "echo installing; sleep 600")
		return "", err
	}
	key := strings.Join(requirements, " ")
	n, _ := s.locks.LoadOrStore(key, 0)
	s.locks.Store(key, n.(int)+1)
	if key == "missing" {
		return "", errs.New(errs.Invalid, "there is no package missing").WithHint("check its name")
	}
	return "locked " + key, nil
}

func (s shell) Missing(lock string, requirements []string) (out []string) {
	for _, r := range requirements {
		if !slices.Contains(strings.Fields(lock), r) {
			out = append(out, r)
		}
	}
	return out
}

func (s shell) Prepare(ctx context.Context, k lang.Kit, p lang.Program) (lang.Prepared, error) {
	if strings.Contains(p.Source, "#build-error") {
		return lang.Prepared{}, &lang.BuildError{Output: "main.sh:1: does not compile"}
	}
	program, err := k.Tool(ctx, s.Manifest().Runtime.Tools[0])
	if err != nil {
		return lang.Prepared{}, err
	}
	parts := []string{p.Source, p.Lock, fmt.Sprint(p.Modules)}
	dir, err := k.Build(ctx, s.id, lang.Key(parts...), func(dir string) error {
		for path, source := range p.Modules {
			if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(path, "/", "_")), []byte(source), 0o600); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(dir, "main.sh"), []byte(p.Source), 0o600)
	})
	return lang.Prepared{Dir: dir, Argv: []string{program, filepath.Join(dir, "main.sh")}, Env: []string{"LOCK=" + p.Lock, "MODULES=" + dir}}, err
}

func (s shell) Command(p lang.Prepared, _ lang.Job) lang.Command {
	return lang.Command{Argv: p.Argv, Env: p.Env, Plain: s.plain}
}

const (
	plain   domain.Language = "plain"
	wrapped domain.Language = "wrapped"
	absent  domain.Language = "absent"
)

// source is a queue in memory.
type source struct {
	jobs chan domain.Assignment
	wake chan struct{}

	mu       sync.Mutex
	outcomes map[string]chan domain.Outcome // by job
	logs     map[string]*strings.Builder    // by job and kind
	said     chan struct{}                  // after each log
	released chan domain.Lease
	ended    []domain.Ended
	fail     map[string]error // by method: what it answers instead
	scripts  map[string]domain.Code
	finishes int
	finish   func() // called first by each Finish
	left     bool
	pinged   domain.Worker
}

func newSource() *source {
	return &source{
		jobs: make(chan domain.Assignment, 100), wake: make(chan struct{}, 1), outcomes: map[string]chan domain.Outcome{},
		logs: map[string]*strings.Builder{}, said: make(chan struct{}, 1<<16), released: make(chan domain.Lease, 100),
		fail: map[string]error{}, scripts: map[string]domain.Code{},
	}
}

func (s *source) failing(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[method] = err
}

func (s *source) Claim(ctx context.Context, worker string, _ []string, limit int) ([]domain.Assignment, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-s.jobs:
		a.Lease.Worker = worker
		out := []domain.Assignment{a}
		for len(out) < limit {
			select {
			case a := <-s.jobs:
				a.Lease.Worker = worker
				out = append(out, a)
			default:
				return out, nil
			}
		}
		return out, nil
	}
}

func (s *source) Renew(context.Context, []domain.Lease) ([]domain.Ended, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended, s.fail["Renew"]
}

func (s *source) Wake(ctx context.Context) <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
				select {
				case out <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

func (s *source) Log(_ context.Context, l domain.Lease, kind domain.LogKind, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fail["Log"]; err != nil {
		return err
	}
	s.add(l.JobID, kind, text)
	return nil
}

func (s *source) add(job string, kind domain.LogKind, text string) {
	b := s.logs[job+string(kind)]
	if b == nil {
		b = &strings.Builder{}
		s.logs[job+string(kind)] = b
	}
	b.WriteString(text)
	select {
	case s.said <- struct{}{}:
	default:
	}
}

func (s *source) log(job string, kind domain.LogKind) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.logs[job+string(kind)]; b != nil {
		return b.String()
	}
	return ""
}

func (s *source) Script(_ context.Context, _ domain.Lease, path string) (domain.Code, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.scripts[path]; ok {
		return c, nil
	}
	return domain.Code{}, errs.New(errs.NotFound, "there is no script %s", path)
}

func (s *source) Finish(_ context.Context, l domain.Lease, o domain.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishes++
	if s.finish != nil {
		s.finish()
	}
	if err := s.fail["Finish"]; err != nil {
		delete(s.fail, "Finish") // once
		return err
	}
	s.add(l.JobID, domain.LogOutput, o.Log)
	s.add(l.JobID, domain.LogStream, o.Stream)
	s.outcomes[l.JobID] <- o
	return nil
}

func (s *source) Release(_ context.Context, l domain.Lease) error { s.released <- l; return nil }

func (s *source) Ping(_ context.Context, w domain.Worker) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pinged = w
	return nil
}

func (s *source) Leave(context.Context, string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	return nil
}

// bench is a worker on a source.
type bench struct {
	*source
	w       *worker.Worker
	workDir string
	locks   *sync.Map
}

func newBench(t *testing.T, change ...func(*worker.Options)) *bench {
	t.Helper()
	b := &bench{source: newSource(), workDir: t.TempDir(), locks: &sync.Map{}}
	o := worker.Options{
		Source: b.source, Sandbox: process.New(), WorkDir: b.workDir, Slots: 4, Grace: 300 * time.Millisecond,
		Languages: lang.Registry{shell{plain, true, b.locks, "sh"}, shell{wrapped, false, b.locks, "sh"}, shell{absent, true, b.locks, "no-such-shell"}},
		Kit:       lang.Kit{CacheDir: t.TempDir(), ToolsDir: t.TempDir()},
		BaseURL:   "http://127.0.0.1:1", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&o)
	}
	b.w = worker.New(o)
	if err := b.w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.stop(20 * time.Second) })
	return b
}

func (b *bench) stop(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b.w.Stop(ctx)
}

func job(language domain.Language, content string, change ...func(*domain.Assignment)) domain.Assignment {
	a := domain.Assignment{
		Job:  domain.Job{ID: id.New(), Workspace: "main", Kind: domain.JobPreview, Language: language, PermissionedAs: "u/ada"},
		Code: domain.Code{Language: language, Content: content, Path: "f/a/b"}, Args: domain.JSON(`{"x": 1}`), Token: "token-0123456789",
	}
	a.Lease = domain.Lease{JobID: a.Job.ID, Attempt: 1}
	for _, c := range change {
		c(&a)
	}
	return a
}

// begin hands a job to the worker.
func (b *bench) begin(a domain.Assignment) (done chan domain.Outcome) {
	done = make(chan domain.Outcome, 2)
	b.mu.Lock()
	b.outcomes[a.Job.ID] = done
	b.mu.Unlock()
	b.jobs <- a
	return done
}

func (b *bench) run(t *testing.T, a domain.Assignment) domain.Outcome {
	t.Helper()
	return await(t, b.begin(a))
}

func await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

// until waits until a job's log holds a text.
func (b *bench) until(t *testing.T, job, text string) {
	t.Helper()
	for limit := time.After(20 * time.Second); !strings.Contains(b.log(job, domain.LogOutput), text); {
		select {
		case <-b.said:
		case <-limit:
			t.Fatalf("the job never said %q: %q", text, b.log(job, domain.LogOutput))
		}
	}
}
