package api

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

// Limits of what one request may grant.
const (
	maxNamed   = 1000 // principals of a folder or an item, members of a group
	maxSummary = 1000 // bytes
)

func accessOperations() []operation {
	const (
		groups  = "/api/w/{workspace}/groups/"
		folders = "/api/w/{workspace}/folders/"
		acls    = "/api/w/{workspace}/acls/"
	)
	return []operation{
		op("GET", groups+"list", "listGroups", perm.GroupsRead, "The groups of the workspace, by name", (*server).listGroups),
		op("GET", groups+"listnames", "listGroupNames", perm.GroupsRead, "The names of the groups", (*server).listGroupNames),
		op("GET", groups+"get/{name}", "getGroup", perm.GroupsRead, "A group with its members", (*server).getGroup),
		op("POST", groups+"create", "createGroup", perm.GroupsWrite, "Make a group, as its administrator", (*server).createGroup, text("a sentence")),
		op("POST", groups+"update/{name}", "updateGroup", perm.GroupsWrite, "Change a group's summary", (*server).updateGroup, text("a sentence")),
		op("DELETE", groups+"delete/{name}", "deleteGroup", perm.GroupsWrite, "Delete a group and what it was granted", (*server).deleteGroup, text("a sentence")),
		op("POST", groups+"adduser/{name}", "addUserToGroup", perm.GroupsWrite, "Add a member to a group", (*server).addGroupUser, text("a sentence")),
		op("POST", groups+"removeuser/{name}", "removeUserToGroup", perm.GroupsWrite, "Remove a member from a group", (*server).removeGroupUser, text("a sentence")),

		op("GET", folders+"list", "listFolders", perm.FoldersRead, "The folders in which one was granted something, by name", (*server).listFolders),
		op("GET", folders+"listnames", "listFolderNames", perm.FoldersRead, "The names of these folders", (*server).listFolderNames),
		op("GET", folders+"get/{name}", "getFolder", perm.FoldersRead, "A folder with its grants", (*server).getFolder, late),
		op("GET", folders+"exists/{name}", "existsFolder", perm.FoldersRead, "Whether there is a folder that one may see", (*server).folderExists, late),
		op("POST", folders+"create", "createFolder", perm.FoldersCreate, "Make a folder, as its owner; nobody else may enter it until granted", (*server).createFolder, text("a sentence")),
		op("POST", folders+"update/{name}", "updateFolder", perm.FoldersWrite, "Change a folder and its grants; what is left out stays", (*server).updateFolder, text("a sentence"), late),
		op("DELETE", folders+"delete/{name}", "deleteFolder", perm.FoldersWrite, "Delete an empty folder", (*server).deleteFolder, text("a sentence"), late),
		op("POST", folders+"addowner/{name}", "addOwnerToFolder", perm.FoldersWrite, "Make a user or a group an owner of a folder", (*server).addFolderOwner, text("a sentence"), late),
		op("POST", folders+"removeowner/{name}", "removeOwnerToFolder", perm.FoldersWrite, "End an ownership of a folder", (*server).removeFolderOwner, text("a sentence"), late),

		op("GET", acls+"get/{kind}/{path}", "getGranularAcls", perm.GrantsRead, "What was granted on an item itself", (*server).getACL),
		op("POST", acls+"add/{kind}/{path}", "addGranularAcls", perm.GrantsWrite, "Grant a user or a group something on an item", (*server).addACL, text("a sentence")),
		op("POST", acls+"remove/{kind}/{path}", "removeGranularAcls", perm.GrantsWrite, "End a grant on an item", (*server).removeACL, text("a sentence")),

		op("GET", "/api/w/{workspace}/access/explain", "explainAccess", perm.AccessRead, "Whether somebody may do something with a path, and why",
			(*server).explain, strict),
	}
}

// Group is a group in Windmill's words.
type Group struct {
	Name       string          `json:"name"`
	Summary    string          `json:"summary"`
	Members    []string        `json:"members" nullable:"false"`
	ExtraPerms map[string]bool `json:"extra_perms" doc:"u/<user name> of its administrators: true"`
}

func groupOf(g domain.Group) Group {
	out := Group{Name: g.Name, Summary: g.Summary, Members: append([]string{}, g.Members...), ExtraPerms: map[string]bool{}}
	for _, a := range g.Admins {
		out.ExtraPerms["u/"+a] = true
	}
	return out
}

// everybody is the group that all members are in.
func (s *server) everybody(ctx context.Context, workspace string) (domain.Group, error) {
	members, err := s.Store.MemberList(ctx, workspace)
	g := domain.Group{Workspace: workspace, Name: domain.Everybody, Summary: "every member of the workspace"}
	for _, m := range members {
		if !m.Disabled {
			g.Members = append(g.Members, m.Username)
		}
	}
	return g, err
}

type pageInWorkspace struct {
	InWorkspace
	PageIn
}

type groupsOut struct {
	Body []Group `nullable:"false"`
}

func (s *server) listGroups(ctx context.Context, in *pageInWorkspace) (*groupsOut, error) {
	limit, offset, err := in.window()
	if err != nil {
		return nil, err
	}
	all, err := s.everybody(ctx, in.Workspace)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.GroupList(ctx, in.Workspace, "")
	if err != nil {
		return nil, err
	}
	out := &groupsOut{Body: []Group{}}
	for _, g := range cut(slices.Concat([]domain.Group{all}, list), limit, offset) {
		out.Body = append(out.Body, groupOf(g))
	}
	return out, nil
}

type groupNamesIn struct {
	InWorkspace
	OnlyMemberOf bool `query:"only_member_of"`
}

func (s *server) listGroupNames(ctx context.Context, in *groupNamesIn) (*namesOut, error) {
	of := ""
	if in.OnlyMemberOf {
		of = callOf(ctx).who.Username
	}
	list, err := s.Store.GroupList(ctx, in.Workspace, of)
	out := &namesOut{Body: []string{domain.Everybody}}
	for _, g := range list {
		out.Body = append(out.Body, g.Name)
	}
	return out, err
}

// InName is the input of operations on a group or a folder.
type InName struct {
	InWorkspace
	Name string `path:"name"`
}

type groupOut struct {
	Body Group
}

func (s *server) getGroup(ctx context.Context, in *InName) (*groupOut, error) {
	var g domain.Group
	var err error
	if in.Name == domain.Everybody {
		g, err = s.everybody(ctx, in.Workspace)
	} else {
		g, err = s.Store.GroupGet(ctx, in.Workspace, in.Name)
	}
	if err != nil {
		return nil, err
	}
	return &groupOut{Body: groupOf(g)}, nil
}

// NewGroup describes a group to make.
type NewGroup struct {
	Name    string `json:"name"`
	Summary string `json:"summary,omitempty"`
}

func (s *server) createGroup(ctx context.Context, in *struct {
	InWorkspace
	Body NewGroup
},
) (*plain, error) {
	who := callOf(ctx).who
	if err := checkNew(in.Body.Name, in.Body.Summary); err != nil {
		return nil, err
	}
	if in.Body.Name == domain.Everybody {
		return nil, errs.New(errs.Conflict, "the group all is every member of the workspace").WithHint("choose another name")
	}
	g := domain.Group{Workspace: in.Workspace, Name: in.Body.Name, Summary: in.Body.Summary, CreatedBy: who.Username}
	if known, err := s.isMember(ctx, in.Workspace, who.Username); err != nil {
		return nil, err
	} else if known {
		g.Admins = []string{who.Username}
	}
	err := s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GroupCreate, Kind: domain.AuditCreated, Resource: g.Name,
		Changes: audit.Diff(nil, map[string]any{"summary": g.Summary, "admins": g.Admins}),
	},
		func(ctx context.Context, tx store.Nouns) error { return tx.GroupCreate(ctx, g) })
	if err != nil {
		return nil, err
	}
	return plainText("the group " + g.Name + " is made"), nil
}

func checkNew(name, summary string) error {
	if err := domain.CheckName("name", name); err != nil {
		return err
	}
	return checkSummary("summary", summary)
}

func checkSummary(field, text string) error {
	if len(text) > maxSummary {
		return errs.New(errs.Invalid, "the text is too long").WithField(field, "is %d bytes; at most %d are allowed", len(text), maxSummary)
	}
	return nil
}

// isMember reports whether the user name is that of a member who may sign in.
func (s *server) isMember(ctx context.Context, workspace, username string) (bool, error) {
	members, err := s.Store.MemberList(ctx, workspace)
	return slices.ContainsFunc(members, func(m domain.Member) bool { return m.Username == username && !m.Disabled }), err
}

// mayGroup reads a group that the caller may change.
func (s *server) mayGroup(ctx context.Context, workspace, name string) (domain.Group, error) {
	if name == domain.Everybody {
		return domain.Group{}, errs.New(errs.Conflict, "the group all is every member of the workspace and cannot be changed").
			WithHint("invite people, or make a group of your own")
	}
	g, err := s.Store.GroupGet(ctx, workspace, name)
	if err != nil {
		return g, err
	}
	who := callOf(ctx).who
	return g, decision(perm.Group(who, g), who, "")
}

func (s *server) updateGroup(ctx context.Context, in *struct {
	InName
	Body struct {
		Summary *string `json:"summary,omitempty" nullable:"true"`
	}
},
) (*plain, error) {
	g, err := s.mayGroup(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	before := g.Summary
	if in.Body.Summary != nil {
		g.Summary = *in.Body.Summary
	}
	if err := checkSummary("summary", g.Summary); err != nil {
		return nil, err
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GroupUpdate, Kind: domain.AuditUpdated, Resource: g.Name,
		Changes: audit.Diff(map[string]any{"summary": before}, map[string]any{"summary": g.Summary}),
	},
		func(ctx context.Context, tx store.Nouns) error {
			return tx.GroupUpdate(ctx, in.Workspace, g.Name, g.Summary)
		})
	if err != nil {
		return nil, err
	}
	return plainText("the group " + g.Name + " is changed"), nil
}

func (s *server) deleteGroup(ctx context.Context, in *InName) (*plain, error) {
	g, err := s.mayGroup(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GroupDelete, Kind: domain.AuditDeleted, Resource: g.Name,
		Changes: audit.Diff(map[string]any{"members": g.Members, "admins": g.Admins}, nil),
	},
		func(ctx context.Context, tx store.Nouns) error { return tx.GroupDelete(ctx, in.Workspace, g.Name) })
	if err != nil {
		return nil, err
	}
	return plainText("the group " + g.Name + " is deleted"), nil
}

func (s *server) addGroupUser(ctx context.Context, in *struct {
	InName
	Body struct {
		Username string `json:"username"`
		Admin    bool   `json:"admin,omitempty" doc:"may change the group"`
	}
},
) (*plain, error) {
	g, err := s.mayGroup(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	known, err := s.isMember(ctx, in.Workspace, in.Body.Username)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errs.New(errs.Invalid, "nobody was added").WithField("username", "is not a member of the workspace")
	}
	if len(g.Members) >= maxNamed && !slices.Contains(g.Members, in.Body.Username) {
		return nil, errs.New(errs.Invalid, "the group has %d members, and that is the most", len(g.Members)).WithHint("make a second group")
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GroupAddUser, Kind: domain.AuditUpdated, Resource: g.Name,
		Changes: audit.Diff(nil, map[string]any{"username": in.Body.Username, "admin": in.Body.Admin}),
	},
		func(ctx context.Context, tx store.Nouns) error {
			return tx.GroupMemberPut(ctx, in.Workspace, g.Name, in.Body.Username, in.Body.Admin)
		})
	if err != nil {
		return nil, err
	}
	return plainText(in.Body.Username + " is in the group " + g.Name), nil
}

func (s *server) removeGroupUser(ctx context.Context, in *struct {
	InName
	Body struct {
		Username string `json:"username"`
	}
},
) (*plain, error) {
	g, err := s.mayGroup(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GroupRemoveUser, Kind: domain.AuditUpdated, Resource: g.Name,
		Changes: audit.Diff(map[string]any{"username": in.Body.Username}, nil),
	},
		func(ctx context.Context, tx store.Nouns) error {
			return tx.GroupMemberDelete(ctx, in.Workspace, g.Name, in.Body.Username)
		})
	if err != nil {
		return nil, err
	}
	return plainText(in.Body.Username + " is not in the group " + g.Name + " any more"), nil
}

// Folder is a folder in Windmill's words.
type Folder struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"display_name"`
	Summary     string            `json:"summary"`
	Owners      []string          `json:"owners" nullable:"false" doc:"u/<user name> or g/<group>"`
	ExtraPerms  map[string]bool   `json:"extra_perms" doc:"true: may write; false: may read or run"`
	Grants      map[string]string `json:"grants" doc:"the same exactly: read, run, write or own"`
	CreatedBy   string            `json:"created_by"`
	EditedAt    time.Time         `json:"edited_at"`
}

func folderOf(f domain.Folder) Folder {
	out := Folder{
		Name: f.Name, DisplayName: f.DisplayName, Summary: f.Summary, Owners: []string{}, ExtraPerms: extraPerms(f.Grants),
		Grants: map[string]string{}, CreatedBy: f.CreatedBy, EditedAt: f.CreatedAt,
	}
	if out.DisplayName == "" {
		out.DisplayName = f.Name
	}
	for _, g := range f.Grants {
		out.Grants[g.Principal] = g.Level.String()
		if g.Level == domain.GrantOwn {
			out.Owners = append(out.Owners, g.Principal)
		}
	}
	return out
}

// extraPerms are grants in Windmill's words, which know two levels.
func extraPerms(grants []domain.Grant) map[string]bool {
	out := map[string]bool{}
	for _, g := range grants {
		out[g.Principal] = g.Level >= domain.GrantWrite
	}
	return out
}

// levelOf is the level that Windmill's two words mean: who reads there also runs.
func levelOf(write bool) domain.Level {
	if write {
		return domain.GrantWrite
	}
	return domain.GrantRun
}

type listFoldersIn struct {
	pageInWorkspace
	After string `query:"after" doc:"name of the last row of the page before"`
}

type foldersOut struct {
	Body []Folder `nullable:"false"`
}

func (s *server) listFolders(ctx context.Context, in *listFoldersIn) (*foldersOut, error) {
	limit, offset, err := in.window()
	if err != nil {
		return nil, err
	}
	e := errs.New(errs.Invalid, "the filter is not valid")
	if checkTexts(e, map[string]string{"after": in.After}); len(e.Fields) > 0 {
		return nil, e
	}
	list, err := s.Store.FolderList(ctx, store.FolderListParams{Viewer: callOf(ctx).viewer(), After: in.After, Offset: offset, Limit: limit})
	if err != nil {
		return nil, err
	}
	out := &foldersOut{Body: []Folder{}}
	for _, f := range list {
		out.Body = append(out.Body, folderOf(f))
	}
	return out, nil
}

// everyFolder calls each for all folders that v may see.
func (s *server) everyFolder(ctx context.Context, v store.Viewer, each func(domain.Folder)) error {
	p := store.FolderListParams{Viewer: v, Limit: maxPageSize}
	for {
		list, err := s.Store.FolderList(ctx, p)
		if err != nil {
			return err
		}
		for _, f := range list {
			each(f)
		}
		if len(list) < p.Limit {
			return nil
		}
		p.After = list[len(list)-1].Name
	}
}

func (s *server) listFolderNames(ctx context.Context, _ *InWorkspace) (*namesOut, error) {
	out := &namesOut{Body: []string{}}
	err := s.everyFolder(ctx, callOf(ctx).viewer(), func(f domain.Folder) { out.Body = append(out.Body, f.Name) })
	return out, err
}

// mayFolder reads a folder that the caller may use the operation on.
func (s *server) mayFolder(ctx context.Context, workspace, name string) (domain.Folder, error) {
	if domain.CheckName("name", name) != nil {
		return domain.Folder{}, errs.New(errs.NotFound, "there is no folder %q", name)
	}
	if err := s.may(ctx, "f/"+name); err != nil {
		return domain.Folder{}, err
	}
	return s.Store.FolderGet(ctx, workspace, name)
}

type folderOut struct {
	Body Folder
}

func (s *server) getFolder(ctx context.Context, in *InName) (*folderOut, error) {
	f, err := s.mayFolder(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	return &folderOut{Body: folderOf(f)}, nil
}

func (s *server) folderExists(ctx context.Context, in *InName) (*yes, error) {
	_, err := s.mayFolder(ctx, in.Workspace, in.Name)
	if errs.Is(err, errs.NotFound) {
		return &yes{Body: false}, nil
	}
	return &yes{Body: err == nil}, err
}

// FolderChange is what is to become of a folder; what is left out stays.
type FolderChange struct {
	DisplayName *string           `json:"display_name,omitempty" nullable:"true"`
	Summary     *string           `json:"summary,omitempty" nullable:"true"`
	Owners      []string          `json:"owners,omitempty" doc:"replaces the owners: u/<user name> or g/<group>"`
	ExtraPerms  map[string]bool   `json:"extra_perms,omitempty" doc:"replaces the other grants: true may write, false may read and run"`
	Grants      map[string]string `json:"grants,omitempty" doc:"replaces all grants: read, run, write or own"`
}

// NewFolder describes a folder to make.
type NewFolder struct {
	Name string `json:"name"`
	FolderChange
}

// apply changes f, and reports the grants as it then has them.
func (c *FolderChange) apply(f *domain.Folder) error {
	if c.DisplayName != nil {
		f.DisplayName = *c.DisplayName
	}
	if c.Summary != nil {
		f.Summary = *c.Summary
	}
	if err := checkSummary("display_name", f.DisplayName); err != nil {
		return err
	}
	if err := checkSummary("summary", f.Summary); err != nil {
		return err
	}
	levels := map[string]domain.Level{}
	for _, g := range f.Grants {
		levels[g.Principal] = g.Level
	}
	owns := func(_ string, l domain.Level) bool { return l == domain.GrantOwn }
	if c.Grants != nil {
		clear(levels)
		for principal, word := range c.Grants {
			level, ok := domain.ParseLevel(word)
			if !ok {
				return errs.New(errs.Invalid, "the folder is not valid").WithField("grants", "%.100q is none of read, run, write, own", word)
			}
			levels[principal] = level
		}
	}
	if c.ExtraPerms != nil {
		maps.DeleteFunc(levels, func(p string, l domain.Level) bool { return !owns(p, l) })
		for principal, write := range c.ExtraPerms {
			levels[principal] = max(levels[principal], levelOf(write))
		}
	}
	if c.Owners != nil {
		maps.DeleteFunc(levels, owns)
		for principal, write := range c.ExtraPerms { // who was an owner and stays with less
			levels[principal] = levelOf(write)
		}
		for _, principal := range c.Owners {
			levels[principal] = domain.GrantOwn
		}
	}
	f.Grants = nil
	for _, principal := range slices.Sorted(maps.Keys(levels)) {
		f.Grants = append(f.Grants, domain.Grant{Kind: domain.GrantFolder, Object: f.Name, Principal: principal, Level: levels[principal]})
	}
	if len(f.Grants) > maxNamed {
		return errs.New(errs.Invalid, "the folder is not valid").WithField("grants", "are %d; at most %d are allowed", len(f.Grants), maxNamed).
			WithHint("make a group")
	}
	return nil
}

// checkPrincipals refuses grants to nobody. Those that were there before may stay.
func (s *server) checkPrincipals(ctx context.Context, workspace, field string, grants, before []domain.Grant) error {
	var members []domain.Member
	for _, g := range grants {
		if slices.ContainsFunc(before, func(b domain.Grant) bool { return b.Principal == g.Principal }) {
			continue
		}
		if err := domain.CheckPrincipal(field, g.Principal); err != nil {
			return err
		}
		kind, name, _ := strings.Cut(g.Principal, "/")
		known := kind == "g" && name == domain.Everybody
		switch {
		case known:
		case kind == "g":
			_, err := s.Store.GroupGet(ctx, workspace, name)
			if err != nil && !errs.Is(err, errs.NotFound) {
				return err
			}
			known = err == nil
		default:
			if members == nil {
				var err error
				if members, err = s.Store.MemberList(ctx, workspace); err != nil {
					return err
				}
			}
			known = slices.ContainsFunc(members, func(m domain.Member) bool { return m.Username == name })
		}
		if !known {
			return errs.New(errs.Invalid, "nothing was granted").WithField(field, "there is no %s in the workspace", g.Principal)
		}
	}
	return nil
}

func (s *server) createFolder(ctx context.Context, in *struct {
	InWorkspace
	Body NewFolder
},
) (*plain, error) {
	who := callOf(ctx).who
	if err := domain.CheckName("name", in.Body.Name); err != nil {
		return nil, err
	}
	f := domain.Folder{Workspace: in.Workspace, Name: in.Body.Name, CreatedBy: who.Username}
	if err := in.Body.apply(&f); err != nil {
		return nil, err
	}
	if err := s.checkPrincipals(ctx, in.Workspace, "grants", f.Grants, nil); err != nil {
		return nil, err
	}
	known, err := s.isMember(ctx, in.Workspace, who.Username)
	if err != nil {
		return nil, err
	}
	if known {
		f.Grants = append(f.Grants, domain.Grant{Principal: who.PermissionedAs(), Level: domain.GrantOwn}) // whatever else it was given
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.FolderCreate, Kind: domain.AuditCreated, Resource: "f/" + f.Name,
		Changes: audit.Diff(nil, auditFolder(f)),
	},
		func(ctx context.Context, tx store.Nouns) error { return tx.FolderCreate(ctx, f) })
	if err != nil {
		return nil, err
	}
	return plainText("the folder " + f.Name + " is made"), nil
}

// change makes a change and its line in the audit log, in one transaction.
func (s *server) change(ctx context.Context, e audit.Entry, fn func(ctx context.Context, tx store.Nouns) error) error {
	who := callOf(ctx).who
	return s.Store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, e)
	})
}

// auditFolder is what the audit log tells of a folder.
func auditFolder(f domain.Folder) map[string]any {
	out := map[string]any{"display_name": f.DisplayName, "summary": f.Summary}
	for _, g := range f.Grants {
		out["grants "+g.Principal] = g.Level.String()
	}
	return out
}

// changeFolder replaces a folder's texts and grants by what change makes of them, in one transaction.
func (s *server) changeFolder(ctx context.Context, workspace, name, action string, change func(*domain.Folder) error) error {
	if _, err := s.mayFolder(ctx, workspace, name); err != nil {
		return err
	}
	who := callOf(ctx).who
	admin := who.Admin()
	return s.Store.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		f, err := tx.FolderGet(ctx, workspace, name)
		if err != nil {
			return err
		}
		before, was := f.Grants, auditFolder(f)
		if err := change(&f); err != nil {
			return err
		}
		if !admin && !slices.ContainsFunc(f.Grants, func(g domain.Grant) bool { return g.Level == domain.GrantOwn }) {
			return errs.New(errs.Invalid, "the folder would have no owner").WithHint("make somebody else an owner first, or ask an administrator")
		}
		if err := tx.FolderUpdate(ctx, f); err != nil {
			return err
		}
		for _, g := range before {
			if !slices.ContainsFunc(f.Grants, func(n domain.Grant) bool { return n.Principal == g.Principal }) {
				if err := tx.GrantDelete(ctx, workspace, domain.GrantFolder, name, g.Principal); err != nil && !errs.Is(err, errs.NotFound) {
					return err
				}
			}
		}
		for _, g := range f.Grants {
			if !slices.Contains(before, g) {
				if err := tx.GrantPut(ctx, workspace, g); err != nil {
					return err
				}
			}
		}
		return audit.Record(ctx, tx, who, audit.Entry{
			Workspace: workspace, Action: action, Kind: domain.AuditUpdated, Resource: "f/" + name,
			Changes: audit.Diff(was, auditFolder(f)),
		})
	})
}

func (s *server) updateFolder(ctx context.Context, in *struct {
	InName
	Body FolderChange
},
) (*plain, error) {
	f, err := s.mayFolder(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	before := f.Grants
	if err := in.Body.apply(&f); err != nil {
		return nil, err
	}
	if err := s.checkPrincipals(ctx, in.Workspace, "grants", f.Grants, before); err != nil {
		return nil, err
	}
	if err := s.changeFolder(ctx, in.Workspace, in.Name, audit.FolderUpdate, in.Body.apply); err != nil {
		return nil, err
	}
	return plainText("the folder " + in.Name + " is changed"), nil
}

func (s *server) deleteFolder(ctx context.Context, in *InName) (*plain, error) {
	f, err := s.mayFolder(ctx, in.Workspace, in.Name)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.FolderDelete, Kind: domain.AuditDeleted, Resource: "f/" + f.Name,
		Changes: audit.Diff(auditFolder(f), nil),
	},
		func(ctx context.Context, tx store.Nouns) error { return tx.FolderDelete(ctx, in.Workspace, in.Name) })
	if err != nil {
		return nil, err
	}
	return plainText("the folder " + in.Name + " is deleted"), nil
}

func (s *server) addFolderOwner(ctx context.Context, in *struct {
	InName
	Body struct {
		Owner string `json:"owner" doc:"u/<user name> or g/<group>"`
	}
},
) (*plain, error) {
	g := domain.Grant{Kind: domain.GrantFolder, Object: in.Name, Principal: in.Body.Owner, Level: domain.GrantOwn}
	if _, err := s.mayFolder(ctx, in.Workspace, in.Name); err != nil {
		return nil, err
	}
	if err := s.checkPrincipals(ctx, in.Workspace, "owner", []domain.Grant{g}, nil); err != nil {
		return nil, err
	}
	err := s.changeFolder(ctx, in.Workspace, in.Name, audit.FolderAddOwner, func(f *domain.Folder) error {
		f.Grants = append(without(f.Grants, g.Principal), g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plainText(in.Body.Owner + " owns the folder " + in.Name), nil
}

func without(grants []domain.Grant, principal string) []domain.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g domain.Grant) bool { return g.Principal == principal })
}

func (s *server) removeFolderOwner(ctx context.Context, in *struct {
	InName
	Body struct {
		Owner string `json:"owner" doc:"u/<user name> or g/<group>"`
		Write *bool  `json:"write,omitempty" nullable:"true" doc:"what stays: true may write, false may read and run; nothing, when left out"`
	}
},
) (*plain, error) {
	err := s.changeFolder(ctx, in.Workspace, in.Name, audit.FolderRemoveOwner, func(f *domain.Folder) error {
		rest := without(f.Grants, in.Body.Owner)
		if len(rest) == len(f.Grants) {
			return errs.New(errs.NotFound, "%.100s was granted nothing in the folder %s", in.Body.Owner, in.Name)
		}
		f.Grants = rest
		if in.Body.Write != nil {
			f.Grants = append(f.Grants, domain.Grant{Kind: domain.GrantFolder, Object: in.Name, Principal: in.Body.Owner, Level: levelOf(*in.Body.Write)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plainText(in.Body.Owner + " does not own the folder " + in.Name + " any more"), nil
}

// InItem is the input of operations on an item's own grants.
type InItem struct {
	InPath
	Kind string `path:"kind" doc:"script"`
}

// item checks that there is something that grants can be on.
func (s *server) item(ctx context.Context, in InItem) error {
	if in.Kind != string(domain.GrantScript) {
		return errs.New(errs.Invalid, "the kind is not valid").WithField("kind", "%.50q has no grants of its own; only script has", in.Kind)
	}
	versions, err := s.Store.ScriptHistory(ctx, callOf(ctx).viewer(), in.Path, 1)
	if err == nil && (len(versions) == 0 || versions[0].Deleted) {
		err = errs.New(errs.NotFound, "there is no script at %s", in.Path)
	}
	return err
}

type aclOut struct {
	Body map[string]bool `nullable:"false" doc:"true: may write; false: may read or run"`
}

func (s *server) getACL(ctx context.Context, in *InItem) (*aclOut, error) {
	if err := s.item(ctx, *in); err != nil {
		return nil, err
	}
	grants, err := s.Store.GrantList(ctx, in.Workspace, domain.GrantScript, in.Path)
	if err != nil {
		return nil, err
	}
	return &aclOut{Body: extraPerms(grants)}, nil
}

func (s *server) addACL(ctx context.Context, in *struct {
	InItem
	Body struct {
		Owner string  `json:"owner" doc:"u/<user name> or g/<group>"`
		Write bool    `json:"write,omitempty" doc:"may also change it"`
		Level *string `json:"level,omitempty" nullable:"true" enum:"read,run,write,own" doc:"instead of write, exactly"`
	}
},
) (*plain, error) {
	if err := s.item(ctx, in.InItem); err != nil {
		return nil, err
	}
	g := domain.Grant{Kind: domain.GrantScript, Object: in.Path, Principal: in.Body.Owner, Level: levelOf(in.Body.Write)}
	if level, ok := domain.ParseLevel(value(in.Body.Level)); ok {
		g.Level = level
	}
	if err := s.checkPrincipals(ctx, in.Workspace, "owner", []domain.Grant{g}, nil); err != nil {
		return nil, err
	}
	given, err := s.Store.GrantList(ctx, in.Workspace, g.Kind, g.Object)
	if err != nil {
		return nil, err
	}
	if len(without(given, g.Principal)) >= maxNamed {
		return nil, errs.New(errs.Invalid, "%s has %d grants, and that is the most", in.Path, len(given)).WithHint("make a group")
	}
	err = s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GrantAdd, Kind: domain.AuditUpdated, Resource: in.Path,
		Changes: audit.Diff(nil, map[string]any{"owner": g.Principal, "level": g.Level.String()}),
	},
		func(ctx context.Context, tx store.Nouns) error { return tx.GrantPut(ctx, in.Workspace, g) })
	if err != nil {
		return nil, err
	}
	return plainText(g.Principal + " may " + g.Level.String() + " " + in.Path), nil
}

func (s *server) removeACL(ctx context.Context, in *struct {
	InItem
	Body struct {
		Owner string `json:"owner" doc:"u/<user name> or g/<group>"`
	}
},
) (*plain, error) {
	if err := s.item(ctx, in.InItem); err != nil {
		return nil, err
	}
	err := s.change(ctx, audit.Entry{
		Workspace: in.Workspace, Action: audit.GrantRemove, Kind: domain.AuditUpdated, Resource: in.Path,
		Changes: audit.Diff(map[string]any{"owner": in.Body.Owner}, nil),
	},
		func(ctx context.Context, tx store.Nouns) error {
			return tx.GrantDelete(ctx, in.Workspace, domain.GrantScript, in.Path, in.Body.Owner)
		})
	if err != nil {
		return nil, err
	}
	return plainText(in.Body.Owner + " has no grant on " + in.Path + " any more"), nil
}

type explainIn struct {
	InWorkspace
	Path   string `query:"path" required:"true" doc:"of an object: u/<user>/<name> or f/<folder>/<name>"`
	Action string `query:"action" doc:"read, run, write or own; read when left out"`
	User   string `query:"user" doc:"user name or e-mail address; oneself when left out. About others, administrators and owners of the path may ask."`
}

// Explanation is why somebody may do something, or may not.
type Explanation struct {
	User    string `json:"user"`
	Path    string `json:"path"`
	Action  string `json:"action" enum:"read,run,write,own"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	Hidden  bool   `json:"hidden" doc:"the user is told that nothing is there"`
}

type explainOut struct {
	Body Explanation
}

func (s *server) explain(ctx context.Context, in *explainIn) (*explainOut, error) {
	if err := domain.CheckPath("query.path", in.Path); err != nil {
		return nil, err
	}
	if in.Action == "" {
		in.Action = "read"
	}
	p, ok := perm.ForAction(in.Action)
	if !ok {
		return nil, errs.New(errs.Invalid, "the question is not valid").WithField("query.action", "%.50q is none of read, run, write, own", in.Action)
	}
	who := callOf(ctx).who
	if user := strings.TrimPrefix(in.User, "u/"); user != "" && user != who.Username && user != who.Email {
		// What others may is the business of who could change it.
		d, err := store.Decide(ctx, s.Store, who, perm.GrantsWrite, in.Path)
		if err != nil {
			return nil, err
		}
		if err := decision(d, who, in.Path); err != nil {
			return nil, err
		}
		if who, err = s.asIf(ctx, in.Workspace, user); err != nil {
			return nil, err
		}
	}
	d, err := store.Decide(ctx, s.Store, who, p, in.Path)
	if err != nil {
		return nil, err
	}
	return &explainOut{Body: Explanation{
		User: who.Username, Path: in.Path, Action: in.Action, Allowed: d.Allowed, Reason: d.Reason, Hidden: d.Hide,
	}}, nil
}

// asIf is the identity of a member who is not asking.
func (s *server) asIf(ctx context.Context, workspace, user string) (domain.Identity, error) {
	members, err := s.Store.MemberList(ctx, workspace)
	if err != nil {
		return domain.Identity{}, err
	}
	i := slices.IndexFunc(members, func(m domain.Member) bool { return m.Username == user || m.Email == user })
	if i < 0 {
		return domain.Identity{}, errs.New(errs.NotFound, "%.100q is not a member of the workspace", user)
	}
	m := members[i]
	u, err := s.Store.UserGet(ctx, m.Email)
	if err != nil {
		return domain.Identity{}, err
	}
	who := domain.Identity{Email: m.Email, Superadmin: u.Superadmin, Username: m.Username, Role: m.Role}
	if !m.Disabled && !u.Disabled {
		who.Workspace = workspace
	} else {
		who.Superadmin = false
	}
	return who, nil
}

// fillAccess tells what the member's groups and grants are.
func (s *server) fillAccess(ctx context.Context, u *User) error {
	u.Groups = []string{domain.Everybody}
	his := map[string]bool{"u/" + u.Username: true, "g/" + domain.Everybody: true}
	groups, err := s.Store.GroupList(ctx, u.WorkspaceID, u.Username)
	if err != nil {
		return err
	}
	for _, g := range groups {
		u.Groups, his["g/"+g.Name] = append(u.Groups, g.Name), true
	}
	return s.everyFolder(ctx, store.Viewer{Workspace: u.WorkspaceID, Username: u.Username}, func(f domain.Folder) {
		best := domain.GrantNone
		for _, g := range f.Grants {
			if his[g.Principal] {
				best = max(best, g.Level)
			}
		}
		if best >= domain.GrantRead {
			u.FoldersRead = append(u.FoldersRead, f.Name)
		}
		if best >= domain.GrantWrite {
			u.Folders = append(u.Folders, f.Name)
		}
		if best == domain.GrantOwn {
			u.FoldersOwner = append(u.FoldersOwner, f.Name)
		}
	})
}
