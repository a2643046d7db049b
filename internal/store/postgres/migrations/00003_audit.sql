-- +goose Up
-- What was done, by whom. Rows are only added, and removed from the oldest on. The empty workspace is the instance.
CREATE TABLE audit_event (
    workspace    text COLLATE "C" NOT NULL,
    seq          bigint NOT NULL, -- 1, 2, … within the workspace, without gaps
    at           timestamptz NOT NULL,
    email        text COLLATE "C" NOT NULL,
    username     text COLLATE "C" NOT NULL,
    token_id     text COLLATE "C" NOT NULL,
    job_id       text COLLATE "C" NOT NULL,
    action       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    resource     text COLLATE "C" NOT NULL,
    changes_json text COLLATE "C" NOT NULL,
    address      text COLLATE "C" NOT NULL,
    request_id   text COLLATE "C" NOT NULL,
    prev_hash    text COLLATE "C" NOT NULL,
    hash         text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, seq)
);
CREATE INDEX audit_event_email ON audit_event (workspace, email, seq);
CREATE INDEX audit_event_action ON audit_event (workspace, action, seq);
CREATE INDEX audit_event_resource ON audit_event (workspace, resource, seq);

-- The ends of each workspace's chain. Writers of one workspace take turns on its row.
CREATE TABLE audit_chain (
    workspace   text COLLATE "C" PRIMARY KEY,
    seq         bigint NOT NULL, -- of the newest row
    hash        text COLLATE "C" NOT NULL,
    anchor_seq  bigint NOT NULL, -- of the newest row that was removed
    anchor_hash text COLLATE "C" NOT NULL
);

-- +goose Down
DROP TABLE audit_chain;
DROP TABLE audit_event;
