package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/lang"
)

// maxModules bounds the imports of one script, direct and indirect.
const maxModules = 500

// lockAge is how long a lock that was resolved for code without one is used again.
const lockAge = 10 * time.Minute

// caches keep what is the same for every run of the same code. All are bounded.
type caches struct {
	imports  bounded[lang.Imports]
	prepared bounded[lang.Prepared]
	locks    bounded[lockEntry]
}

type lockEntry struct {
	lock string
	at   time.Time
}

// bounded is a map that forgets its oldest entry when it is full.
type bounded[V any] struct {
	mu    sync.Mutex
	byKey map[string]V
	order []string
}

const maxEntries = 500

func (b *bounded[V]) get(key string) (V, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.byKey[key]
	return v, ok
}

func (b *bounded[V]) put(key string, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byKey == nil {
		b.byKey = map[string]V{}
	}
	if _, ok := b.byKey[key]; !ok {
		b.order = append(b.order, key)
	}
	b.byKey[key] = v
	if len(b.order) > maxEntries {
		delete(b.byKey, b.order[0])
		b.order = b.order[1:]
	}
}

// closure is what a script needs, all of it.
type closure struct {
	requirements []string
	foreign      []string          // those of them that imported scripts bring
	modules      map[string]string // workspace path → source
}

// prepare makes the job's code runnable. A failure is the job's outcome.
func (a *attempt) prepare(l lang.Language, kit lang.Kit) (lang.Prepared, *domain.Outcome) {
	c, err := a.closure(l)
	if err != nil {
		return lang.Prepared{}, a.prepareFailed(err, "ImportError", l)
	}
	lock := ""
	if a.job.Code.Lock != nil && !a.outdated(l, kit, *a.job.Code.Lock, c) {
		lock = *a.job.Code.Lock
	} else if lock, err = a.lock(l, kit, c.requirements); err != nil {
		return lang.Prepared{}, a.prepareFailed(err, "LockError", l)
	}
	p, err := a.prepareProgram(l, kit, lang.Program{Path: a.job.Code.Path, Source: a.job.Code.Content, Lock: lock, Modules: c.modules})
	if err != nil {
		return p, a.prepareFailed(err, "PrepareError", l)
	}
	return p, nil
}

// outdated reports whether a stored lock lacks what the imported scripts require: one of them was deployed since the lock
// was made. The script's own requirements are as old as its lock, and whoever gives a lock by hand may know better.
func (a *attempt) outdated(l lang.Language, kit lang.Kit, lock string, c closure) bool {
	reader, ok := l.(lang.LockReader)
	if !ok || len(c.foreign) == 0 {
		return false
	}
	missing := reader.Missing(lock, c.foreign)
	if len(missing) == 0 {
		return false
	}
	fmt.Fprintf(kit.Log, "An imported script was deployed since this one and requires %s, which is not in the lock. Resolving now; deploy this script again to keep the result.\n",
		strings.Join(missing, ", "))
	return true
}

func (a *attempt) prepareProgram(l lang.Language, kit lang.Kit, program lang.Program) (lang.Prepared, error) {
	parts := []string{string(l.Manifest().ID), program.Path, program.Source, program.Lock}
	paths := make([]string, 0, len(program.Modules))
	for path := range program.Modules {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		parts = append(parts, path, program.Modules[path])
	}
	key := lang.Key(parts...)
	if p, ok := a.w.cache.prepared.get(key); ok {
		if _, err := os.Stat(p.Dir); err == nil { // the cache on disk may have been emptied
			return p, nil
		}
	}
	p, err := l.Prepare(a.ctx, kit, program)
	if err == nil && p.Dir != "" {
		a.w.cache.prepared.put(key, p)
	}
	return p, err
}

// closure reads the code's imports and, one after the other, those of the workspace scripts that it imports. Cycles are
// fine: each script is read once.
func (a *attempt) closure(l lang.Language) (closure, error) {
	c := closure{modules: map[string]string{}}
	type open struct{ path, source string }
	todo := []open{{a.job.Code.Path, a.job.Code.Content}}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		found, err := a.imports(l, next.path, next.source)
		if err != nil {
			return c, err
		}
		for _, r := range found.Requirements {
			if !slices.Contains(c.requirements, r) {
				c.requirements = append(c.requirements, r)
			}
			if next.path != a.job.Code.Path && !slices.Contains(c.foreign, r) {
				c.foreign = append(c.foreign, r)
			}
		}
		for _, path := range found.Scripts {
			if _, ok := c.modules[path]; ok || path == a.job.Code.Path {
				continue
			}
			if len(c.modules) >= maxModules {
				return c, errs.New(errs.Invalid, "the script imports more than %d scripts of the workspace", maxModules)
			}
			code, err := a.w.o.Source.Script(a.ctx, a.job.Lease, path)
			switch {
			case errs.Is(err, errs.NotFound), errs.Is(err, errs.Forbidden):
				return c, errs.Wrap(errs.Invalid, err, "%s imports %s, which is not there or may not be read by %s",
					named(next.path), path, a.job.Job.PermissionedAs).WithHint("check the import's path")
			case err != nil:
				return c, err
			case code.Language != a.job.Code.Language:
				return c, errs.New(errs.Invalid, "%s imports %s, which is written in another language (%s)", named(next.path), path, code.Language)
			}
			c.modules[path] = code.Content
			todo = append(todo, open{path, code.Content})
		}
	}
	slices.Sort(c.requirements)
	return c, nil
}

func named(path string) string {
	if path == "" {
		return "the script"
	}
	return path
}

func (a *attempt) imports(l lang.Language, path, source string) (lang.Imports, error) {
	key := lang.Key(string(l.Manifest().ID), path, source)
	if found, ok := a.w.cache.imports.get(key); ok {
		return found, nil
	}
	found, err := l.Imports(path, source)
	if err == nil {
		a.w.cache.imports.put(key, found)
	}
	return found, err
}

// lock resolves requirements for code that came without a lock.
func (a *attempt) lock(l lang.Language, kit lang.Kit, requirements []string) (string, error) {
	if len(requirements) == 0 {
		return "", nil
	}
	key := lang.Key(append([]string{string(l.Manifest().ID)}, requirements...)...)
	if e, ok := a.w.cache.locks.get(key); ok && time.Since(e.at) < lockAge {
		return e.lock, nil
	}
	lock, err := l.Lock(a.ctx, kit, requirements)
	if err == nil {
		a.w.cache.locks.put(key, lockEntry{lock, time.Now()})
	}
	return lock, err
}

// resolve is a dependency job: it makes the lock of a version, and prepares the version so that its first run finds all.
func (a *attempt) resolve(l lang.Language, kit lang.Kit) domain.Outcome {
	c, err := a.closure(l)
	if err != nil {
		return *a.prepareFailed(err, "ImportError", l)
	}
	lock := ""
	if len(c.requirements) > 0 {
		fmt.Fprintf(kit.Log, "Resolving %s\n", strings.Join(c.requirements, ", "))
		if lock, err = l.Lock(a.ctx, kit, c.requirements); err != nil {
			return *a.prepareFailed(err, "LockError", l)
		}
	}
	_, err = a.prepareProgram(l, kit, lang.Program{Path: a.job.Code.Path, Source: a.job.Code.Content, Lock: lock, Modules: c.modules})
	if err != nil && a.ctx.Err() == nil {
		// The lock is right all the same. The run will meet this again and say so.
		fmt.Fprintf(kit.Log, "The version could not be prepared ahead of its first run: %s\n", err)
	}
	if a.ctx.Err() != nil {
		return domain.Outcome{}
	}
	result, err := json.Marshal(map[string]string{"lock": lock})
	if err != nil {
		return failure("InternalError", "the lock could not be written down")
	}
	o := success(result)
	o.Lock = &lock
	return o
}

// prepareFailed names what went wrong before the program could start. fallback is the name of the step.
func (a *attempt) prepareFailed(err error, fallback string, l lang.Language) *domain.Outcome {
	if a.ended() != nil {
		return &domain.Outcome{}
	}
	var out domain.Outcome
	var build *lang.BuildError
	var syntax *lang.SyntaxError
	switch {
	case errors.As(err, &build):
		out = failure("BuildError", build.Output)
	case errors.As(err, &syntax):
		out = failure("SyntaxError", syntax.Error())
	default:
		e := errs.As(err)
		message := e.Message
		if e.Hint != "" {
			message += "; " + e.Hint
		}
		name := fallback
		switch {
		case e.Kind == errs.StorageFull:
			name = "DiskFull"
		case e.Kind == errs.Unavailable && !a.w.present(l.Manifest()):
			name = "RuntimeMissing"
		}
		if e.Kind == errs.Internal {
			a.w.o.Log.Error("a job could not be prepared", "job", a.job.Job.ID, "error", err)
			message = fmt.Sprintf("%s: %v", message, err)
		}
		out = failure(name, message)
	}
	return &out
}
