-- Times are microseconds since 1970, 0 for none. Flags are 0 or 1. No column is
-- NULL but a body that was pruned. sqlite/migrations has the same tables.

-- +goose Up
CREATE TABLE deliveries (
  id       TEXT COLLATE "C" PRIMARY KEY,
  event    TEXT NOT NULL,
  headers  TEXT NOT NULL,
  body     BYTEA,
  received BIGINT NOT NULL,
  fate     TEXT NOT NULL,
  reason   TEXT NOT NULL DEFAULT '',
  attempts BIGINT NOT NULL DEFAULT 0,
  due      BIGINT NOT NULL,
  settled  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX deliveries_due ON deliveries (due) WHERE fate = 'pending';
CREATE INDEX deliveries_received ON deliveries (received);
CREATE INDEX deliveries_settled ON deliveries (settled) WHERE fate <> 'pending';

CREATE TABLE runs (
  id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number          BIGINT NOT NULL,
  attempt         BIGINT NOT NULL,
  version         BIGINT NOT NULL,
  installation    BIGINT NOT NULL,
  repository      BIGINT NOT NULL,
  repository_name TEXT NOT NULL,
  workflow        TEXT COLLATE "C" NOT NULL,
  name            TEXT COLLATE "C" NOT NULL,
  title           TEXT NOT NULL,
  event           TEXT NOT NULL,
  action          TEXT NOT NULL,
  ref             TEXT NOT NULL,
  sha             TEXT NOT NULL,
  head_sha        TEXT NOT NULL,
  head_ref        TEXT NOT NULL,
  actor_id        BIGINT NOT NULL,
  actor           TEXT NOT NULL,
  zone            TEXT NOT NULL,
  delivery        TEXT NOT NULL,
  origin          TEXT COLLATE "C" NOT NULL,
  state           TEXT NOT NULL,
  conclusion      TEXT NOT NULL,
  reason          TEXT NOT NULL,
  check_run       BIGINT NOT NULL,
  created         BIGINT NOT NULL,
  started         BIGINT NOT NULL,
  finished        BIGINT NOT NULL,
  plan            BYTEA NOT NULL,
  progress        BYTEA NOT NULL,
  events_pruned   BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX runs_origin ON runs (origin) WHERE origin <> '';
CREATE INDEX runs_repository ON runs (repository, id);
CREATE INDEX runs_head ON runs (head_sha);
CREATE INDEX runs_delivery ON runs (delivery) WHERE delivery <> '';
CREATE INDEX runs_open ON runs (id) WHERE state <> 'completed';
CREATE INDEX runs_finished ON runs (finished) WHERE state = 'completed';

CREATE TABLE run_numbers (
  repository BIGINT NOT NULL,
  workflow   TEXT COLLATE "C" NOT NULL,
  last       BIGINT NOT NULL,
  PRIMARY KEY (repository, workflow)
);

CREATE TABLE jobs (
  run         BIGINT NOT NULL,
  attempt     BIGINT NOT NULL,
  job         TEXT COLLATE "C" NOT NULL,
  place       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        TEXT COLLATE "C" NOT NULL,
  labels      TEXT COLLATE "C" NOT NULL,
  environment TEXT COLLATE "C" NOT NULL,
  state       TEXT NOT NULL,
  conclusion  TEXT NOT NULL,
  reason      TEXT NOT NULL,
  check_run   BIGINT NOT NULL,
  worker      TEXT NOT NULL,
  queued      BIGINT NOT NULL,
  started     BIGINT NOT NULL,
  finished    BIGINT NOT NULL,
  message     BYTEA NOT NULL,
  checkpoint  BYTEA NOT NULL,
  UNIQUE (run, attempt, job)
);

CREATE TABLE concurrency (
  repository BIGINT NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  run        BIGINT NOT NULL,
  job        TEXT COLLATE "C" NOT NULL,
  standing   TEXT NOT NULL,
  place      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  UNIQUE (repository, name, run, job)
);
CREATE INDEX concurrency_holder ON concurrency (run, job);

CREATE TABLE approvals (
  run         BIGINT NOT NULL,
  attempt     BIGINT NOT NULL,
  environment TEXT COLLATE "C" NOT NULL,
  sha         TEXT NOT NULL,
  by_id       BIGINT NOT NULL,
  by_login    TEXT NOT NULL,
  verdict     TEXT NOT NULL,
  comment     TEXT NOT NULL,
  made        BIGINT NOT NULL,
  PRIMARY KEY (run, attempt, environment, by_id)
);

CREATE TABLE queue_items (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run        BIGINT NOT NULL,
  attempt    BIGINT NOT NULL,
  job        TEXT COLLATE "C" NOT NULL,
  repository BIGINT NOT NULL,
  labels     TEXT COLLATE "C" NOT NULL,
  priority   BIGINT NOT NULL,
  state      TEXT NOT NULL,
  enqueued   BIGINT NOT NULL,
  due        BIGINT NOT NULL,
  tries      BIGINT NOT NULL DEFAULT 0,
  worker     TEXT NOT NULL DEFAULT '',
  cancel     TEXT NOT NULL DEFAULT '',
  UNIQUE (run, attempt, job)
);
CREATE INDEX queue_head ON queue_items (labels, repository, priority DESC, id) WHERE state = 'waiting';
CREATE INDEX queue_due ON queue_items (due) WHERE state <> 'waiting';

-- One row for each repository and set of labels of which something waits: a
-- lease looks at few of these rows, never at the items behind them.
CREATE TABLE queue_lanes (
  labels     TEXT COLLATE "C" NOT NULL,
  repository BIGINT NOT NULL,
  waiting    BIGINT NOT NULL,
  top        BIGINT NOT NULL,
  served     BIGINT NOT NULL,
  PRIMARY KEY (labels, repository)
);
CREATE INDEX queue_lanes_order ON queue_lanes (labels, top DESC, served, repository);

CREATE TABLE queue_repositories (
  repository BIGINT PRIMARY KEY,
  running    BIGINT NOT NULL,
  served     BIGINT NOT NULL
);

CREATE TABLE events (
  run      BIGINT NOT NULL,
  attempt  BIGINT NOT NULL,
  job      TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  at       BIGINT NOT NULL,
  data     BYTEA NOT NULL,
  PRIMARY KEY (run, attempt, job, sequence)
);

CREATE TABLE secrets (
  kind        TEXT COLLATE "C" NOT NULL,
  level       TEXT COLLATE "C" NOT NULL,
  owner       BIGINT NOT NULL,
  environment TEXT COLLATE "C" NOT NULL,
  name        TEXT COLLATE "C" NOT NULL,
  sealed      BYTEA NOT NULL,
  updated     BIGINT NOT NULL,
  by_id       BIGINT NOT NULL,
  by_login    TEXT NOT NULL,
  PRIMARY KEY (kind, level, owner, environment, name)
);

CREATE TABLE named_values (
  name  TEXT COLLATE "C" PRIMARY KEY,
  value BYTEA NOT NULL
);
