package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// text writes a line for people: time of day, level, message, then key=value.
type text struct {
	mu     *sync.Mutex
	w      io.Writer
	level  slog.Level
	colour bool
	prefix string // of groups
	attrs  []byte // written already
}

func newText(w io.Writer, level slog.Level, colour bool) *text {
	return &text{mu: &sync.Mutex{}, w: w, level: level, colour: colour}
}

const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

func (h *text) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *text) paint(b *bytes.Buffer, colour, s string) {
	if !h.colour {
		b.WriteString(s)
		return
	}
	b.WriteString(colour + s + reset)
}

func (h *text) Handle(_ context.Context, r slog.Record) error {
	var b bytes.Buffer
	if !r.Time.IsZero() {
		h.paint(&b, dim, r.Time.Format("15:04:05.000"))
		b.WriteByte(' ')
	}
	name, colour := r.Level.String(), cyan
	switch {
	case r.Level >= slog.LevelError:
		colour = red
	case r.Level >= slog.LevelWarn:
		colour = yellow
	case r.Level < slog.LevelInfo:
		colour = dim
	}
	h.paint(&b, colour, name+strings.Repeat(" ", max(0, 5-len(name))))
	b.WriteByte(' ')
	b.WriteString(plain(r.Message))
	b.Write(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		h.attr(&b, h.prefix, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(b.Bytes())
	return err
}

func (h *text) attr(b *bytes.Buffer, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, in := range v.Group() {
			h.attr(b, prefix, in)
		}
		return
	}
	if a.Key == "" {
		return
	}
	b.WriteByte(' ')
	h.paint(b, dim, prefix+a.Key+"=")
	s := v.String()
	if v.Kind() == slog.KindTime {
		s = v.Time().Format(time.RFC3339Nano)
	}
	if s == "" || strings.ContainsAny(s, " \"=") || plain(s) != s {
		s = strconv.Quote(s)
	}
	b.WriteString(s)
}

// plain makes control characters visible: a message must stay one line and must not steer the terminal.
func plain(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0 {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func (h *text) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	b := bytes.NewBuffer(bytes.Clone(h.attrs))
	for _, a := range attrs {
		h.attr(b, h.prefix, a)
	}
	c.attrs = b.Bytes()
	return &c
}

func (h *text) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.prefix += name + "."
	}
	return &c
}
