package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// ending is why an attempt must end before its program does.
type ending struct {
	canceled   bool // somebody asked; report it
	by, reason string
	fenced     bool // it is another worker's; say nothing
	release    bool // the worker stops; give it back
	kill       sandbox.KillReason
}

// attempt is one execution of a job.
type attempt struct {
	w       *Worker
	job     domain.Assignment
	dir     string
	log     *jobLog
	streams *jobLog // made with the first item
	ctx     context.Context
	cancel  context.CancelFunc

	renewed time.Time // guarded by the worker's mu

	mu      sync.Mutex
	ending  *ending // the first counts, but fenced beats all
	process sandbox.Process
}

func newAttempt(w *Worker, job domain.Assignment) *attempt {
	a := &attempt{w: w, job: job, renewed: time.Now()}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.log = newJobLog(w.o.MaxLog, job.Masks, a.sender(domain.LogOutput))
	return a
}

func (a *attempt) sender(kind domain.LogKind) func(context.Context, string) error {
	return func(ctx context.Context, text string) error {
		err := a.w.o.Source.Log(ctx, a.job.Lease, kind, text)
		if errs.Is(err, errs.Fenced) {
			a.end(ending{fenced: true, kill: sandbox.KillFenced})
		}
		return err
	}
}

// end ends the attempt early. It may be called at any time, any number of times.
func (a *attempt) end(e ending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ending == nil || e.fenced {
		a.ending = &e
	}
	if a.process != nil {
		a.process.Kill(e.kill)
	}
	a.cancel()
}

func (a *attempt) ended() *ending {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ending
}

// run takes the job to its end and reports it.
func (a *attempt) run() {
	defer a.cancel()
	defer a.removeDir()
	out := a.execute()
	if out.Status != domain.StatusSuccess {
		a.removeDir() // a full disk has room again when the failure is known; a success is told first
	}
	out.Tier = a.w.o.Sandbox.Tier()
	out.Log = a.log.close()
	if a.streams != nil {
		out.Stream = a.streams.close()
	}
	a.report(out)
}

func (a *attempt) removeDir() {
	if a.dir != "" {
		a.w.dirs.giveBack(a.dir, a.w.o.Log)
		a.dir = ""
	}
}

// execute never panics: a fault of ours is a failure of this job only.
func (a *attempt) execute() (out domain.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			a.w.o.Log.Error("a job met a fault of the worker", "job", a.job.Job.ID, "panic", r, "stack", string(debug.Stack()))
			out = failure("InternalError", "the worker met a fault of its own; the server's log has the details")
		}
	}()
	if a.ended() != nil {
		return domain.Outcome{}
	}
	l, ok := a.w.o.Languages.Get(a.job.Code.Language)
	if !ok {
		return failure("LanguageUnknown", fmt.Sprintf("this worker does not know the language %s", a.job.Code.Language))
	}
	kit := a.w.o.Kit
	kit.Log = a.log.input()
	if a.job.Job.Kind == domain.JobDependencies {
		return a.resolve(l, kit)
	}
	p, fail := a.prepare(l, kit)
	if fail != nil {
		return *fail
	}
	return a.runProgram(l, p)
}

// runProgram runs a prepared program in a folder of its own.
func (a *attempt) runProgram(l lang.Language, p lang.Prepared) domain.Outcome {
	args := a.job.Args
	if len(args) == 0 {
		args = domain.JSON("{}")
	}
	if err := a.makeDir(args); err != nil {
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			return failure("DiskFull", "the disk of the worker's work directory is full: the job's folder could not be made")
		}
		a.w.o.Log.Error("a job's folder could not be made", "job", a.job.Job.ID, "error", err)
		return failure("WorkDirError", "the job's folder could not be made: "+errs.As(err).Message)
	}
	cmd := l.Command(p, lang.Job{Dir: a.dir, Args: args})
	env, err := a.environment(cmd.Env)
	if err != nil {
		return failure("EnvironmentInvalid", err.Error())
	}
	spec := sandbox.Spec{
		Argv: cmd.Argv, Env: env, Dir: a.dir, Mounts: append(p.Mounts[:len(p.Mounts):len(p.Mounts)], cmd.Mounts...),
		Limits: sandbox.Limits{Wall: a.job.Job.Timeout, Memory: a.w.o.Memory},
		Grace:  a.w.o.Grace,
	}
	out := a.log.input()
	spec.Stdout, spec.Stderr = out, out // one pipe: the order is the program's own
	var last *lastLine
	if cmd.Plain {
		last = &lastLine{max: maxLastLine}
		spec.Stdout, spec.Stderr = io.MultiWriter(last, out), a.log.input()
	}
	var items *itemReader
	if !cmd.Plain || p.Signature.Streams {
		if items, err = a.readItems(&spec); err != nil {
			return failure("InternalError", "the worker has no descriptors left; try again")
		}
		defer items.close()
	}
	exit, err := a.runSpec(spec, items)
	if err != nil {
		if a.ended() != nil {
			return domain.Outcome{}
		}
		return a.cannotStart(err)
	}
	o := a.outcome(exit, cmd.Plain, last)
	o.MemPeak, o.CPUTime = exit.MemPeak, exit.CPUTime
	if o.UserStart.IsZero() {
		o.UserStart, o.UserEnd = exit.Started.UTC(), exit.Ended.UTC()
	}
	return o
}

func (a *attempt) runSpec(spec sandbox.Spec, items *itemReader) (sandbox.Exit, error) {
	a.mu.Lock()
	if a.ending != nil {
		a.mu.Unlock()
		return sandbox.Exit{}, context.Canceled
	}
	a.mu.Unlock()
	// Not with a.ctx: end says the reason by Kill itself.
	p, err := a.w.o.Sandbox.Start(context.Background(), spec)
	items.started()
	if err != nil {
		return sandbox.Exit{}, err
	}
	a.mu.Lock()
	a.process = p
	if a.ending != nil {
		p.Kill(a.ending.kill)
	}
	a.mu.Unlock()
	return p.Wait(), nil
}

// cannotStart explains a program that could not be started.
func (a *attempt) cannotStart(err error) domain.Outcome {
	e := errs.As(err)
	message := e.Message
	if e.Hint != "" {
		message += "; " + e.Hint
	}
	if e.Kind == errs.Unavailable {
		return failure("RuntimeMissing", message)
	}
	return failure("StartError", message)
}

func (a *attempt) makeDir(args domain.JSON) (err error) {
	if a.dir, err = a.w.dirs.take(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, "args.json"), args, 0o600)
}

// report tells the source how the attempt ended, until it knows or the attempt is no longer ours.
func (a *attempt) report(o domain.Outcome) {
	log := a.w.o.Log.With("job", a.job.Job.ID, "attempt", a.job.Lease.Attempt)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		e := a.ended()
		call := func(ctx context.Context) error { return a.w.o.Source.Finish(ctx, a.job.Lease, o) }
		switch {
		case e != nil && e.fenced:
			log.Info("an attempt ended without a word: it is not ours any more")
			return
		case e != nil && e.release && o.Status == "":
			call = func(ctx context.Context) error { return a.w.o.Source.Release(ctx, a.job.Lease) }
		case e != nil && e.canceled && o.Status == "":
			o.Status, o.ErrorName, o.Result = domain.StatusCanceled, "Canceled", domain.CanceledResult(e.by, e.reason)
		case o.Status == "":
			o.Status, o.ErrorName, o.Result = domain.StatusFailure, "Killed", domain.ErrorResult("Killed", "the job was ended for no known reason")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := call(ctx)
		cancel()
		switch errs.KindOf(err) {
		case "":
			return
		case errs.Fenced:
			log.Info("the end of an attempt came too late: it is not ours any more")
			return
		case errs.StorageFull:
			// What filled the disk may be what this job wrote: while it lies there, its end could never be told.
			a.removeDir()
			log.Warn("the end of an attempt could not be reported; trying again", "error", err)
		case errs.TooLarge:
			message := errs.As(err).Message
			log.Info("a result is too large", "bytes", len(o.Result))
			o.Status, o.ErrorName, o.Result = domain.StatusFailure, "ResultTooLarge", domain.ErrorResult("ResultTooLarge", message)
			continue
		case errs.Invalid:
			log.Error("an outcome was refused", "error", err)
			o.Status, o.ErrorName = domain.StatusFailure, "ResultInvalid"
			o.Result, o.Log, o.Stream = domain.ErrorResult("ResultInvalid", "the result could not be stored: "+errs.As(err).Message), "", ""
			if pause > time.Second { // refused again and again: leave it to the end of the lease
				return
			}
		default:
			log.Warn("the end of an attempt could not be reported; trying again", "error", err)
		}
		// While we try, the lease is renewed; when that fails too, the attempt is fenced and we end above.
		sleep(context.Background(), pause)
	}
}

// itemReader reads a generator's items from descriptor 3.
type itemReader struct {
	theirs *os.File
	ours   *os.File
	done   chan struct{}
}

const maxItem = 4 << 20 // bytes of one line

func (a *attempt) readItems(spec *sandbox.Spec) (*itemReader, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	spec.Files = []*os.File{w}
	items := &itemReader{theirs: w, ours: r, done: make(chan struct{})}
	go func() {
		defer close(items.done)
		in := bufio.NewReader(r)
		var out io.Writer
		for {
			line, err := readLine(in, maxItem)
			if len(line) > 0 {
				if out == nil {
					a.streams = newJobLog(a.w.o.MaxLog, a.job.Masks, a.sender(domain.LogStream))
					out = a.streams.input()
				}
				io.WriteString(out, itemText(line)) //nolint:errcheck // a log never fails
			}
			if err != nil {
				return
			}
		}
	}()
	return items, nil
}

// itemText is the text of an item: a JSON string's value, anything else as it is.
func itemText(line []byte) string {
	var s string
	if err := json.Unmarshal(line, &s); err == nil {
		return s
	}
	return string(line)
}

// readLine reads a line without its end; what is longer than limit is left out.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := limit - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		if err != bufio.ErrBufferFull {
			return []byte(strings.TrimRight(string(line), "\r\n")), err
		}
	}
}

// started closes the child's end, so that the end of the tree is the end of the items.
func (i *itemReader) started() {
	if i != nil {
		i.theirs.Close()
	}
}

// close waits for the items that are still in the pipe; for a bounded time, should somebody hold it open.
func (i *itemReader) close() {
	i.theirs.Close()
	i.ours.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) //nolint:errcheck // pipes know deadlines
	<-i.done
	i.ours.Close()
}
