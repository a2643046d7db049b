package server

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// runtimeState is what is known of a language's runtime on this machine.
type runtimeState struct {
	Language    string `json:"language"`
	Title       string `json:"title"`
	Runtime     string `json:"runtime"`
	Found       bool   `json:"found"`
	Path        string `json:"path,omitempty"`
	Version     string `json:"version,omitempty"`
	Installable bool   `json:"installable"` // fetched by itself when it is first needed
	Hint        string `json:"hint,omitempty"`
	Broken      bool   `json:"broken,omitempty"` // found, and does not run
}

var versionForm = regexp.MustCompile(`\d+\.\d+(?:\.\d+)?`)

// probeRuntimes looks for the runtime of each language and asks it for its version, all at once. It installs nothing.
// What does not answer before ctx ends has no Version.
func probeRuntimes(ctx context.Context, languages lang.Registry, kit lang.Kit) []runtimeState {
	out := make([]runtimeState, len(languages))
	var all sync.WaitGroup
	for i, l := range languages {
		all.Go(func() { out[i] = probe(ctx, l.Manifest(), kit) })
	}
	all.Wait()
	return out
}

func probe(ctx context.Context, m lang.Manifest, kit lang.Kit) runtimeState {
	st := runtimeState{Language: string(m.ID), Title: m.Title, Runtime: m.Runtime.Name}
	tool := lang.Tool{Name: m.Runtime.Name}
	for _, t := range m.Runtime.Tools {
		if t.Name == m.Runtime.Name {
			tool = t
		}
	}
	st.Hint = tool.Hint
	st.Installable = tool.NPM != "" || tool.PyPI != ""
	if st.Path, st.Found = kit.FindTool(tool); !st.Found {
		return st
	}
	dir, err := os.MkdirTemp("", "tidemill-probe-")
	if err != nil {
		return st
	}
	defer os.RemoveAll(dir)
	var text bytes.Buffer
	exit, err := sandbox.Run(ctx, kit.Sandbox, sandbox.Spec{
		Argv: append([]string{st.Path}, m.Runtime.Version...), Dir: dir, Stdout: &text, Stderr: &text,
		Env:    []string{"PATH=" + filepath.Dir(st.Path) + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + dir, "LANG=C.UTF-8"},
		Limits: sandbox.Limits{Wall: 5 * time.Second},
	})
	if err != nil || exit.Code != 0 {
		st.Broken = ctx.Err() == nil
		return st
	}
	st.Version = versionForm.FindString(text.String())
	return st
}
