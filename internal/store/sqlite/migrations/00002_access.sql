-- +goose Up
-- Groups of members. The group all is everybody and is not stored.
CREATE TABLE member_group (
    workspace  TEXT NOT NULL REFERENCES workspace (id),
    name       TEXT NOT NULL,
    summary    TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE group_member (
    workspace  TEXT NOT NULL,
    group_name TEXT NOT NULL,
    username   TEXT NOT NULL,
    admin      INTEGER NOT NULL,
    PRIMARY KEY (workspace, username, group_name),
    FOREIGN KEY (workspace, group_name) REFERENCES member_group (workspace, name)
) STRICT;
CREATE INDEX group_member_name ON group_member (workspace, group_name);

-- What f/<name>/… belongs to. What has no grant in it is closed to all but administrators.
CREATE TABLE folder (
    workspace    TEXT NOT NULL REFERENCES workspace (id),
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    summary      TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

-- principal is u/<user name> or g/<group>; level is 1 read, 2 run, 3 write, 4 own.
CREATE TABLE access_grant (
    workspace TEXT NOT NULL REFERENCES workspace (id),
    kind      TEXT NOT NULL, -- folder or script
    object    TEXT NOT NULL, -- the folder's name, the script's path
    principal TEXT NOT NULL,
    level     INTEGER NOT NULL,
    PRIMARY KEY (workspace, kind, object, principal)
) STRICT;
CREATE INDEX access_grant_principal ON access_grant (workspace, principal, kind);

-- Folders were open to every member before; those that are in use stay so.
INSERT INTO folder (workspace, name, display_name, summary, created_by, created_at)
SELECT used.workspace, used.name, '', '', '', CAST(unixepoch('subsec') * 1000000 AS INTEGER) FROM (
    SELECT DISTINCT p.workspace AS workspace, substr(p.path, 3, instr(substr(p.path, 3) || '/', '/') - 1) AS name FROM (
        SELECT workspace, path FROM script
        UNION SELECT workspace, script_path FROM queue
        UNION SELECT workspace, script_path FROM history
    ) p WHERE p.path >= 'f/' AND p.path < 'f0'
) used JOIN workspace w ON w.id = used.workspace WHERE used.name <> '';
INSERT INTO access_grant (workspace, kind, object, principal, level)
SELECT workspace, 'folder', name, 'g/all', 3 FROM folder;

-- +goose Down
DROP TABLE access_grant;
DROP TABLE folder;
DROP TABLE group_member;
DROP TABLE member_group;
