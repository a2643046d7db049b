// Package storetest is the contract of package store in executable form. Every implementation runs it.
//
// No test waits: what has to be over time is made over by a negative lease or an expiry in the past.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

// Run runs the suite. Each call of open gives an empty database that is closed and removed by the test's cleanup. The
// function reopen that comes with it closes the store and opens the same database again.
func Run(t *testing.T, open func(t *testing.T) (s store.Store, reopen func() store.Store)) {
	run(t, true, open)
}

// RunQuick is Run without the tests that need many rows, for decorators of a store that runs them itself.
func RunQuick(t *testing.T, open func(t *testing.T) (s store.Store, reopen func() store.Store)) {
	run(t, false, open)
}

func run(t *testing.T, all bool, open func(t *testing.T) (s store.Store, reopen func() store.Store)) {
	type group struct {
		name string
		run  func(t *testing.T, b *bundle)
	}
	groups := []group{
		{"Workspaces", workspaces},
		{"Members", members},
		{"Users", users},
		{"Invites", invites},
		{"Tokens", tokens},
		{"Groups", groups},
		{"Folders", folders},
		{"Claims", claims},
		{"Grants", grants},
		{"Scripts", scripts},
		{"ScriptList", scriptList},
		{"ScriptRemoval", scriptRemoval},
		{"ScriptRace", scriptRace},
		{"Drafts", drafts},
		{"Settings", settings},
		{"Workers", workers},
		{"JobRoundTrip", jobRoundTrip},
		{"JobPush", jobPush},
		{"ClaimOrder", claimOrder},
		{"ClaimExclusive", claimExclusive},
		{"ClaimScheduled", claimScheduled},
		{"Fencing", fencing},
		{"Renew", renew},
		{"Reap", reap},
		{"Release", release},
		{"Cancel", cancel},
		{"CancelThenDeath", cancelThenDeath},
		{"JobDelete", jobDelete},
		{"JobViewer", jobViewer},
		{"JobList", jobList},
		{"JobCount", jobCount},
		{"Logs", logs},
		{"TxCommit", txCommit},
		{"TxRollback", txRollback},
		{"TxIsolation", txIsolation},
		{"TxMisuse", txMisuse},
		{"Events", events},
		{"Unicode", unicode},
		{"BadText", badText},
		{"Canceled", canceled},
		{"Closed", closed},
		{"Audit", audit},
		{"AuditRace", auditRace},
		{"AuditTrim", auditTrim},
	}
	if all {
		groups = append(groups, group{"JobListMany", jobListMany})
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			s, reopen := open(t)
			g.run(t, &bundle{T: t, Store: s, reopen: reopen})
		})
	}
}

// bundle is a test with its store.
type bundle struct {
	*testing.T
	store.Store
	reopen func() store.Store
}

const ws = "acme"

var everything = store.Viewer{Workspace: ws, All: true}

func (b *bundle) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%v (%s)", err, errs.KindOf(err))
	}
}

func (b *bundle) want(kind errs.Kind, err error) {
	b.Helper()
	if errs.KindOf(err) != kind {
		b.Fatalf("got %v (%q), want %q", err, errs.KindOf(err), kind)
	}
}

func must[T any](b *bundle) func(v T, err error) T {
	return func(v T, err error) T {
		b.Helper()
		b.ok(err)
		return v
	}
}

func (b *bundle) workspace() {
	b.Helper()
	b.ok(b.WorkspaceCreate(b.Context(), domain.Workspace{ID: ws, Name: "Acme", CreatedBy: "root@acme.test"}))
}

func (b *bundle) user(email string) {
	b.Helper()
	b.ok(b.UserCreate(b.Context(), domain.User{Email: email}))
}

// recent checks that a time was set by the store just now, in UTC and with microseconds.
func (b *bundle) recent(t time.Time) {
	b.Helper()
	if d := time.Since(t); d < -time.Minute || d > time.Minute || t.Location() != time.UTC || t.Nanosecond()%1000 != 0 {
		b.Fatalf("%v is not a time of now in UTC with microseconds", t)
	}
}

func job(path string) store.NewJob {
	return store.NewJob{
		Job: domain.Job{
			ID: id.New(), Workspace: ws, Kind: domain.JobScript, ScriptPath: path, ScriptHash: "00ff", Language: "lang1",
			Tag: "lang1", CreatedBy: "ann", Email: "ann@acme.test", PermissionedAs: "u/ann", Trigger: "api",
		},
		Args: domain.Payload{Inline: []byte(`{"x":1}`)},
	}
}

func (b *bundle) push(jobs ...store.NewJob) {
	b.Helper()
	b.ok(b.JobPush(b.Context(), jobs...))
}

func (b *bundle) claim(worker string, lease time.Duration, limit int) []domain.Job {
	b.Helper()
	return must[[]domain.Job](b)(b.JobClaim(b.Context(), store.JobClaimParams{Worker: worker, Tags: []string{"lang1"}, Limit: limit, Lease: lease}))
}

func (b *bundle) claimOne(worker string, lease time.Duration) domain.Job {
	b.Helper()
	jobs := b.claim(worker, lease, 1)
	if len(jobs) != 1 {
		b.Fatalf("claimed %d jobs, want 1", len(jobs))
	}
	return jobs[0]
}

func lease(j domain.Job) domain.Lease {
	return domain.Lease{JobID: j.ID, Attempt: j.Attempt, Worker: j.Worker}
}

var success = domain.Outcome{Status: domain.StatusSuccess}

func inline(s string) domain.Payload { return domain.Payload{Inline: []byte(s)} }

func pointer[T any](v T) *T { return &v }

func (b *bundle) background() context.Context { return context.WithoutCancel(b.Context()) }
