package import DockerEngine
internal import LosslessJSON
internal import Synchronization

/// What the engine says about itself and its host (PROTOCOL 1.8).
package struct EngineDescription: Sendable, Hashable {
    /// Such as `20.10.24`.
    package var version = ""
    /// Of the engine's build; empty if it does not say.
    package var gitCommit = ""
    /// The newest version of the API that the engine speaks, such as `1.41`.
    package var apiVersion = ""
    /// Such as `overlay2`.
    package var storageDriver = ""
    /// Such as `Debian GNU/Linux 12 (bookworm)`.
    package var operatingSystem = ""
    /// Where the engine keeps its data, normally `/var/lib/docker`.
    package var rootDirectory = ""

    package init() {}

    init(version: JSON, info: JSON) {
        self.version = version["Version"].text ?? ""
        gitCommit = version["GitCommit"].text ?? ""
        apiVersion = version["ApiVersion"].text ?? ""
        storageDriver = info["Driver"].text ?? ""
        operatingSystem = info["OperatingSystem"].text ?? ""
        rootDirectory = info["DockerRootDir"].text ?? ""
    }
}

/// What the engine said about itself when it was last met: it may be another one after each of its absences.
package final class EngineFacts: Sendable {
    private let engine: EngineClient
    private let known = Mutex<EngineDescription?>(nil)

    package init(engine: EngineClient) { self.engine = engine }

    /// `nil` until the engine was met for the first time.
    package var last: EngineDescription? { known.withLock { $0 } }

    /// Asks the engine anew.
    package func learn() async throws(EngineError) -> EngineDescription {
        let description = EngineDescription(version: try await engine.version(), info: try await engine.info())
        known.withLock { $0 = description }
        return description
    }

    /// What is known already, else what the engine says now.
    package func current() async throws(EngineError) -> EngineDescription {
        if let last { return last }
        return try await learn()
    }
}
