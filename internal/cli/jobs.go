package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/client"
)

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "logs JOB", Short: "Print a job's log", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			if !follow {
				text, err := c.Logs(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"id": args[0], "logs": text})
				}
				_, err = io.WriteString(a.out, text)
				return err
			}
			return c.Follow(cmd.Context(), args[0], func(u client.Update) error {
				_, err := io.WriteString(a.out, u.NewLogs)
				return err
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job ends")
	return cmd
}

func (a *app) runsCommand() *cobra.Command {
	var limit int
	var path, status string
	cmd := &cobra.Command{
		Use: "runs", Short: "List runs, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			filter := client.JobsFilter{Path: path, Limit: limit}
			yes, no := true, false
			switch status {
			case "":
			case "success":
				filter.Success = &yes
			case "failure":
				filter.Success = &no
			case "running":
				filter.Running = &yes
			case "queued":
				filter.Running = &no
			default:
				return usage{fmt.Errorf("--status %s is none of queued, running, success, failure", status)}
			}
			jobs, err := c.Jobs(cmd.Context(), filter)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(jobs)
			}
			p := a.paint(a.out)
			rows := make([][]string, 0, len(jobs))
			for _, j := range jobs {
				what := j.ScriptPath
				if what == "" {
					what = "(" + j.Kind + ")"
				}
				took := ""
				if j.Final() {
					took = human(time.Duration(j.DurationMS) * time.Millisecond)
				}
				rows = append(rows, []string{p.status(j.Status()), what, j.CreatedBy, ago(j.CreatedAt, time.Now()), took, j.ID})
			}
			a.table([]string{"STATUS", "SCRIPT", "BY", "STARTED", "TOOK", "JOB"}, rows)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&limit, "limit", 30, "at most this many (1 to 1000)")
	f.StringVar(&path, "path", "", "only scripts whose path starts with this")
	f.StringVar(&status, "status", "", "queued, running, success or failure")
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "cancel JOB...", Short: "Cancel jobs, their whole process trees", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			for _, id := range args {
				if err := c.Cancel(cmd.Context(), id, reason); err != nil {
					return err
				}
				if !a.json {
					fmt.Fprintf(a.out, "canceled %s\n", id)
				}
			}
			if a.json {
				return a.printJSON(map[string]any{"canceled": args})
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look at it later")
	return cmd
}

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why JOB", Short: "Say what a job waits for", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			reason, err := c.Why(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"id": args[0], "reason": reason})
			}
			fmt.Fprintln(a.out, reason)
			return nil
		},
	}
}
