// Package telemetry makes the process's logger and carries the id of a request through contexts into its lines.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"
)

// Format is how lines are written.
type Format string

// The formats.
const (
	Auto Format = "auto" // Text on a terminal, JSON otherwise
	Text Format = "text"
	JSON Format = "json"
)

// Terminal reports whether people read w directly.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colours reports whether w is to be coloured: a terminal, and neither NO_COLOR nor TERM=dumb is set.
func Colours(w io.Writer, getenv func(string) string) bool {
	return Terminal(w) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// New makes a logger that writes to w what is at least of the level ("debug", "info", "warn", "error"). Unknown levels are
// info: package config has checked them.
func New(w io.Writer, level string, format Format, colour bool) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	if format == Auto || format == "" {
		if format = JSON; Terminal(w) {
			format = Text
		}
	}
	var h slog.Handler
	if format == Text {
		h = newText(w, l, colour)
	} else {
		h = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})
	}
	return slog.New(requestHandler{h})
}

type requestKey struct{}

// WithRequest puts the id of a request into a context: lines that are logged with it name the request.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// Request is the id in the context; "" when there is none.
func Request(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// ValidRequest reports whether an id that came from outside can be taken over: short, and nothing that could forge lines.
func ValidRequest(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.") == ""
}

// requestHandler adds the request's id to every line.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := Request(ctx); id != "" && !named(r) {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

// named reports whether the line names a request already.
func named(r slog.Record) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == "request"
		return !found
	})
	return found
}

func (h requestHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(a)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
