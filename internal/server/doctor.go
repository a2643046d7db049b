package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/all"
	"github.com/tidemill/tidemill/internal/sandbox"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

// grade is how a check came out.
type grade string

const (
	ok      grade = "ok"
	warning grade = "warning" // works, with less than there could be
	failed  grade = "failed"  // Tidemill will not work
)

// check is one line of doctor's report.
type check struct {
	Name   string `json:"name"`
	Grade  grade  `json:"grade"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// The disk space below which doctor complains.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

// examine runs all checks. It changes nothing and installs nothing.
func examine(ctx context.Context, c config.Config) []check {
	report := []check{checkFolder(c.Data), checkSpace(c.Data), checkDatabase(ctx, c)}
	report = append(report, checkAudit(ctx, c)...)
	report = append(report, checkPort(ctx, c.Listen))
	box := process.New()
	report = append(report, checkSandbox(box))
	f := folder{path: c.Data}
	kit := lang.Kit{CacheDir: f.cache(), ToolsDir: f.tools(), Sandbox: box, Log: io.Discard}
	probing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, r := range probeRuntimes(probing, all.Languages(), kit) {
		report = append(report, checkRuntime(r))
	}
	return append(report, checkClock(time.Now()), checkGit())
}

func checkFolder(path string) check {
	c := check{Name: "data folder", Grade: ok, Detail: path}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		parent := path
		for {
			parent = filepath.Dir(parent)
			if _, err := os.Stat(parent); err == nil || parent == "/" {
				break
			}
		}
		if unix.Access(parent, unix.W_OK) != nil {
			return check{c.Name, failed, path + " is not there and cannot be made in " + parent, "name another one with --data"}
		}
		c.Detail += " (made at the first start)"
		return c
	}
	switch {
	case err != nil:
		return check{c.Name, failed, path + ": " + cause(err), "name another one with --data"}
	case !info.IsDir():
		return check{c.Name, failed, path + " is a file", "name a folder with --data"}
	case unix.Access(path, unix.W_OK|unix.X_OK) != nil:
		return check{c.Name, failed, path + " cannot be written", "make it yours, or name another one with --data"}
	case info.Mode().Perm()&0o077 != 0:
		return check{c.Name, warning, path + " can be read by others", "it is closed at the next start; or: chmod 700 " + path}
	}
	return c
}

func checkSpace(path string) check {
	for {
		if _, err := os.Stat(path); err == nil || path == "/" {
			break
		}
		path = filepath.Dir(path)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return check{"disk space", warning, "cannot be read: " + err.Error(), ""}
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	c := check{Name: "disk space", Grade: ok, Detail: fmt.Sprintf("%.1f GB free", float64(free)/(1<<30))}
	switch {
	case free < noSpace:
		c.Grade, c.Hint = failed, "make room: nothing can be stored"
	case free < littleSpace:
		c.Grade, c.Hint = warning, "make room: packages of scripts alone can take that much"
	}
	return c
}

func checkDatabase(ctx context.Context, c config.Config) check {
	name := "database"
	if c.SQLite() {
		if _, err := os.Stat(c.DatabaseFile()); errors.Is(err, fs.ErrNotExist) {
			return check{name, ok, "SQLite, made at the first start", ""}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, newest, server, err := databaseVersion(ctx, c)
	if err != nil {
		e := errs.As(err)
		return check{name, failed, e.Message, e.Hint}
	}
	k := check{name, ok, fmt.Sprintf("%s, schema version %d", server, version), ""}
	switch {
	case version > newest:
		k.Grade, k.Hint = failed, fmt.Sprintf("this Tidemill knows only version %d: start the newer one", newest)
	case version < newest:
		k.Grade, k.Hint = warning, fmt.Sprintf("the next start brings it to version %d: make a copy before", newest)
	}
	return k
}

func checkPort(ctx context.Context, address string) check {
	c := check{Name: "address", Grade: ok, Detail: address + " is free"}
	l, err := listen(ctx, address)
	if err == nil {
		_ = l.Close()
		return c
	}
	if ready(ctx, address) == nil {
		return check{c.Name, ok, "a Tidemill serves on " + address, ""}
	}
	e := errs.As(err)
	return check{c.Name, failed, e.Message, e.Hint}
}

// ready asks the server on the address whether it can work.
func ready(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errs.New(errs.Invalid, "%q is not an address", address)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return errs.New(errs.Invalid, "%q is not an address", address)
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: it is this machine
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "no server answers on %s", address).WithHint("start one: tidemill start")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errs.New(errs.Unavailable, "the server on %s is not ready (%s)", address, resp.Status)
	}
	return nil
}

// missing says what a tier of isolation does not do, in the order of what matters.
func missing(tier string) string {
	return map[string]string{
		"process": "jobs run as this user and can read its files, use the network and see other processes; their environment, directory and process tree are their own",
	}[tier]
}

func checkSandbox(box sandbox.Runner) check {
	c := check{Name: "sandbox", Grade: ok, Detail: "tier " + box.Tier()}
	if lacks := missing(box.Tier()); lacks != "" {
		c.Grade, c.Detail = warning, c.Detail+": "+lacks
		c.Hint = "run only scripts of people whom you trust with this account, or give Tidemill an account or a container of its own"
	}
	return c
}

func checkRuntime(r runtimeState) check {
	c := check{Name: r.Title, Grade: ok, Detail: r.Runtime + " " + r.Version + " (" + r.Path + ")"}
	switch {
	case !r.Found && r.Installable:
		c.Detail = r.Runtime + " is fetched when it is first needed"
	case !r.Found:
		c.Grade, c.Detail, c.Hint = warning, r.Runtime+" is not there: scripts in "+r.Title+" cannot run", r.Hint
	case r.Broken:
		c.Grade, c.Detail, c.Hint = failed, r.Path+" does not run", r.Hint
	case r.Version == "":
		c.Grade, c.Detail = warning, r.Runtime+" at "+r.Path+" does not tell its version"
	}
	return c
}

// built is a moment that has passed for sure: a clock before it is wrong.
var built = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func checkClock(now time.Time) check {
	c := check{Name: "clock", Grade: ok, Detail: now.UTC().Format(time.RFC3339)}
	if now.Before(built) {
		c.Grade, c.Hint = failed, "set the clock: sessions, leases and schedules depend on it"
	}
	return c
}

func checkGit() check {
	if path, found := lang.LookPath("git"); found {
		return check{"git", ok, path, ""}
	}
	return check{"git", warning, "is not there", "install git: it keeps workspaces in a repository"}
}

func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// discard is for commands that print their own words.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// printReport writes the checks for people or programs, and returns an error when one failed.
func printReport(w io.Writer, report []check, asJSON, colour bool) error {
	bad := 0
	for _, c := range report {
		if c.Grade == failed {
			bad++
		}
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"ok": bad == 0, "checks": report}); err != nil {
			return err
		}
	} else {
		for _, c := range report {
			mark := map[grade]string{ok: "ok  ", warning: "warn", failed: "FAIL"}[c.Grade]
			if colour {
				mark = map[grade]string{ok: "\x1b[32m", warning: "\x1b[33m", failed: "\x1b[31m"}[c.Grade] + mark + "\x1b[0m"
			}
			fmt.Fprintf(w, "%s  %-12s %s\n", mark, c.Name, strings.TrimSpace(c.Detail))
			if c.Hint != "" {
				fmt.Fprintf(w, "%20s%s\n", "", c.Hint)
			}
		}
	}
	if bad > 0 {
		return errs.New(errs.Unavailable, "%d of %d checks failed", bad, len(report))
	}
	return nil
}
