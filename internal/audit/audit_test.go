package audit_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
	"github.com/tidemill/tidemill/internal/store/faulty"
	"github.com/tidemill/tidemill/internal/store/sqlite"
)

func open(t *testing.T, clock func() time.Time) (store.Store, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	hand, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hand.Close() })
	return s, hand
}

var ann = domain.Identity{Email: "ann@example.com", TokenID: "t1", Workspace: "main", Username: "ann"}

func write(t *testing.T, s store.Store, workspace string, n int) {
	t.Helper()
	for i := range n {
		e := audit.Entry{Workspace: workspace, Action: audit.ScriptCreate, Kind: domain.AuditCreated, Resource: fmt.Sprintf("f/a/s%d", i)}
		if err := audit.Record(t.Context(), s, ann, e); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, s store.Store) map[string]audit.Report {
	t.Helper()
	list, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]audit.Report{}
	for _, r := range list {
		out[r.Workspace] = r
	}
	return out
}

// Whatever is done to the rows by hand, the first wrong line is named, and other logs stay whole.
func TestVerifyFindsTheFirstBrokenLine(t *testing.T) {
	const where = " WHERE workspace = 'main' AND seq "
	for name, c := range map[string]struct {
		sql    string
		broken int64
	}{
		"nothing":           {"SELECT 1", 0},
		"a changed text":    {"UPDATE audit_event SET resource = 'f/a/other'" + where + "= 3", 3},
		"a changed author":  {"UPDATE audit_event SET email = 'bob@example.com'" + where + "= 1", 1},
		"a changed time":    {"UPDATE audit_event SET at = at - 1" + where + "= 8", 8},
		"a changed hash":    {"UPDATE audit_event SET hash = 'x'" + where + "= 3", 3},
		"the first removed": {"DELETE FROM audit_event" + where + "= 1", 1},
		"one removed":       {"DELETE FROM audit_event" + where + "= 5", 5},
		"the last removed":  {"DELETE FROM audit_event" + where + "= 8", 8},
		"the end removed":   {"DELETE FROM audit_event" + where + ">= 6", 6},
		"all removed":       {"DELETE FROM audit_event WHERE workspace = 'main'", 1},
		"moved numbers":     {"DELETE FROM audit_event" + where + "= 2; UPDATE audit_event SET seq = 2" + where + "= 3", 2},
		"one put in": {"INSERT INTO audit_event SELECT workspace, 9, at, email, username, token_id, job_id, action, kind, resource, changes_json, address, " +
			"request_id, hash, 'x' FROM audit_event" + where + "= 8", 9},
		"the ends removed":  {"DELETE FROM audit_chain WHERE workspace = 'main'", 1},
		"the end rewritten": {"UPDATE audit_chain SET hash = 'x' WHERE workspace = 'main'", 8},
		"a hidden removal":  {"DELETE FROM audit_event" + where + "<= 2; UPDATE audit_chain SET anchor_seq = 2 WHERE workspace = 'main'", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, hand := open(t, nil)
			write(t, s, "main", 8)
			write(t, s, "", 3)
			if _, err := hand.Exec(c.sql); err != nil {
				t.Fatal(err)
			}
			got := verify(t, s)
			if r := got["main"]; r.Broken != c.broken || (r.Why == "") != (c.broken == 0) {
				t.Errorf("got %+v, want line %d", r, c.broken)
			}
			if r := got[""]; r.Broken != 0 || r.Lines != 3 {
				t.Errorf("the instance's: %+v", r)
			}
		})
	}
}

// A line that was replaced together with its hash breaks at the one after.
func TestVerifyFindsAForgedLine(t *testing.T) {
	s, hand := open(t, nil)
	write(t, s, "main", 5)
	e, err := s.AuditGet(t.Context(), "main", 3)
	if err != nil {
		t.Fatal(err)
	}
	e.Email = "bob@example.com"
	if _, err := hand.Exec("UPDATE audit_event SET email = ?, hash = ? WHERE workspace = 'main' AND seq = 3", e.Email, e.Sum()); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, s)["main"]; r.Broken != 4 {
		t.Errorf("got %+v, want line 4", r)
	}
}

func TestVerifyWhileOthersWriteAndTrim(t *testing.T) {
	s, _ := open(t, nil)
	write(t, s, "main", 20)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			_ = audit.Record(ctx, s, ann, audit.Entry{Workspace: "main", Action: audit.ScriptCreate, Resource: fmt.Sprint(i)})
			if i%3 == 0 {
				_, _ = s.AuditTrim(ctx, "main", time.Now().Add(time.Hour), 1)
			}
		}
	})
	for range 30 {
		if r := verify(t, s)["main"]; r.Broken != 0 {
			t.Errorf("%+v", r)
		}
	}
	stop()
	wg.Wait()
}

func TestRetentionKeepsTheRestWhole(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s, _ := open(t, func() time.Time { return now })
	begin := now
	write(t, s, "main", 600) // more than a batch
	write(t, s, "", 2)
	now = begin.Add(48 * time.Hour)
	write(t, s, "main", 5)
	now = begin.Add(-240 * time.Hour) // the clock jumps back
	write(t, s, "main", 1)
	now = begin.Add(25 * time.Hour)

	service := audit.New(audit.Options{Store: s, Retention: 24 * time.Hour, Now: func() time.Time { return now }})
	if n, err := service.Trim(t.Context()); err != nil || n != 602 {
		t.Fatalf("removed %d, %v", n, err)
	}
	got := verify(t, s)
	if r := got["main"]; r.Broken != 0 || r.Lines != 6 { // the line from the wrong past stands behind younger ones
		t.Errorf("%+v", r)
	}
	if r := got[""]; r.Broken != 0 || r.Lines != 0 {
		t.Errorf("%+v", r)
	}
	write(t, s, "", 1)
	if r := verify(t, s)[""]; r.Broken != 0 || r.Lines != 1 {
		t.Errorf("going on: %+v", r)
	}
	forever := audit.New(audit.Options{Store: s, Now: func() time.Time { return now.Add(1e6 * time.Hour) }})
	if n, err := forever.Trim(t.Context()); n != 0 || err != nil {
		t.Errorf("without an end: %d, %v", n, err)
	}
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(service.Stop(t.Context()), service.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func TestRecordTellsWhoWhatAndFromWhere(t *testing.T) {
	s, _ := open(t, nil)
	ctx := audit.WithOrigin(t.Context(), audit.Origin{Address: "192.0.2.7", RequestID: "r1"})
	who := ann
	who.JobID = "j1"
	e := audit.Entry{
		Workspace: "main", Action: audit.ScriptUpdate, Kind: domain.AuditUpdated, Resource: "f/a/\x00" + strings.Repeat("ü", 600),
		Changes: audit.Diff(map[string]any{"tag": "a", "gone": 1, "same": true, "none": ""}, map[string]any{"tag": "b\x00", "same": true, "new": []string{"x"}, "none": 0}),
	}
	if err := s.Tx(ctx, func(ctx context.Context, tx store.Nouns) error { return audit.Record(ctx, tx, who, e) }); err != nil {
		t.Fatal(err)
	}
	got, err := s.AuditGet(ctx, "main", 1)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"field":"gone","before":1},{"field":"new","after":["x"]},{"field":"tag","before":"a","after":"b\ufffd"}]`
	if string(got.Changes) != want {
		t.Errorf("changes\n%s\nwant\n%s", got.Changes, want)
	}
	if got.Email != ann.Email || got.Username != "ann" || got.TokenID != "t1" || got.JobID != "j1" || got.Address != "192.0.2.7" || got.RequestID != "r1" {
		t.Errorf("%+v", got)
	}
	if len(got.Resource) > 500 || !strings.HasPrefix(got.Resource, "f/a/\uFFFDüü") {
		t.Errorf("%d bytes: %.20q", len(got.Resource), got.Resource)
	}
	// In another workspace's log the name of this one means nothing.
	if err := audit.Record(ctx, s, ann, audit.Entry{Action: audit.SignOut}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.AuditGet(ctx, "", 1); err != nil || got.Username != "" || got.Email != ann.Email {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestScriptsAreToldWithoutSecretsAndContent(t *testing.T) {
	lock := "left-pad==1"
	s := domain.Script{
		Hash: "00ff", Content: "echo s3cret", Description: "s3cret", Schema: domain.JSON(`{"s3cret":1}`), Lock: &lock,
		Settings: domain.ScriptSettings{Envs: []string{"KEY=s3cret", "s3cretless"}, Rest: map[string]domain.JSON{"hook": domain.JSON(`"s3cret"`)}, Tag: "gpu"},
	}
	s.Settings.Envs = s.Settings.Envs[:1]
	text, err := json.Marshal(audit.Diff(nil, audit.Script(s)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), "left-pad") {
		t.Errorf("it tells too much: %s", text)
	}
	for _, want := range []string{`{"field":"tag","after":"gpu"}`, `{"field":"envs","after":["KEY"]}`, `{"field":"other_settings","after":["hook"]}`, "sha256:"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	long := audit.Diff(nil, map[string]any{"x": strings.Repeat("y", 5000)})
	if len(long) != 1 || len(long[0].After) > 100 {
		t.Errorf("a long value is kept: %d bytes", len(long[0].After))
	}
}

func TestExport(t *testing.T) {
	s, _ := open(t, nil)
	write(t, s, "main", 1203)
	evil := audit.Entry{Workspace: "main", Action: audit.AccessRefused, Kind: domain.AuditExecute, Resource: `=cmd|' /C calc'!A0`}
	if err := audit.Record(t.Context(), s, domain.Identity{Email: "@x@example.com"}, evil); err != nil {
		t.Fatal(err)
	}
	for _, f := range []audit.Format{audit.CSV, audit.JSONLines} {
		var b strings.Builder
		flushes := 0
		p := store.AuditListParams{Workspace: "main"}
		if err := audit.Export(t.Context(), s, p, f, &b, func() { flushes++ }); err != nil {
			t.Fatal(err)
		}
		if flushes != 3 {
			t.Errorf("%s: %d flushes", f, flushes)
		}
		if f == audit.JSONLines {
			lines := strings.Split(strings.TrimSpace(b.String()), "\n")
			var last audit.Line
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 1204 || last.ID != 1204 || last.Resource != evil.Resource {
				t.Errorf("%d lines, the last %+v, %v", len(lines), last, err)
			}
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 1205 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		last := rows[1204]
		if last[3] != "'@x@example.com" || last[9] != "'"+evil.Resource || last[1] != "1204" || rows[1][1] != "1" {
			t.Errorf("%q", last)
		}
	}
	err := audit.Export(t.Context(), s, store.AuditListParams{}, "xml", &strings.Builder{}, func() {})
	if !errs.Is(err, errs.Invalid) {
		t.Error(err)
	}
}

func TestCellsAreNoFormulas(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "a": "a", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", " =1": "' =1", "\t=1": "'\t=1", "\r1": "'\r1", "\n1": "'\n1", "12": "12",
	} {
		if got := audit.Neutral(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}

// A program that knocks all day is noted once a minute; a database that fails does not turn the refusal into something else.
func TestRefusalsAreNotedOncePerMinute(t *testing.T) {
	s, _ := open(t, nil)
	now := time.Now()
	service := audit.New(audit.Options{Store: s, Now: func() time.Time { return now }})
	refuse := func(operation string) {
		service.Refused(t.Context(), ann, "main", operation, "u/bob/x", "belongs to somebody else")
	}
	count := func() int {
		list, err := s.AuditList(t.Context(), store.AuditListParams{Workspace: "main", Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for range 5 {
		refuse("getScript")
	}
	refuse("deleteScript")
	if n := count(); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	now = now.Add(time.Minute)
	refuse("getScript")
	if n := count(); n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
	now = now.Add(-time.Hour) // the clock jumps
	refuse("getScript")
	if n := count(); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
	broken := audit.New(audit.Options{Store: faulty.New(1, faulty.Rule{Mode: faulty.Fail, Rate: 1}).Wrap(s)})
	broken.Refused(t.Context(), ann, "main", "x", "", "")
}
