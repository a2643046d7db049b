// Package cli is the command line: commands over the client, a file per noun. Colours, tables and progress appear only on
// a terminal; every command that prints data takes --json; exit codes are stable and listed in the help of the root.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/client"
	"github.com/tidemill/tidemill/internal/errs"
)

// Exit codes.
const (
	ExitOK       = 0
	ExitFailed   = 1 // the command or the job failed
	ExitUsage    = 2 // the command line is wrong
	ExitSignIn   = 3 // not signed in, or not allowed
	ExitNoServer = 4 // the server cannot be reached
	ExitCanceled = 130
)

// exitCode carries the code of a job through cobra.
type exitCode struct{ code int }

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// app is what the commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string

	// Flags of the root.
	url, token, workspace string
	json, noColor         bool
}

// Options are what the process gives to the command line.
type Options struct {
	Args     []string
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Version  string
	// Server holds the commands that run a server; they come from above, because commands never import it.
	Server []*cobra.Command
	// Default is the name of the command that runs when none is named.
	Default string
}

// Main runs one command line and returns its exit code.
func Main(ctx context.Context, o Options) int {
	a := &app{in: o.In, out: o.Out, err: o.Err, getenv: o.Getenv}
	root := a.root(o)
	root.SetArgs(withDefault(root, o.Args, o.Default))
	err := root.ExecuteContext(ctx)
	return a.exit(err)
}

// withDefault puts the default command in front when the line names none: plain `tidemill`, or `tidemill --data x`.
func withDefault(root *cobra.Command, args []string, name string) []string {
	if name == "" {
		return args
	}
	for _, arg := range args {
		switch {
		case arg == "-h", arg == "--help", arg == "--version", arg == "-v":
			return args
		case strings.HasPrefix(arg, "-"):
			continue
		case strings.HasPrefix(arg, "__"): // completion
			return args
		}
		if cmd, _, err := root.Find([]string{arg}); err == nil && cmd != root {
			return args
		}
		if len(args) > 0 && arg == args[0] {
			return args // an unknown command: let cobra say so
		}
	}
	return append([]string{name}, args...)
}

func (a *app) root(o Options) *cobra.Command {
	root := &cobra.Command{
		Use:   "tidemill",
		Short: "Build and run internal software: scripts, flows, schedules, apps",
		Long: `Tidemill builds and runs internal software. Without a command it starts the server on an embedded database.

Exit codes: 0 success; 1 the command or the job failed (a job that ended with an exit code of its own: that code);
2 the command line is wrong; 3 not signed in or not allowed; 4 the server cannot be reached.`,
		Version:       o.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		Run:           func(cmd *cobra.Command, _ []string) { _ = cmd.Help() },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddGroup(&cobra.Group{ID: "server", Title: "On the server:"}, &cobra.Group{ID: "client", Title: "From anywhere:"})
	for _, c := range o.Server {
		c.GroupID = "server"
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{
		a.loginCommand(), a.logoutCommand(), a.workspaceCommand(), a.scriptCommand(), a.runCommand(), a.logsCommand(), a.runsCommand(),
		a.cancelCommand(), a.whyCommand(), a.accessCommand(), a.tryCommand(), a.auditCommand(),
	} {
		c.GroupID = "client"
		f := c.PersistentFlags()
		f.StringVar(&a.url, "url", "", "address of the server (or TIDEMILL_URL)")
		f.StringVar(&a.token, "token", "", "token to use instead of the saved sign-in (or TIDEMILL_TOKEN, which keeps it out of the process list)")
		f.StringVarP(&a.workspace, "workspace", "w", "", "workspace (or TIDEMILL_WORKSPACE)")
		f.BoolVar(&a.json, "json", false, "print JSON")
		f.BoolVar(&a.noColor, "no-color", false, "no colours (or NO_COLOR)")
		root.AddCommand(c)
	}
	return root
}

// usage marks an error of the command line itself.
type usage struct{ error }

func (a *app) exit(err error) int {
	if err == nil {
		return ExitOK
	}
	var code exitCode
	if errors.As(err, &code) {
		return code.code
	}
	var u usage
	if errors.As(err, &u) || strings.HasPrefix(err.Error(), "unknown command") || strings.Contains(err.Error(), "arg(s)") {
		fmt.Fprintf(a.err, "tidemill: %s\nTry: tidemill --help\n", err)
		return ExitUsage
	}
	if errors.Is(err, context.Canceled) {
		return ExitCanceled
	}
	var e *errs.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(a.err, "tidemill: %s\n", err)
		return ExitFailed
	}
	p := a.paint(a.err)
	fmt.Fprintf(a.err, "%s %s\n", p.bad("error:"), e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(a.err, "  %s %s\n", p.strong(f.Path), f.Message)
	}
	if e.Hint != "" {
		fmt.Fprintf(a.err, "%s %s\n", p.quiet("hint:"), e.Hint)
	}
	switch e.Kind {
	case errs.Unauthenticated, errs.Forbidden:
		return ExitSignIn
	case errs.Unavailable:
		if errors.Is(err, client.ErrUnreachable) {
			return ExitNoServer
		}
	}
	return ExitFailed
}

// client makes the client of the profile, flags and environment; commands that need a workspace use inWorkspace.
func (a *app) client() (*client.Client, error) {
	p, err := a.loadProfile()
	if err != nil {
		return nil, err
	}
	url := first(a.url, a.getenv("TIDEMILL_URL"), p.URL, "http://127.0.0.1:8000")
	token := first(a.token, a.getenv("TIDEMILL_TOKEN"))
	if token == "" && (p.URL == "" || url == p.URL) { // a saved token is for its own server only
		token = p.Token
	}
	return client.New(client.Options{
		URL:       url,
		Token:     strings.TrimSpace(token),
		Workspace: first(a.workspace, a.getenv("TIDEMILL_WORKSPACE"), p.Workspace),
		Agent:     "tidemill-cli",
	})
}

func (a *app) inWorkspace() (*client.Client, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	if c.Workspace() == "" {
		return nil, errs.New(errs.Invalid, "no workspace is chosen").WithHint("tidemill workspace use NAME, or -w NAME")
	}
	return c, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// readFile reads a file, or standard input for "-".
func (a *app) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, errs.New(errs.Invalid, "cannot read %s: %s", name, cause(err))
	}
	return data, nil
}

// cause is the last part of a file error, without the path that the sentence around it names already.
func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
