-- Each index is a page more to write at every step. What these served is asked at a start, by housekeeping, or by a
-- person, and the tables are bounded: to go through them takes milliseconds.
DROP INDEX event_unfinished;
DROP INDEX event_closed;
DROP INDEX event_key;
DROP INDEX resource_unsettled;
DROP INDEX resource_kind;
DROP INDEX resource_removed;

-- How far the delivery of an answer has come stands with the event, which is written then in any case; the answer
-- itself is long, and written once.
ALTER TABLE event ADD COLUMN delivery_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN next_delivery_at INTEGER;
ALTER TABLE event ADD COLUMN delivery_error TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN delivered_at INTEGER;
UPDATE event SET (delivery_attempts, next_delivery_at, delivery_error, delivered_at) =
    (SELECT attempts, next_attempt_at, last_error, delivered_at FROM reply WHERE event_id = event.id)
    WHERE id IN (SELECT event_id FROM reply);
ALTER TABLE reply DROP COLUMN attempts;
ALTER TABLE reply DROP COLUMN next_attempt_at;
ALTER TABLE reply DROP COLUMN last_error;
ALTER TABLE reply DROP COLUMN delivered_at;

-- The history of a resource, in one place.
CREATE TABLE history (
    key        TEXT    NOT NULL,
    -- Counts the changes of this resource.
    number     INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    from_phase TEXT    NOT NULL,
    to_phase   TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;

INSERT INTO history SELECT key, sequence, generation, from_phase, to_phase, cause, at FROM transition;
DROP TABLE transition;
ALTER TABLE history RENAME TO transition;
