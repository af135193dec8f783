-- One message of the server that was accepted.
CREATE TABLE event (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    reply_to      TEXT,
    resource_type TEXT,
    resource_id   TEXT,
    -- The resource that it is about; null for mere questions and for what could not be used.
    key           TEXT,
    generation    INTEGER NOT NULL,
    -- The frame as it came.
    frame         TEXT    NOT NULL,
    -- open: being worked on; answered: the answer is on its way; closed: nothing is left to do.
    state         TEXT    NOT NULL CHECK (state IN ('open', 'answered', 'closed')),
    -- Milliseconds since 1970, here and in every column whose name ends in _at.
    received_at   INTEGER NOT NULL,
    closed_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX event_unfinished ON event (state) WHERE state <> 'closed';
CREATE INDEX event_closed ON event (closed_at) WHERE state = 'closed';
CREATE INDEX event_key ON event (key, received_at);

-- One instance, volume or image that somebody wants in some state.
CREATE TABLE resource (
    key                TEXT    NOT NULL PRIMARY KEY,
    kind               TEXT    NOT NULL CHECK (kind IN ('instance', 'volume', 'image')),
    name               TEXT    NOT NULL,
    rancher_id         TEXT    NOT NULL,
    external_id        TEXT    NOT NULL,
    desired            TEXT    NOT NULL,
    phase              TEXT    NOT NULL,
    -- Counts the wishes; settled_generation is the last that was brought to an end.
    generation         INTEGER NOT NULL,
    settled_generation INTEGER NOT NULL,
    attempts           INTEGER NOT NULL,
    next_attempt_at    INTEGER,
    last_error         TEXT    NOT NULL,
    -- What is done right now, in words; empty if nothing is.
    activity           TEXT    NOT NULL,
    -- The state machine with specification and progress, as JSON.
    machine            TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX resource_unsettled ON resource (key) WHERE settled_generation < generation;
CREATE INDEX resource_kind ON resource (kind, name);
CREATE INDEX resource_removed ON resource (updated_at) WHERE phase = 'removed';

-- One change of phase: the history of a resource.
CREATE TABLE transition (
    sequence   INTEGER PRIMARY KEY,
    key        TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    from_phase TEXT    NOT NULL,
    to_phase   TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

CREATE INDEX transition_key ON transition (key, sequence);

-- One final answer, from the moment it was decided until some time after it was delivered.
CREATE TABLE reply (
    event_id        TEXT    NOT NULL PRIMARY KEY REFERENCES event (id) ON DELETE CASCADE,
    -- The message, byte for byte the same at every try.
    body            TEXT    NOT NULL,
    is_failure      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    last_error      TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    delivered_at    INTEGER
) STRICT, WITHOUT ROWID;

-- What could not be read, and why.
CREATE TABLE quarantine (
    sequence INTEGER PRIMARY KEY,
    -- frame, event or resource.
    source   TEXT    NOT NULL,
    -- The id or key, as far as it is known.
    name     TEXT    NOT NULL,
    raw      TEXT    NOT NULL,
    error    TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
