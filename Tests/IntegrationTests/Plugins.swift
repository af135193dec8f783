import FakeStoragePlugin
import Foundation
import LosslessJSON
import RancherSimulator

extension Scene {
    /// A storage plug-in that the agent finds, for as long as the body runs.
    func withPlugin(_ driver: String, _ body: (FakeStoragePlugin) async throws -> Void) async throws {
        let plugin = FakeStoragePlugin(socketPath: "\(directory)/plugins/\(driver).sock")
        try await plugin.start()
        let result: Result<Void, any Error>
        do {
            try await body(plugin)
            result = .success(())
        } catch {
            result = .failure(HarnessError("\(driver): \(error); calls: \(plugin.calls)"))
        }
        plugin.reappear()
        try? await plugin.stop()
        try result.get()
    }

    /// Where the engine shows that the paths of the container come from.
    func sources(of instance: InstanceEvents) async throws -> [String: String] {
        let mounts = try await engine.inspect(instance.externalID ?? "")?["Mounts"].array ?? []
        return mounts.reduce(into: [:]) { $0[$1["Destination"].text ?? ""] = $1["Source"].text ?? "" }
    }
}

extension InstanceEvents {
    /// Uses a volume of the driver.
    mutating func use(_ volume: String, of driver: String, at path: String = "/data", options: [String: String]? = nil)
    {
        dataVolumes.append("\(volume):\(path)")
        volumes.append(.init(name: volume, driver: driver, driverOpts: options))
    }
}

extension FakeStoragePlugin {
    /// The driver whose plug-in it is.
    var driver: String { URL(filePath: socketPath).deletingPathExtension().lastPathComponent }

    func count(_ verb: VolumeVerb, of volume: String? = nil) -> Int {
        calls.count { $0.verb == verb.rawValue && (volume == nil || $0.volume == volume) }
    }

    /// The calls for the volume that change something, in their order.
    func verbs(of volume: String) -> [VolumeVerb] {
        calls.filter { $0.volume == volume }.compactMap { VolumeVerb(rawValue: $0.verb) }
            .filter { $0 != .capabilities }
    }

    func waitForCall(_ verb: VolumeVerb, of volume: String? = nil) async throws {
        try await untilTrue("a call of \(verb.rawValue)") { count(verb, of: volume) > 0 }
    }

    /// Where the volume appears when it is mounted.
    func path(of volume: String) -> String { "\(volumeDirectory)/\(volume)" }
}
