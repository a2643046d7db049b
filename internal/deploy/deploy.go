// Package deploy turns a document into an immutable version: it validates, infers the schema, computes the hash, and asks
// for the lock when the script needs one.
//
// The versions of a path form one line. Whoever deploys names the version that the work began from; when somebody else
// deployed meanwhile the answer is errs.Conflict that names who and when, and nothing is written.
package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/lang"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

// Engine runs what a deployment needs.
type Engine interface {
	// Dependencies queues the job that resolves the lock of a stored version, as who. It is durable when it returns.
	Dependencies(ctx context.Context, who domain.Identity, s domain.Script) (domain.Job, error)
}

// Publisher tells those who watch lists.
type Publisher interface {
	Publish(ctx context.Context, events ...domain.Event)
}

// Options say what a Service works with.
type Options struct {
	Store     store.Store
	Languages lang.Registry
	Engine    Engine
	Hub       Publisher
	Log       *slog.Logger // nil: none
}

// Service deploys.
type Service struct {
	store     store.Store
	languages lang.Registry
	engine    Engine
	hub       Publisher
	log       *slog.Logger
}

// New makes a Service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: o.Store, languages: o.Languages, engine: o.Engine, hub: o.Hub, log: o.Log}
}

// Draft is what is to be deployed. Of the script, Workspace, Hash, NoMain, LockError, CreatedBy, CreatedAt, Archived and
// Deleted are not read. ParentHashes holds the version that the work began from, or nothing for a new path. A Schema
// that is nil, null or {} is inferred; another one is kept as it is. A Lock that is not nil is kept as it is.
type Draft struct {
	domain.Script
	// AutoParent takes whatever version is newest as the parent instead of ParentHashes.
	AutoParent bool
	// SkipIfNoop returns the newest version instead of making one that differs in nothing but its message.
	SkipIfNoop bool
}

// maxRaces bounds how often AutoParent follows others who deploy the same path at the same time.
const maxRaces = 20

// Script deploys a version to the workspace of who and returns it. Errors: Invalid with the wrong fields (a syntax error
// is one on "content", with line and column), Forbidden, Conflict. When it returns, the version is stored, and so is the
// job that resolves its lock if it needs one: then Lock is nil.
func (s *Service) Script(ctx context.Context, who domain.Identity, in Draft) (domain.Script, error) {
	v, err := s.version(ctx, who, in)
	if err != nil {
		return domain.Script{}, err
	}
	for try := 1; ; try++ {
		stored, again, err := s.store1(ctx, who, in, v)
		if again && try < maxRaces {
			continue
		}
		return stored, err
	}
}

// version builds all of the version but its place in the history.
func (s *Service) version(ctx context.Context, who domain.Identity, in Draft) (domain.Script, error) {
	v := in.Script
	v.Workspace, v.CreatedBy, v.CreatedAt = who.Workspace, who.Email, time.Time{}
	v.Hash, v.ParentHashes, v.LockError, v.Archived, v.Deleted = "", nil, "", false, false
	if err := v.Check(); err != nil {
		return v, err
	}
	if err := checkSettings(v.Settings); err != nil {
		return v, err
	}
	if err := s.may(ctx, s.store, who, v.Path); err != nil {
		return v, err
	}
	l, err := s.language(v.Language)
	if err != nil {
		return v, err
	}
	sig, err := l.Signature(v.Content)
	if err != nil {
		return v, syntax(err)
	}
	v.NoMain = sig.NoMain
	given, err := givenSchema(in.Schema)
	if err != nil {
		return v, err
	}
	if v.Schema = given; given == nil {
		v.Schema = sig.Document()
	}
	if v.Lock == nil {
		needs, err := s.needsLock(ctx, who, l, v)
		if err != nil {
			return v, err
		}
		if !needs {
			v.Lock = new(string)
		}
	}
	return v, nil
}

// store1 gives the version its place and stores it. again is true when somebody else stored one meanwhile and the
// caller asked to follow.
func (s *Service) store1(ctx context.Context, who domain.Identity, in Draft, v domain.Script) (stored domain.Script, again bool, err error) {
	newest, exists, err := s.newest(ctx, who, v.Path)
	if err != nil {
		return v, false, err
	}
	live := exists && !newest.Archived && !newest.Deleted
	if live && in.SkipIfNoop && same(newest, v, in.Lock != nil) {
		return newest, false, nil
	}
	parent := ""
	if len(in.ParentHashes) > 0 {
		parent = in.ParentHashes[0]
	}
	switch {
	case in.AutoParent:
	case parent == "" && live:
		return v, false, errs.New(errs.Conflict, "there is a script at %s already, deployed by %s at %s", v.Path,
			newest.CreatedBy, stamp(newest.CreatedAt)).
			WithHint("choose another path, or deploy it as a new version with parent_hash %s", newest.Hash)
	case parent != "" && !exists:
		return v, false, s.noSuchParent(ctx, who, v.Path, parent)
	case parent != "" && newest.Hash != parent:
		return v, false, errs.New(errs.Conflict, "%s was deployed by %s at %s, after the version you began from", v.Path,
			newest.CreatedBy, stamp(newest.CreatedAt)).
			WithHint("compare your work with version %s, then deploy on top of it", newest.Hash)
	}
	if exists { // a new version, or one that brings an archived path back: the history goes on
		v.ParentHashes = append([]string{newest.Hash}, newest.ParentHashes...)
	}
	v.Hash = hash(v, in.Lock, "")
	if old, err := s.store.ScriptByHash(ctx, viewer(who), v.Hash); err == nil && (old.Archived || old.Deleted) {
		v.Hash = hash(v, in.Lock, id.New()) // this very version was here once and was taken away: it returns as a new one
	}

	e := audit.Entry{Workspace: v.Workspace, Action: audit.ScriptCreate, Kind: domain.AuditCreated, Resource: v.Path}
	var before map[string]any
	if exists {
		e.Action, e.Kind, before = audit.ScriptUpdate, domain.AuditUpdated, audit.Script(newest)
	}
	e.Changes = audit.Diff(before, audit.Script(v))
	err = s.store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		// Once more: the folder may have become somebody's since.
		if err := s.may(ctx, tx, who, v.Path); err != nil {
			return err
		}
		if err := tx.ScriptCreate(ctx, v); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, e)
	})
	if err != nil {
		if !errs.Is(err, errs.Conflict) {
			return v, false, err
		}
		if in.AutoParent {
			return v, true, err
		}
		return v, false, s.overtaken(ctx, who, v.Path)
	}
	if v.Lock == nil {
		if _, err := s.engine.Dependencies(ctx, who, v); err != nil {
			// The version is stored and its runs resolve what they need on their own, so the deployment stands.
			s.log.ErrorContext(ctx, "the job that resolves the dependencies was not queued", "path", v.Path, "hash", v.Hash, "err", err)
		}
	}
	s.announce(ctx, who)
	if full, err := s.store.ScriptByHash(ctx, viewer(who), v.Hash); err == nil {
		v = full // with the time that the store gave it
	}
	return v, false, nil
}

// newest is the last version of a path, archived ones too.
func (s *Service) newest(ctx context.Context, who domain.Identity, path string) (domain.Script, bool, error) {
	latest, err := s.store.ScriptLatest(ctx, viewer(who), path)
	if err == nil {
		return latest, true, nil
	}
	if !errs.Is(err, errs.NotFound) {
		return domain.Script{}, false, err
	}
	history, err := s.store.ScriptHistory(ctx, viewer(who), path, 1)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return domain.Script{}, false, err
	}
	if len(history) == 0 {
		return domain.Script{}, false, nil
	}
	return history[0], true, nil
}

func (s *Service) noSuchParent(ctx context.Context, who domain.Identity, path, parent string) error {
	p, err := s.store.ScriptByHash(ctx, viewer(who), parent)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	if err == nil && p.Path != path {
		return errs.New(errs.Invalid, "the script cannot be deployed").
			WithField("parent_hash", "is a version of %s, not of %s", p.Path, path).
			WithHint("leave parent_hash out to deploy to a new path, then archive %s", p.Path)
	}
	return errs.New(errs.Conflict, "there is no version %s at %s any more", parent, path).
		WithHint("leave parent_hash out to deploy it as a new script")
}

// overtaken is the error for the one of two racing deployers who was slower.
func (s *Service) overtaken(ctx context.Context, who domain.Identity, path string) error {
	e := errs.New(errs.Conflict, "somebody else deployed %s at the same moment", path)
	if newest, ok, err := s.newest(ctx, who, path); err == nil && ok {
		e = errs.New(errs.Conflict, "%s was deployed by %s at %s, after the version you began from", path,
			newest.CreatedBy, stamp(newest.CreatedAt)).
			WithHint("compare your work with version %s, then deploy on top of it", newest.Hash)
	}
	return e
}

// Signature reads the entry point of a source that need not be stored: what it takes and the schema of that. An unknown
// language is errs.Invalid; a source that cannot be read is a *lang.SyntaxError.
func (s *Service) Signature(language domain.Language, source string) (lang.Signature, domain.JSON, error) {
	l, err := s.language(language)
	if err != nil {
		return lang.Signature{}, nil, err
	}
	sig, err := l.Signature(source)
	if err != nil {
		return sig, nil, err
	}
	return sig, sig.Document(), nil
}

// Imports reads what a source at a path needs, as Signature does.
func (s *Service) Imports(language domain.Language, path, source string) (lang.Imports, error) {
	l, err := s.language(language)
	if err != nil {
		return lang.Imports{}, err
	}
	return l.Imports(path, source)
}

func (s *Service) language(id domain.Language) (lang.Language, error) {
	l, ok := s.languages.Get(id)
	if ok {
		return l, nil
	}
	var known []string
	for _, l := range s.languages {
		known = append(known, string(l.Manifest().ID))
	}
	return nil, errs.New(errs.Invalid, "the language is not known").
		WithField("language", "%q is not one of %s", id, strings.Join(known, ", "))
}

// needsLock says whether the script, or what it imports from the workspace, requires packages.
func (s *Service) needsLock(ctx context.Context, who domain.Identity, l lang.Language, v domain.Script) (bool, error) {
	const most = 200 // scripts: a chain that long is a mistake, and the dependency job will say so
	seen := map[string]bool{v.Path: true}
	type source struct{ path, content string }
	todo := []source{{v.Path, v.Content}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		im, err := l.Imports(at.path, at.content)
		if err != nil {
			if at.path != v.Path { // not this deployment's fault; the run will name it
				continue
			}
			return false, syntax(err)
		}
		if len(im.Requirements) > 0 || len(seen) > most {
			return true, nil
		}
		for _, p := range im.Scripts {
			if seen[p] {
				continue
			}
			seen[p] = true
			dep, err := s.store.ScriptLatest(ctx, viewer(who), p)
			if errs.Is(err, errs.NotFound) { // may be deployed later, in any order
				continue
			}
			if err != nil {
				return false, err
			}
			todo = append(todo, source{dep.Path, dep.Content})
		}
	}
	return false, nil
}

// syntax turns a language's complaint about the source into one about the field "content".
func syntax(err error) error {
	var se *lang.SyntaxError
	if errors.As(err, &se) {
		return errs.New(errs.Invalid, "the script has a syntax error in line %d", se.Line).
			WithField("content", "line %d, column %d: %s", se.Line, se.Column, se.Message).
			WithHint("correct it and deploy again; a draft can be saved as it is")
	}
	var e *errs.Error
	if errors.As(err, &e) {
		return err
	}
	return errs.Wrap(errs.Internal, err, "the script could not be read")
}

// givenSchema is the schema of a request when it says something.
func givenSchema(in domain.JSON) (domain.JSON, error) {
	t := bytes.TrimSpace(in)
	if len(t) == 0 || bytes.Equal(t, []byte("null")) {
		return nil, nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(t, &m); err != nil {
		return nil, errs.New(errs.Invalid, "the script is not valid").WithField("schema", "must be a JSON Schema, which is an object")
	}
	if len(m) == 0 {
		return nil, nil
	}
	return t, nil
}

func checkSettings(st domain.ScriptSettings) error {
	e := errs.New(errs.Invalid, "the script is not valid")
	for i, env := range st.Envs {
		name, _, ok := strings.Cut(env, "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t\n\x00") || strings.ContainsRune(env, 0) {
			e.WithField("envs["+strconv.Itoa(i)+"]", "must be NAME=value")
		}
	}
	if len(st.Tag) > 100 || strings.ContainsAny(st.Tag, " \t\r\n,") {
		e.WithField("tag", "must have at most 100 characters, without spaces or commas")
	}
	if len(st.Labels) > 50 {
		e.WithField("labels", "has %d entries; at most 50 are allowed", len(st.Labels))
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// hash is the identity of a version: the same work on the same parent is the same version, anything else is another.
// again tells a version that returns from the one that it was.
func hash(v domain.Script, lockGiven *string, again string) string {
	lock := []byte("-")
	if lockGiven != nil {
		lock = []byte("=" + *lockGiven)
	}
	settings, _ := json.Marshal(v.Settings) // texts, numbers and JSON that was parsed before: cannot fail
	parent := ""
	if len(v.ParentHashes) > 0 {
		parent = v.ParentHashes[0]
	}
	return id.Hash64([]byte(v.Workspace), []byte(v.Path), []byte(v.Language), []byte(v.Kind), []byte(v.Content), v.Schema, lock,
		settings, []byte(v.Summary), []byte(v.Description), []byte(parent), []byte(again))
}

// same says whether v would change nothing that anybody can notice.
func same(old, v domain.Script, lockGiven bool) bool {
	if old.Content != v.Content || old.Language != v.Language || old.Kind != v.Kind || old.Summary != v.Summary ||
		old.Description != v.Description || !sameJSON(old.Schema, v.Schema) {
		return false
	}
	if lockGiven && (old.Lock == nil || *old.Lock != *v.Lock) {
		return false
	}
	a, _ := json.Marshal(old.Settings)
	b, _ := json.Marshal(v.Settings)
	return sameJSON(a, b)
}

// sameJSON compares texts without white space, which a database may have changed, and without the order of keys.
func sameJSON(a, b domain.JSON) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	ca, _ := json.Marshal(x)
	cb, _ := json.Marshal(y)
	return slices.Equal(ca, cb)
}

func viewer(who domain.Identity) store.Viewer {
	return store.Viewer{Workspace: who.Workspace, Username: who.Username, All: who.Admin()}
}

// may asks package perm, as the API did for the operation: a path inside the body is known only here.
func (s *Service) may(ctx context.Context, tx store.Grants, who domain.Identity, path string) error {
	d, err := store.Decide(ctx, tx, who, perm.ScriptsWrite, path)
	if err != nil {
		return err
	}
	if !d.Allowed {
		return errs.New(errs.Forbidden, "you may not write %s: %s", path, d.Reason)
	}
	return nil
}

func (s *Service) announce(ctx context.Context, who domain.Identity) {
	s.hub.Publish(ctx, domain.Event{Kind: domain.EventDeployed, Workspace: who.Workspace})
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
