import Foundation
import Logging
import LosslessJSON
import NIOCore
import NIOHTTP1

@testable import DockerEngine

/// The real Docker Engine, looked at past the agent.
struct Engine: Sendable {
    /// A busybox that sleeps for an hour.
    static let image = "rancher-demo:latest"
    /// Carries the instance's uuid.
    static let label = "io.rancher.container.agent.uuid"
    /// Carries it on the containers of older agents of Rancher 1.6.
    static let olderLabel = "io.rancher.container.uuid"

    /// The path of its socket.
    let socket: String
    private let client: EngineClient

    /// The engine that the tests were started beside. Its client lives as long as the process.
    static func current() throws -> Engine { try shared.get() }

    private static let shared = Result {
        guard let host = ProcessInfo.processInfo.environment["DOCKER_HOST"], host.hasPrefix("unix://") else {
            throw HarnessError("run make test, or .ci/with-engine swift test")
        }
        return Engine(
            socket: String(host.dropFirst("unix://".count)),
            client: try EngineClient(
                endpoint: try EngineEndpoint(dockerHost: host),
                logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }))
    }

    // MARK: Looking

    /// Which engine this is.
    func identity() async throws -> EngineIdentity { EngineIdentity(try await client.version()) }

    func containers(label: String? = nil) async throws -> [JSON] {
        try await client.listContainers(all: true, labels: label.map { [$0] } ?? [])
    }

    /// The ids of an instance's containers, in whatever state.
    func ids(of uuid: String) async throws -> [String] {
        var ids: [String] = []
        for label in [Self.label, Self.olderLabel] {
            for id in try await containers(label: "\(label)=\(uuid)").compactMap(\.["Id"].text)
            where !ids.contains(id) {
                ids.append(id)
            }
        }
        return ids
    }

    /// The inspection; `nil` if there is no such container.
    func inspect(_ id: String) async throws -> JSON? {
        do throws(EngineError) {
            return try await client.inspectContainer(id)
        } catch  where error.isNotFound {
            return nil
        }
    }

    /// `running`, `exited` and so on; `nil` if there is no such container.
    func state(_ id: String) async throws -> String? { try await inspect(id)?["State"]["Status"].text }

    func hasVolume(_ name: String) async throws -> Bool {
        do throws(EngineError) {
            _ = try await client.inspectVolume(name)
            return true
        } catch  where error.isNotFound {
            return false
        }
    }

    func hasImage(_ reference: String) async throws -> Bool {
        do throws(EngineError) {
            _ = try await client.inspectImage(reference)
            return true
        } catch  where error.isNotFound {
            return false
        }
    }

    // MARK: Meddling

    func kill(_ id: String) async throws { try await client.killContainer(id) }

    func remove(_ id: String) async throws {
        do throws(EngineError) {
            try await client.removeContainer(id, removeVolumes: true, force: true)
        } catch {
            // Gone, or on its way.
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    func removeVolume(_ name: String) async throws {
        do throws(EngineError) {
            try await client.removeVolume(name, force: true)
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    /// Makes an image of a container. The request of Docker's command line is one that Podman does not understand.
    ///
    /// - Parameter changes: In the words of a Dockerfile.
    func commit(_ id: String, as reference: String, comment: String = "", changes: [String] = []) async throws {
        let name = try ImageReference(reference)
        var request = EngineRequest(method: .POST, path: "/commit", body: [:])
        request.query = [
            ("container", id), ("repo", name.familiarName), ("tag", name.tag ?? "latest"), ("comment", comment),
        ]
        request.query += changes.map { ("changes", $0) }
        _ = try await client.answer(to: request, within: .seconds(120))
    }

    /// Runs a command of the Docker command line.
    ///
    /// - Returns: What it wrote.
    /// - Throws: ``HarnessError`` with that if it failed.
    @discardableResult
    func docker(_ arguments: String...) async throws -> String {
        let (ending, output) = try await Child.run("docker", ["-H", "unix://\(socket)"] + arguments)
        guard ending == .code(0) else { throw HarnessError("docker \(arguments.joined(separator: " ")): \(output)") }
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Removes what these instances have left behind.
    func removeAll(of uuids: Set<String>) async throws {
        // A container whose network another one shares goes after that one.
        for _ in 0..<3 {
            let leftOver = try await containers().filter { container in
                [Self.label, Self.olderLabel].contains { uuids.contains(container["Labels"][$0].text ?? "") }
            }
            if leftOver.isEmpty { return }
            _ = try await atOnce(leftOver.compactMap(\.["Id"].text), limit: 16) { try? await remove($0) }
        }
    }
}
