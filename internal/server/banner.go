package server

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// banner is what a person sees when the process is up.
type banner struct {
	role     Role
	version  string
	url      string
	data     string
	database string
	tier     string
	slots    int
	tags     []string
	runtimes []runtimeState
	link     string // of the first administrator
}

// probeTime is how long the start waits for runtimes to say their version.
const probeTime = 400 * time.Millisecond

func (s *Server) banner(ctx context.Context) (banner, error) {
	c := s.o.Config
	b := banner{role: s.o.Role, version: s.o.Version, data: c.Data, database: "SQLite", tier: s.sandbox.Tier(), slots: c.Slots(), tags: c.Tags}
	if !c.SQLite() {
		b.database = "PostgreSQL"
	}
	if s.o.Role.works() {
		probing, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		b.runtimes = probeRuntimes(probing, s.languages, s.kit)
	}
	if s.o.Role.serves() {
		b.url = s.url
		link, err := s.Setup(ctx)
		if err != nil {
			return b, err
		}
		b.link = link
	}
	return b, nil
}

// write prints the block.
func (b banner) write(w io.Writer, colour bool) {
	strong, dim, reset := "", "", ""
	if colour {
		strong, dim, reset = "\x1b[1m", "\x1b[2m", "\x1b[0m"
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s%-9s%s %s\n", dim, name, reset, fmt.Sprintf(format, args...))
	}
	title := map[Role]string{AllInOne: "", ServerOnly: " server", WorkerOnly: " worker"}[b.role]
	fmt.Fprintf(w, "\n  %sTidemill%s %s%s\n\n", strong, title, b.version, reset)
	if b.url != "" {
		line("address", "%s", b.url)
	}
	line("data", "%s (%s)", b.data, b.database)
	if b.role.works() {
		tags := "all languages"
		if len(b.tags) > 0 {
			tags = "tags " + strings.Join(b.tags, ", ")
		}
		line("jobs", "%d at a time, %s, sandbox tier %s", b.slots, tags, b.tier)
		var known []string
		for _, r := range b.runtimes {
			known = append(known, r.short())
		}
		line("runtimes", "%s", strings.Join(known, " · "))
	}
	if b.link != "" {
		fmt.Fprintf(w, "\n  Make the administrator's account here (works once, for 24 hours):\n  %s%s%s\n", strong, b.link, reset)
	}
	fmt.Fprintln(w)
}

func (r runtimeState) short() string {
	switch {
	case !r.Found && r.Installable:
		return r.Runtime + " (installed when first needed)"
	case !r.Found:
		return "no " + r.Runtime
	case r.Broken:
		return r.Runtime + " (does not run: see tidemill doctor)"
	case r.Version == "":
		return r.Runtime
	}
	return r.Runtime + " " + r.Version
}
