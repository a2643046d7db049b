package server

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/telemetry"
)

// Commands are the commands that run a server or work on its own host, for the command line to hang under its root.
func Commands(version string) []*cobra.Command {
	return []*cobra.Command{
		runCommand(AllInOne, version, "Start server, worker and UI on this machine",
			"Starts everything: the API and the UI on --listen, a worker, and an embedded database in --data. The first start prints\n"+
				"a link for making the administrator's account. With --database-url, PostgreSQL is used instead."),
		runCommand(ServerOnly, version, "Start a server without a worker, on PostgreSQL",
			"Starts the API and the UI. Jobs run on workers: tidemill worker, with the same --database-url."),
		runCommand(WorkerOnly, version, "Start a worker, on PostgreSQL",
			"Starts a worker that runs jobs from the database of --database-url. It needs no port."),
		doctorCommand(version),
		adminCommand(),
		versionCommand(version),
	}
}

// settings gives a command the flags of its settings and returns what loads them.
func settings(cmd *cobra.Command, name string, persistent bool) func(*cobra.Command) (config.Config, error) {
	flags := cmd.Flags()
	if persistent {
		flags = cmd.PersistentFlags()
	}
	file := flags.String("config", "", "`FILE` with settings (default: "+config.FileName+" in the data folder, when it is there)")
	list := config.For(name)
	names := make([]string, 0, len(list))
	for _, s := range list {
		v := &option{text: s.Default, kind: s.Arg}
		flags.Var(v, s.Key, s.Help+" ("+s.Env+")")
		if s.Arg == "" {
			v.kind = "bool"
			flags.Lookup(s.Key).NoOptDefVal = "true"
		}
		names = append(names, "--"+s.Key)
	}
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if name, unknown := strings.CutPrefix(err.Error(), "unknown flag: "); unknown {
			err = fmt.Errorf("%w%s", err, config.Suggestion(name, names))
		}
		if c.HasParent() && c.Root() != cmd {
			return c.Root().FlagErrorFunc()(c, err)
		}
		return err
	})
	return func(cmd *cobra.Command) (config.Config, error) {
		in := config.Input{File: *file, Env: os.Environ(), Flags: map[string]string{}}
		for _, s := range list {
			if f := cmd.Flags().Lookup(s.Key); f != nil && f.Changed {
				in.Flags[s.Key] = f.Value.String()
			}
		}
		return config.Load(in)
	}
}

// option is the value of a flag as it was written; package config reads it, together with the other places.
type option struct{ text, kind string }

func (o *option) String() string     { return o.text }
func (o *option) Set(s string) error { o.text = s; return nil }
func (o *option) Type() string       { return o.kind }

func runCommand(role Role, version, short, long string) *cobra.Command {
	cmd := &cobra.Command{Use: string(role), Short: short, Long: long, Args: cobra.NoArgs}
	load := settings(cmd, string(role), false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := load(cmd)
		if err != nil {
			return err
		}
		if role != AllInOne && c.SQLite() {
			return errs.New(errs.Invalid, "tidemill %s needs a PostgreSQL database", role).
				WithHint("name it with --database-url or TIDEMILL_DATABASE_URL, or run everything in one process: tidemill start")
		}
		log := telemetry.New(cmd.ErrOrStderr(), c.LogLevel, telemetry.Format(c.LogFormat), telemetry.Colours(cmd.ErrOrStderr(), os.Getenv))
		return run(cmd.Context(), cmd, New(Options{Config: c, Role: role, Version: version, Log: log}))
	}
	return cmd
}

// run starts s, says so, and stops it when ctx ends.
func run(ctx context.Context, cmd *cobra.Command, s *Server) error {
	if err := s.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted while starting
		}
		return err
	}
	b, err := s.banner(ctx)
	if err == nil {
		b.write(cmd.OutOrStdout(), telemetry.Colours(cmd.OutOrStdout(), os.Getenv))
		s.log.Info("ready", "role", string(s.o.Role), "url", b.url, "version", s.o.Version)
		select {
		case <-ctx.Done():
			s.log.Info("stopping: a second signal ends it at once")
		case err = <-s.Failed():
		}
	}
	if ctx.Err() != nil {
		err = nil // interrupted while looking around for the banner: stopping is what was asked for
	}
	if stopErr := s.Stop(context.WithoutCancel(ctx)); err == nil {
		err = stopErr
	}
	s.log.Info("stopped")
	return err
}

func doctorCommand(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check this machine: folder, disk, database, port, runtimes, sandbox", Args: cobra.NoArgs,
		Long: "Checks what Tidemill needs on this machine, changes nothing, and ends with exit code 1 when something will not work.",
	}
	load := settings(cmd, "doctor", false)
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	only := cmd.Flags().Bool("ready", false, "only ask whether the server on --listen is ready; prints nothing when it is")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := load(cmd)
		if err != nil {
			return err
		}
		if *only {
			return ready(cmd.Context(), c.Listen)
		}
		if !*asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "tidemill %s, %s/%s\n\n", version, runtime.GOOS, runtime.GOARCH)
		}
		return printReport(cmd.OutOrStdout(), examine(cmd.Context(), c), *asJSON, telemetry.Colours(cmd.OutOrStdout(), os.Getenv))
	}
	return cmd
}

func versionCommand(version string) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		goVersion := strings.TrimPrefix(runtime.Version(), "go")
		if *asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"version": version, "go": goVersion, "os": runtime.GOOS, "arch": runtime.GOARCH})
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "tidemill %s (go %s, %s/%s)\n", version, goVersion, runtime.GOOS, runtime.GOARCH)
		return err
	}
	return cmd
}
