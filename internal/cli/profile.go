package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v4"

	"github.com/tidemill/tidemill/internal/errs"
)

// profile is what `tidemill login` remembers.
type profile struct {
	URL       string `yaml:"url"`
	Token     string `yaml:"token"`
	Workspace string `yaml:"workspace,omitempty"`
}

func (a *app) profilePath() (string, error) {
	if p := a.getenv("TIDEMILL_CLI_CONFIG"); p != "" {
		return p, nil
	}
	dir := a.getenv("XDG_CONFIG_HOME")
	if dir == "" {
		home := a.getenv("HOME")
		if home == "" {
			return "", errs.New(errs.Invalid, "HOME is not set, so there is nowhere to keep a sign-in").
				WithHint("set TIDEMILL_CLI_CONFIG to a file name, or use TIDEMILL_URL and TIDEMILL_TOKEN")
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "tidemill", "cli.yaml"), nil
}

func (a *app) loadProfile() (profile, error) {
	var p profile
	name, err := a.profilePath()
	if err != nil {
		if first(a.url, a.getenv("TIDEMILL_URL")) != "" {
			return p, nil // everything comes from flags and environment
		}
		return p, err
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, errs.New(errs.Invalid, "cannot read %s: %s", name, cause(err))
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return p, errs.New(errs.Invalid, "%s is not a sign-in file: %s", name, err).WithHint("remove it and run tidemill login")
	}
	return p, nil
}

// saveProfile writes the file whole or not at all, readable by its owner only.
func (a *app) saveProfile(p profile) error {
	name, err := a.profilePath()
	if err != nil {
		return err
	}
	data, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errs.New(errs.Invalid, "cannot make %s: %s", dir, cause(err))
	}
	tmp, err := os.CreateTemp(dir, ".cli-*") // 0600
	if err != nil {
		return errs.New(errs.Invalid, "cannot write to %s: %s", dir, cause(err))
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return errs.New(errs.Invalid, "cannot write %s: %s", tmp.Name(), cause(err))
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
