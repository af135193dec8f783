-- What is written once and is long stands apart from what changes at every step.

-- The frames of events, as they came.
CREATE TABLE frame (
    event_id TEXT NOT NULL UNIQUE REFERENCES event (id) ON DELETE CASCADE ON UPDATE CASCADE,
    text     TEXT NOT NULL
) STRICT;

INSERT INTO frame SELECT id, frame FROM event;
ALTER TABLE event DROP COLUMN frame;

-- What the server said about a resource, as JSON. Without a row here it stands in the resource's machine, as it does
-- for whatever is short.
CREATE TABLE specification (
    key  TEXT NOT NULL UNIQUE REFERENCES resource (key) ON DELETE CASCADE ON UPDATE CASCADE,
    body TEXT NOT NULL
) STRICT;
