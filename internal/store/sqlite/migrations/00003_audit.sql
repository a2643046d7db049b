-- +goose Up
-- What was done, by whom. Rows are only added, and removed from the oldest on. The empty workspace is the instance.
CREATE TABLE audit_event (
    workspace    TEXT NOT NULL,
    seq          INTEGER NOT NULL, -- 1, 2, … within the workspace, without gaps
    at           INTEGER NOT NULL,
    email        TEXT NOT NULL,
    username     TEXT NOT NULL,
    token_id     TEXT NOT NULL,
    job_id       TEXT NOT NULL,
    action       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    resource     TEXT NOT NULL,
    changes_json TEXT NOT NULL,
    address      TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    prev_hash    TEXT NOT NULL,
    hash         TEXT NOT NULL,
    PRIMARY KEY (workspace, seq)
) STRICT;
CREATE INDEX audit_event_email ON audit_event (workspace, email, seq);
CREATE INDEX audit_event_action ON audit_event (workspace, action, seq);
CREATE INDEX audit_event_resource ON audit_event (workspace, resource, seq);

-- The ends of each workspace's chain. Writers of one workspace take turns on its row.
CREATE TABLE audit_chain (
    workspace   TEXT PRIMARY KEY,
    seq         INTEGER NOT NULL, -- of the newest row
    hash        TEXT NOT NULL,
    anchor_seq  INTEGER NOT NULL, -- of the newest row that was removed
    anchor_hash TEXT NOT NULL
) STRICT;

-- +goose Down
DROP TABLE audit_chain;
DROP TABLE audit_event;
