import Foundation
import LosslessJSON

/// The agent as it is installed: images made from the binary, and its container started by `docker run`.
struct ContainerForm: Sendable {
    let engine: Engine
    /// For whatever the play needs; the host's `/var/lib/rancher` as well while it lasts.
    let directory: String
    /// Two images of the same program.
    let images: [String]

    private static let stateOnHost = "/var/lib/rancher"
    static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".ci/image").path

    /// The binary that is shipped, where it is at hand; else the one beside the tests, with the libraries it needs.
    static func binary() throws -> String {
        let release = ProcessInfo.processInfo.environment["RANCHER_AGENT_RELEASE"] ?? ""
        return FileManager.default.isExecutableFile(atPath: release) ? release : try AgentProcess.binary()
    }

    /// Everything is there when the body begins, and gone when it has ended in whatever way.
    static func play(_ body: (ContainerForm) async throws -> Void) async throws {
        let suffix = UUID().uuidString.prefix(8).lowercased()
        let form = ContainerForm(
            engine: try Engine.current(), directory: NSTemporaryDirectory() + "rancher-form-\(suffix)",
            images: ["rancher-agent-it:\(suffix)-1", "rancher-agent-it:\(suffix)-2"])
        try FileManager.default.createDirectory(
            atPath: form.directory + "/var-lib-rancher", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: stateOnHost, withIntermediateDirectories: true)
        // Seen by the engine and the tests only.
        guard mount(form.directory + "/var-lib-rancher", stateOnHost, nil, UInt(MS_BIND), nil) == 0 else {
            throw HarnessError("nothing can be mounted at \(stateOnHost)")
        }
        let result: Result<Void, any Error>
        do {
            for image in form.images {
                let (ending, output) = try await Child.run(
                    script, ["-t", image, "-b", try binary()], within: .seconds(300))
                guard ending == .code(0) else { throw HarnessError("no image: \(output)") }
            }
            try await body(form)
            result = .success(())
        } catch {
            result = .failure(HarnessError("\(error)\n\(await form.log())"))
        }
        await form.end()
        try result.get()
    }

    private func end() async {
        for name in ["rancher-agent", "rancher-agent-previous", "rancher-agent-next"] {
            _ = try? await engine.docker("rm", "-f", name)
        }
        for volume in ["rancher-cni", "rancher-agent-state"] { try? await engine.removeVolume(volume) }
        for image in images + [brokenImage] { _ = try? await engine.docker("rmi", "-f", image) }
        umount2(Self.stateOnHost, Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The end of the agent's log.
    func log() async -> String {
        let text =
            (try? await Child.run("docker", ["-H", "unix://\(engine.socket)", "logs", "rancher-agent"]).output) ?? ""
        return text.split(separator: "\n").suffix(40).joined(separator: "\n")
    }

    /// `docker run --rm` of an image with the engine's socket.
    ///
    /// - Parameters:
    ///   - options: Of `docker run`, besides.
    ///   - words: Behind the image.
    func run(
        _ image: String, options: [String] = ["--net=host"], _ words: String...
    ) async throws -> (ending: Ending, output: String) {
        try await Child.run(
            "docker",
            [
                "-H", "unix://\(engine.socket)", "run", "--rm", "-v", "\(engine.socket):/var/run/docker.sock", "-e",
                "CATTLE_DETECT_CLOUD_PROVIDER=false",
            ] + options + [image] + words, within: .seconds(180))
    }

    func agent() async throws -> JSON? { try await engine.inspect("rancher-agent") }

    /// The names of all containers that are, were or may become the agent's.
    func names() async throws -> [String] {
        try await engine.containers().flatMap { ($0["Names"].array ?? []).compactMap(\.text) }
            .filter { $0.hasPrefix("/rancher-agent") }.sorted()
    }

    private var brokenImage: String { images[1] + "-broken" }

    /// An image of the same program that cannot start with the words of the agent.
    func broken(_ entryPoint: String) async throws -> String {
        let id = try await engine.docker("create", images[0])
        let image = brokenImage
        try await engine.commit(id, as: image, changes: ["ENTRYPOINT \(entryPoint)"])
        try await engine.remove(id)
        return image
    }
}
