package import Model

/// One row of table `resource`.
package struct ResourceRow: Sendable, Hashable {
    package var key: ResourceKey
    package var name: String
    package var rancherID: String
    package var externalID: String
    package var desired: String
    package var phase: String
    package var generation: Int
    package var settledGeneration: Int
    package var attempts: Int
    package var nextAttemptAt: Timestamp?
    package var lastError: String
    package var activity: String
    /// JSON, for whoever knows the machines.
    package var machine: String
    /// What the server said about it, as JSON; empty if that is a part of ``machine``.
    package var specification: String
    package var createdAt: Timestamp
    package var updatedAt: Timestamp

    package init(
        key: ResourceKey, name: String, rancherID: String, externalID: String, desired: String, phase: String,
        generation: Int, settledGeneration: Int, attempts: Int, nextAttemptAt: Timestamp?, lastError: String,
        activity: String, machine: String, specification: String = "", createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.key = key
        self.name = name
        self.rancherID = rancherID
        self.externalID = externalID
        self.desired = desired
        self.phase = phase
        self.generation = generation
        self.settledGeneration = settledGeneration
        self.attempts = attempts
        self.nextAttemptAt = nextAttemptAt
        self.lastError = lastError
        self.activity = activity
        self.machine = machine
        self.specification = specification
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    package var isSettled: Bool { settledGeneration >= generation }

    fileprivate static let columns = """
        key, name, rancher_id, external_id, desired, phase, generation, settled_generation, attempts, next_attempt_at,
        last_error, activity, machine, created_at, updated_at
        """
    /// The same without machine and specification, which are long.
    fileprivate static let brief = """
        key, name, rancher_id, external_id, desired, phase, generation, settled_generation, attempts, next_attempt_at,
        last_error, activity, '', created_at, updated_at, ''
        """
    /// The same, to be read together with the specification.
    static let all =
        columns + ", coalesce((SELECT body FROM specification WHERE specification.key = resource.key), '')"

    init?(_ row: borrowing Row) {
        guard let key = ResourceKey(row.text(0)) else { return nil }
        self.init(
            key: key, name: row.text(1), rancherID: row.text(2), externalID: row.text(3), desired: row.text(4),
            phase: row.text(5), generation: row.integer(6), settledGeneration: row.integer(7),
            attempts: row.integer(8), nextAttemptAt: row.optionalInteger(9).map(Timestamp.init(milliseconds:)),
            lastError: row.text(10), activity: row.text(11), machine: row.text(12), specification: row.text(15),
            createdAt: Timestamp(milliseconds: row.integer(13)), updatedAt: Timestamp(milliseconds: row.integer(14)))
    }
}

extension Store {
    /// Writes the row, new or over the old one.
    ///
    /// - Parameters:
    ///   - row: Takes the place of the one with its key, of which only the time of creation stays.
    ///   - specificationIsNew: False if its specification is the one that was written with it last.
    /// - Throws: ``StoreError``.
    package func put(_ row: ResourceRow, specificationIsNew: Bool = true) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO resource (\(ResourceRow.columns), kind)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
            ON CONFLICT (key) DO UPDATE SET name = ?2, rancher_id = ?3, external_id = ?4, desired = ?5, phase = ?6,
                generation = ?7, settled_generation = ?8, attempts = ?9, next_attempt_at = ?10, last_error = ?11,
                activity = ?12, machine = ?13, updated_at = ?15
            """,
            .text(row.key.description), .text(row.name), .text(row.rancherID), .text(row.externalID),
            .text(row.desired), .text(row.phase), .integer(row.generation), .integer(row.settledGeneration),
            .integer(row.attempts), SQLValue(row.nextAttemptAt?.milliseconds), .text(row.lastError),
            .text(row.activity), .text(row.machine), .integer(row.createdAt.milliseconds),
            .integer(row.updatedAt.milliseconds), .text(row.key.kind.rawValue))
        guard specificationIsNew else { return }
        if row.specification.isEmpty {
            try connection.run("DELETE FROM specification WHERE key = ?", .text(row.key.description))
        } else {
            try connection.run(
                """
                INSERT INTO specification (key, body) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = ?2
                """, .text(row.key.description), .text(row.specification))
        }
    }

    /// The row of one resource.
    ///
    /// - Throws: ``StoreError``.
    package func resource(_ key: ResourceKey) throws(StoreError) -> ResourceRow? {
        try connection.rows(
            "SELECT \(ResourceRow.all) FROM resource WHERE key = ?", .text(key.description), read: ResourceRow.init
        ).first
    }

    /// All resources on the way to what is wanted of them.
    ///
    /// - Throws: ``StoreError``.
    package func unsettledResources() throws(StoreError) -> [ResourceRow] {
        try connection.rows(
            "SELECT \(ResourceRow.all) FROM resource WHERE settled_generation < generation ORDER BY key",
            read: ResourceRow.init)
    }

    /// The keys of rows that are about nothing this program knows.
    ///
    /// - Throws: ``StoreError``.
    package func unreadableResources() throws(StoreError) -> [String] {
        try connection.rows("SELECT key FROM resource WHERE settled_generation < generation") { row in
            ResourceKey(row.text(0)) == nil ? row.text(0) : nil
        }
    }

    /// All resources, instances first, by name.
    ///
    /// - Throws: ``StoreError``.
    package func allResources() throws(StoreError) -> [ResourceRow] {
        try connection.rows(
            """
            SELECT \(ResourceRow.all) FROM resource
            ORDER BY CASE kind WHEN 'instance' THEN 0 WHEN 'volume' THEN 1 ELSE 2 END, name, key
            """, read: ResourceRow.init)
    }

    /// The same without machines and specifications, which are long.
    ///
    /// - Throws: ``StoreError``.
    package func briefResources() throws(StoreError) -> [ResourceRow] {
        try connection.rows(
            """
            SELECT \(ResourceRow.brief) FROM resource
            ORDER BY CASE kind WHEN 'instance' THEN 0 WHEN 'volume' THEN 1 ELSE 2 END, name, key
            """, read: ResourceRow.init)
    }

    /// The keys, containers and phases of the settled instances: what has to be compared with a list of containers.
    ///
    /// - Throws: ``StoreError``.
    package func settledInstances() throws(StoreError) -> [(key: ResourceKey, externalID: String, phase: String)] {
        try connection.rows(
            """
            SELECT key, external_id, phase FROM resource
            WHERE kind = 'instance' AND settled_generation >= generation AND phase NOT IN ('removed', 'failed')
            """
        ) { row in ResourceKey(row.text(0)).map { (key: $0, externalID: row.text(1), phase: row.text(2)) } }
    }

    /// The same of one instance; `nil` if there is nothing to compare.
    ///
    /// - Throws: ``StoreError``.
    package func settledInstance(_ key: ResourceKey) throws(StoreError) -> (externalID: String, phase: String)? {
        try connection.rows(
            """
            SELECT external_id, phase FROM resource
            WHERE key = ? AND settled_generation >= generation AND phase NOT IN ('removed', 'failed')
            """, .text(key.description)
        ) { row in (externalID: row.text(0), phase: row.text(1)) }.first
    }

    /// Takes the row away.
    ///
    /// - Throws: ``StoreError``.
    package func deleteResource(_ key: String) throws(StoreError) {
        try connection.run("DELETE FROM resource WHERE key = ?", .text(key))
    }

    /// Forgets what has come to an end and is not there: what was removed before the first moment, images and failures
    /// settled before the second one, and the oldest of what was removed beyond a number; all with their history.
    ///
    /// - Throws: ``StoreError``.
    package func forgetResources(
        removedBefore time: Timestamp, settledBefore: Timestamp, keeping count: Int
    ) throws(StoreError) {
        // What failed may still be there, and its record is what knows of it: a container, a mounted volume.
        let ended = """
            settled_generation >= generation AND (phase = 'removed' AND updated_at < ?1
                OR (kind = 'image' OR phase = 'failed' AND kind = 'instance' AND external_id = '') AND updated_at < ?2)
            """
        try connection.run(
            "DELETE FROM transition WHERE key IN (SELECT key FROM resource WHERE \(ended))",
            .integer(time.milliseconds), .integer(settledBefore.milliseconds))
        try connection.run(
            "DELETE FROM resource WHERE \(ended)", .integer(time.milliseconds), .integer(settledBefore.milliseconds))
        let surplus = """
            SELECT key FROM resource WHERE phase = 'removed' AND settled_generation >= generation
            ORDER BY updated_at DESC, key LIMIT -1 OFFSET ?
            """
        try connection.run("DELETE FROM transition WHERE key IN (\(surplus))", .integer(count))
        try connection.run("DELETE FROM resource WHERE key IN (\(surplus))", .integer(count))
    }
}

// MARK: For whoever looks at the store

extension Store {
    /// Resources of one kind by name, without machines and specifications.
    ///
    /// - Parameters:
    ///   - kind: What they are.
    ///   - pending: Only those on the way to what is wanted of them.
    ///   - phase: Only those in this phase; `nil` for all.
    ///   - limit: At most so many.
    /// - Throws: ``StoreError``.
    package func resources(
        of kind: ResourceKind, pending: Bool, phase: String?, limit: Int
    ) throws(StoreError) -> [ResourceRow] {
        try connection.rows(
            """
            SELECT \(ResourceRow.brief) FROM resource
            WHERE kind = ?1 AND (?2 = 0 OR settled_generation < generation) AND (?3 IS NULL OR phase = ?3)
            ORDER BY name, key LIMIT ?4
            """, .text(kind.rawValue), .integer(pending ? 1 : 0), SQLValue(phase), .integer(limit),
            read: ResourceRow.init)
    }

    /// How many such resources there are.
    ///
    /// - Throws: ``StoreError``.
    package func resourceCount(of kind: ResourceKind, pending: Bool, phase: String?) throws(StoreError) -> Int {
        try connection.rows(
            """
            SELECT count(*) FROM resource
            WHERE kind = ?1 AND (?2 = 0 OR settled_generation < generation) AND (?3 IS NULL OR phase = ?3)
            """, .text(kind.rawValue), .integer(pending ? 1 : 0), SQLValue(phase)
        ) { $0.integer(0) }.first ?? 0
    }

    /// The resources whose next try should have been before the given moment, without machines and specifications.
    ///
    /// - Throws: ``StoreError``.
    package func resourcesDue(before time: Timestamp, limit: Int) throws(StoreError) -> [ResourceRow] {
        try connection.rows(
            """
            SELECT \(ResourceRow.brief) FROM resource
            WHERE settled_generation < generation AND next_attempt_at < ? ORDER BY next_attempt_at, key LIMIT ?
            """, .integer(time.milliseconds), .integer(limit), read: ResourceRow.init)
    }

    /// When a resource, or an event, was last written; `nil` for an empty store.
    ///
    /// - Throws: ``StoreError``.
    package func newestChange() throws(StoreError) -> Timestamp? {
        try connection.rows(
            """
            SELECT max(at) FROM (SELECT max(updated_at) AS at FROM resource UNION ALL SELECT max(received_at) FROM event
                UNION ALL SELECT max(delivered_at) FROM event)
            """
        ) { $0.optionalInteger(0).map(Timestamp.init(milliseconds:)) }.first
    }
}
