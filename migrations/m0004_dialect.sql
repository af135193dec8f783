-- In whose words an event came, and is to be answered. All before this came from Rancher 2.0.
ALTER TABLE event ADD COLUMN dialect TEXT NOT NULL DEFAULT 'A';
