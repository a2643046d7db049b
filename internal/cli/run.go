package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/client"
	"github.com/tidemill/tidemill/internal/errs"
)

func (a *app) runCommand() *cobra.Command {
	var args []string
	var data, tag, at, preview string
	var watch, detach bool
	cmd := &cobra.Command{
		Use:   "run PATH",
		Short: "Run a script and print its result",
		Long: `Runs a script, waits, and prints its result on standard output; logs go to standard error with --watch. The exit code is 0 on
success, the script's own exit code when it had one, else 1.

Arguments come from --arg (as JSON when the value parses and the parameter is not a string, else as text) and --data (a JSON
object in a file, or - for standard input); --arg wins.`,
		Example: "  tidemill run f/examples/hello --arg name=Ada\n  tidemill run f/examples/hello --data args.json --watch\n  tidemill run --preview f/examples/hello.py",
		Args: func(_ *cobra.Command, pos []string) error {
			if (len(pos) == 1) == (preview != "") {
				return usage{errors.New("name a script, or a file with --preview")}
			}
			return nil
		},
		ValidArgsFunction: a.completePath,
		RunE: func(cmd *cobra.Command, pos []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			when, err := parseWhen(at, time.Now())
			if err != nil {
				return err
			}
			var id string
			if preview != "" {
				id, err = a.startPreview(cmd, c, preview, args, data)
			} else {
				var values json.RawMessage
				if values, err = a.arguments(cmd, c, pos[0], args, data); err == nil {
					id, err = c.Run(cmd.Context(), pos[0], values, when, tag)
				}
			}
			if err != nil {
				return err
			}
			if detach {
				if a.json {
					return a.printJSON(map[string]string{"id": id})
				}
				fmt.Fprintln(a.out, id)
				return nil
			}
			return a.follow(cmd, c, id, watch, true)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&args, "arg", "a", nil, "argument NAME=VALUE; may be repeated")
	f.StringVarP(&data, "data", "d", "", "file with the arguments as a JSON object, - for standard input")
	f.StringVar(&tag, "tag", "", "queue to run on instead of the script's")
	f.StringVar(&at, "at", "", "start later: a time (RFC 3339) or a duration (10m)")
	f.StringVar(&preview, "preview", "", "run this file as it is, without deploying it")
	f.BoolVar(&watch, "watch", false, "print the log while it runs, on standard error")
	f.BoolVar(&detach, "detach", false, "print the job's id and do not wait")
	return cmd
}

func parseWhen(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, usage{fmt.Errorf("--at %s is neither a time like 2026-12-01T08:00:00Z nor a duration like 10m", s)}
	}
	return t, nil
}

func (a *app) startPreview(cmd *cobra.Command, c *client.Client, file string, args []string, data string) (string, error) {
	languages, err := c.Languages(cmd.Context())
	if err != nil {
		return "", err
	}
	found, ok := scriptOf(file, languages)
	if !ok {
		return "", errs.New(errs.Invalid, "%s is not a script that the server knows", file).WithHint("known suffixes: %s", suffixes(languages))
	}
	s, err := found.read()
	if err != nil {
		return "", err
	}
	values, err := a.merge(args, data, nil)
	if err != nil {
		return "", err
	}
	return c.Preview(cmd.Context(), found.path, found.language, s.Content, values)
}

// arguments builds the argument object; the schema is asked for only when --arg needs it.
func (a *app) arguments(cmd *cobra.Command, c *client.Client, path string, args []string, data string) (json.RawMessage, error) {
	var schema json.RawMessage
	if len(args) > 0 {
		s, err := c.ScriptGet(cmd.Context(), path)
		if err != nil {
			return nil, err
		}
		schema = s.Schema
	}
	return a.merge(args, data, schema)
}

func (a *app) merge(args []string, data string, schema json.RawMessage) (json.RawMessage, error) {
	if len(args) == 0 && data == "" {
		return json.RawMessage("{}"), nil
	}
	values := map[string]json.RawMessage{}
	if data != "" {
		text, err := a.readFile(data)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &values); err != nil {
			return nil, errs.New(errs.Invalid, "%s is not a JSON object: %s", data, err)
		}
		if len(args) == 0 {
			return bytes.TrimSpace(text), nil // the bytes as they are: numbers keep their digits
		}
	}
	var types struct {
		Properties map[string]struct {
			Type any `json:"type"`
		} `json:"properties"`
	}
	if schema != nil {
		_ = json.Unmarshal(schema, &types) // a schema that cannot be read guides nothing
	}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usage{fmt.Errorf("--arg %s is not NAME=VALUE", arg)}
		}
		if types.Properties[name].Type != "string" && json.Valid([]byte(value)) {
			values[name] = json.RawMessage(value)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		values[name] = text
	}
	return json.Marshal(values)
}

// follow waits for a job, showing its log when watch is set, then prints its result. The error carries the exit code.
func (a *app) follow(cmd *cobra.Command, c *client.Client, id string, watch, result bool) error {
	p := a.paint(a.err)
	if watch {
		fmt.Fprintln(a.err, p.quiet("job "+id))
	}
	err := c.Follow(cmd.Context(), id, func(u client.Update) error {
		if watch {
			_, err := io.WriteString(a.err, u.NewLogs)
			return err
		}
		return nil
	})
	if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
		fmt.Fprintf(a.err, "\nThe job goes on. To end it: tidemill cancel %s\n", id)
		return exitCode{ExitCanceled}
	}
	if err != nil {
		return err
	}
	job, err := c.Job(cmd.Context(), id)
	if err != nil {
		return err
	}
	value, err := c.Result(cmd.Context(), id)
	if err != nil {
		return err
	}
	job.Result = value
	if watch {
		fmt.Fprintf(a.err, "%s %s\n", p.status(job.Status()), p.quiet(human(time.Duration(job.DurationMS)*time.Millisecond)))
	}
	switch {
	case a.json:
		if err := a.printJSON(job); err != nil {
			return err
		}
	case job.Success && result:
		a.printResult(value)
	case !job.Success:
		a.printFailure(value, id)
	}
	if job.Success {
		return nil
	}
	return exitCode{codeOf(value)}
}

// printResult writes a string as text and everything else as JSON, indented on a terminal, unchanged otherwise.
func (a *app) printResult(value json.RawMessage) {
	var text string
	if json.Unmarshal(value, &text) == nil {
		fmt.Fprintln(a.out, text)
		return
	}
	if terminal(a.out) {
		var b bytes.Buffer
		if json.Indent(&b, value, "", "  ") == nil {
			value = b.Bytes()
		}
	}
	fmt.Fprintf(a.out, "%s\n", bytes.TrimSpace(value))
}

// failure is the result of a job that failed.
type failure struct {
	Error struct {
		Name    string `json:"name"`
		Message string `json:"message"`
		Stack   string `json:"stack"`
		Code    *int   `json:"code"`
	} `json:"error"`
}

func (a *app) printFailure(value json.RawMessage, id string) {
	p := a.paint(a.err)
	var f failure
	if json.Unmarshal(value, &f) != nil || f.Error.Name == "" {
		fmt.Fprintf(a.err, "%s %s\n", p.bad("failed:"), value)
	} else {
		fmt.Fprintf(a.err, "%s %s\n", p.bad(f.Error.Name+":"), f.Error.Message)
		if s := strings.TrimSpace(f.Error.Stack); s != "" {
			fmt.Fprintln(a.err, p.quiet(s))
		}
	}
	fmt.Fprintln(a.err, p.quiet("log: tidemill logs "+id))
}

// codeOf is the exit code that the script itself ended with, or 1.
func codeOf(value json.RawMessage) int {
	var f failure
	if json.Unmarshal(value, &f) != nil {
		return ExitFailed
	}
	if f.Error.Code != nil && *f.Error.Code > 0 && *f.Error.Code < 256 {
		return *f.Error.Code
	}
	if rest, ok := strings.CutPrefix(f.Error.Message, "exit code "); ok {
		digits, _, _ := strings.Cut(rest, "\n")
		digits, _, _ = strings.Cut(digits, " ")
		if n, err := strconv.Atoi(strings.Trim(digits, ":.,")); err == nil && n > 0 && n < 256 {
			return n
		}
	}
	return ExitFailed
}
