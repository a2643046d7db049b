package process_test

import (
	"bytes"
	"os/exec"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/internal/sandbox"
	"github.com/tidemill/tidemill/internal/sandbox/process"
	"github.com/tidemill/tidemill/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	linux := runtime.GOOS == "linux"
	r := process.New()
	sandboxtest.Run(t, sandboxtest.Tier{
		New:    func(*testing.T) sandbox.Runner { return r },
		Setsid: linux, Memory: linux, Limits: true, Inspect: linux,
	})
}

func BenchmarkRun(b *testing.B) {
	r := process.New()
	dir := b.TempDir()
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.Command("/bin/bash", "-c", "echo hi")
			cmd.Env, cmd.Dir = sandboxtest.Env(), dir
			if _, err := cmd.Output(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tier", func(b *testing.B) {
		for b.Loop() {
			var out bytes.Buffer
			exit, err := sandbox.Run(b.Context(), r, sandbox.Spec{Argv: []string{"/bin/bash", "-c", "echo hi"}, Env: sandboxtest.Env(), Dir: dir, Stdout: &out, Stderr: &out})
			if err != nil || exit.Code != 0 || out.String() != "hi\n" {
				b.Fatal(exit, err, out.String())
			}
		}
	})
}
