package process_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

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
	server.Wait() //nolint:errcheck // killed
	// The next server on the host ends what the kernel did not.
	process.New()
	for _, pid := range pids {
		if err := gone(pid); err != nil {
			t.Error(err)
		}
	}
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
