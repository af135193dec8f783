internal import RancherAPI

/// The certificates that this container trusts: the system's, and that of the server if it has one of its own
/// (PROTOCOL 1.9.1).
package struct TrustStore: Sendable {
    /// The server's own certificate, kept on the host.
    package var authority = "/var/lib/rancher/etc/ssl/ca.crt"
    /// Read by everything that makes connections.
    package var bundle = "/etc/ssl/certs/ca-certificates.crt"

    package init() {}

    /// Adds the kept certificate to the system's, unless it is there already.
    ///
    /// - Returns: Whether there is a kept certificate.
    /// - Throws: ``BootstrapError``, also for one that cannot be read: beside it no other would be trusted any more.
    @discardableResult
    package func extend() throws(BootstrapError) -> Bool {
        guard let text = try kept() else { return false }
        let bundled = try TextFile.read(bundle) ?? ""
        guard !bundled.contains(text) else { return true }
        let separator = bundled.isEmpty || bundled.hasSuffix("\n") ? "" : "\n"
        try TextFile.replace(bundle, with: bundled + separator + text, mode: 0o644)
        return true
    }

    /// The server's own certificate; `nil` if there is none.
    ///
    /// - Throws: ``BootstrapError``, also for one that cannot be read.
    package func kept() throws(BootstrapError) -> String? {
        guard let text = try TextFile.read(authority) else { return nil }
        do throws(RancherError) {
            try ServerAuthority.checkReadable(text)
        } catch {
            throw BootstrapError("\(authority) is not trusted: \(error)")
        }
        return text
    }

    /// Keeps the server's certificate.
    ///
    /// - Throws: ``BootstrapError``.
    package func keep(_ text: String) throws(BootstrapError) {
        try TextFile.replace(authority, with: text.hasSuffix("\n") ? text : text + "\n", mode: 0o644)
    }
}
