package process

import (
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

type platform struct{}

type tree struct{}

// prepare keeps what we inherited from a shell or a supervisor from going on to jobs; what Go opens is marked already.
func (r *Runner) prepare() {
	for fd := 3; fd < 256; fd++ {
		unix.CloseOnExec(fd)
	}
}

func origin() string {
	return strconv.Itoa(os.Getpid()) + "." + strconv.FormatInt(time.Now().UnixNano(), 36) + ".0"
}

// together is not done here: each pipe has a reader of its own.
func (r *Runner) together([]*pump) *os.File { return nil }

func (r *Runner) pumpTogether(*os.File, []*pump) {}

func pipeCloexec(fds *[2]int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(fds[:]); err != nil {
		return err
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	return nil
}

func (p *process) fork(c command) (err error) {
	p.pid, err = forkExec(&c, &syscall.SysProcAttr{})
	return err
}

// ended waits until the top process has ended, leaving it unreaped, so that its number stays its own.
func (p *process) ended() {
	const byPid, exited, nowait = 1, 0x4, 0x20 // P_PID, WEXITED, WNOWAIT
	var info [128]byte                         // siginfo_t, unused
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPid, uintptr(p.pid), uintptr(unsafe.Pointer(&info)), exited|nowait, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

func (p *process) release() {}

func (p *process) signal(sig syscall.Signal) {
	unix.Kill(-p.pid, sig) //nolint:errcheck // the group may be gone
}

// sweep ends what is left of the group. Here nobody tells how many they were, and who left the session is not seen.
func (p *process) sweep() int {
	unix.Kill(-p.pid, unix.SIGKILL) //nolint:errcheck // usually only the zombie is left
	return 0
}

func (p *process) observe(int64) {}

func (p *process) unobserve() {}

func (p *process) peak(usage *unix.Rusage) int64 { return usage.Maxrss }
