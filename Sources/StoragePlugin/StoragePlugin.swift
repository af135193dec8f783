import AsyncHTTPClient
import LosslessJSON

/// The plug-in of one driver.
///
/// Every call has a deadline, is sent at most once and never again by itself, and throws ``StoragePluginError`` only.
package struct StoragePlugin: Sendable {
    /// The driver's name, as a volume names it.
    package let driver: String
    /// Where the plug-in listens.
    package let socketPath: String
    let httpClient: HTTPClient
    let deadlines: StoragePluginDeadlines
    /// Whether an error that comes with a status from 400 to 499 counts, as it does with Rancher 1.6; otherwise such a
    /// status only says that there is nothing to do for the call (PROTOCOL 7.4).
    package var heedsClientErrors = false

    /// Makes the volume; plug-ins take one that is there already for done.
    ///
    /// - Parameters:
    ///   - name: The volume's, as the plug-in is told it.
    ///   - options: The driver's own.
    package func create(_ name: String, options: [String: String]) async throws(StoragePluginError) {
        try await make(request(.create, name, options: options), within: deadlines.create)
    }

    /// Makes the volume's storage reachable from this host.
    ///
    /// - Parameters:
    ///   - name: The volume's, as the plug-in is told it.
    ///   - options: The driver's own.
    package func attach(_ name: String, options: [String: String]) async throws(StoragePluginError) {
        try await make(request(.attach, name, options: options), within: deadlines.attach)
    }

    /// Mounts the volume on this host.
    ///
    /// - Parameters:
    ///   - name: The volume's, as the plug-in is told it.
    ///   - options: The driver's own.
    /// - Returns: Where it is mounted: an absolute path without a colon, so that it can stand in a bind.
    package func mount(_ name: String, options: [String: String]) async throws(StoragePluginError) -> String {
        let call = request(.mount, name, options: options)
        return try call.mountPoint(in: try await exchange(call, within: deadlines.mount))
    }

    /// Takes the volume's mount away again.
    package func unmount(_ name: String) async throws(StoragePluginError) {
        try await make(request(.unmount, name), within: deadlines.unmount)
    }

    /// Deletes the volume with all that is in it.
    package func remove(_ name: String) async throws(StoragePluginError) {
        try await make(request(.remove, name), within: deadlines.remove)
    }

    /// What the plug-in says it can do with the volume: `flex` if it wants to mount it by itself, else something else
    /// or nothing.
    ///
    /// - Parameters:
    ///   - name: The volume's, as the plug-in is told it.
    ///   - options: The driver's own.
    package func scope(_ name: String, options: [String: String]) async throws(StoragePluginError) -> String {
        let call = request(.capabilities, name, options: options)
        let response = try call.response(in: try await exchange(call, within: deadlines.capabilities))
        return response[anyCase: "Capabilities"][anyCase: "Scope"].text ?? ""
    }

    private func request(_ verb: PluginRequest.Verb, _ name: String, options: [String: String] = [:]) -> PluginRequest {
        PluginRequest(
            verb, volume: name, driver: driver, options: options, heedsClientErrors: heedsClientErrors)
    }

    private func make(_ call: PluginRequest, within deadline: Duration) async throws(StoragePluginError) {
        _ = try call.response(in: try await exchange(call, within: deadline))
    }
}
