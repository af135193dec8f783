package import LosslessJSON
import NIOHTTP1

/// What the engine says of a container that it has created.
package struct CreatedContainer: Sendable, Hashable {
    package let id: String
    package let warnings: [String]
}

extension EngineClient {
    /// The inspection of a container, by its id or name.
    package func inspectContainer(_ id: String) async throws(EngineError) -> JSON {
        try await json(from: try Self.container(.GET, id, "/json"), within: deadlines.inspect)
    }

    /// The containers of this host.
    ///
    /// - Parameters:
    ///   - all: Those that do not run, too.
    ///   - labels: Each `key=value` or `key`; a container must carry all of them.
    package func listContainers(all: Bool, labels: [String] = []) async throws(EngineError) -> [JSON] {
        var request = EngineRequest(method: .GET, path: "/containers/json")
        if all { request.query.append(("all", "1")) }
        if !labels.isEmpty { request.query.append(("filters", (["label": JSON(labels)] as JSON).encodedText)) }
        let answer = try await json(from: request, within: deadlines.list, limit: Self.listLimitBytes)
        guard let containers = answer.array else {
            throw EngineError(.badAnswer, "the Docker daemon did not answer with a list", call: request.call)
        }
        return containers
    }

    /// Creates a container; nothing is started.
    ///
    /// - Parameters:
    ///   - name: Without a slash in front; `nil` leaves it to the engine.
    ///   - body: Config with `HostConfig` and `NetworkingConfig` in it.
    package func createContainer(name: String?, body: JSON) async throws(EngineError) -> CreatedContainer {
        var request = EngineRequest(method: .POST, path: "/containers/create", body: body)
        if let name { request.query.append(("name", name)) }
        let answer = try await json(from: request, within: deadlines.create)
        guard let id = answer["Id"].nonEmptyText else {
            throw EngineError(.badAnswer, "the Docker daemon did not tell the container's id", call: request.call)
        }
        return CreatedContainer(id: id, warnings: (answer["Warnings"].array ?? []).compactMap(\.nonEmptyText))
    }

    /// Starts a container.
    ///
    /// - Returns: False if it was running already.
    @discardableResult
    package func startContainer(_ id: String) async throws(EngineError) -> Bool {
        var request = try Self.container(.POST, id, "/start")
        request.mayBeSoAlready = true
        return try await answer(to: request, within: deadlines.start).status != .notModified
    }

    /// Stops a container: the stop signal, and after the grace period the kill signal.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - graceSeconds: Below 0 counts as 0; the engine's "for ever" is not on offer.
    /// - Returns: False if it was not running.
    @discardableResult
    package func stopContainer(_ id: String, graceSeconds: Int) async throws(EngineError) -> Bool {
        var request = try Self.container(.POST, id, "/stop")
        request.mayBeSoAlready = true
        request.query.append(("t", String(max(0, graceSeconds))))
        let deadline = deadlines.stop(graceSeconds: graceSeconds)
        return try await answer(to: request, within: deadline).status != .notModified
    }

    /// Sends a signal. A container that does not run is a conflict.
    package func killContainer(_ id: String, signal: String = "KILL") async throws(EngineError) {
        var request = try Self.container(.POST, id, "/kill")
        request.query.append(("signal", signal))
        _ = try await answer(to: request, within: deadlines.kill)
    }

    /// Removes a container.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - removeVolumes: Its anonymous volumes, too.
    ///   - force: Even if it runs.
    package func removeContainer(_ id: String, removeVolumes: Bool, force: Bool) async throws(EngineError) {
        var request = try Self.container(.DELETE, id, "")
        if removeVolumes { request.query.append(("v", "1")) }
        if force { request.query.append(("force", "1")) }
        _ = try await answer(to: request, within: deadlines.remove)
    }

    /// Gives a container another name. A name that another container has is a conflict.
    package func renameContainer(_ id: String, to name: String) async throws(EngineError) {
        var request = try Self.container(.POST, id, "/rename")
        request.query.append(("name", name))
        _ = try await answer(to: request, within: deadlines.rename)
    }

    /// Waits until a container does not run.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - limit: How long it may run on.
    /// - Returns: Its exit code.
    package func waitForContainer(_ id: String, within limit: Duration) async throws(EngineError) -> Int {
        let request = try Self.container(.POST, id, "/wait")
        guard let code = try await json(from: request, within: limit)["StatusCode"].integer else {
            throw EngineError(.badAnswer, "the Docker daemon did not tell the exit code", call: request.call)
        }
        return code
    }

    /// What a container without a terminal has written so far, both of its outputs in order.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - lines: So many from the end; `nil` for all.
    package func containerOutput(_ id: String, lines: Int? = nil) async throws(EngineError) -> String {
        var request = try Self.container(.GET, id, "/logs")
        request.query = [("stdout", "1"), ("stderr", "1"), ("tail", lines.map(String.init) ?? "all")]
        let answer = try await answer(to: request, within: deadlines.list)
        guard let text = OutputFrames.text(of: answer.body) else {
            throw EngineError(.badAnswer, "the container's output is cut off", call: request.call)
        }
        return text
    }

    private static func container(
        _ method: HTTPMethod, _ id: String, _ tail: String
    ) throws(EngineError) -> EngineRequest {
        let id = try component(id, call: "\(method.rawValue) /containers/{id}\(tail)")
        return EngineRequest(method: method, path: "/containers/\(id)\(tail)")
    }
}
