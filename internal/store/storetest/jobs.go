package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

func (b *bundle) get(jobID string) domain.Job {
	b.Helper()
	return must[domain.Job](b)(b.JobGet(b.background(), everything, jobID))
}

func (b *bundle) payload(jobID string, kind domain.PayloadKind) string {
	b.Helper()
	return string(must[domain.Payload](b)(b.JobPayload(b.Context(), ws, jobID, kind)).Inline)
}

func (b *bundle) complete(j domain.Job, o domain.Outcome, result string) domain.Job {
	b.Helper()
	return must[domain.Job](b)(b.JobComplete(b.Context(), lease(j), o, pointer(inline(result))))
}

// jobRoundTrip: every field survives every state, and the payloads stay byte by byte.
func jobRoundTrip(t *testing.T, b *bundle) {
	ctx := t.Context()
	n := store.NewJob{
		Job: domain.Job{
			ID: id.New(), Workspace: ws, Kind: domain.JobPreview, ScriptPath: "f/x/a", ScriptHash: "00ab", Language: "lang1",
			Tag: "lang1", Priority: 7, Timeout: 90*time.Second + time.Microsecond, CreatedBy: "ann", Email: "ann@acme.test",
			PermissionedAs: "u/ann", TokenScopes: []string{"jobs:run"}, ScheduledFor: time.UnixMicro(1_600_000_000_123_456).UTC(),
			Parent: id.New(), Trigger: "webhook", Labels: []string{"a", `q"uo\te`}, Reason: "waiting for the tag lang1",
			Status: domain.StatusSuccess, Attempt: 9, Worker: "not yet",
		}, // what a pusher must not decide
		Args: inline("{\"x\": 1.0,\r\n \"y\":\"\\u0000\"}"), Code: pointer(inline(`{"language":"lang1"}`)),
	}
	b.push(n)
	want := n.Job
	want.Status, want.Attempt, want.Worker = domain.StatusQueued, 0, ""
	got := b.get(n.Job.ID)
	b.recent(got.CreatedAt)
	want.CreatedAt = got.CreatedAt
	b.same(want, got)
	if live := must[domain.Job](b)(b.JobLease(ctx, want.ID)); true {
		b.same(want, live)
	}
	if b.payload(want.ID, domain.PayloadArgs) != string(n.Args.Inline) || b.payload(want.ID, domain.PayloadCode) != string(n.Code.Inline) {
		t.Error("payloads changed")
	}
	_, err := b.JobPayload(ctx, ws, want.ID, domain.PayloadResult)
	b.want(errs.NotFound, err)
	_, err = b.JobPayload(ctx, "zoo", want.ID, domain.PayloadArgs)
	b.want(errs.NotFound, err)
	_, err = b.JobPayload(ctx, ws, "no id", domain.PayloadArgs)
	b.want(errs.NotFound, err)

	got = b.claimOne("w1", time.Minute)
	b.recent(got.StartedAt)
	if d := got.LeaseUntil.Sub(got.StartedAt); d != time.Minute {
		t.Errorf("leased for %v, want a minute", d)
	}
	want.Status, want.Attempt, want.Worker, want.Reason = domain.StatusRunning, 1, "w1", ""
	want.StartedAt, want.LeaseUntil = got.StartedAt, got.LeaseUntil
	b.same(want, got)
	b.same(want, b.get(want.ID))
	b.ok(b.LogAppend(ctx, lease(got), domain.LogOutput, "12345"))
	b.ok(b.LogAppend(ctx, lease(got), domain.LogStream, "123"))

	o := domain.Outcome{
		Status: domain.StatusFailure, ErrorName: "ValueError", MemPeak: 1 << 40, CPUTime: 1500 * time.Microsecond,
		UserStart: time.UnixMicro(1_600_000_001_000_001).UTC(), UserEnd: time.UnixMicro(1_600_000_002_000_002).UTC(), Tier: "process",
	}
	result := domain.Payload{Blob: "results/abc", Size: 1 << 30}
	got = must[domain.Job](b)(b.JobComplete(ctx, lease(got), o, &result))
	b.recent(got.EndedAt)
	want.Status, want.EndedAt, want.LeaseUntil = domain.StatusFailure, got.EndedAt, time.Time{}
	want.ErrorName, want.MemPeak, want.CPUTime, want.UserStart, want.UserEnd, want.Tier = o.ErrorName, o.MemPeak, o.CPUTime, o.UserStart, o.UserEnd, o.Tier
	want.LogBytes, want.ResultSize = 5, 1<<30
	b.same(want, got)
	b.same(want, b.get(want.ID))
	if l := must[[]domain.Job](b)(b.JobList(ctx, store.JobListParams{Viewer: everything})); len(l) != 1 {
		t.Errorf("%d jobs, want 1", len(l))
	} else {
		b.same(want, l[0])
	}
	p := must[domain.Payload](b)(b.JobPayload(ctx, ws, want.ID, domain.PayloadResult))
	if p.Inline != nil || p.Blob != result.Blob || p.Size != result.Size {
		t.Errorf("%+v", p)
	}
	_, err = b.JobLease(ctx, want.ID)
	b.want(errs.NotFound, err)
	_, err = b.JobGet(ctx, everything, id.New())
	b.want(errs.NotFound, err)
	_, err = b.JobGet(ctx, everything, "' OR 1=1 --")
	b.want(errs.NotFound, err)
}

func (b *bundle) same(want, got domain.Job) {
	b.Helper()
	if d := cmp.Diff(want, got); d != "" {
		b.Errorf("-want +got\n%s", d)
	}
}

func jobPush(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.ok(b.JobPush(ctx))
	one := job("f/x/a")
	b.push(one)
	b.want(errs.Conflict, b.JobPush(ctx, one))
	b.want(errs.Conflict, b.JobPush(ctx, job("f/x/a"), one)) // and then none of them is there
	if n := must[map[domain.JobStatus]int](b)(b.JobCount(ctx, ws))[domain.StatusQueued]; n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	b.complete(b.claimOne("w", time.Minute), success, "1")
	b.want(errs.Conflict, b.JobPush(ctx, one)) // an id is used once, for ever
	must[[]string](b)(b.JobDelete(ctx, ws, one.Job.ID))
	b.want(errs.Conflict, b.JobPush(ctx, one))

	bad := job("f/x/a")
	bad.Job.ID = "1"
	b.want(errs.Invalid, b.JobPush(ctx, bad))
	bad = job("f/x/a")
	bad.Job.Parent = "1"
	b.want(errs.Invalid, b.JobPush(ctx, bad))

	empty := job("f/x/a")
	empty.Args = domain.Payload{}
	b.push(empty)
	if p := must[domain.Payload](b)(b.JobPayload(ctx, ws, empty.Job.ID, domain.PayloadArgs)); p.Size != 0 || p.Inline == nil || len(p.Inline) != 0 {
		t.Errorf("an empty payload: %+v", p)
	}
	large := job("f/x/a")
	large.Args.Inline = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	b.push(large)
	if p := must[domain.Payload](b)(b.JobPayload(ctx, ws, large.Job.ID, domain.PayloadArgs)); !bytes.Equal(p.Inline, large.Args.Inline) || p.Size != 1<<20 {
		t.Error("a megabyte did not come back unchanged")
	}
	many := make([]store.NewJob, 250)
	for i := range many {
		many[i] = job("f/x/many")
	}
	b.push(many...)
	if n := must[map[domain.JobStatus]int](b)(b.JobCount(ctx, ws))[domain.StatusQueued]; n != 252 {
		t.Errorf("%d jobs, want 252", n)
	}
}

func claimOrder(t *testing.T, b *bundle) {
	var ids []string
	add := func(priority int, past time.Duration, tag string) {
		n := job("f/x/a")
		n.Job.Priority, n.Job.ScheduledFor, n.Job.Tag = priority, time.Now().Add(-past), tag
		b.push(n)
		ids = append(ids, n.Job.ID)
	}
	add(0, time.Minute, "lang1")   // 0
	add(0, time.Hour, "lang1")     // 1: older
	add(50, time.Second, "lang1")  // 2: more urgent
	add(50, 2*time.Second, "gpu")  // 3: as urgent, older, other tag
	add(100, -time.Hour, "lang1")  // 4: not due
	add(100, time.Hour, "nobody")  // 5: for others
	add(0, 30*time.Second, "gpu")  // 6
	add(0, time.Millisecond, "cc") // 7: for others
	jobs := must[[]domain.Job](b)(b.JobClaim(t.Context(), store.JobClaimParams{Worker: "w", Tags: []string{"lang1", "gpu", "lang1"}, Limit: 3, Lease: time.Minute}))
	rest := must[[]domain.Job](b)(b.JobClaim(t.Context(), store.JobClaimParams{Worker: "w", Tags: []string{"gpu", "lang1"}, Limit: 100, Lease: time.Minute}))
	var got []int
	for _, j := range append(jobs, rest...) {
		got = append(got, slices.Index(ids, j.ID))
	}
	if want := []int{3, 2, 1, 0, 6}; len(jobs) != 3 || !slices.Equal(got, want) {
		t.Errorf("claimed %v (%d at first), want %v", got, len(jobs), want)
	}
	for _, p := range []store.JobClaimParams{{Worker: "w", Limit: 5}, {Worker: "w", Tags: []string{"nobody"}}, {Worker: "w", Tags: []string{"none"}, Limit: 5}} {
		if jobs := must[[]domain.Job](b)(b.JobClaim(t.Context(), p)); len(jobs) != 0 {
			t.Errorf("%+v claimed %d", p, len(jobs))
		}
	}

	// Ties in time go by id, so the order of submission is kept.
	at := time.Now().Add(-time.Minute)
	ids = nil
	for range 20 {
		n := job("f/x/a")
		n.Job.ScheduledFor = at
		b.push(n)
		ids = append(ids, n.Job.ID)
	}
	for i, j := range b.claim("w", time.Minute, 20) {
		if j.ID != ids[i] {
			t.Fatalf("job %d is not in the order of submission", i)
		}
	}
}

// claimExclusive: many claimers, each job exactly once, and nobody comes back empty while there is work for all.
func claimExclusive(t *testing.T, b *bundle) {
	const jobs, claimers = 600, 12
	batch := make([]store.NewJob, jobs)
	for i := range batch {
		batch[i] = job("f/x/a")
		batch[i].Job.Priority = i % 3
	}
	b.push(batch...)
	var mu sync.Mutex
	claimed := map[string]int{}
	var wg sync.WaitGroup
	for w := range claimers {
		wg.Go(func() {
			for {
				got, err := b.JobClaim(t.Context(), store.JobClaimParams{Worker: fmt.Sprint("w", w), Tags: []string{"lang1"}, Limit: 1 + w%4, Lease: time.Minute})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, j := range got {
					claimed[j.ID]++
					if j.Attempt != 1 || j.Worker != fmt.Sprint("w", w) {
						t.Errorf("%+v", j)
					}
				}
				enough := len(claimed) == jobs
				mu.Unlock()
				if enough || len(got) == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	if len(claimed) != jobs {
		t.Errorf("%d jobs were claimed, want %d", len(claimed), jobs)
	}
	for jobID, n := range claimed {
		if n != 1 {
			t.Errorf("job %s was claimed %d times", jobID, n)
		}
	}
}

func claimScheduled(t *testing.T, b *bundle) {
	ctx := t.Context()
	due := func(tags ...string) time.Time { return must[time.Time](b)(b.JobNextDue(ctx, tags)) }
	if at := due("lang1"); !at.IsZero() {
		t.Errorf("due at %v in an empty queue", at)
	}
	if at := due(); !at.IsZero() {
		t.Errorf("due at %v without tags", at)
	}
	soon, later := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), time.Now().Add(2*time.Hour).UTC().Truncate(time.Microsecond)
	n := job("f/x/a")
	n.Job.ScheduledFor, n.Job.Priority = later, 100
	b.push(n)
	if at := due("lang1"); !at.Equal(later) {
		t.Errorf("due at %v, want %v", at, later)
	}
	n = job("f/x/a")
	n.Job.ScheduledFor, n.Job.Tag = soon, "gpu"
	b.push(n)
	if at := due("lang1", "gpu"); !at.Equal(soon) {
		t.Errorf("due at %v, want %v", at, soon)
	}
	if at := due("other"); !at.IsZero() {
		t.Errorf("due at %v for another tag", at)
	}
	if got := b.claim("w", time.Minute, 5); len(got) != 0 {
		t.Errorf("claimed %d that are not due", len(got))
	}
	b.push(job("f/x/a"))
	b.recent(due("lang1"))
	b.claimOne("w", time.Minute)
	if at := due("lang1"); !at.Equal(later) {
		t.Errorf("due at %v, want %v: running jobs do not count", at, later)
	}
}

// fencing: whoever does not hold the current attempt writes nothing.
func fencing(t *testing.T, b *bundle) {
	ctx := t.Context()
	n := job("f/x/a")
	b.push(n)
	refused := func(l domain.Lease) {
		t.Helper()
		b.want(errs.Fenced, b.LogAppend(ctx, l, domain.LogOutput, "no"))
		b.want(errs.Fenced, b.LogAppend(ctx, l, domain.LogOutput, ""))
		b.want(errs.Fenced, b.JobRelease(ctx, l))
		_, err := b.JobComplete(ctx, l, success, pointer(inline("no")))
		b.want(errs.Fenced, err)
		r := must[store.JobRenewal](b)(b.JobRenew(ctx, []domain.Lease{l}, time.Minute))
		if len(r.Lost) != 1 || r.Lost[0] != l || len(r.Canceled) != 0 {
			t.Errorf("renewal of %+v: %+v", l, r)
		}
	}
	refused(domain.Lease{JobID: n.Job.ID, Attempt: 0, Worker: ""}) // queued
	first := b.claimOne("w1", -time.Second)
	refused(domain.Lease{JobID: n.Job.ID, Attempt: 1, Worker: "w2"})
	refused(domain.Lease{JobID: n.Job.ID, Attempt: 2, Worker: "w1"})
	refused(domain.Lease{JobID: n.Job.ID, Attempt: 0, Worker: "w1"})
	refused(domain.Lease{JobID: id.New(), Attempt: 1, Worker: "w1"})
	refused(domain.Lease{JobID: "no id", Attempt: 1, Worker: "w1"})

	// A lease that is over but not yet reaped is still the only one.
	b.ok(b.LogAppend(ctx, lease(first), domain.LogOutput, "yes"))
	reaped := must[[]domain.Job](b)(b.JobReap(ctx, 10, inline("p")))
	if len(reaped) != 1 {
		t.Fatalf("reaped %d, want 1", len(reaped))
	}
	refused(lease(first)) // queued again
	second := b.claimOne("w1", time.Minute)
	refused(lease(first)) // the same worker, another attempt
	if second.Attempt != 2 {
		t.Errorf("attempt %d, want 2", second.Attempt)
	}
	b.complete(second, success, "2")
	refused(lease(second)) // final
	refused(lease(first))
	if got := b.get(n.Job.ID); got.Status != domain.StatusSuccess || got.LogBytes != 3 || b.payload(n.Job.ID, domain.PayloadResult) != "2" {
		t.Errorf("%+v", got)
	}
	third := job("f/x/a")
	b.push(third)
	j := b.claimOne("w1", time.Minute)
	for _, status := range []domain.JobStatus{domain.StatusQueued, domain.StatusRunning, domain.StatusPoisoned, "", "done"} {
		_, err := b.JobComplete(ctx, lease(j), domain.Outcome{Status: status}, nil)
		b.want(errs.Invalid, err)
	}

	// Of many that complete the same attempt one does.
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := b.JobComplete(ctx, lease(j), success, pointer(inline(fmt.Sprint(i))))
			mu.Lock()
			defer mu.Unlock()
			switch errs.KindOf(err) {
			case "":
				won++
			case errs.Fenced:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("completed %d times", won)
	}
}

func renew(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.push(job("f/x/a"), job("f/x/b"), job("f/x/c"))
	jobs := b.claim("w", -time.Second, 3)
	must[domain.Job](b)(b.JobCancel(ctx, everything, jobs[1].ID, "ann", "why", inline("c")))
	gone := domain.Lease{JobID: id.New(), Attempt: 1, Worker: "w"}
	r := must[store.JobRenewal](b)(b.JobRenew(ctx, []domain.Lease{lease(jobs[0]), gone, lease(jobs[1])}, time.Hour))
	if len(r.Lost) != 1 || r.Lost[0] != gone {
		t.Errorf("lost %+v", r.Lost)
	}
	if len(r.Canceled) != 1 || r.Canceled[0].ID != jobs[1].ID || r.Canceled[0].CancelBy != "ann" || r.Canceled[0].CancelReason != "why" {
		t.Errorf("canceled %+v", r.Canceled)
	}
	if got := b.get(jobs[0].ID); time.Until(got.LeaseUntil) < 50*time.Minute || got.Status != domain.StatusRunning {
		t.Errorf("%+v", got)
	}
	reaped := must[[]domain.Job](b)(b.JobReap(ctx, 10, inline("p")))
	if len(reaped) != 1 || reaped[0].ID != jobs[2].ID {
		t.Errorf("reaped %+v, want only the one that was not renewed", reaped)
	}
	if r := must[store.JobRenewal](b)(b.JobRenew(ctx, nil, time.Hour)); len(r.Lost)+len(r.Canceled) != 0 {
		t.Errorf("%+v", r)
	}
}

func reap(t *testing.T, b *bundle) {
	ctx := t.Context()
	n := job("f/x/a")
	b.push(n)
	if got := must[[]domain.Job](b)(b.JobReap(ctx, 10, inline("p"))); len(got) != 0 {
		t.Fatalf("reaped %+v", got)
	}
	for death := 1; death <= domain.MaxDeaths; death++ {
		j := b.claimOne("w", -time.Second)
		if j.Attempt != death {
			t.Errorf("attempt %d, want %d", j.Attempt, death)
		}
		reaped := must[[]domain.Job](b)(b.JobReap(ctx, 10, inline(`{"error":"poison"}`)))
		if len(reaped) != 1 || reaped[0].Deaths != death {
			t.Fatalf("%+v", reaped)
		}
		want := domain.StatusQueued
		if death == domain.MaxDeaths {
			want = domain.StatusPoisoned
		}
		got := b.get(n.Job.ID)
		if got.Status != want || got.Deaths != death || !got.LeaseUntil.IsZero() || got.Reason == "" {
			t.Errorf("%+v", got)
		}
		b.same(got, reaped[0])
	}
	if p := b.payload(n.Job.ID, domain.PayloadResult); p != `{"error":"poison"}` {
		t.Errorf("result %s", p)
	}
	if got := b.claim("w", time.Minute, 5); len(got) != 0 {
		t.Error("a poisoned job was claimed")
	}

	// At most limit, the longest dead first; those with a current lease stay.
	b.push(job("f/x/a"), job("f/x/b"), job("f/x/c"))
	oldest := b.claimOne("w", -time.Hour)
	b.claimOne("w", -time.Minute)
	b.claimOne("w", time.Minute)
	if got := must[[]domain.Job](b)(b.JobReap(ctx, 1, inline("p"))); len(got) != 1 || got[0].ID != oldest.ID {
		t.Errorf("%+v", got)
	}
	var mu sync.Mutex
	total := 0
	var wg sync.WaitGroup
	for range 6 { // several reapers at once take each only once
		wg.Go(func() {
			got, err := b.JobReap(ctx, 10, inline("p"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += len(got)
		})
	}
	wg.Wait()
	if total != 1 {
		t.Errorf("reaped %d, want 1", total)
	}
}

func release(t *testing.T, b *bundle) {
	n := job("f/x/a")
	b.push(n)
	j := b.claimOne("w1", time.Minute)
	b.ok(b.JobRelease(t.Context(), lease(j)))
	if got := b.get(n.Job.ID); got.Status != domain.StatusQueued || got.Deaths != 0 || got.Attempt != 1 || !got.LeaseUntil.IsZero() {
		t.Errorf("%+v", got)
	}
	if j := b.claimOne("w2", time.Minute); j.Attempt != 2 {
		t.Errorf("attempt %d, want 2", j.Attempt)
	}
	b.want(errs.Fenced, b.JobRelease(t.Context(), lease(j)))
}

func cancel(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.folder("x", to("g/all", domain.GrantRun))
	// Queued: over at once.
	n := job("u/ann/a")
	b.push(n)
	_, err := b.JobCancel(ctx, bobSees, n.Job.ID, "bob", "", inline("c"))
	b.want(errs.NotFound, err)
	j := must[domain.Job](b)(b.JobCancel(ctx, annSees, n.Job.ID, "ann", "wrong input", inline(`"canceled"`)))
	if j.Status != domain.StatusCanceled || j.CancelBy != "ann" || j.CancelReason != "wrong input" {
		t.Errorf("%+v", j)
	}
	b.recent(j.EndedAt)
	b.same(j, b.get(n.Job.ID))
	if p := b.payload(n.Job.ID, domain.PayloadResult); p != `"canceled"` {
		t.Errorf("result %s", p)
	}
	if got := b.claim("w", time.Minute, 5); len(got) != 0 {
		t.Error("a canceled job was claimed")
	}
	// Final: as it is.
	again := must[domain.Job](b)(b.JobCancel(ctx, annSees, n.Job.ID, "bob", "too late", inline("x")))
	b.same(j, again)
	_, err = b.JobCancel(ctx, bobSees, n.Job.ID, "bob", "", inline("c"))
	b.want(errs.NotFound, err)

	// Running: marked, and the worker has the word. The first who asked is noted.
	n = job("f/x/a")
	b.push(n)
	j = b.claimOne("w", time.Minute)
	got := must[domain.Job](b)(b.JobCancel(ctx, bobSees, n.Job.ID, "bob", "stop", inline(`"asked"`)))
	if got.Status != domain.StatusRunning || got.CancelBy != "bob" {
		t.Errorf("%+v", got)
	}
	got = must[domain.Job](b)(b.JobCancel(ctx, annSees, n.Job.ID, "ann", "me too", inline(`"asked again"`)))
	if got.CancelBy != "bob" || got.CancelReason != "stop" {
		t.Errorf("%+v", got)
	}
	done := b.complete(j, domain.Outcome{Status: domain.StatusCanceled}, `"killed"`)
	if done.CancelBy != "bob" || b.payload(n.Job.ID, domain.PayloadResult) != `"killed"` {
		t.Errorf("%+v", done)
	}
	// A worker that ends with a result all the same wins; one that brings none gets the asker's.
	n = job("f/x/a")
	b.push(n)
	j = b.claimOne("w", time.Minute)
	must[domain.Job](b)(b.JobCancel(ctx, bobSees, n.Job.ID, "bob", "stop", inline(`"asked"`)))
	if got := must[domain.Job](b)(b.JobComplete(ctx, lease(j), domain.Outcome{Status: domain.StatusCanceled}, nil)); got.ResultSize != 7 {
		t.Errorf("%+v", got)
	}
	if p := b.payload(n.Job.ID, domain.PayloadResult); p != `"asked"` {
		t.Errorf("result %s", p)
	}
	for _, bad := range []string{id.New(), "no id"} {
		_, err := b.JobCancel(ctx, everything, bad, "ann", "", inline("c"))
		b.want(errs.NotFound, err)
	}
}

// cancelThenDeath: who asked to cancel gets it, even when the worker dies or stops before it answers.
func cancelThenDeath(t *testing.T, b *bundle) {
	ctx := t.Context()
	n, m := job("f/x/a"), job("f/x/b")
	b.push(n, m)
	first, second := b.claimOne("w", -time.Second), b.claimOne("w", time.Minute)
	for _, jobID := range []string{first.ID, second.ID} {
		must[domain.Job](b)(b.JobCancel(ctx, everything, jobID, "ann", "", inline(`"canceled"`)))
	}
	reaped := must[[]domain.Job](b)(b.JobReap(ctx, 10, inline("poison")))
	if len(reaped) != 1 || reaped[0].Status != domain.StatusCanceled {
		t.Fatalf("%+v", reaped)
	}
	b.ok(b.JobRelease(ctx, lease(second)))
	for _, jobID := range []string{first.ID, second.ID} {
		if got := b.get(jobID); got.Status != domain.StatusCanceled || b.payload(jobID, domain.PayloadResult) != `"canceled"` {
			t.Errorf("%+v", got)
		}
	}
}

func jobDelete(t *testing.T, b *bundle) {
	ctx := t.Context()
	n := job("f/x/a")
	n.Args = domain.Payload{Blob: "args/1", Size: 10}
	n.Code = pointer(inline("code"))
	b.push(n)
	_, err := b.JobDelete(ctx, ws, n.Job.ID)
	b.want(errs.Conflict, err)
	j := b.claimOne("w", time.Minute)
	b.ok(b.LogAppend(ctx, lease(j), domain.LogOutput, "text"))
	must[domain.Job](b)(b.JobComplete(ctx, lease(j), success, &domain.Payload{Blob: "result/1", Size: 20}))
	_, err = b.JobDelete(ctx, "zoo", n.Job.ID)
	b.want(errs.NotFound, err)
	kept := must[[]string](b)(b.JobBlobs(ctx, n.Job.ID))
	blobs := must[[]string](b)(b.JobDelete(ctx, ws, n.Job.ID))
	if !slices.Equal(kept, blobs) || len(blobs) == 0 {
		t.Errorf("the job had the blobs %v and left %v", kept, blobs)
	}
	for _, gone := range []string{n.Job.ID, id.New(), "no id"} {
		if left := must[[]string](b)(b.JobBlobs(ctx, gone)); len(left) != 0 {
			t.Errorf("%s has the blobs %v", gone, left)
		}
	}
	slices.Sort(blobs)
	if !slices.Equal(blobs, []string{"args/1", "result/1"}) {
		t.Errorf("blobs %v", blobs)
	}
	for _, kind := range []domain.PayloadKind{domain.PayloadArgs, domain.PayloadCode, domain.PayloadResult} {
		_, err := b.JobPayload(ctx, ws, n.Job.ID, kind)
		b.want(errs.NotFound, err)
	}
	if c := must[[]domain.LogChunk](b)(b.LogRead(ctx, ws, n.Job.ID, domain.LogOutput, 0, 100)); len(c) != 0 {
		t.Errorf("%+v", c)
	}
	if got := b.get(n.Job.ID); got.Status != domain.StatusSuccess {
		t.Errorf("the row is to stay: %+v", got)
	}
	if blobs := must[[]string](b)(b.JobDelete(ctx, ws, n.Job.ID)); len(blobs) != 0 {
		t.Errorf("blobs %v the second time", blobs)
	}
	_, err = b.JobDelete(ctx, ws, id.New())
	b.want(errs.NotFound, err)
}

func jobViewer(t *testing.T, b *bundle) {
	ctx := t.Context()
	add := func(path, creator string) string {
		n := job(path)
		n.Job.CreatedBy = creator
		b.push(n)
		return n.Job.ID
	}
	b.workspace()
	b.folder("x", to("g/all", domain.GrantRead))
	folder, anns, annsByBob, preview := add("f/x/a", "root"), add("u/ann/a", "ann"), add("u/ann/a", "bob"), add("", "ann")
	visible := func(v store.Viewer, jobID string) bool {
		_, err := b.JobGet(ctx, v, jobID)
		if err != nil {
			b.want(errs.NotFound, err)
		}
		listed := slices.ContainsFunc(must[[]domain.Job](b)(b.JobList(ctx, store.JobListParams{Viewer: v})), func(j domain.Job) bool { return j.ID == jobID })
		if listed != (err == nil) {
			t.Errorf("list and get differ for %+v", v)
		}
		return err == nil
	}
	for round := range 2 { // queued, then final
		for _, c := range []struct {
			name string
			v    store.Viewer
			want [4]bool // folder, anns, annsByBob, preview
		}{
			{"ann", annSees, [4]bool{true, true, true, true}},
			{"bob", bobSees, [4]bool{true, false, true, false}},
			{"all", everything, [4]bool{true, true, true, true}},
			{"zero", store.Viewer{}, [4]bool{}},
			{"no name", store.Viewer{Workspace: ws}, [4]bool{}},
			{"elsewhere", store.Viewer{Workspace: "zoo", All: true}, [4]bool{}},
		} {
			for i, jobID := range []string{folder, anns, annsByBob, preview} {
				if got := visible(c.v, jobID); got != c.want[i] {
					t.Errorf("round %d: %s sees job %d: %v", round, c.name, i, got)
				}
			}
		}
		if round == 0 {
			for _, j := range b.claim("w", time.Minute, 10) {
				b.complete(j, success, "1")
			}
		}
	}
}

func jobList(t *testing.T, b *bundle) {
	ctx := t.Context()
	parent := id.New()
	var ids []string
	add := func(end domain.JobStatus, change func(*domain.Job)) {
		n := job("f/x/a")
		if change != nil {
			change(&n.Job)
		}
		b.push(n)
		ids = append(ids, n.Job.ID)
		if end == domain.StatusQueued {
			return
		}
		claimed := must[[]domain.Job](b)(b.JobClaim(ctx, store.JobClaimParams{Worker: "w" + n.Job.Tag, Tags: []string{n.Job.Tag}, Limit: 1, Lease: time.Minute}))
		if end != domain.StatusRunning {
			b.complete(claimed[0], domain.Outcome{Status: end}, "1")
		}
	}
	add(domain.StatusSuccess, nil)                                                                                      // 0
	add(domain.StatusFailure, func(j *domain.Job) { j.ScriptPath, j.Labels = "f/x/ab", []string{"red", "blue"} })       // 1
	add(domain.StatusQueued, func(j *domain.Job) { j.Tag, j.Kind = "gpu", domain.JobPreview })                          // 2
	add(domain.StatusCanceled, func(j *domain.Job) { j.CreatedBy, j.Parent = "bob", parent })                           // 3
	add(domain.StatusRunning, func(j *domain.Job) { j.Trigger, j.ScriptHash, j.Labels = "ui", "0abc", []string{"re"} }) // 4
	add(domain.StatusSuccess, func(j *domain.Job) { j.ScriptPath, j.Workspace = "f/x/a", "zoo" })                       // 5: elsewhere

	p := func(change func(p *store.JobListParams)) store.JobListParams {
		p := store.JobListParams{Viewer: everything}
		if change != nil {
			change(&p)
		}
		return p
	}
	now := time.Now()
	for _, c := range []struct {
		name string
		p    store.JobListParams
		want []int
	}{
		{"all", p(nil), []int{4, 3, 2, 1, 0}},
		{"oldest first", p(func(p *store.JobListParams) { p.OldestFirst = true }), []int{0, 1, 2, 3, 4}},
		{"before", p(func(p *store.JobListParams) { p.Before = ids[3]; p.Limit = 2 }), []int{2, 1}},
		{"after", p(func(p *store.JobListParams) { p.Before = ids[1]; p.OldestFirst = true; p.Limit = 2 }), []int{2, 3}},
		{"offset", p(func(p *store.JobListParams) { p.Offset = 1; p.Limit = 3 }), []int{3, 2, 1}},
		{"live", p(func(p *store.JobListParams) {
			p.Statuses = []domain.JobStatus{domain.StatusQueued, domain.StatusRunning}
		}), []int{4, 2}},
		{"final", p(func(p *store.JobListParams) {
			p.Statuses = []domain.JobStatus{domain.StatusSuccess, domain.StatusCanceled}
		}), []int{3, 0}},
		{"mixed", p(func(p *store.JobListParams) {
			p.Statuses = []domain.JobStatus{domain.StatusQueued, domain.StatusFailure}
		}), []int{2, 1}},
		{"kind", p(func(p *store.JobListParams) { p.Kinds = []domain.JobKind{domain.JobPreview} }), []int{2}},
		{"prefix", p(func(p *store.JobListParams) { p.PathPrefix = "f/x/a"; p.Limit = 3 }), []int{4, 3, 2}},
		{"prefix of one", p(func(p *store.JobListParams) { p.PathPrefix = "f/x/ab" }), []int{1}},
		{"exact", p(func(p *store.JobListParams) { p.PathExact = "f/x/ab" }), []int{1}},
		{"creator", p(func(p *store.JobListParams) { p.CreatedBy = "bob" }), []int{3}},
		{"label", p(func(p *store.JobListParams) { p.Label = "red" }), []int{1}},
		{"whole label", p(func(p *store.JobListParams) { p.Label = "re" }), []int{4}},
		{"tag", p(func(p *store.JobListParams) { p.Tag = "gpu" }), []int{2}},
		{"worker", p(func(p *store.JobListParams) { p.Worker = "wlang1" }), []int{4, 3, 1, 0}},
		{"parent", p(func(p *store.JobListParams) { p.Parent = parent }), []int{3}},
		{"no such parent", p(func(p *store.JobListParams) { p.Parent = "x" }), nil},
		{"no parent", p(func(p *store.JobListParams) { p.NoParent = true }), []int{4, 2, 1, 0}},
		{"trigger", p(func(p *store.JobListParams) { p.Trigger = "ui" }), []int{4}},
		{"hash", p(func(p *store.JobListParams) { p.Hash = "0abc" }), []int{4}},
		{"created since", p(func(p *store.JobListParams) { p.CreatedAfter = now.Add(-time.Hour) }), []int{4, 3, 2, 1, 0}},
		{"created later", p(func(p *store.JobListParams) { p.CreatedAfter = now.Add(time.Hour) }), nil},
		{"created before", p(func(p *store.JobListParams) { p.CreatedBefore = now.Add(-time.Hour) }), nil},
		{"several", p(func(p *store.JobListParams) { p.NoParent = true; p.Trigger = "api"; p.PathExact = "f/x/a" }), []int{2, 0}},
	} {
		var got []int
		for _, j := range must[[]domain.Job](b)(b.JobList(ctx, c.p)) {
			got = append(got, slices.Index(ids, j.ID))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	_, err := b.JobList(ctx, p(func(p *store.JobListParams) { p.Before = "x" }))
	b.want(errs.Invalid, err)
}

// jobListMany: pages over 10,000 rows in both tables have no gap and no repetition, also while the filter keeps few.
func jobListMany(t *testing.T, b *bundle) {
	ctx := t.Context()
	const total = 10_000
	var order []string
	for len(order) < total {
		batch := make([]store.NewJob, 500)
		for i := range batch {
			batch[i] = job(fmt.Sprintf("f/x/s%d", i%50))
			order = append(order, batch[i].Job.ID)
		}
		b.push(batch...)
	}
	// Every fifth batch of those claimed ends, so that both tables hold rows from everywhere.
	for range 20 {
		jobs := b.claim("w", time.Minute, 100)
		b.ok(b.Tx(ctx, func(txCtx ctxType, tx store.Nouns) error {
			for i, j := range jobs {
				if i%2 == 0 {
					if _, err := tx.JobComplete(txCtx, lease(j), success, pointer(inline("1"))); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
	slices.Sort(order)
	slices.Reverse(order)
	walk := func(p store.JobListParams) (got []string) {
		for {
			page := must[[]domain.Job](b)(b.JobList(ctx, p))
			if len(page) == 0 {
				return got
			}
			for _, j := range page {
				got = append(got, j.ID)
			}
			p.Before = got[len(got)-1]
		}
	}
	if got := walk(store.JobListParams{Viewer: everything, Limit: 997}); !slices.Equal(got, order) {
		t.Errorf("walked %d rows, want %d, each once and in order", len(got), total)
	}
	if got := walk(store.JobListParams{Viewer: annSees, Limit: 60, PathExact: "f/x/s7"}); len(got) != total/50 {
		t.Errorf("walked %d rows of one path, want %d", len(got), total/50)
	}
	if got := walk(store.JobListParams{Viewer: annSees, Limit: 77, Statuses: []domain.JobStatus{domain.StatusSuccess}}); len(got) != 1000 {
		t.Errorf("walked %d final rows, want 1000", len(got))
	}
	slices.Reverse(order)
	if got := walk(store.JobListParams{Viewer: everything, Limit: 1000, OldestFirst: true}); !slices.Equal(got, order) {
		t.Errorf("oldest first: walked %d rows, want %d", len(got), total)
	}
}

func jobCount(t *testing.T, b *bundle) {
	ctx := t.Context()
	other := job("f/x/a")
	other.Job.Workspace, other.Job.Tag = "zoo", "gpu"
	b.push(job("f/x/a"), job("f/x/b"), job("f/x/c"), other)
	b.claimOne("w", time.Minute)
	b.complete(b.claimOne("w", time.Minute), success, "1")
	for workspace, want := range map[string]map[domain.JobStatus]int{
		ws:    {domain.StatusQueued: 1, domain.StatusRunning: 1},
		"zoo": {domain.StatusQueued: 1},
		"":    {domain.StatusQueued: 2, domain.StatusRunning: 1},
		"no":  {},
	} {
		if d := cmp.Diff(want, must[map[domain.JobStatus]int](b)(b.JobCount(ctx, workspace))); d != "" {
			t.Errorf("%q: -want +got\n%s", workspace, d)
		}
	}
}

func logs(t *testing.T, b *bundle) {
	ctx := t.Context()
	n := job("f/x/a")
	b.push(n)
	j := b.claimOne("w", time.Minute)
	var all string
	for _, text := range []string{"first\n", "Zoë \xf0\x9f", "\x98\x80 split in a rune\n", "zero \x00 byte\n", "\x1b[31mred\x1b[0m"} {
		b.ok(b.LogAppend(ctx, lease(j), domain.LogOutput, text))
		all += text
	}
	b.ok(b.LogAppend(ctx, lease(j), domain.LogOutput, ""))
	b.ok(b.LogAppend(ctx, lease(j), domain.LogStream, "item"))
	read := func(kind domain.LogKind, offset int64, limit int) (text string, at int64, chunks int) {
		got := must[[]domain.LogChunk](b)(b.LogRead(ctx, ws, j.ID, kind, offset, limit))
		for i, c := range got {
			if i == 0 {
				at = c.Offset
			}
			if c.Offset != at+int64(len(text)) || c.JobID != j.ID {
				t.Errorf("a gap before %+v", c)
			}
			b.recent(c.At)
			text += c.Text
		}
		return text, at, len(got)
	}
	if text, at, n := read(domain.LogOutput, 0, 1<<20); text != all || at != 0 || n != 5 {
		t.Errorf("%q at %d in %d", text, at, n)
	}
	if text, at, _ := read(domain.LogOutput, 6, 1<<20); text != all[6:] || at != 6 {
		t.Errorf("from a border: %q at %d", text, at)
	}
	if text, at, _ := read(domain.LogOutput, 3, 1<<20); text != all || at != 0 {
		t.Errorf("from inside: %q at %d", text, at)
	}
	if text, at, n := read(domain.LogOutput, 7, 1); text != all[6:len("first\nZoë xx")] || at != 6 || n != 1 {
		t.Errorf("a small window: %q at %d", text, at)
	}
	if text, _, _ := read(domain.LogOutput, int64(len(all)), 100); text != "" {
		t.Errorf("past the end: %q", text)
	}
	if text, _, _ := read(domain.LogStream, 0, 100); text != "item" {
		t.Errorf("the stream: %q", text)
	}
	size := func(workspace string, kind domain.LogKind) int64 {
		return must[int64](b)(b.LogSize(ctx, workspace, j.ID, kind))
	}
	if size(ws, domain.LogOutput) != int64(len(all)) || size(ws, domain.LogStream) != 4 || size("zoo", domain.LogOutput) != 0 {
		t.Error("sizes are wrong")
	}
	if c := must[[]domain.LogChunk](b)(b.LogRead(ctx, "zoo", j.ID, domain.LogOutput, 0, 100)); len(c) != 0 {
		t.Errorf("another workspace reads %+v", c)
	}
	// Appends at the same moment all arrive, one after the other.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if err := b.LogAppend(ctx, lease(j), domain.LogOutput, "0123456789"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if text, _, _ := read(domain.LogOutput, 0, 1<<20); len(text) != len(all)+400 {
		t.Errorf("%d bytes, want %d", len(text), len(all)+400)
	}
	if done := b.complete(j, success, "1"); done.LogBytes != int64(len(all)+400) {
		t.Errorf("log bytes %d", done.LogBytes)
	}
	b.want(errs.Fenced, b.LogAppend(ctx, lease(j), domain.LogOutput, "late"))
}
