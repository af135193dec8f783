/// The numbered schema files of this folder, embedded into the binary, oldest first.
///
/// A schema is only ever changed by a new file here: `mNNNN_name.sql`, listed below and in the package manifest.
package struct Migration: Sendable {
    /// The schema version that the file leads to; versions count from 1 without a gap.
    package let version: Int
    /// The file's name without its ending, for messages.
    package let name: String
    /// The statements, run in one transaction.
    package let sql: String

    /// All migrations in the order in which they are applied.
    package static let all: [Migration] = [
        Migration(
            version: 1, name: "m0001_initial", sql: String(decoding: PackageResources.m0001_initial_sql, as: UTF8.self)),
        Migration(
            version: 2, name: "m0002_apart", sql: String(decoding: PackageResources.m0002_apart_sql, as: UTF8.self)),
        Migration(
            version: 3, name: "m0003_lean", sql: String(decoding: PackageResources.m0003_lean_sql, as: UTF8.self)),
        Migration(
            version: 4, name: "m0004_dialect", sql: String(decoding: PackageResources.m0004_dialect_sql, as: UTF8.self)),
    ]
}
