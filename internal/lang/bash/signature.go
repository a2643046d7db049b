package bash

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/tidemill/tidemill/internal/lang"
)

// maxPosition bounds the command line that a script can ask for.
const maxPosition = 255

func (language) Signature(source string) (lang.Signature, error) {
	found, err := read(source)
	return found.signature, err
}

type reading struct {
	signature lang.Signature
	at        []int // the position of each parameter of signature, ascending
}

// read finds the parameters. With a *lang.SyntaxError it still has what stands before the error.
func read(source string) (reading, error) {
	type found struct {
		at    int
		param lang.Param
	}
	var all []found
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true))
	var failed error
	for stmt, err := range parser.StmtsSeq(strings.NewReader(source)) {
		if err != nil {
			failed = syntaxError(err)
			break
		}
		for _, a := range assignments(stmt) {
			at, param, ok := parameter(source, a)
			taken := slices.ContainsFunc(all, func(f found) bool { return f.at == at || f.param.Name == param.Name })
			if !ok || taken {
				continue
			}
			param.Description = trailing(stmt)
			all = append(all, found{at, param})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return a.at - b.at })
	r := reading{signature: lang.Signature{Doc: doc(source)}}
	for _, f := range all {
		r.signature.Params = append(r.signature.Params, f.param)
		r.at = append(r.at, f.at)
	}
	return r, failed
}

// assignments are those of a statement that is nothing else: a=1, local a=1, export a=1.
func assignments(stmt *syntax.Stmt) []*syntax.Assign {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		if len(cmd.Args) == 0 {
			return cmd.Assigns
		}
	case *syntax.DeclClause:
		return cmd.Args
	}
	return nil
}

// parameter reads name="$1" and its relatives.
func parameter(source string, a *syntax.Assign) (at int, p lang.Param, ok bool) {
	if a.Name == nil || a.Value == nil || a.Append || a.Index != nil || a.Array != nil {
		return 0, p, false
	}
	parts, quoted := a.Value.Parts, false
	if len(parts) == 1 {
		if q, ok := parts[0].(*syntax.DblQuoted); ok {
			parts, quoted = q.Parts, true
		}
	}
	if len(parts) != 1 {
		return 0, p, false
	}
	e, isParam := parts[0].(*syntax.ParamExp)
	if !isParam || e.Param == nil || e.Excl || e.Length || e.Width || e.Index != nil || e.Slice != nil || e.Repl != nil {
		return 0, p, false
	}
	at, err := strconv.Atoi(e.Param.Value)
	if err != nil || at < 1 || at > maxPosition {
		return 0, p, false
	}
	p = lang.Param{Name: a.Name.Value, Schema: &lang.Schema{Type: "string"}}
	if e.Exp == nil {
		return at, p, true
	}
	switch e.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		p.HasDefault = true
		if text, literal := literalText(source, e.Exp.Word, quoted); literal {
			p.Default, _ = json.Marshal(text)
		}
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull: // ${1:?message}: required
	default:
		return 0, p, false
	}
	return at, p, true
}

// literalText is a word without expansions, unquoted as Bash does: between double quotes, single quotes are text.
func literalText(source string, w *syntax.Word, quoted bool) (string, bool) {
	if w == nil {
		return "", true
	}
	literal := true
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.ParamExp, *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst, *syntax.ExtGlob, *syntax.BraceExp:
			literal = false
		}
		return literal
	})
	start, end := int(w.Pos().Offset()), int(w.End().Offset())
	if !literal || start > end || end > len(source) {
		return "", false
	}
	if !quoted {
		s, err := expand.Literal(&expand.Config{Env: expand.ListEnviron()}, w)
		return s, err == nil
	}
	var b strings.Builder
	for text := source[start:end]; text != ""; text = text[1:] {
		switch {
		case text[0] == '"': // quotes within quotes vanish
			continue
		case strings.HasPrefix(text, "\\\n"):
			text = text[1:]
			continue
		case text[0] == '\\' && len(text) > 1 && strings.IndexByte("\"\\$`}", text[1]) >= 0:
			text = text[1:]
		}
		b.WriteByte(text[0])
	}
	return b.String(), true
}

// trailing is the comment at the end of the statement's line.
func trailing(stmt *syntax.Stmt) string {
	for _, c := range stmt.Comments {
		if c.Pos().After(stmt.Pos()) && c.Pos().Line() == stmt.End().Line() {
			return strings.TrimSpace(c.Text)
		}
	}
	return ""
}

// doc is the comment at the top, without the interpreter line.
func doc(source string) string {
	var lines []string
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#!"), strings.HasPrefix(line, "# shellcheck"):
			continue
		case line == "" && len(lines) == 0:
			continue
		case !strings.HasPrefix(line, "#"):
			return strings.TrimSpace(strings.Join(lines, "\n"))
		}
		lines = append(lines, strings.TrimPrefix(strings.TrimLeft(line, "#"), " "))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func syntaxError(err error) error {
	var p syntax.ParseError
	if errors.As(err, &p) {
		return &lang.SyntaxError{Line: int(p.Pos.Line()), Column: int(p.Pos.Col()), Message: p.Text}
	}
	var l syntax.LangError
	if errors.As(err, &l) {
		return &lang.SyntaxError{Line: int(l.Pos.Line()), Column: int(l.Pos.Col()), Message: l.Error()}
	}
	return &lang.SyntaxError{Line: 1, Column: 1, Message: err.Error()}
}
