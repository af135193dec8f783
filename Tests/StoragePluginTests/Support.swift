import AsyncHTTPClient
import FakeStoragePlugin
import Foundation
import StoragePlugin

/// A directory of plug-ins with one real one in it, and the client of it.
struct PluginScene: Sendable {
    static let driver = "rancher-nfs"

    /// Below it there are the directory of the sockets, `storage`, and whatever else a test puts there.
    let root: String
    let fake: FakeStoragePlugin
    let httpClient: HTTPClient

    var directory: String { root + "/storage" }

    func plugins(_ deadlines: StoragePluginDeadlines = StoragePluginDeadlines()) -> StoragePlugins {
        StoragePlugins(directory: directory, httpClient: httpClient, deadlines: deadlines)
    }

    func plugin(_ deadlines: StoragePluginDeadlines = StoragePluginDeadlines()) async throws -> StoragePlugin {
        guard let plugin = try await plugins(deadlines).plugin(forDriver: Self.driver) else { throw Missing() }
        return plugin
    }

    /// Calls wait no longer than this.
    func plugin(within limit: Duration) async throws -> StoragePlugin {
        try await plugin(StoragePluginDeadlines().capped(at: limit))
    }

    private struct Missing: Error {}
}

/// Runs the plug-in for the length of `body`.
func withPlugin(_ body: (PluginScene) async throws -> Void) async throws {
    let root = "/tmp/plugin-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: root + "/storage", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    let scene = PluginScene(
        root: root,
        fake: FakeStoragePlugin(
            socketPath: "\(root)/storage/\(PluginScene.driver).sock", volumeDirectory: root + "/volumes"),
        httpClient: HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: StoragePlugins.clientConfiguration))
    try await scene.fake.start()
    let failure: (any Error)?
    do {
        try await body(scene)
        failure = nil
    } catch {
        failure = error
    }
    try await scene.httpClient.shutdown()
    try await scene.fake.stop()
    if let failure { throw failure }
}

/// The error that the call throws.
func failure(of call: () async throws -> Void) async -> StoragePluginError? {
    do {
        try await call()
        return nil
    } catch {
        return error as? StoragePluginError
    }
}

/// Waits until something is true, and looks every few milliseconds.
func untilTrue(_ probe: () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while !probe() {
        guard ContinuousClock.now < end else { return false }
        try await Task.sleep(for: .milliseconds(5))
    }
    return true
}
