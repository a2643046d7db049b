package api

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/perm"
)

func languageOperations() []operation {
	return []operation{
		op("GET", "/api/languages", "listLanguages", perm.Catalogue, "The script languages, in the order of the picker", (*server).listLanguages),
	}
}

// Language is an entry of the catalogue: UI, CLI and docs render from it.
type Language struct {
	ID        string            `json:"id"`
	Title     string            `json:"title"`
	Icon      string            `json:"icon" doc:"name of a tabler icon"`
	Suffixes  []string          `json:"suffixes" nullable:"false" doc:"of files in an export, preferred first"`
	Comment   string            `json:"comment" doc:"line comment prefix"`
	Editor    string            `json:"editor" doc:"editor mode"`
	Templates map[string]string `json:"templates" doc:"source to start from, by script kind"`
	Doc       string            `json:"doc" doc:"a paragraph in Markdown"`
	Runtime   LanguageRuntime   `json:"runtime"`
}

// LanguageRuntime is what runs a language on the server's own host.
type LanguageRuntime struct {
	Name    string `json:"name"`
	Present bool   `json:"present" doc:"found on the server's host; workers install it when it is missing"`
	Version string `json:"version,omitempty"`
	Hint    string `json:"hint,omitempty" doc:"how to install it, when it is missing"`
}

type languagesOut struct {
	Body []Language `nullable:"false"`
}

func (s *server) listLanguages(ctx context.Context, _ *none) (*languagesOut, error) {
	out := &languagesOut{Body: []Language{}}
	for _, l := range s.Languages {
		m := l.Manifest()
		out.Body = append(out.Body, Language{
			ID: string(m.ID), Title: m.Title, Icon: m.Icon, Suffixes: m.Suffixes, Comment: m.Comment,
			Editor: m.Editor, Templates: m.Templates, Doc: m.Doc, Runtime: s.runtime(ctx, m.Runtime),
		})
	}
	return out, nil
}

// runtimes remembers which version each runtime told, by where it was found.
type runtimes struct {
	mu       sync.Mutex
	versions map[string]string
}

func (s *server) runtime(ctx context.Context, r lang.Runtime) LanguageRuntime {
	out := LanguageRuntime{Name: r.Name, Present: true}
	for _, t := range r.Tools {
		path, ok := s.Kit.FindTool(t)
		if !ok {
			out.Present, out.Hint = false, t.Hint
			continue
		}
		if t.Name == r.Name {
			out.Version = s.runtimeVersion(ctx, path, r.Version)
		}
	}
	return out
}

// runtimeVersion asks a runtime once. One that does not answer in time, on a busy machine, is asked again the next time.
func (s *server) runtimeVersion(ctx context.Context, path string, args []string) string {
	if s.Kit.Sandbox == nil || len(args) == 0 {
		return ""
	}
	s.runtimes.mu.Lock()
	defer s.runtimes.mu.Unlock()
	if v, ok := s.runtimes.versions[path]; ok {
		return v
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	output, exit, err := s.Kit.RunQuiet(ctx, os.TempDir(), nil, append([]string{path}, args...)...)
	version, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	if err != nil || exit.Code != 0 || version == "" {
		return ""
	}
	if s.runtimes.versions == nil {
		s.runtimes.versions = map[string]string{}
	}
	s.runtimes.versions[path] = version
	return version
}
