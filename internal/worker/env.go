package worker

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/sandbox"
)

// facts are the contextual variables of a job. Each is set twice: as WM_<name>, which published scripts and clients read,
// and as TIDEMILL_<name>.
func (a *attempt) facts() [][2]string {
	j := &a.job.Job
	return [][2]string{
		{"WORKSPACE", j.Workspace},
		{"TOKEN", a.job.Token},
		{"BASE_URL", a.w.o.BaseURL},
		{"JOB_ID", j.ID},
		{"JOB_PATH", j.ScriptPath},
		{"OBJECT_PATH", j.ScriptPath},
		{"EMAIL", j.Email},
		{"USERNAME", strings.TrimPrefix(j.PermissionedAs, "u/")},
		{"PERMISSIONED_AS", j.PermissionedAs},
		{"PARENT_JOB_ID", j.Parent},
		{"ATTEMPT", strconv.Itoa(a.job.Lease.Attempt)},
		{"TAG", j.Tag},
		{"WORKER", a.w.o.Name},
		{"SCHEDULED_FOR", stamp(j.ScheduledFor.UnixMicro())},
	}
}

func stamp(micro int64) string {
	if micro <= 0 {
		return ""
	}
	return strconv.FormatInt(micro/1e6, 10)
}

// environment is the whole environment of a job, made from nothing: ours first, then the language's, then the script's.
func (a *attempt) environment(language []string) ([]string, error) {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	env := []string{
		"PATH=" + path, "HOME=" + a.dir, "TMPDIR=" + filepath.Join(a.dir, "tmp"),
		// Not LANG: that makes a shell read a dozen files of locale data, a tenth of its start, to say the same.
		"LC_CTYPE=C.UTF-8",
		// What the published clients of Windmill read besides WM_*.
		"BASE_URL=" + a.w.o.BaseURL, "BASE_INTERNAL_URL=" + a.w.o.BaseURL,
	}
	for _, f := range a.facts() {
		env = append(env, "WM_"+f[0]+"="+f[1], "TIDEMILL_"+f[0]+"="+f[1])
	}
	at := map[string]int{}
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		at[name] = i
	}
	set := func(kv string) {
		name, _, _ := strings.Cut(kv, "=")
		if i, ok := at[name]; ok {
			env[i] = kv
			return
		}
		at[name] = len(env)
		env = append(env, kv)
	}
	for _, kv := range language {
		set(kv)
	}
	for _, kv := range a.job.Code.Envs {
		name, _, ok := strings.Cut(kv, "=")
		switch {
		case !ok || name == "" || strings.ContainsAny(name, " \t\n\x00") || strings.Contains(kv, "\x00"):
			return nil, errs.New(errs.Invalid, "the script's environment has the entry %q, which is not of the form NAME=value", kv)
		case loader(name):
			return nil, errs.New(errs.Invalid, "the script's environment may not set %s, which changes how every program is loaded", name)
		case strings.HasPrefix(name, "WM_"), strings.HasPrefix(name, "TIDEMILL_"), name == sandbox.Mark:
			return nil, errs.New(errs.Invalid, "the script's environment may not set %s: the platform sets it", name)
		}
		set(kv)
	}
	return env, nil
}

// loader reports whether a variable is read by the dynamic loader or the C library of any program.
func loader(name string) bool {
	return strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "DYLD_") || name == "GCONV_PATH" || name == "GLIBC_TUNABLES"
}
