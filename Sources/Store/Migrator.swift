package import Migrations

/// Brings a database to the schema that this program knows.
package enum Migrator {
    /// The newest schema version.
    package static var currentVersion: Int { Migration.all.last?.version ?? 0 }

    /// The schema version of a database; 0 for an empty one.
    ///
    /// - Throws: ``StoreError``.
    package static func version(of connection: Connection) throws(StoreError) -> Int {
        try connection.rows("PRAGMA user_version") { $0.integer(0) }.first ?? 0
    }

    /// Refuses a database that this program does not know.
    ///
    /// - Throws: ``StoreError``, of kind `otherSchema` if the database comes from a newer program.
    package static func checkVersion(
        of connection: Connection, newest: Int = Migrator.currentVersion
    ) throws(StoreError) {
        let version = try version(of: connection)
        guard version <= newest else {
            throw StoreError(
                .otherSchema(version: version),
                "the database has schema version \(version), this program knows \(newest): it was written by a newer agent"
            )
        }
    }

    /// Applies what is missing, each file in a transaction of its own together with its version number.
    ///
    /// - Throws: ``StoreError``, of kind `otherSchema` if the database comes from a newer program.
    package static func migrate(_ connection: Connection, with migrations: [Migration] = Migration.all) throws {
        try checkVersion(of: connection, newest: migrations.last?.version ?? 0)
        let version = try version(of: connection)
        for migration in migrations where migration.version > version {
            try connection.transaction {
                try connection.execute(migration.sql)
                try connection.execute("PRAGMA user_version = \(migration.version)")
            }
        }
    }
}
