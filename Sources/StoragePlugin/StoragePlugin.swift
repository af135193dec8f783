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

    /// Makes the volume; plug-ins take one that is there already for done.
    ///
    /// - Parameter options: The driver's own.
    package func create(_ name: String, options: [String: String]) async throws(StoragePluginError) {
        try await make(PluginRequest(.create, volume: name, driver: driver, options: options), within: deadlines.create)
    }

    /// Makes the volume's storage reachable from this host.
    ///
    /// - Parameter options: The driver's own.
    package func attach(_ name: String, options: [String: String]) async throws(StoragePluginError) {
        try await make(PluginRequest(.attach, volume: name, driver: driver, options: options), within: deadlines.attach)
    }

    /// Mounts the volume on this host.
    ///
    /// - Parameter options: The driver's own.
    /// - Returns: Where it is mounted: an absolute path without a colon, so that it can stand in a bind.
    package func mount(_ name: String, options: [String: String]) async throws(StoragePluginError) -> String {
        let call = PluginRequest(.mount, volume: name, driver: driver, options: options)
        return try call.mountPoint(in: try await exchange(call, within: deadlines.mount))
    }

    /// Takes the volume's mount away again.
    package func unmount(_ name: String) async throws(StoragePluginError) {
        try await make(PluginRequest(.unmount, volume: name, driver: driver), within: deadlines.unmount)
    }

    /// Deletes the volume with all that is in it.
    package func remove(_ name: String) async throws(StoragePluginError) {
        try await make(PluginRequest(.remove, volume: name, driver: driver), within: deadlines.remove)
    }

    /// What the plug-in says it can do with the volume: `flex` if it wants to mount it by itself, else something else
    /// or nothing.
    ///
    /// - Parameter options: The driver's own.
    package func scope(_ name: String, options: [String: String]) async throws(StoragePluginError) -> String {
        let call = PluginRequest(.capabilities, volume: name, driver: driver, options: options)
        let response = try call.response(in: try await exchange(call, within: deadlines.capabilities))
        return response[anyCase: "Capabilities"][anyCase: "Scope"].text ?? ""
    }

    private func make(_ call: PluginRequest, within deadline: Duration) async throws(StoragePluginError) {
        _ = try call.response(in: try await exchange(call, within: deadline))
    }
}
