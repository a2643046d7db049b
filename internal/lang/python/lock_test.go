package python

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/lang/langtest"
	"github.com/tidemill/tidemill/internal/sandbox/process"
)

func TestResolversErrorsInPlainWords(t *testing.T) {
	for out, want := range map[string]struct {
		kind          errs.Kind
		message, hint string
	}{
		"error: No solution found when resolving dependencies\n  cause: Because pil was not found in the package registry and you require pil, we can conclude that your requirements are unsatisfiable.": {
			errs.Invalid, "there is no package PIL on the index", "PIL is in the package Pillow",
		},
		"error: No solution found\n  cause: Because reqeusts was not found in the package registry and you require reqeusts": {
			errs.Invalid, "there is no package reqeusts on the index", "did you mean requests?",
		},
		"ERROR: No matching distribution found for sklearn": {errs.Invalid, "there is no package sklearn on the index", "sklearn is in the package scikit-learn"},
		"ERROR: No matching distribution found for numpy==99": {
			errs.Invalid, "there is no version of numpy that satisfies ==99", "change the pin",
		},
		"error: Failed to fetch: `https://index/simple/x/`\n  Caused by: error sending request": {
			errs.Unavailable, "the package index cannot be reached", "network",
		},
	} {
		err := resolveError(out, []string{"PIL", "reqeusts"})
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != want.kind || e.Message != want.message || !strings.Contains(e.Hint, want.hint) {
			t.Errorf("%.60s…: got %+v, want %+v", out, e, want)
		}
	}
}

// Where uv cannot be had, pip resolves and installs the same form of lock.
func TestPipLocksToo(t *testing.T) {
	l, k := New().(*language), langtest.NewKit(t, process.New())
	python, err := l.interpreters.find(t.Context(), k, "", "")
	if err != nil {
		t.Skipf("MISSING RUNTIME python3: %v", err)
	}
	dir := t.TempDir()
	if _, exit, err := k.RunQuiet(t.Context(), dir, nil, python.Path, "-m", "pip", "--version"); err != nil || exit.Code != 0 {
		t.Skipf("MISSING RUNTIME pip for %s: %v", python.Path, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "requirements.in"), []byte("humanize==4.9.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	body, err := l.lockWithPip(t.Context(), k, python, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(body, "humanize==4.9.0 \\\n    --hash=sha256:") {
		t.Errorf("got %s", body)
	}
	if _, err := l.packages(t.Context(), k, python, lockTitle+python.version()+"\n"+body); err != nil {
		t.Errorf("the lock of pip cannot be installed: %v", err)
	}
}

func TestWishesForVersions(t *testing.T) {
	for wish, want := range map[string]string{
		"": "9 11 13", ">=3.11": "11 13", "==3.11": "11", "==3.11.*": "11", ">=3.9,<3.12": "9 11", "~=3.10": "11 13", ">3.11": "13", "<=3.11": "9 11",
		"!=3.11": "9 13", ">=3.11.4": "11 13", "nonsense": "9 11 13",
	} {
		var got []string
		for _, minor := range []int{9, 11, 13} {
			if satisfies(minor, wish) {
				got = append(got, map[int]string{9: "9", 11: "11", 13: "13"}[minor])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", wish, got, want)
		}
	}
}

func TestWhatALockDoesNotAnswer(t *testing.T) {
	l := New().(lang.LockReader)
	lock := lockTitle + "3.11\nrequests==2.32.3 \\\n    --hash=sha256:ab\nPy_YAML==6.0 \\\n    --hash=sha256:cd\n"
	for requirement, missing := range map[string]bool{
		"requests": false, "requests[socks]": false, "requests==2.32.3": false, "requests==2.31.0": true, "requests>=2": false, "requests==2.*": false,
		"py.yaml": false, "numpy": true, "numpy; python_version < '3'": false, "python>=3.11": false,
	} {
		if got := l.Missing(lock, []string{requirement}); (len(got) == 1) != missing {
			t.Errorf("%s: %v", requirement, got)
		}
	}
	if got := l.Missing("", []string{"requests"}); len(got) != 1 {
		t.Error("an empty lock answers nothing")
	}
}
