// Package process is the tier without isolation: a clean environment, a session of its own, resource limits, and the end
// of the whole tree. It works for every user on Linux and macOS; jobs can do what the server's user can.
//
// On Linux it sees children that left the session too. The server is made a child subreaper, so that whatever a job
// leaves behind becomes our child at the moment its parent ends; a marker in the environment tells whose it was. Only a
// program that leaves the session, loses its parent and wipes its environment before the job ends escapes; stronger tiers
// have namespaces for that. When the server is killed the kernel kills the top of each tree, and the next Runner on the
// host ends the rest.
//
// Limits: Wall, Files and Disk are enforced; Memory by a watchdog that looks every few tens of milliseconds (Linux only);
// Pids and Net are not enforced.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// Tier is the name of this tier.
const Tier = "process"

// drain is how long a pipe may stay silent and open after the tree is gone; drainMax bounds one that is not silent.
const (
	drain    = 300 * time.Millisecond
	drainMax = 3 * time.Second
)

// Runner starts commands in this tier. One is enough for a process.
type Runner struct {
	mark    string // prefix of the marks of this process's trees
	seq     atomic.Uint64
	buffers sync.Pool
	platform
}

// New makes a runner and ends what trees of servers that are dead left behind.
func New() *Runner {
	r := &Runner{mark: origin() + "."}
	r.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	noCores()
	r.prepare()
	return r
}

// Tier is "process".
func (r *Runner) Tier() string { return Tier }

type process struct {
	r     *Runner
	pid   int
	mark  string // TIDEMILL_SANDBOX=… in the environment of the tree
	grace time.Duration
	since time.Time

	pumps   sync.WaitGroup // readers of the pipes, writer of stdin
	readers []*os.File
	stdin   *os.File // our end, when a goroutine feeds it

	timers  sync.WaitGroup // functions of timers that run or will run
	wall    *time.Timer
	stopCtx func() bool

	mu     sync.Mutex
	gone   bool // reaped: the pid may be somebody else's
	killed sandbox.KillReason
	hard   *time.Timer // SIGKILL after the grace
	tree
}

// Start implements sandbox.Runner.
func (r *Runner) Start(ctx context.Context, s sandbox.Spec) (sandbox.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return nil, errs.New(errs.Internal, "no program was given")
	}
	program, err := lookup(s.Argv[0], s.Env, s.Dir)
	if err != nil {
		return nil, err
	}
	p := &process{r: r, grace: s.Grace, mark: fmt.Sprintf("%s=%s%d", sandbox.Mark, r.mark, r.seq.Add(1))}
	c := command{program: program, argv: s.Argv, dir: s.Dir, limits: s.Limits, env: make([]string, 0, len(s.Env)+1)}
	for _, kv := range s.Env {
		if !strings.HasPrefix(kv, sandbox.Mark+"=") {
			c.env = append(c.env, kv)
		}
	}
	c.env = append(c.env, p.mark)

	io, err := p.plumb(s)
	if err != nil {
		return nil, err
	}
	defer io.closeTheirs()
	c.files = io.theirs
	err = limited(&c)
	if err == nil {
		err = p.fork(c)
	}
	if err != nil {
		io.closeOurs()
		return nil, startError(err, program, s)
	}
	p.since = time.Now()
	io.closeTheirs()
	io.run(p)

	if s.Limits.Wall > 0 {
		p.timers.Add(1)
		p.wall = time.AfterFunc(s.Limits.Wall, func() { defer p.timers.Done(); p.Kill(sandbox.KillTimeout) })
	}
	if ctx.Done() != nil {
		p.timers.Add(1)
		p.stopCtx = context.AfterFunc(ctx, func() { defer p.timers.Done(); p.Kill(sandbox.KillCanceled) })
	}
	p.observe(s.Limits.Memory)
	return p, nil
}

// Pid implements sandbox.Process.
func (p *process) Pid() int { return p.pid }

// Kill implements sandbox.Process. The first reason counts.
func (p *process) Kill(reason sandbox.KillReason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(reason, p.grace)
}

// end is Kill under the lock.
func (p *process) end(reason sandbox.KillReason, grace time.Duration) {
	if p.gone || p.killed != "" {
		return
	}
	p.killed = reason
	if grace <= 0 {
		p.signal(unix.SIGKILL)
		return
	}
	p.signal(unix.SIGTERM)
	p.signal(unix.SIGCONT) // a stopped process would sleep through its grace
	p.timers.Add(1)
	p.hard = time.AfterFunc(grace, func() {
		defer p.timers.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.gone {
			p.signal(unix.SIGKILL)
		}
	})
}

// Wait implements sandbox.Process.
func (p *process) Wait() sandbox.Exit {
	p.ended()
	exit := sandbox.Exit{Code: -1, Started: p.since, Ended: time.Now()}

	p.mu.Lock()
	exit.Leftover = p.sweep()
	var status unix.WaitStatus
	var usage unix.Rusage
	_, err := wait4(p.pid, &status, 0, &usage)
	p.gone = true
	exit.Killed = p.killed
	p.mu.Unlock()
	p.release()

	stop := func(t *time.Timer) {
		if t != nil && t.Stop() {
			p.timers.Done()
		}
	}
	stop(p.wall)
	stop(p.hard) // set only under the lock, and not any more once gone
	if p.stopCtx != nil && p.stopCtx() {
		p.timers.Done()
	}
	p.unobserve()
	p.timers.Wait()

	deadline := time.Now().Add(drain)
	for _, f := range p.readers {
		f.SetReadDeadline(deadline) //nolint:errcheck // without a deadline the end of the tree ends the read
	}
	if p.stdin != nil {
		p.stdin.Close()
	}
	p.pumps.Wait()

	if err == nil {
		exit.CPUTime = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		switch {
		case status.Exited():
			exit.Code = status.ExitStatus()
		case status.Signaled():
			exit.Code, exit.Signal = 128+int(status.Signal()), unix.SignalName(status.Signal())
		}
	}
	exit.MemPeak = p.peak(&usage)
	return exit
}

func wait4(pid int, status *unix.WaitStatus, options int, usage *unix.Rusage) (int, error) {
	for {
		n, err := unix.Wait4(pid, status, options, usage)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// command is what fork needs.
type command struct {
	program string
	argv    []string
	env     []string
	dir     string
	files   []int // descriptors 0, 1, 2, …
	limits  sandbox.Limits
}

func (c *command) attr(sys *syscall.SysProcAttr) *syscall.ProcAttr {
	files := make([]uintptr, len(c.files))
	for i, fd := range c.files {
		files[i] = uintptr(fd)
	}
	sys.Setsid = true
	return &syscall.ProcAttr{Dir: c.dir, Env: c.env, Files: files, Sys: sys}
}

// forkExec is syscall.ForkExec, patient with a program that was written a moment ago: while another thread forks, its
// child may hold our closed descriptor a little longer, and the kernel refuses to execute a file that is open for writing.
func forkExec(c *command, sys *syscall.SysProcAttr) (int, error) {
	attr := c.attr(sys)
	for pause := time.Millisecond; ; pause *= 2 {
		pid, err := syscall.ForkExec(c.program, c.argv, attr)
		if err != syscall.ETXTBSY || pause > 200*time.Millisecond {
			return pid, err
		}
		time.Sleep(pause)
	}
}

// limited makes the command set its own limits, through a shell that then becomes the program. Limits that are set from
// outside come too late on a busy machine: the program may have started others by then.
func limited(c *command) error {
	if c.limits.Files <= 0 && c.limits.Disk <= 0 {
		return nil
	}
	script := ""
	if c.limits.Files > 0 {
		script += "ulimit -n " + strconv.Itoa(c.limits.Files) + "; "
	}
	if c.limits.Disk > 0 {
		script += "ulimit -f " + strconv.FormatInt((c.limits.Disk+511)/512, 10) + "; " // POSIX: blocks of 512 bytes
	}
	if err := unix.Access(c.program, unix.X_OK); err != nil {
		return err
	}
	c.argv = append([]string{"sh", "-c", script + `exec "$0" "$@"`, c.program}, c.argv[1:]...)
	c.program = "/bin/sh"
	return nil
}

// noCores keeps our own memory and that of jobs, which inherit the limit, from being written to disk.
func noCores() {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &l) == nil {
		l.Cur = 0
		unix.Setrlimit(unix.RLIMIT_CORE, &l) //nolint:errcheck // lowering is always allowed
	}
}

// lookup finds the program as the shell would, on the PATH of the command's own environment.
func lookup(name string, env []string, dir string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, nil
	}
	path := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, d := range filepath.SplitList(path) {
		if !filepath.IsAbs(d) {
			continue // what "." means is up to whoever wrote into the directory
		}
		candidate := filepath.Join(d, name)
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", errs.New(errs.Unavailable, "the program %s was not found", name).
		WithHint("install it, or add its folder to the PATH of the worker (now %s)", path)
}

func startError(err error, program string, s sandbox.Spec) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return errs.Wrap(errs.Unavailable, err, "the program %s could not be started", program)
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR:
		if info, err := os.Stat(s.Dir); s.Dir != "" && (err != nil || !info.IsDir()) {
			return errs.Wrap(errs.Unavailable, errno, "the working directory %s is not there", s.Dir)
		}
		if _, err := os.Stat(program); err == nil {
			return errs.Wrap(errs.Unavailable, errno, "the program %s could not be started: the interpreter or loader that it names is not there", program)
		}
		return errs.Wrap(errs.Unavailable, errno, "the program %s was not found", program).WithHint("install it")
	case syscall.EACCES, syscall.EPERM:
		return errs.Wrap(errs.Unavailable, errno, "the program %s may not be executed", program).WithHint("make it executable, and its folder readable for the worker's user")
	case syscall.ENOEXEC:
		return errs.Wrap(errs.Unavailable, errno, "%s is not a program for this machine", program)
	case syscall.E2BIG:
		return errs.Wrap(errs.TooLarge, errno, "the arguments and the environment of %s are larger than the system allows", program).
			WithHint("pass large values in a file")
	case syscall.EINVAL:
		return errs.Wrap(errs.Invalid, errno, "an argument or a variable for %s holds a NUL character", program)
	case syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE:
		return errs.Wrap(errs.Unavailable, errno, "the machine has no room for another process").WithHint("try again, or lower the number of slots")
	}
	return errs.Wrap(errs.Unavailable, errno, "the program %s could not be started", program)
}

// plumbing is the descriptors of a command that is being started.
type plumbing struct {
	theirs []int // 0, 1, 2, … of the child
	owned  []int // of theirs, those that we opened
	pumps  []*pump
	both   *os.File // readable when one of two pumps is; nil without
	stdin  *os.File
	feed   io.Reader
}

// pump copies a pipe to its writer.
type pump struct {
	from *os.File
	to   io.Writer
	mu   *sync.Mutex // shared by the pumps of a command: held from a read to the end of its write
	open bool        // guarded by mu
	// first is emptied before what this one read is written: words on stdout come before later ones on stderr.
	first *pump
}

// plumb opens the pipes. Stdout and stderr with the same writer share one pipe, so that their order is kept.
func (p *process) plumb(s sandbox.Spec) (_ *plumbing, err error) {
	io := &plumbing{theirs: make([]int, 3, 3+len(s.Files))}
	defer func() {
		if err != nil {
			io.closeTheirs()
			io.closeOurs()
			err = errs.Wrap(errs.Unavailable, err, "the machine has no descriptors left for another process").WithHint("try again, or lower the number of slots")
		}
	}()
	null := -1
	devNull := func() (int, error) {
		if null < 0 {
			fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				return -1, err
			}
			null = fd
			io.owned = append(io.owned, fd)
		}
		return null, nil
	}
	switch in := s.Stdin.(type) {
	case nil:
		if io.theirs[0], err = devNull(); err != nil {
			return nil, err
		}
	default:
		theirs, ours, err := pipe(true)
		if err != nil {
			return nil, err
		}
		io.theirs[0], io.stdin, io.feed = theirs, ours, in
		io.owned = append(io.owned, theirs)
	}
	out := func(w any) (int, *os.File, error) {
		if w == nil {
			fd, err := devNull()
			return fd, nil, err
		}
		theirs, ours, err := pipe(false)
		if err == nil {
			io.owned = append(io.owned, theirs)
		}
		return theirs, ours, err
	}
	var ours *os.File
	if io.theirs[1], ours, err = out(s.Stdout); err != nil {
		return nil, err
	}
	if ours != nil {
		io.pumps = append(io.pumps, &pump{from: ours, to: s.Stdout, mu: new(sync.Mutex), open: true})
	}
	if s.Stderr != nil && same(s.Stdout, s.Stderr) {
		io.theirs[2] = io.theirs[1]
	} else {
		if io.theirs[2], ours, err = out(s.Stderr); err != nil {
			return nil, err
		}
		if ours != nil {
			p := &pump{from: ours, to: s.Stderr, mu: new(sync.Mutex), open: true}
			if len(io.pumps) > 0 {
				p.first, p.mu = io.pumps[0], io.pumps[0].mu
			}
			io.pumps = append(io.pumps, p)
		}
	}
	for _, f := range s.Files {
		conn, err := f.SyscallConn() // Fd would make the caller's copy block
		if err != nil {
			return nil, err
		}
		if err := conn.Control(func(fd uintptr) { io.theirs = append(io.theirs, int(fd)) }); err != nil {
			return nil, err
		}
	}
	io.both = p.r.together(io.pumps) // before the child's first word
	return io, nil
}

// same compares two writers; uncomparable ones are different.
func same(a, b io.Writer) (equal bool) {
	defer func() {
		if recover() != nil {
			equal = false
		}
	}()
	return a == b
}

// pipe makes a pipe; toChild says that the child reads.
func pipe(toChild bool) (theirs int, ours *os.File, err error) {
	var fds [2]int
	if err := pipeCloexec(&fds); err != nil {
		return -1, nil, err
	}
	read, write := fds[0], fds[1]
	theirs, mine := write, read
	if toChild {
		theirs, mine = read, write
	}
	if err := unix.SetNonblock(mine, true); err != nil { // so that our end waits in the poller and knows deadlines
		unix.Close(read)
		unix.Close(write)
		return -1, nil, err
	}
	return theirs, os.NewFile(uintptr(mine), "pipe"), nil
}

func (io *plumbing) closeTheirs() {
	for _, fd := range io.owned {
		unix.Close(fd)
	}
	io.owned = nil
}

func (io *plumbing) closeOurs() {
	for _, p := range io.pumps {
		p.from.Close()
	}
	if io.both != nil {
		io.both.Close()
	}
	if io.stdin != nil {
		io.stdin.Close()
	}
}

func (io *plumbing) run(p *process) {
	if io.both != nil {
		p.readers = append(p.readers, io.both)
		p.pumps.Go(func() { p.r.pumpTogether(io.both, io.pumps) })
	} else {
		for _, pump := range io.pumps {
			p.readers = append(p.readers, pump.from)
			p.pumps.Go(func() { p.r.pump(pump) })
		}
	}
	if io.stdin != nil {
		p.stdin = io.stdin
		p.pumps.Go(func() { feed(io.stdin, io.feed) })
	}
}

// feed writes stdin. A child that does not read it is no error.
func feed(to *os.File, from io.Reader) {
	defer to.Close()
	io.Copy(to, from) //nolint:errcheck // the child may end or close its stdin at any time
}

// pump copies until all who hold the other end are gone, or, after Wait has set the deadline, until the pipe is silent for
// drain or drainMax is over.
func (r *Runner) pump(p *pump) {
	buf := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buf)
	defer p.close()
	conn, err := p.from.SyscallConn()
	if err != nil {
		return
	}
	patient(p.from, func() (more bool, err error) {
		n := 0
		err = conn.Read(func(fd uintptr) bool { // waits in the poller while the answer is false
			p.mu.Lock()
			defer p.mu.Unlock()
			var again bool
			if n, again = readSome(int(fd), *buf); again {
				return false
			}
			if n > 0 {
				p.first.empty(r)
				p.to.Write((*buf)[:n]) //nolint:errcheck // the contract: an error from Write stops nothing
			}
			return true
		})
		return n > 0, err
	})
}

func (p *pump) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		p.open = false
		p.from.Close()
	}
}

// patient calls step until there is no more. Wait's deadline also passes while the writer is slow and the pipe is full, so
// after it steps go on while something comes, up to drainMax.
func patient(f *os.File, step func() (more bool, err error)) {
	var last time.Time
	fresh := true
	for {
		more, err := step()
		switch {
		case err == nil && more:
			fresh = true
			continue
		case err == nil, !errors.Is(err, os.ErrDeadlineExceeded), !fresh:
			return
		}
		now := time.Now()
		if last.IsZero() {
			last = now.Add(drainMax)
		}
		if now.After(last) {
			return
		}
		fresh = false
		f.SetReadDeadline(now.Add(drain)) //nolint:errcheck // see Wait
	}
}

// empty writes what is in the pipe now, under the lock.
func (p *pump) empty(r *Runner) {
	if p == nil || !p.open {
		return
	}
	conn, err := p.from.SyscallConn()
	if err != nil {
		return
	}
	buf := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buf)
	conn.Control(func(fd uintptr) { //nolint:errcheck // a closed pipe is empty
		for left := 64 << 10; left > 0; { // one pipe's worth: what comes meanwhile came later
			n, _ := readSome(int(fd), *buf)
			if n <= 0 {
				return
			}
			p.to.Write((*buf)[:n]) //nolint:errcheck // see pump
			left -= n
		}
	})
}

// readSome reads what is there; again says that there is nothing yet. The end is 0.
func readSome(fd int, buf []byte) (n int, again bool) {
	for {
		n, err := unix.Read(fd, buf)
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, true
		default:
			return max(n, 0), false
		}
	}
}
