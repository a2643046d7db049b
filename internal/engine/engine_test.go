package engine_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/engine"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/events"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang/bash"
	"github.com/tidemill/tidemill/internal/worker"
)

var _ worker.Source = (*engine.Source)(nil)

func TestScriptRunsToItsResult(t *testing.T) {
	h := newHouse(t)
	h.work(t)
	s := h.deploy(t, domain.Script{
		Path: "f/examples/hello", Content: "name=\"$1\"\necho \"my token is $WM_TOKEN\" >&2\necho \"Hello, $name\"\n",
		Schema:   domain.JSON(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`),
		Settings: domain.ScriptSettings{Labels: []string{"greeting"}, Priority: 7},
	})
	job, err := h.engine.Run(t.Context(), engine.Run{Who: operator, Path: s.Path, Args: domain.JSON(`{"name":"World","unknown":1}`), Trigger: "api", Labels: []string{"mine"}})
	if err != nil {
		t.Fatal(err)
	}
	done, result := h.wait(t, job.ID)
	if done.Status != domain.StatusSuccess || result != `"Hello, World"` {
		t.Fatalf("%+v %s\n%s", done, result, h.logs(t, job.ID))
	}
	if done.ScriptHash != s.Hash || done.Tag != string(bash.ID) || done.Priority != 7 || strings.Join(done.Labels, ",") != "greeting,mine" ||
		done.CreatedBy != "op" || done.PermissionedAs != "u/op" || done.Attempt != 1 || done.Tier != "process" || done.StartedAt.IsZero() || done.UserStart.IsZero() {
		t.Fatalf("%+v", done)
	}
	if got := h.logs(t, job.ID); got != "my token is *****\nHello, World\n" {
		t.Fatalf("log is %q", got)
	}

	again, err := h.engine.Rerun(t.Context(), operator, job.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if done, result := h.wait(t, again.ID); result != `"Hello, World"` || done.Trigger != "rerun" || done.ScriptHash != s.Hash {
		t.Fatalf("%+v %s", done, result)
	}
	again, err = h.engine.Rerun(t.Context(), operator, job.ID, domain.JSON(`{"name":"Sea"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, result := h.wait(t, again.ID); result != `"Hello, Sea"` {
		t.Fatal(result)
	}
	if _, err := h.engine.Rerun(t.Context(), operator, job.ID, domain.JSON(`{"name":5}`)); !errs.Is(err, errs.Invalid) {
		t.Fatal(err)
	}
}

func TestPreviewRunsItsCode(t *testing.T) {
	h := newHouse(t)
	h.work(t)
	code := &domain.Code{Language: bash.ID, Content: "x=\"$1\"\necho '{\"got\":  '$x', \"big\": 12345678901234567890}'\n"}
	job, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Code: code, Args: domain.JSON(`{"x":"42"}`), Trigger: "ui"})
	if err != nil {
		t.Fatal(err)
	}
	// Bytes of a result are nobody's to change.
	if done, result := h.wait(t, job.ID); result != `{"got":  42, "big": 12345678901234567890}` || done.Kind != domain.JobPreview {
		t.Fatalf("%+v %s", done, result)
	}
	if _, err := h.engine.Run(t.Context(), engine.Run{Who: operator, Code: code}); !errs.Is(err, errs.Forbidden) {
		t.Fatal(err)
	}
	if _, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Code: &domain.Code{Language: "cobol74"}}); !errs.Is(err, errs.Invalid) {
		t.Fatal(err)
	}
	again, err := h.engine.Rerun(t.Context(), dev, job.ID, domain.JSON(`{"x":"43"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, result := h.wait(t, again.ID); !strings.Contains(result, "43") {
		t.Fatal(result)
	}
}

func TestPreviewChecksItsArguments(t *testing.T) {
	h := newHouse(t)
	run := func(content, args string) error {
		_, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Code: &domain.Code{Language: bash.ID, Content: content}, Args: domain.JSON(args)})
		return err
	}
	for args, field := range map[string]string{`{}`: "args.name", `{"name": ["a"]}`: "args.name", `[]`: "args"} {
		err := run("name=\"$1\"\necho $name\n", args)
		if !errs.Is(err, errs.Invalid) || len(errs.As(err).Fields) != 1 || errs.As(err).Fields[0].Path != field {
			t.Errorf("%s: %+v", args, err)
		}
	}
	for name, c := range map[string][2]string{
		"fits":             {"name=\"$1\"\n", `{"name": "ada"}`},
		"unknown argument": {"name=\"${1:-x}\"\n", `{"more": 1}`},
		"syntax error":     {"name=\"$1\nif then", `{}`},
		"too long to read": {"name=\"$1\"\n" + strings.Repeat("#\n", 300<<10), `{}`},
	} {
		if err := run(c[0], c[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotRunSaysWhy(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.deploy(t, domain.Script{Path: "f/a/library", NoMain: true})
	h.deploy(t, domain.Script{Path: "f/a/unlocked", LockError: "no such package: leftpadd"})
	old := h.deploy(t, domain.Script{Path: "f/a/archived", Content: "echo"})
	h.deploy(t, domain.Script{Path: "u/ada/private", Content: "echo"})
	if err := h.store.ScriptArchive(ctx, workspace, "f/a/archived"); err != nil {
		t.Fatal(err)
	}
	deleted := h.deploy(t, domain.Script{Path: "f/a/deleted", Content: "echo"})
	if err := h.store.ScriptDeleteHash(ctx, workspace, deleted.Hash); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		run  engine.Run
		kind errs.Kind
		says string
	}{
		{engine.Run{Who: dev, Path: "f/a/nothing"}, errs.NotFound, "there is no script f/a/nothing"},
		{engine.Run{Who: dev, Path: "nonsense"}, errs.Invalid, "u/ or f/"},
		{engine.Run{Who: dev, Path: "f/a/library"}, errs.Invalid, "no main function"},
		{engine.Run{Who: dev, Path: "f/a/unlocked"}, errs.Invalid, "leftpadd"},
		{engine.Run{Who: dev, Path: "f/a/archived"}, errs.Conflict, "archived"},
		{engine.Run{Who: dev, Hash: old.Hash}, errs.Conflict, "archived"},
		{engine.Run{Who: dev, Hash: deleted.Hash}, errs.Conflict, "deleted"},
		{engine.Run{Who: dev, Hash: "0000000000000000"}, errs.NotFound, "no version"},
		{engine.Run{Who: dev, Path: "u/ada/private"}, errs.NotFound, "there is no script"},
		{engine.Run{Who: domain.Identity{}, Path: "f/a/library"}, errs.Unauthenticated, "signed in"},
		{engine.Run{Who: domain.Identity{Email: "x@example.com"}, Path: "f/a/library"}, errs.NotFound, ""},
		{engine.Run{Who: dev, Path: "f/a/library", ID: "1"}, errs.Invalid, "job_id"},
		{engine.Run{Who: dev, Path: "f/a/library", Timeout: -1}, errs.Invalid, "timeout"},
	} {
		_, err := h.engine.Run(ctx, c.run)
		if !errs.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.run, err)
		}
	}
}

func TestARepeatedRequestIsAcceptedOnce(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, domain.Script{Path: "f/a/b", Content: "echo"})
	run := engine.Run{Who: dev, Path: "f/a/b", ID: id.New()}
	if _, err := h.engine.Run(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.Run(t.Context(), run); !errs.Is(err, errs.Conflict) {
		t.Fatal(err)
	}
}

func TestCancel(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, domain.Script{Path: "f/a/long", Content: "echo ready\nsleep 600\n"})

	// One that waits ends at once.
	job, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Path: "f/a/long"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.Cancel(t.Context(), dev, job.ID, "not needed"); err != nil {
		t.Fatal(err)
	}
	done, result := h.wait(t, job.ID)
	if done.Status != domain.StatusCanceled || result != `{"error":{"name":"Canceled","message":"canceled by dev: not needed"}}` {
		t.Fatalf("%+v %s", done, result)
	}

	// One that runs is killed with all its children, at once.
	h.work(t)
	job, err = h.engine.Run(t.Context(), engine.Run{Who: dev, Path: "f/a/long"})
	if err != nil {
		t.Fatal(err)
	}
	h.said(t, job.ID, "ready")
	begin := time.Now()
	if _, err := h.engine.Cancel(t.Context(), admin, job.ID, ""); err != nil {
		t.Fatal(err)
	}
	done, result = h.wait(t, job.ID)
	if done.Status != domain.StatusCanceled || result != `{"error":{"name":"Canceled","message":"canceled by ada"}}` || h.logs(t, job.ID) != "ready\n" {
		t.Fatalf("%+v %s", done, result)
	}
	if took := time.Since(begin); took > 2900*time.Millisecond { // less than the grace: the job obeyed
		t.Fatalf("took %v", took)
	}
	if again, err := h.engine.Cancel(t.Context(), admin, job.ID, "twice"); err != nil || again.Status != domain.StatusCanceled {
		t.Fatal(again, err)
	}
	if _, err := h.engine.Cancel(t.Context(), dev, id.New(), ""); !errs.Is(err, errs.NotFound) {
		t.Fatal(err)
	}
}

// said waits until a job's log holds a text.
func (h *house) said(t *testing.T, jobID, text string) {
	t.Helper()
	watch := h.hub.Watch(events.Filter{JobID: jobID})
	defer watch.Close()
	for limit := time.After(20 * time.Second); !strings.Contains(h.logs(t, jobID), text); {
		select {
		case <-watch.C:
		case <-limit:
			t.Fatalf("the job never said %q: %q", text, h.logs(t, jobID))
		}
	}
}

func TestReasons(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.deploy(t, domain.Script{Path: "f/a/gpu", Content: "echo", Settings: domain.ScriptSettings{Tag: "gpu"}})
	reason := func(jobID string) string {
		t.Helper()
		job, err := h.engine.Get(ctx, everything, jobID)
		if err != nil {
			t.Fatal(err)
		}
		return job.Reason
	}
	job, err := h.engine.Run(ctx, engine.Run{Who: dev, Path: "f/a/gpu"})
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(job.ID); got != "waiting for a worker that serves the tag gpu: there is none" {
		t.Fatal(got)
	}
	if err := h.store.WorkerPing(ctx, domain.Worker{Name: "w1", Tags: []string{"gpu"}, Slots: 1, Running: 1}); err != nil {
		t.Fatal(err)
	}
	if got := reason(job.ID); got != "waiting: the one worker that serves the tag gpu is busy" {
		t.Fatal(got)
	}
	if err := h.store.WorkerPing(ctx, domain.Worker{Name: "w1", Tags: []string{"gpu"}, Slots: 2, Running: 1}); err != nil {
		t.Fatal(err)
	}
	if got := reason(job.ID); got != "about to start" {
		t.Fatal(got)
	}
	later, err := h.engine.Run(ctx, engine.Run{Who: dev, Path: "f/a/gpu", ScheduledFor: time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(later.ID); got != "scheduled for 2999-01-02 03:04:05 UTC" {
		t.Fatal(got)
	}
	if _, err := h.source.Claim(ctx, "w1", []string{"gpu"}, 5); err != nil {
		t.Fatal(err)
	}
	if got := reason(job.ID); !strings.HasPrefix(got, "running on w1 since ") {
		t.Fatal(got)
	}
	if _, err := h.engine.Cancel(ctx, dev, job.ID, "stop it"); err != nil {
		t.Fatal(err)
	}
	if got := reason(job.ID); got != "being canceled by dev: stop it" {
		t.Fatal(got)
	}
}

func TestScheduledJobRunsWhenDue(t *testing.T) {
	h := newHouse(t)
	h.work(t)
	h.deploy(t, domain.Script{Path: "f/a/b", Content: "echo 1"})
	due := time.Now().Add(400 * time.Millisecond)
	job, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Path: "f/a/b", ScheduledFor: due})
	if err != nil {
		t.Fatal(err)
	}
	done, _ := h.wait(t, job.ID)
	if early := due.Sub(done.StartedAt); early > time.Millisecond || early < -5*time.Second {
		t.Fatalf("started %v before its time", early)
	}
}

func TestDependencyJobStoresTheLock(t *testing.T) {
	h := newHouse(t)
	h.work(t)
	s := domain.Script{Path: "f/a/b", Content: "echo 1"}
	s.LockError = "pending" // so that deploy leaves the lock open
	s = h.deploy(t, s)
	job, err := h.engine.Dependencies(t.Context(), dev, s)
	if err != nil {
		t.Fatal(err)
	}
	if done, result := h.wait(t, job.ID); done.Status != domain.StatusSuccess || result != `{"lock":""}` {
		t.Fatalf("%+v %s", done, result)
	}
	got, err := h.store.ScriptByHash(t.Context(), everything, s.Hash)
	if err != nil || got.Lock == nil || *got.Lock != "" || got.LockError != "" {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestImportsAreReadWithTheRightsOfTheJob(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.deploy(t, domain.Script{Path: "f/lib/open", Content: "open"})
	h.deploy(t, domain.Script{Path: "u/ada/secret", Content: "secret"})
	h.deploy(t, domain.Script{Path: "f/a/b", Content: "echo"})
	if _, err := h.engine.Run(ctx, engine.Run{Who: dev, Path: "f/a/b"}); err != nil {
		t.Fatal(err)
	}
	jobs, err := h.source.Claim(ctx, "w", []string{string(bash.ID)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := jobs[0].Lease
	if code, err := h.source.Script(ctx, l, "f/lib/open"); err != nil || code.Content != "open" {
		t.Fatal(code, err)
	}
	for _, path := range []string{"u/ada/secret", "f/lib/missing"} {
		if _, err := h.source.Script(ctx, l, path); !errs.Is(err, errs.NotFound) {
			t.Fatal(path, err)
		}
	}
	l.Attempt++
	if _, err := h.source.Script(ctx, l, "f/lib/open"); !errs.Is(err, errs.Fenced) {
		t.Fatal(err)
	}
}

func TestCheckArgs(t *testing.T) {
	e := engine.New(engine.Options{})
	schema := domain.JSON(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","order":["n"],"additionalProperties":false,
		"properties":{"n":{"type":"integer","minimum":1},"name":{"type":"string","maxLength":3},"kind":{"enum":["a","b"]},
		"db":{"type":"object","format":"resource-postgresql","properties":{"port":{"type":"integer"}}},
		"tags":{"type":"array","items":{"type":"string"}},"flag":{"type":["boolean","null"]},
		"any":{},"either":{"anyOf":[{"type":"string"},{"type":"number"}]}},"required":["n"]}`)
	for _, c := range []struct{ args, want string }{
		{`{"n":1}`, ""},
		{`{"n":1,"unknown":true}`, ""},
		{`{"n":1,"name":null,"kind":null}`, ""},
		{`{"n":12345678901234567890}`, ""},
		{`{"n":1.0}`, ""},
		{`{"n":"$var:u/a/b","db":"$res:f/x/y","tags":"$res:u/a/list","either":"$var:f/a/b"}`, ""},
		{`{"n":1,"db":{"port":"$var:f/a/port"}}`, ""},
		{`{}`, "args.n is missing"},
		{``, "args.n is missing"},
		{`{"n":null}`, "args.n must be a whole number, is null"},
		{`{"n":"x"}`, `args.n must be a whole number, is the text "x"`},
		{`{"n":0}`, "args.n must be at least 1, is 0"},
		{`{"n":1,"name":"long"}`, "args.name must have at most 3 characters, has 4"},
		{`{"n":1,"kind":"c"}`, `args.kind must be one of "a", "b", is the text "c"`},
		{`{"n":1,"tags":["a",2]}`, "args.tags[1] must be text, is 2"},
		{`{"n":1,"flag":"yes"}`, `args.flag must be null or true or false, is the text "yes"`},
		{`{"n":1,"either":true}`, "args.either must be text or a number, is true"},
		{`{"n":1,"db":{"port":"x"}}`, `args.db.port must be a whole number, is the text "x"`},
		{`[1]`, "args must be a JSON object"},
		{`{"n":`, "args is not valid JSON at byte 5: unexpected end of JSON input"},
	} {
		err := e.CheckArgs(schema, domain.JSON(c.args))
		got := ""
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				t.Fatal(err)
			}
			for _, f := range errs.As(err).Fields {
				got += f.Path + " " + f.Message
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.args, got, c.want)
		}
	}
	for _, schema := range []string{``, `null`, `{"type":7}`, `{"$ref":"file:///etc/passwd"}`, `{"properties":{"x":{"pattern":"(?=x)"}}}`} {
		if err := e.CheckArgs(domain.JSON(schema), domain.JSON(`{"x":1}`)); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	}
}

func TestEnvironmentOfAJob(t *testing.T) {
	h := newHouse(t)
	h.work(t)
	t.Setenv("TIDEMILL_TEST_SECRET", "must not be seen")
	job, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Code: &domain.Code{
		Path: "f/a/env", Language: bash.ID, Envs: []string{"MINE=yes"},
		Content: `env | grep -c TEST_SECRET; echo "$PWD $HOME $TMPDIR"; echo "{\"ws\":\"$WM_WORKSPACE\",\"id\":\"$TIDEMILL_JOB_ID\",\"path\":\"$WM_JOB_PATH\",\"mine\":\"$MINE\",\"url\":\"$WM_BASE_URL\",\"attempt\":$TIDEMILL_ATTEMPT}"`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	done, result := h.wait(t, job.ID)
	var got map[string]any
	if err := json.Unmarshal([]byte(result), &got); err != nil {
		t.Fatal(err, result, done)
	}
	if got["ws"] != workspace || got["id"] != job.ID || got["path"] != "f/a/env" || got["mine"] != "yes" || got["attempt"] != 1.0 || got["url"] != "http://127.0.0.1:1" {
		t.Fatal(result)
	}
	log := h.logs(t, job.ID)
	dirs := strings.Fields(log)
	if dirs[0] != "0" || dirs[1] != dirs[2] || dirs[3] != dirs[1]+"/tmp" {
		t.Fatal(log)
	}
}

func TestGracefulStopGivesJobsBack(t *testing.T) {
	h := newHouse(t)
	w := h.work(t)
	job, err := h.engine.Run(t.Context(), engine.Run{Who: dev, Code: &domain.Code{Language: bash.ID, Content: "if [ $WM_ATTEMPT = 1 ]; then echo ready; sleep 600; fi; echo $WM_ATTEMPT"}})
	if err != nil {
		t.Fatal(err)
	}
	h.said(t, job.ID, "ready")
	stop(t, w, 10*time.Millisecond)
	got, err := h.queue.Get(t.Context(), everything, job.ID)
	if err != nil || got.Status != domain.StatusQueued || got.Deaths != 0 || got.Attempt != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	if list, err := h.store.WorkerList(context.Background(), time.Hour); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
	h.work(t)
	if done, result := h.wait(t, job.ID); result != "2" || done.Status != domain.StatusSuccess {
		t.Fatalf("%+v %s", done, result)
	}
}

// BenchmarkRunAndWait is a trivial Bash job from acceptance to result, in process: what HTTP adds is not in it.
func BenchmarkRunAndWait(b *testing.B) {
	h := newHouse(b)
	h.work(b)
	h.deploy(b, domain.Script{Path: "f/a/b", Content: "echo hi"})
	for b.Loop() {
		job, err := h.engine.Run(b.Context(), engine.Run{Who: dev, Path: "f/a/b"})
		if err != nil {
			b.Fatal(err)
		}
		if done, err := h.queue.Wait(b.Context(), everything, job.ID); err != nil || done.Status != domain.StatusSuccess {
			b.Fatal(done, err)
		}
	}
}
