// Package sandbox is the contract of running a command under limits. Its children are tiers of isolation; whoever runs a
// job, an install step or a compiler goes through it, and nothing else in Tidemill starts a process (git aside).
//
// Order of calls: Start, then Wait exactly once. Kill may be called at any time from any goroutine, any number of times.
// When Wait returns, the whole process tree is gone: children that called setsid too, as far as the tier can see them, and
// no goroutine or descriptor is left. A command that cannot be started is an error from Start that names the program; a
// command that ran and failed is not an error but an Exit.
//
// The environment of the child is exactly Spec.Env, and Mark, by which a tier without namespaces finds what belongs to the
// tree: nothing of ours is inherited. Descriptors other than 0, 1, 2 and
// Spec.Files are closed. The suite in sandboxtest is the contract in executable form.
package sandbox

import (
	"context"
	"io"
	"os"
	"time"
)

// Mark is the name of the variable that a tier may add to the environment.
const Mark = "TIDEMILL_SANDBOX"

// Runner starts commands in one tier of isolation.
type Runner interface {
	// Tier is the name that is stored with every job: "process", "landlock", "uid", "full".
	Tier() string
	// Start starts the command. Cancelling ctx kills it as Kill(KillCanceled) would.
	Start(ctx context.Context, s Spec) (Process, error)
}

// Spec is a command with its limits.
type Spec struct {
	Argv   []string // Argv[0] is an absolute path, or a name to be found on the PATH of Env
	Env    []string // the complete environment, KEY=VALUE
	Dir    string   // private working directory, writable; exists
	Mounts []Mount  // what else the command may see; tiers without mounts ignore it
	Limits Limits
	Net    Network

	Stdin  io.Reader // nil: empty
	Stdout io.Writer // nil: thrown away. Written by one goroutine at a time; an error from Write stops nothing
	// Stderr may be the same value as Stdout: then all comes in the order of the program. With two values the order is kept
	// as far as the tier can tell. The two never write at once.
	Stderr io.Writer
	Files  []*os.File // descriptors 3, 4, … of the child; the caller closes its copies
	// Grace is how long after SIGTERM the tree is killed; zero kills at once.
	Grace time.Duration
}

// Mount lets the command see a host path.
type Mount struct {
	Host     string
	Path     string // inside; empty: same as Host
	Writable bool
}

// Limits bound what the command may use. Zero is the tier's default; a tier that cannot enforce one says so in doctor.
type Limits struct {
	Wall   time.Duration // then KillTimeout
	Memory int64         // bytes of the whole tree
	Pids   int
	Files  int   // open descriptors
	Disk   int64 // bytes per written file
}

// Network is what the command may reach.
type Network string

// The policies.
const (
	NetDefault Network = ""     // the tier's default
	NetNone    Network = "none" // nothing
	NetHost    Network = "host" // everything that we can reach
)

// KillReason says why a tree was killed.
type KillReason string

// The reasons.
const (
	KillCanceled KillReason = "canceled"
	KillTimeout  KillReason = "timeout"
	KillFenced   KillReason = "fenced"
	KillMemory   KillReason = "memory"
)

// Process is a running command.
type Process interface {
	// Pid is of the process at the top of the tree.
	Pid() int
	// Kill ends the tree: SIGTERM, then after Grace SIGKILL, also to those that ignored it.
	Kill(reason KillReason)
	// Wait waits for the top process, ends what it left behind, and drains the pipes for a bounded time.
	Wait() Exit
}

// Exit is how a command ended.
type Exit struct {
	Code     int        // exit code; 128 + signal when a signal ended it; -1 when unknown
	Signal   string     // "SIGKILL"…, empty without
	Killed   KillReason // set when we ended it
	Leftover int        // processes that it left behind and that were killed
	MemPeak  int64      // bytes, largest known
	CPUTime  time.Duration
	Started  time.Time
	Ended    time.Time
}

// Run starts a command and waits for it.
func Run(ctx context.Context, r Runner, s Spec) (Exit, error) {
	p, err := r.Start(ctx, s)
	if err != nil {
		return Exit{Code: -1}, err
	}
	return p.Wait(), nil
}
