-- Texts compare byte by byte, as on SQLite, so that pages are the same on both.
-- +goose Up
CREATE TABLE workspace (
    id         text COLLATE "C" PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    archived   boolean NOT NULL
);

-- A user. ("user" is a word of SQL.)
CREATE TABLE person (
    email         text COLLATE "C" PRIMARY KEY,
    name          text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    superadmin    boolean NOT NULL,
    disabled      boolean NOT NULL,
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz
);

CREATE TABLE member (
    workspace  text COLLATE "C" NOT NULL REFERENCES workspace (id),
    email      text COLLATE "C" NOT NULL REFERENCES person (email),
    username   text COLLATE "C" NOT NULL,
    role       text COLLATE "C" NOT NULL,
    disabled   boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace, email),
    UNIQUE (workspace, username)
);
CREATE INDEX member_email ON member (email);

CREATE TABLE token (
    id           uuid PRIMARY KEY,
    digest       text COLLATE "C" NOT NULL UNIQUE,
    prefix       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    email        text COLLATE "C" NOT NULL REFERENCES person (email),
    label        text COLLATE "C" NOT NULL,
    workspace    text COLLATE "C" NOT NULL,
    scopes       text COLLATE "C" NOT NULL,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX token_email ON token (email);
CREATE INDEX token_expires ON token (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE invite (
    digest     text COLLATE "C" PRIMARY KEY,
    email      text COLLATE "C" NOT NULL,
    superadmin boolean NOT NULL,
    workspace  text COLLATE "C" NOT NULL,
    role       text COLLATE "C" NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Versions of scripts. The long columns come last: lists do not read them.
CREATE TABLE script (
    workspace   text COLLATE "C" NOT NULL REFERENCES workspace (id),
    hash        text COLLATE "C" NOT NULL,
    path        text COLLATE "C" NOT NULL,
    version     bigint NOT NULL, -- 1, 2, … within the path
    parents     text COLLATE "C" NOT NULL,
    summary     text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    language    text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    no_main     boolean NOT NULL,
    settings    text COLLATE "C" NOT NULL,
    lock_error  text COLLATE "C" NOT NULL,
    message     text COLLATE "C" NOT NULL,
    created_by  text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL,
    archived    boolean NOT NULL,
    deleted     boolean NOT NULL,
    search      text COLLATE "C" NOT NULL, -- path and summary, folded
    content     text COLLATE "C" NOT NULL,
    schema_json text,
    lock_text   text,
    PRIMARY KEY (workspace, hash),
    UNIQUE (workspace, path, version)
);
CREATE INDEX script_live ON script (workspace, path, version) WHERE NOT archived AND NOT deleted;

CREATE TABLE draft (
    workspace  text COLLATE "C" NOT NULL REFERENCES workspace (id),
    email      text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    path       text COLLATE "C" NOT NULL,
    value_json text COLLATE "C" NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace, email, kind, path)
);

-- Jobs that are not final: small, and always in memory.
CREATE TABLE queue (
    id              uuid PRIMARY KEY,
    workspace       text COLLATE "C" NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    script_path     text COLLATE "C" NOT NULL,
    script_hash     text COLLATE "C" NOT NULL,
    language        text COLLATE "C" NOT NULL,
    tag             text COLLATE "C" NOT NULL,
    priority        bigint NOT NULL,
    timeout_us      bigint NOT NULL,
    created_by      text COLLATE "C" NOT NULL,
    email           text COLLATE "C" NOT NULL,
    permissioned_as text COLLATE "C" NOT NULL,
    token_scopes    text COLLATE "C" NOT NULL,
    created_at      timestamptz NOT NULL,
    scheduled_for   timestamptz NOT NULL,
    parent          uuid,
    trigger_by      text COLLATE "C" NOT NULL,
    labels          text COLLATE "C" NOT NULL,
    status          text COLLATE "C" NOT NULL,
    attempt         bigint NOT NULL,
    deaths          bigint NOT NULL,
    worker          text COLLATE "C" NOT NULL,
    started_at      timestamptz,
    cancel_by       text COLLATE "C" NOT NULL,
    cancel_reason   text COLLATE "C" NOT NULL,
    reason          text COLLATE "C" NOT NULL,
    lease_until     timestamptz
) WITH (
    -- Rows come and go by the thousand: leave room to update in place, and clean up by count, not by share.
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000
);
CREATE INDEX queue_due ON queue (tag, priority DESC, scheduled_for, id) WHERE status = 'queued';
CREATE INDEX queue_lease ON queue (lease_until) WHERE status = 'running';
CREATE INDEX queue_list ON queue (workspace, id);

-- Jobs that are final. Rows are only added.
CREATE TABLE history (
    id              uuid PRIMARY KEY,
    workspace       text COLLATE "C" NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    script_path     text COLLATE "C" NOT NULL,
    script_hash     text COLLATE "C" NOT NULL,
    language        text COLLATE "C" NOT NULL,
    tag             text COLLATE "C" NOT NULL,
    priority        bigint NOT NULL,
    timeout_us      bigint NOT NULL,
    created_by      text COLLATE "C" NOT NULL,
    email           text COLLATE "C" NOT NULL,
    permissioned_as text COLLATE "C" NOT NULL,
    token_scopes    text COLLATE "C" NOT NULL,
    created_at      timestamptz NOT NULL,
    scheduled_for   timestamptz NOT NULL,
    parent          uuid,
    trigger_by      text COLLATE "C" NOT NULL,
    labels          text COLLATE "C" NOT NULL,
    status          text COLLATE "C" NOT NULL,
    attempt         bigint NOT NULL,
    deaths          bigint NOT NULL,
    worker          text COLLATE "C" NOT NULL,
    started_at      timestamptz,
    cancel_by       text COLLATE "C" NOT NULL,
    cancel_reason   text COLLATE "C" NOT NULL,
    reason          text COLLATE "C" NOT NULL,
    ended_at        timestamptz NOT NULL,
    mem_peak        bigint NOT NULL, -- bytes
    cpu_us          bigint NOT NULL,
    user_start      timestamptz,
    user_end        timestamptz,
    tier            text COLLATE "C" NOT NULL,
    error_name      text COLLATE "C" NOT NULL,
    log_bytes       bigint NOT NULL,
    result_size     bigint NOT NULL  -- bytes
);
CREATE INDEX history_list ON history (workspace, id);
CREATE INDEX history_status ON history (workspace, status, id);
CREATE INDEX history_path ON history (workspace, script_path, id);
CREATE INDEX history_creator ON history (workspace, created_by, id);
CREATE INDEX history_parent ON history (parent, id) WHERE parent IS NOT NULL;

-- Arguments, results and code of jobs: inline, or a key of the blob store.
CREATE TABLE payload (
    job_id    uuid NOT NULL,
    kind      text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    size      bigint NOT NULL, -- bytes
    blob_key  text COLLATE "C" NOT NULL,
    data      bytea,
    PRIMARY KEY (job_id, kind)
);

-- Logs and streams, in pieces that are only added.
CREATE TABLE log_chunk (
    job_id     uuid NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    start_at   bigint NOT NULL, -- offset in the whole, bytes
    size       bigint NOT NULL,
    workspace  text COLLATE "C" NOT NULL,
    written_at timestamptz NOT NULL,
    data       bytea NOT NULL,
    PRIMARY KEY (job_id, kind, start_at)
);

CREATE TABLE worker (
    name         text COLLATE "C" PRIMARY KEY,
    host         text COLLATE "C" NOT NULL,
    worker_group text COLLATE "C" NOT NULL,
    tags         text COLLATE "C" NOT NULL,
    slots        bigint NOT NULL,
    running      bigint NOT NULL,
    version      text COLLATE "C" NOT NULL,
    languages    text COLLATE "C" NOT NULL,
    started_at   timestamptz,
    seen_at      timestamptz NOT NULL,
    jobs_done    bigint NOT NULL,
    tier         text COLLATE "C" NOT NULL
);

CREATE TABLE setting (
    name       text COLLATE "C" PRIMARY KEY,
    value_json text COLLATE "C" NOT NULL,
    updated_at timestamptz NOT NULL
);

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
