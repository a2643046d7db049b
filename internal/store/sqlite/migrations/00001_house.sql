-- Times are microseconds since 1970 UTC, ids and lists are texts, truth is 0 or 1.
-- +goose Up
CREATE TABLE workspace (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    archived   INTEGER NOT NULL
) STRICT;

-- A user. ("user" is a word of SQL.)
CREATE TABLE person (
    email         TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    superadmin    INTEGER NOT NULL,
    disabled      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER
) STRICT;

CREATE TABLE member (
    workspace  TEXT NOT NULL REFERENCES workspace (id),
    email      TEXT NOT NULL REFERENCES person (email),
    username   TEXT NOT NULL,
    role       TEXT NOT NULL,
    disabled   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, email),
    UNIQUE (workspace, username)
) STRICT;
CREATE INDEX member_email ON member (email);

CREATE TABLE token (
    id           TEXT PRIMARY KEY,
    digest       TEXT NOT NULL UNIQUE,
    prefix       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    email        TEXT NOT NULL REFERENCES person (email),
    label        TEXT NOT NULL,
    workspace    TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    expires_at   INTEGER,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE INDEX token_email ON token (email);
CREATE INDEX token_expires ON token (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE invite (
    digest     TEXT PRIMARY KEY,
    email      TEXT NOT NULL,
    superadmin INTEGER NOT NULL,
    workspace  TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Versions of scripts. The long columns come last: lists do not read them.
CREATE TABLE script (
    workspace   TEXT NOT NULL REFERENCES workspace (id),
    hash        TEXT NOT NULL,
    path        TEXT NOT NULL,
    version     INTEGER NOT NULL, -- 1, 2, … within the path
    parents     TEXT NOT NULL,
    summary     TEXT NOT NULL,
    description TEXT NOT NULL,
    language    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    no_main     INTEGER NOT NULL,
    settings    TEXT NOT NULL,
    lock_error  TEXT NOT NULL,
    message     TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    archived    INTEGER NOT NULL,
    deleted     INTEGER NOT NULL,
    search      TEXT NOT NULL, -- path and summary, folded
    content     TEXT NOT NULL,
    schema_json TEXT,
    lock_text   TEXT,
    PRIMARY KEY (workspace, hash),
    UNIQUE (workspace, path, version)
) STRICT;
CREATE INDEX script_live ON script (workspace, path, version) WHERE NOT archived AND NOT deleted;

CREATE TABLE draft (
    workspace  TEXT NOT NULL REFERENCES workspace (id),
    email      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    path       TEXT NOT NULL,
    value_json TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, email, kind, path)
) STRICT;

-- Jobs that are not final: small, and always in memory.
CREATE TABLE queue (
    id              TEXT PRIMARY KEY,
    workspace       TEXT NOT NULL,
    kind            TEXT NOT NULL,
    script_path     TEXT NOT NULL,
    script_hash     TEXT NOT NULL,
    language        TEXT NOT NULL,
    tag             TEXT NOT NULL,
    priority        INTEGER NOT NULL,
    timeout_us      INTEGER NOT NULL,
    created_by      TEXT NOT NULL,
    email           TEXT NOT NULL,
    permissioned_as TEXT NOT NULL,
    token_scopes    TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    scheduled_for   INTEGER NOT NULL,
    parent          TEXT,
    trigger_by      TEXT NOT NULL,
    labels          TEXT NOT NULL,
    status          TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    deaths          INTEGER NOT NULL,
    worker          TEXT NOT NULL,
    started_at      INTEGER,
    cancel_by       TEXT NOT NULL,
    cancel_reason   TEXT NOT NULL,
    reason          TEXT NOT NULL,
    lease_until     INTEGER
) STRICT;
CREATE INDEX queue_due ON queue (tag, priority DESC, scheduled_for, id) WHERE status = 'queued';
CREATE INDEX queue_lease ON queue (lease_until) WHERE status = 'running';
CREATE INDEX queue_list ON queue (workspace, id);

-- Jobs that are final. Rows are only added.
CREATE TABLE history (
    id              TEXT PRIMARY KEY,
    workspace       TEXT NOT NULL,
    kind            TEXT NOT NULL,
    script_path     TEXT NOT NULL,
    script_hash     TEXT NOT NULL,
    language        TEXT NOT NULL,
    tag             TEXT NOT NULL,
    priority        INTEGER NOT NULL,
    timeout_us      INTEGER NOT NULL,
    created_by      TEXT NOT NULL,
    email           TEXT NOT NULL,
    permissioned_as TEXT NOT NULL,
    token_scopes    TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    scheduled_for   INTEGER NOT NULL,
    parent          TEXT,
    trigger_by      TEXT NOT NULL,
    labels          TEXT NOT NULL,
    status          TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    deaths          INTEGER NOT NULL,
    worker          TEXT NOT NULL,
    started_at      INTEGER,
    cancel_by       TEXT NOT NULL,
    cancel_reason   TEXT NOT NULL,
    reason          TEXT NOT NULL,
    ended_at        INTEGER NOT NULL,
    mem_peak        INTEGER NOT NULL, -- bytes
    cpu_us          INTEGER NOT NULL,
    user_start      INTEGER,
    user_end        INTEGER,
    tier            TEXT NOT NULL,
    error_name      TEXT NOT NULL,
    log_bytes       INTEGER NOT NULL,
    result_size     INTEGER NOT NULL  -- bytes
) STRICT;
CREATE INDEX history_list ON history (workspace, id);
CREATE INDEX history_status ON history (workspace, status, id);
CREATE INDEX history_path ON history (workspace, script_path, id);
CREATE INDEX history_creator ON history (workspace, created_by, id);
CREATE INDEX history_parent ON history (parent, id) WHERE parent IS NOT NULL;

-- Arguments, results and code of jobs: inline, or a key of the blob store.
CREATE TABLE payload (
    job_id    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    workspace TEXT NOT NULL,
    size      INTEGER NOT NULL, -- bytes
    blob_key  TEXT NOT NULL,
    data      BLOB,
    PRIMARY KEY (job_id, kind)
) STRICT;

-- Logs and streams, in pieces that are only added.
CREATE TABLE log_chunk (
    job_id     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    start_at   INTEGER NOT NULL, -- offset in the whole, bytes
    size       INTEGER NOT NULL,
    workspace  TEXT NOT NULL,
    written_at INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (job_id, kind, start_at)
) STRICT;

CREATE TABLE worker (
    name         TEXT PRIMARY KEY,
    host         TEXT NOT NULL,
    worker_group TEXT NOT NULL,
    tags         TEXT NOT NULL,
    slots        INTEGER NOT NULL,
    running      INTEGER NOT NULL,
    version      TEXT NOT NULL,
    languages    TEXT NOT NULL,
    started_at   INTEGER,
    seen_at      INTEGER NOT NULL,
    jobs_done    INTEGER NOT NULL,
    tier         TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
    name       TEXT PRIMARY KEY,
    value_json TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE setting;
DROP TABLE worker;
DROP TABLE log_chunk;
DROP TABLE payload;
DROP TABLE history;
DROP TABLE queue;
DROP TABLE draft;
DROP TABLE script;
DROP TABLE invite;
DROP TABLE token;
DROP TABLE member;
DROP TABLE person;
DROP TABLE workspace;
