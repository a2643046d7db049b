package sqldb

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// The short columns of a script are read by lists; the long ones only with a single version.
const (
	scriptShort = `workspace, hash, path, parents, summary, description, language, kind, no_main, settings, lock_error,
		message, created_by, created_at, archived, deleted`
	scriptLong = scriptShort + `, content, schema_json, lock_text`
)

// live tells versions that a path can mean. It is the condition of a partial index.
const live = `NOT archived AND NOT deleted`

func scanScript(scan func(...any) error, long bool) (s domain.Script, err error) {
	var parents, settings string
	var schema, lock *string
	dest := []any{
		&s.Workspace, &s.Hash, &s.Path, &parents, &s.Summary, &s.Description, &s.Language, &s.Kind, &s.NoMain,
		&settings, &s.LockError, &s.Message, &s.CreatedBy,
		Time{&s.CreatedAt},
		&s.Archived, &s.Deleted,
	}
	if long {
		dest = append(dest, &s.Content, &schema, &lock)
	}
	if err := scan(dest...); err != nil {
		return s, err
	}
	if schema != nil {
		s.Schema = domain.JSON(*schema)
	}
	s.Lock = lock
	if err := decodeList(parents, &s.ParentHashes); err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(settings), &s.Settings)
}

func (n *Nouns) scripts(ctx context.Context, long bool, tail string, args ...any) (out []domain.Script, err error) {
	columns := scriptShort
	if long {
		columns = scriptLong
	}
	err = n.read(ctx, func(ctx context.Context, c *Conn) error {
		out = nil
		return c.Query(ctx, `SELECT `+columns+` FROM script s`+tail, args, func(scan func(...any) error) error {
			s, err := scanScript(scan, long)
			out = append(out, s)
			return err
		})
	})
	return out, err
}

// ScriptCreate implements store.Scripts.
func (n *Nouns) ScriptCreate(ctx context.Context, s domain.Script) error {
	settings, err := json.Marshal(s.Settings)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "the settings of the script are not valid JSON")
	}
	var parent string
	if len(s.ParentHashes) > 0 {
		parent = s.ParentHashes[0]
	}
	err = n.write(ctx, func(ctx context.Context, c *Conn) error {
		if err := claimFolder(ctx, c, s.Workspace, s.Path, s.CreatedBy); err != nil {
			return err
		}
		newest, err := newestVersion(ctx, c, s.Workspace, s.Path)
		if err != nil {
			return err
		}
		if parent != newest.hash && (parent != "" || newest.live) {
			return errs.New(errs.Conflict, "the script %s has changed since version %s", s.Path, orNone(parent)).
				WithHint("look at the newest version and deploy on top of it")
		}
		// The version number is unique for the path, so of two deployments on the same parent one fails here.
		_, err = c.Exec(ctx, `INSERT INTO script (workspace, hash, path, version, parents, summary, description, language, kind,
			no_main, settings, lock_error, message, created_by, created_at, archived, deleted, search, content, schema_json, lock_text)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, @now, ?, ?, ?, ?, ?, ?)`,
			s.Workspace, s.Hash, s.Path, newest.version+1, encodeList(s.ParentHashes), s.Summary, s.Description,
			string(s.Language), string(s.Kind), s.NoMain, string(settings), s.LockError, s.Message, s.CreatedBy, s.Archived,
			s.Deleted, searchText(s.Path, s.Summary), s.Content, optional(s.Schema), s.Lock)
		return err
	})
	switch errs.KindOf(err) {
	case errs.Conflict:
		if errs.As(err).Hint != "" {
			return err
		}
		return errs.Wrap(errs.Conflict, err, "the script %s has this version already, or somebody deployed at the same moment", s.Path).
			WithHint("look at the newest version and deploy on top of it")
	case errs.NotFound:
		return errs.Wrap(errs.NotFound, err, "there is no workspace %s", s.Workspace)
	}
	return err
}

type versionRef struct {
	hash    string
	version int64 // highest of the path, live or not
	live    bool
}

// newestVersion finds what a new version of the path has to build on: the newest live version, else the newest of all.
func newestVersion(ctx context.Context, c *Conn, workspace, path string) (v versionRef, err error) {
	if _, err := c.One(ctx, `SELECT hash, version FROM script WHERE workspace = ? AND path = ? ORDER BY version DESC LIMIT 1`,
		[]any{workspace, path}, &v.hash, &v.version); err != nil {
		return v, err
	}
	var hash string
	v.live, err = c.One(ctx, `SELECT hash FROM script WHERE workspace = ? AND path = ? AND `+live+` ORDER BY version DESC LIMIT 1`,
		[]any{workspace, path}, &hash)
	if v.live {
		v.hash = hash
	}
	return v, err
}

func orNone(hash string) string {
	if hash == "" {
		return "none"
	}
	return hash
}

// searchText is what a search looks in: folded here, because the databases fold letters differently.
func searchText(path, summary string) string { return strings.ToLower(path + "\n" + summary) }

func optional(j domain.JSON) *string {
	if j == nil {
		return nil
	}
	s := string(j)
	return &s
}

// ScriptLatest implements store.Scripts.
func (n *Nouns) ScriptLatest(ctx context.Context, v store.Viewer, path string) (domain.Script, error) {
	var w clause
	w.viewer(v, "path", "")
	w.add("path = ?", path)
	w.add(live)
	return one(n.scripts(ctx, true, w.String()+` ORDER BY version DESC LIMIT 1`, w.args...))("there is no script %s", path)
}

// ScriptByHash implements store.Scripts.
func (n *Nouns) ScriptByHash(ctx context.Context, v store.Viewer, hash string) (domain.Script, error) {
	var w clause
	w.viewer(v, "path", "")
	w.add("hash = ?", hash)
	return one(n.scripts(ctx, true, w.String(), w.args...))("there is no script version %s", hash)
}

// one makes a single row of a list, or errs.NotFound with the message.
func one[T any](list []T, err error) func(format string, args ...any) (T, error) {
	return func(format string, args ...any) (T, error) {
		var zero T
		if err != nil {
			return zero, err
		}
		if len(list) == 0 {
			return zero, missing(format, args...)
		}
		return list[0], nil
	}
}

// ScriptList implements store.Scripts.
func (n *Nouns) ScriptList(ctx context.Context, p store.ScriptListParams) ([]domain.Script, error) {
	var w clause
	w.viewer(p.Viewer, "path", "")
	newer := `SELECT 1 FROM script x WHERE x.workspace = s.workspace AND x.path = s.path`
	if p.Archived {
		w.add(`archived AND NOT deleted`)
		w.add(`NOT EXISTS (` + newer + ` AND NOT x.archived AND NOT x.deleted)`)
		w.add(`NOT EXISTS (` + newer + ` AND x.version > s.version AND NOT x.deleted)`)
	} else {
		w.add(live)
		w.add(`NOT EXISTS (` + newer + ` AND x.version > s.version AND NOT x.archived AND NOT x.deleted)`)
	}
	w.prefix("path", p.PathPrefix)
	w.eq("path", p.PathExact)
	if p.Search != "" {
		w.add("@strpos(search, ?) > 0", strings.ToLower(p.Search))
	}
	w.eq("language", string(p.Language))
	w.eq("kind", string(p.Kind))
	w.eq("created_by", p.CreatedBy)
	order := ` ORDER BY path`
	if p.Newest {
		order = ` ORDER BY created_at DESC, path`
	} else if p.After != "" {
		w.add("path > ?", p.After)
	}
	return n.scripts(ctx, false, w.String()+order+` LIMIT ? OFFSET ?`, append(w.args, limited(p.Limit), max(p.Offset, 0))...)
}

// ScriptHistory implements store.Scripts.
func (n *Nouns) ScriptHistory(ctx context.Context, v store.Viewer, path string, limit int) ([]domain.Script, error) {
	var w clause
	w.viewer(v, "path", "")
	w.add("path = ?", path)
	return n.scripts(ctx, false, w.String()+` ORDER BY version DESC LIMIT ?`, append(w.args, limited(limit))...)
}

// ScriptSetLock implements store.Scripts.
func (n *Nouns) ScriptSetLock(ctx context.Context, workspace, hash string, lock *string, lockError string) error {
	return n.version(ctx, hash, `UPDATE script SET lock_text = ?, lock_error = ? WHERE workspace = ? AND hash = ?`,
		lock, lockError, workspace, hash)
}

// ScriptArchive implements store.Scripts.
func (n *Nouns) ScriptArchive(ctx context.Context, workspace, path string) error {
	return n.version(ctx, path, `UPDATE script SET archived = true WHERE workspace = ? AND path = ? AND NOT deleted`, workspace, path)
}

// ScriptArchiveHash implements store.Scripts.
func (n *Nouns) ScriptArchiveHash(ctx context.Context, workspace, hash string) error {
	return n.version(ctx, hash, `UPDATE script SET archived = true WHERE workspace = ? AND hash = ? AND NOT deleted`, workspace, hash)
}

const scrub = `UPDATE script SET deleted = true, content = '', schema_json = NULL, lock_text = NULL, lock_error = ''`

// ScriptDelete implements store.Scripts.
func (n *Nouns) ScriptDelete(ctx context.Context, workspace, path string) error {
	return n.write(ctx, func(ctx context.Context, c *Conn) error {
		rows, err := c.Exec(ctx, scrub+` WHERE workspace = ? AND path = ? AND NOT deleted`, workspace, path)
		if err != nil {
			return err
		}
		if rows == 0 {
			return missing("there is no script %s", path)
		}
		// What comes to this path later is something else, so the grants go too.
		_, err = c.Exec(ctx, `DELETE FROM access_grant WHERE workspace = ? AND kind = 'script' AND object = ?`, workspace, path)
		return err
	})
}

// ScriptDeleteHash implements store.Scripts.
func (n *Nouns) ScriptDeleteHash(ctx context.Context, workspace, hash string) error {
	return n.version(ctx, hash, scrub+` WHERE workspace = ? AND hash = ? AND NOT deleted`, workspace, hash)
}

// version runs a change of versions that must exist.
func (n *Nouns) version(ctx context.Context, what, query string, args ...any) error {
	rows, err := n.exec(ctx, query, args...)
	if err == nil && rows == 0 {
		return missing("there is no script %s", what)
	}
	return err
}
