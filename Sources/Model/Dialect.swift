/// The languages of the two families of servers (PROTOCOL 0.1). Nothing is decided by it but the words of an answer.
package enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// Rancher 2.0, technology preview: API `/v3`, one `deploymentSyncRequest` for everything.
    case a = "A"
    /// Rancher 1.6: API `/v1` and `/v2-beta`, a map for each relation between two resources.
    case b = "B"
}
