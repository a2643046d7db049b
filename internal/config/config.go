// Package config is every setting of the server's commands in one struct: what it means, its default, and the three places
// it can be set. A flag goes before the environment, that before the file, that before the default.
//
// The struct tags are the documentation: the help of the commands and docs/configuration.md are rendered from them.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/errs"
)

// Size is a number of bytes, written as 512KB, 64MB or 2GB (powers of 1024).
type Size int64

// Config is all settings. The tag key names a setting: in the file as it is, as a flag with --, in the environment as
// TIDEMILL_ and capitals. for lists the commands that read it.
type Config struct {
	Data        string `key:"data" default:"~/.tidemill" for:"start server worker doctor admin" arg:"DIR" help:"folder of the database, files, caches and language runtimes; created when missing, readable by its owner only"`
	DatabaseURL string `key:"database-url" default:"" for:"start server worker doctor admin" arg:"URL" secret:"true" help:"PostgreSQL to use instead of the embedded database, like postgres://user:password@host/db; a password is safer in the variable or the file than in the process list"`

	Listen           string   `key:"listen" default:"127.0.0.1:8000" for:"start server doctor" arg:"ADDR" help:"address and port to serve on"`
	BaseURL          string   `key:"base-url" default:"" for:"start server worker admin" arg:"URL" help:"where people and jobs reach the server; default: http and the listen address"`
	AllowRemoteSetup bool     `key:"allow-remote-setup" default:"false" for:"start server" help:"serve on addresses other than loopback although there is no user yet"`
	TrustedProxies   []string `key:"trusted-proxies" default:"" for:"start server" arg:"LIST" help:"addresses or networks of reverse proxies before the server, like 10.0.0.0/8: from them alone the header X-Forwarded-For is believed"`

	Workers     int      `key:"workers" default:"0" for:"start worker" arg:"N" help:"how many jobs run at once here; 0: one per processor"`
	WorkerGroup string   `key:"worker-group" default:"default" for:"start worker" arg:"NAME" help:"name under which workers are shown together"`
	Tags        []string `key:"tags" default:"" for:"start worker" arg:"LIST" help:"tags whose jobs run here, separated by commas; default: those of all languages"`

	Lease         time.Duration `key:"lease" default:"15s" for:"start server worker" arg:"TIME" help:"after how long without a sign of life a worker's jobs are given to another"`
	ShutdownGrace time.Duration `key:"shutdown-grace" default:"30s" for:"start server worker" arg:"TIME" help:"how long running jobs may finish after a signal to stop, before they are given back to the queue"`

	MaxBody   Size `key:"max-body" default:"128MB" for:"start server" arg:"SIZE" help:"largest request body"`
	MaxArgs   Size `key:"max-args" default:"64MB" for:"start server" arg:"SIZE" help:"largest arguments of a run"`
	MaxResult Size `key:"max-result" default:"512MB" for:"start server worker" arg:"SIZE" help:"largest result of a run; a larger one fails the run"`
	MaxMemory Size `key:"max-memory" default:"0MB" for:"start worker" arg:"SIZE" help:"most memory that the processes of one run use together; a run that uses more is ended; 0MB: no limit"`
	MaxLog    Size `key:"max-log" default:"16MB" for:"start worker" arg:"SIZE" help:"most that is kept of a run's log: its beginning and its end"`

	PasswordMemory Size `key:"password-memory" default:"32MB" for:"start server admin" arg:"SIZE" help:"memory that checking one password takes (argon2id)"`
	PasswordPasses int  `key:"password-passes" default:"2" for:"start server admin" arg:"N" help:"passes over that memory"`

	AuditRetention time.Duration `key:"audit-retention" default:"365d" for:"start server" arg:"TIME" help:"how long lines of the audit log are kept; 0: for ever"`

	LogLevel  string `key:"log-level" default:"info" for:"start server worker" arg:"LEVEL" help:"debug, info, warn or error"`
	LogFormat string `key:"log-format" default:"auto" for:"start server worker" arg:"FORMAT" help:"text, json, or auto: text on a terminal"`
}

// SQLite reports whether the embedded database is used.
func (c Config) SQLite() bool { return c.DatabaseURL == "" }

// DatabaseFile is where the embedded database is.
func (c Config) DatabaseFile() string { return filepath.Join(c.Data, "tidemill.db") }

// Slots is how many jobs run at once.
func (c Config) Slots() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return runtime.NumCPU()
}

// Loopback reports whether only this machine can reach the listen address.
func (c Config) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// URL is where the server is reached: BaseURL, else the address that it really listens on ("" reads Listen).
func (c Config) URL(listening string) string {
	if c.BaseURL != "" {
		return strings.TrimSuffix(c.BaseURL, "/")
	}
	if listening == "" {
		listening = c.Listen
	}
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return "http://" + listening
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// check judges the values together. where says where a key was set, for the message.
func (c *Config) check(where func(key string) string) error {
	e := errs.New(errs.Invalid, "the configuration is not valid")
	bad := func(key, format string, args ...any) {
		e.WithField(where(key), format, args...)
	}
	if c.Data == "" {
		bad("data", "must name a folder")
	}
	if c.DatabaseURL != "" {
		// The value may hold a password: it never gets into a message.
		u, err := url.Parse(c.DatabaseURL)
		if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
			bad("database-url", "must begin with postgres://")
		}
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", "%q must be an address and a port, like 127.0.0.1:8000 or :8000", c.Listen)
	} else if n, err := net.LookupPort("tcp", port); err != nil || n < 0 {
		bad("listen", "%q is not a port", port)
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			bad("base-url", "%q must be like https://tidemill.example.com", c.BaseURL)
		}
	}
	for _, p := range c.TrustedProxies {
		if _, err := Network(p); err != nil {
			bad("trusted-proxies", "%q must be an address or a network, like 10.0.0.0/8", p)
		}
	}
	if c.Workers < 0 || c.Workers > 10_000 {
		bad("workers", "must be between 0 and 10000")
	}
	for _, t := range c.Tags {
		if strings.ContainsAny(t, " \t\n") || len(t) > 100 {
			bad("tags", "%q is not a tag", t)
		}
	}
	if c.Lease < time.Second || c.Lease > time.Hour {
		bad("lease", "must be between 1s and 1h")
	}
	if c.AuditRetention < 0 || c.AuditRetention > 0 && c.AuditRetention < 24*time.Hour {
		bad("audit-retention", "must be 0 (for ever) or at least 1d")
	}
	if c.ShutdownGrace < 0 {
		bad("shutdown-grace", "must not be negative")
	}
	for key, v := range map[string]Size{"max-body": c.MaxBody, "max-args": c.MaxArgs, "max-result": c.MaxResult, "max-log": c.MaxLog} {
		if v < 1024 {
			bad(key, "must be at least 1KB")
		}
	}
	if c.MaxMemory != 0 && c.MaxMemory < 16<<20 {
		bad("max-memory", "must be at least 16MB, or 0MB for no limit")
	}
	if c.PasswordMemory < 8<<10 || c.PasswordMemory > 1<<30 {
		bad("password-memory", "must be between 8KB and 1GB")
	}
	if c.PasswordPasses < 1 || c.PasswordPasses > 64 {
		bad("password-passes", "must be between 1 and 64")
	}
	oneOf := func(key, v string, allowed ...string) {
		for _, a := range allowed {
			if v == a {
				return
			}
		}
		bad(key, "%q is not one of %s%s", v, strings.Join(allowed, ", "), Suggestion(v, allowed))
	}
	oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error")
	oneOf("log-format", c.LogFormat, "auto", "text", "json")
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// Network reads an address or a network in CIDR form.
func Network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// expandHome turns a leading ~ into the home folder and makes the path absolute.
func expandHome(path string) (string, error) {
	if path == "~" || strings.HasPrefix(path, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("there is no home folder to put ~ for: name a folder with --data")
		}
		path = filepath.Join(home, strings.TrimPrefix(path[1:], "/"))
	}
	return filepath.Abs(path)
}
