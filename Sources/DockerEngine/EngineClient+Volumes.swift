package import LosslessJSON
import NIOHTTP1

extension EngineClient {
    /// The inspection of a volume.
    package func inspectVolume(_ name: String) async throws(EngineError) -> JSON {
        let name = try Self.component(name, call: "GET /volumes/{name}")
        return try await json(
            from: EngineRequest(method: .GET, path: "/volumes/\(name)"), within: deadlines.volumeInspect)
    }

    /// Creates a volume; one that is there already with the same driver is success.
    ///
    /// - Parameters:
    ///   - driver: Empty means `local`.
    ///   - options: The driver's own.
    /// - Returns: Its inspection.
    @discardableResult
    package func createVolume(
        name: String, driver: String, options: [String: String]
    ) async throws(EngineError) -> JSON {
        var body = JSONObject([
            .init(key: "Name", value: .string(name)), .init(key: "DriverOpts", value: JSON(options)),
        ])
        if !driver.isEmpty { body.append("Driver", .string(driver)) }
        return try await json(
            from: EngineRequest(method: .POST, path: "/volumes/create", body: .object(body)),
            within: deadlines.volumeCreate)
    }

    /// Removes a volume. One that a container uses is a conflict, forced or not.
    package func removeVolume(_ name: String, force: Bool) async throws(EngineError) {
        let name = try Self.component(name, call: "DELETE /volumes/{name}")
        var request = EngineRequest(method: .DELETE, path: "/volumes/\(name)")
        if force { request.query.append(("force", "1")) }
        _ = try await answer(to: request, within: deadlines.volumeRemove)
    }
}
