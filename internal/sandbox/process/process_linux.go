package process

import (
	"bytes"
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/sandbox"
)

// oomScore makes the kernel prefer jobs to the server when memory runs out.
const oomScore = "600"

type platform struct {
	forker forker
}

// tree is what is known about the processes of a command. It is guarded by process.mu.
type tree struct {
	pidfd   *os.File
	known   map[int]string // descendants that we have signalled, with their birth: they may shed every other trace
	memory  int64          // limit, bytes
	memPeak int64
	sampler *time.Timer
	next    time.Duration
}

func (r *Runner) prepare() {
	// From now on, whatever a job leaves behind becomes our child instead of init's.
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) //nolint:errcheck // since Linux 3.4; without it marks are looked for in all of /proc
	// What we inherited from a shell or a supervisor must not go on to jobs; what Go opens is marked already.
	unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) //nolint:errcheck // since Linux 5.11
	sweepDead()
}

func pipeCloexec(fds *[2]int) error { return unix.Pipe2(fds[:], unix.O_CLOEXEC) }

// together makes one descriptor that is readable when one of two pipes is, and tells which became so first.
func (r *Runner) together(pumps []*pump) *os.File {
	if len(pumps) != 2 {
		return nil
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	err = unix.SetNonblock(ep, true)
	for i, p := range pumps {
		var conn syscall.RawConn
		if err == nil {
			conn, err = p.from.SyscallConn()
		}
		if err == nil {
			event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(i)} // Fd is ours to use: the index
			ctl := conn.Control(func(fd uintptr) { err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, int(fd), &event) })
			err = errors.Join(err, ctl)
		}
	}
	if err != nil {
		unix.Close(ep)
		return nil
	}
	return os.NewFile(uintptr(ep), "pipes")
}

// pumpTogether copies two pipes in the order in which they became readable: the kernel keeps that order, Go's own poller
// does not. Words that follow each other faster than we wake are grouped by pipe.
func (r *Runner) pumpTogether(wait *os.File, pumps []*pump) {
	buf := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buf)
	defer wait.Close()
	open := len(pumps)
	for _, p := range pumps {
		defer p.close()
	}
	conn, err := wait.SyscallConn()
	if err != nil {
		return
	}
	take := func(p *pump) {
		from, err := p.from.SyscallConn()
		if err != nil {
			return
		}
		end := false
		from.Control(func(fd uintptr) { //nolint:errcheck // it is open
			for {
				n, again := readSome(int(fd), *buf)
				if end = n == 0 && !again; n == 0 {
					return
				}
				p.to.Write((*buf)[:n]) //nolint:errcheck // the contract: an error from Write stops nothing
			}
		})
		if end && p.open {
			p.close()
			open--
		}
	}
	var events [2]unix.EpollEvent
	patient(wait, func() (more bool, err error) {
		err = conn.Read(func(fd uintptr) bool {
			n, err := unix.EpollWait(int(fd), events[:], 0)
			if err == unix.EINTR {
				n = 0
			}
			for _, e := range events[:max(n, 0)] {
				take(pumps[e.Fd])
			}
			return n > 0 || open == 0
		})
		return open > 0, err
	})
}

// forker starts processes from one long-lived thread. The kernel's death signal is bound to the thread that forked: from
// any other thread of Go's pool it would come at the end of that thread instead of the end of the server.
type forker struct {
	mu      sync.Mutex
	users   int // processes that live
	running bool
	work    chan func()
}

const linger = 200 * time.Millisecond

func (f *forker) do(fn func()) {
	f.mu.Lock()
	f.users++
	if f.work == nil {
		f.work = make(chan func())
	}
	if !f.running {
		f.running = true
		go f.loop()
	}
	f.mu.Unlock()
	done := make(chan struct{})
	f.work <- func() { fn(); close(done) }
	<-done
}

func (f *forker) release() {
	f.mu.Lock()
	f.users--
	f.mu.Unlock()
}

func (f *forker) loop() {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// Orphans are given to the main thread: its list of children must hold no others.
		go f.loop() // cannot be put on this thread while it is locked
		elsewhere := make(chan struct{})
		f.work <- func() { close(elsewhere) }
		<-elsewhere
		runtime.UnlockOSThread()
		return
	}
	defer runtime.UnlockOSThread()
	idle := time.NewTimer(linger)
	defer idle.Stop()
	for {
		select {
		case fn := <-f.work:
			fn()
		case <-idle.C:
			f.mu.Lock()
			if f.users == 0 {
				f.running = false
				f.mu.Unlock()
				return
			}
			f.mu.Unlock()
		}
		idle.Reset(linger)
	}
}

func (p *process) fork(c command) error {
	var err error
	p.r.forker.do(func() {
		fd := -1
		p.pid, err = forkExec(&c, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, PidFD: &fd})
		if err != nil {
			return
		}
		prefer(p.pid)
		if fd >= 0 && unix.SetNonblock(fd, true) == nil {
			p.pidfd = os.NewFile(uintptr(fd), "pidfd")
		} else if fd >= 0 {
			unix.Close(fd)
		}
	})
	if err != nil {
		p.r.forker.release()
	}
	return err
}

// prefer makes the kernel choose the job when memory runs out.
func prefer(pid int) {
	name := "/proc/" + strconv.Itoa(pid) + "/oom_score_adj"
	if fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Write(fd, []byte(oomScore)) //nolint:errcheck // best effort
		unix.Close(fd)
	}
}

// ended waits until the top process has ended, leaving it unreaped, so that its number stays its own.
func (p *process) ended() {
	exited := func(options int) bool {
		var info unix.Siginfo
		for {
			err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
			if err != unix.EINTR {
				return err != nil || info.Signo != 0
			}
		}
	}
	if p.pidfd != nil {
		if conn, err := p.pidfd.SyscallConn(); err == nil {
			err = conn.Read(func(uintptr) bool { return exited(unix.WNOHANG) }) // parks the goroutine, no thread
			if err == nil {
				return
			}
		}
	}
	exited(0)
}

func (p *process) release() {
	if p.pidfd != nil {
		p.pidfd.Close()
	}
	p.r.forker.release()
}

// signal sends to the whole tree, under the lock.
func (p *process) signal(sig syscall.Signal) {
	members := p.members()
	if p.known == nil {
		p.known = map[int]string{}
	}
	for _, m := range members {
		p.known[m.pid] = m.birth
	}
	unix.Kill(-p.pid, sig) //nolint:errcheck // the group may have only its zombie leader left
	for _, m := range members {
		if m.pgrp != p.pid {
			unix.Kill(m.pid, sig) //nolint:errcheck // it may have ended meanwhile
		}
	}
}

// members are the living processes of the tree: below the top, and our orphans that bear its mark, with what is below.
func (p *process) members() []stat {
	seen := map[int]bool{}
	var out []stat
	var add func(pid int, depth int)
	add = func(pid int, depth int) {
		if seen[pid] || depth > 10_000 {
			return
		}
		seen[pid] = true
		s, ok := readStat(pid)
		if !ok {
			return
		}
		if s.state != 'Z' {
			out = append(out, s)
		}
		for _, c := range children(pid) {
			add(c, depth+1)
		}
	}
	add(p.pid, 0)
	orphans, ok := orphans()
	if !ok {
		orphans = allPids()
	}
	for _, o := range orphans {
		if !seen[o] {
			if s, ok := readStat(o); ok && p.owns(s) {
				add(o, 0)
			}
		}
	}
	return out
}

// owns reports whether a process belongs to the tree by its own traces.
func (p *process) owns(s stat) bool {
	if s.pid == p.pid {
		return true
	}
	if s.session == p.pid || s.pgrp == p.pid {
		return true
	}
	if birth, ok := p.known[s.pid]; ok && birth == s.birth {
		return true
	}
	return s.state != 'Z' && hasMark(s.pid, p.mark)
}

// sweep ends what the top process, which has ended and is not yet reaped, left behind. It returns how many lived.
func (p *process) sweep() int {
	left := 0
	counted := map[int]bool{}
	for deadline := time.Now().Add(2 * time.Second); ; {
		candidates, ok := orphans()
		if ok && len(candidates) == 0 {
			return left // the usual way: nothing is left
		}
		if !ok {
			candidates = allPids()
		}
		found := false
		for _, pid := range candidates {
			if pid == p.pid {
				continue
			}
			s, ok := readStat(pid)
			if !ok {
				continue
			}
			switch {
			case s.state == 'Z':
				// Ours by session, or a daemon that ended by itself and whose traces are gone with it: nobody else waits
				// for an orphan of another session.
				if s.ppid == os.Getpid() && (p.owns(s) || ok && orphanSession(s)) {
					var status unix.WaitStatus
					wait4(pid, &status, unix.WNOHANG, nil) //nolint:errcheck // somebody else may have reaped it
				}
			case p.owns(s):
				found = true
				if !counted[pid] {
					counted[pid] = true
					left++
				}
				for _, c := range descendants(pid) {
					if !counted[c.pid] {
						counted[c.pid] = true
						left++
					}
					if p.known == nil {
						p.known = map[int]string{}
					}
					p.known[c.pid] = c.birth
					unix.Kill(c.pid, unix.SIGKILL) //nolint:errcheck // it may have ended meanwhile
				}
				unix.Kill(pid, unix.SIGKILL) //nolint:errcheck // it may have ended meanwhile
			}
		}
		if !found || time.Now().After(deadline) {
			return left
		}
		time.Sleep(time.Millisecond) // the killed need a moment to become zombies
	}
}

// orphanSession reports whether a zombie child left our session: children that other code of ours started are in it.
func orphanSession(s stat) bool {
	own, err := unix.Getsid(0)
	return err == nil && s.session != own && s.birth != ""
}

func descendants(pid int) []stat {
	var out []stat
	for _, c := range children(pid) {
		if s, ok := readStat(c); ok && s.state != 'Z' {
			out = append(out, s)
			out = append(out, descendants(c)...)
		}
	}
	return out
}

// stat is the part of /proc/PID/stat that we need.
type stat struct {
	pid, ppid, pgrp, session int
	state                    byte
	birth                    string // start time in clock ticks since boot
}

func readStat(pid int) (stat, bool) {
	text, err := readProc(pid, "stat")
	if err != nil {
		return stat{}, false
	}
	i := bytes.LastIndexByte(text, ')') // the name before it may hold anything
	if i < 0 {
		return stat{}, false
	}
	f := strings.Fields(string(text[i+1:]))
	if len(f) < 20 {
		return stat{}, false
	}
	s := stat{pid: pid, state: f[0][0], birth: f[19]}
	s.ppid, _ = strconv.Atoi(f[1])
	s.pgrp, _ = strconv.Atoi(f[2])
	s.session, _ = strconv.Atoi(f[3])
	return s, true
}

func readProc(pid int, name string) ([]byte, error) {
	return os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
}

// origin tells this process from every other on the host, in containers too: number, birth, and the namespace in which the
// number counts.
func origin() string {
	return strconv.Itoa(os.Getpid()) + "." + birth(os.Getpid()) + "." + namespace()
}

// namespace is that of our process numbers; "0" where the kernel does not tell.
func namespace() string {
	link, err := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	if err != nil {
		return "0"
	}
	return strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}

// birth tells a process from a later one with the same number.
func birth(pid int) string {
	s, _ := readStat(pid)
	return s.birth
}

func hasMark(pid int, mark string) bool {
	env, err := readProc(pid, "environ")
	return err == nil && slices.Contains(strings.Split(string(env), "\x00"), mark)
}

// orphans lists the children that were given to us: those of the main thread. ok is false where the kernel does not tell.
func orphans() (pids []int, ok bool) {
	self := os.Getpid()
	return childrenOf("/proc/self/task/" + strconv.Itoa(self) + "/children")
}

func childrenOf(file string) ([]int, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	var out []int
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil {
			out = append(out, pid)
		}
	}
	return out, true
}

// children lists the children of a process, by all its threads.
func children(pid int) []int {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []int
	told := false
	for _, t := range threads {
		c, ok := childrenOf(dir + "/" + t.Name() + "/children")
		told = told || ok
		out = append(out, c...)
	}
	if told {
		return out
	}
	for _, c := range allPids() { // a kernel that does not tell: look who names pid as its parent
		if s, ok := readStat(c); ok && s.ppid == pid {
			out = append(out, c)
		}
	}
	return out
}

func allPids() []int {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var out []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// sweepDead ends what bears the mark of a server that is dead. In /proc we also see what runs in containers of this host:
// the numbers of their servers mean nothing here, so they are left alone.
func sweepDead() {
	self, here := os.Getpid(), namespace()
	for _, pid := range allPids() {
		if pid == self {
			continue
		}
		env, err := readProc(pid, "environ")
		if err != nil {
			continue
		}
		_, mark, ok := bytes.Cut(append([]byte{0}, env...), []byte("\x00"+sandbox.Mark+"="))
		if !ok {
			continue
		}
		mark, _, _ = bytes.Cut(mark, []byte{0})
		parts := strings.Split(string(mark), ".")
		if len(parts) != 4 || parts[2] != here {
			continue
		}
		server, err := strconv.Atoi(parts[0])
		if err != nil {
			continue
		}
		if s, _ := readStat(server); s.birth == parts[1] && s.state != 'Z' { // a zombie is only waiting for its parent to look
			continue
		}
		unix.Kill(pid, unix.SIGKILL) //nolint:errcheck // it may have ended meanwhile, or be another user's
	}
}

// The watchdog looks soon, then more and more seldom; with a limit it keeps looking often.
const (
	firstLook   = 10 * time.Millisecond
	lookLimited = 40 * time.Millisecond
	lookFree    = 500 * time.Millisecond
)

// observe starts the memory watchdog. limit 0 only measures.
func (p *process) observe(limit int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory, p.next = limit, firstLook
	p.timers.Add(1)
	p.sampler = time.AfterFunc(p.next, p.look)
}

func (p *process) unobserve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sampler.Stop() {
		p.timers.Done()
	}
}

func (p *process) look() {
	defer p.timers.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	members := p.members()
	var sum int64
	for _, m := range members {
		rss, peak := memory(m.pid)
		sum += rss
		p.memPeak = max(p.memPeak, peak)
	}
	p.memPeak = max(p.memPeak, sum)
	if p.memory > 0 && sum > p.memory && proportional(members) > p.memory {
		p.end(sandbox.KillMemory, 0)
	}
	p.next = min(2*p.next, lookFree)
	if p.memory > 0 {
		p.next = min(p.next, lookLimited)
	}
	p.timers.Add(1)
	p.sampler.Reset(p.next)
}

// memory reads the resident size of a process and its highest so far, in bytes.
func memory(pid int) (rss, peak int64) {
	text, err := readProc(pid, "status")
	if err != nil {
		return 0, 0
	}
	return kilobytes(text, "VmRSS:"), kilobytes(text, "VmHWM:")
}

// proportional is the memory of a tree with shared pages counted once. Slow: only asked when the plain sum is over.
func proportional(members []stat) int64 {
	var sum int64
	for _, m := range members {
		text, err := readProc(m.pid, "smaps_rollup")
		if err != nil {
			rss, _ := memory(m.pid)
			sum += rss
			continue
		}
		sum += kilobytes(text, "Pss:")
	}
	return sum
}

func kilobytes(text []byte, key string) int64 {
	_, rest, ok := bytes.Cut(text, []byte(key))
	if !ok {
		return 0
	}
	f := bytes.Fields(rest[:min(len(rest), 40)])
	if len(f) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(f[0]), 10, 64)
	return n << 10
}

// peak is the largest known memory of the tree. The kernel's own figure begins with the size of whoever forked, so that it
// says something only when it is above ours.
func (p *process) peak(usage *unix.Rusage) int64 {
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err == nil && usage.Maxrss > own.Maxrss {
		return max(p.memPeak, usage.Maxrss<<10)
	}
	return p.memPeak
}
