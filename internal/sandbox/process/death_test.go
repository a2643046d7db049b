package process_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/sandbox"
	"github.com/tidemill/tidemill/internal/sandbox/process"
	"github.com/tidemill/tidemill/internal/sandbox/sandboxtest"
)

const serverRole = "TIDEMILL_TEST_SERVER"

// TestServer is not a test: it is the server that TestAKilledServerLeavesNothing kills.
func TestServer(t *testing.T) {
	if os.Getenv(serverRole) == "" {
		t.Skip("only runs as a child of another test")
	}
	p, err := process.New().Start(t.Context(), sandbox.Spec{
		Argv: []string{"/bin/sh", "-c", `setsid sleep 600 & echo pid $!; sleep 601 & echo pid $!; echo pid $$; wait`},
		Env:  sandboxtest.Env(), Dir: t.TempDir(), Stdout: os.Stdout,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
}

func TestAKilledServerLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel kills the jobs of a dead server on Linux only")
	}
	server := exec.Command(os.Args[0], "-test.run=^TestServer$", "-test.v")
	server.Env = append(os.Environ(), serverRole+"=1")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "pid "); ok {
			pid, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	if len(pids) != 3 {
		t.Fatal("the server's job did not start")
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// Nobody has looked at its end yet, as in a container without an init: it counts as dead all the same.
	for deadline := time.Now().Add(10 * time.Second); !zombie(server.Process.Pid); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the server does not die")
		}
	}
	// The next server on the host ends what the kernel did not.
	process.New()
	defer server.Wait() //nolint:errcheck // killed
	for _, pid := range pids {
		if err := gone(pid); err != nil {
			t.Error(err)
		}
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// gone waits until a process that was killed is gone. It need not be our child, so that nothing tells of its end.
func gone(pid int) error {
	for range 2_000_000 {
		if sandboxtest.Gone(pid) {
			return nil
		}
		runtime.Gosched()
	}
	return fmt.Errorf("process %d is left", pid)
}

// A container's processes are seen in the host's /proc. Their server's number means nothing there, so that on the host it
// looks dead, although it lives.
func TestAServerOfAContainerIsNotDead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no containers to see")
	}
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Skipf("SKIPPED, THE KERNEL TELLS NO NAMESPACE: %v", err)
	}
	here := strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
	const noSuchServer = "2147480000.1."
	start := func(mark string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", "echo started; exec sleep 600")
		cmd.Env = []string{sandbox.Mark + "=" + mark}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // one of them is dead by then
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	ours, theirs := start(noSuchServer+here+".1"), start(noSuchServer+"1.1")
	process.New()
	if err := ours.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the job of a dead server of this host: %v", err)
	}
	if err := theirs.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the job of a server in a container was ended: %v", err)
	}
}
