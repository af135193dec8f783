import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// The one line of `docker run` that the server's "add host" page shows, and what follows from it.
@Suite(.serialized, .engineDifferences)
struct BootstrapTests {
    private static func instance(_ dialect: Dialect, _ name: String) -> InstanceEvents {
        let uuid = UUID().uuidString.lowercased()
        return InstanceEvents(
            dialect: dialect, id: "1i\(uuid.prefix(6))", uuid: uuid, name: name, image: Engine.image,
            command: Scene.obedient)
    }

    /// Sends an event until it is answered, as a server does.
    private static func ask(
        _ server: ServerProcess, _ event: JSON, every pause: Duration = .seconds(3)
    ) async throws -> ServerProcess.Message {
        guard let id = event["id"].text else { throw HarnessError("an event without an id") }
        for _ in 1...40 {
            try server.send(event)
            if let reply = try? await server.waitForReply(to: id, within: pause) { return reply }
        }
        throw HarnessError("event \(id) is without an answer\n\(server.log.suffix(2000))")
    }

    private static func withServer(
        _ dialect: Dialect, in form: ContainerForm, _ body: (ServerProcess) async throws -> Void
    ) async throws {
        let server = try ServerProcess(dialect, directory: form.directory)
        try await server.start()
        let result: Result<Void, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        try? await server.kill9()
        try result.get()
    }

    @Test(arguments: Dialect.all)
    func
        `the one line of docker run ends in a container that serves events, and an upgrade in the midst of 20 activates loses none`(
            dialect: Dialect
        ) async throws
    {
        try await ContainerForm.play { form in
            try await Self.withServer(dialect, in: form) { server in
                let launch = try await form.run(form.images[0], server.registrationURL)
                try #require(launch.ending == .code(0), "\(launch.output)")
                let first = try #require(try await form.agent())
                #expect(first["State"]["Running"].boolean == true)
                #expect(first["HostConfig"]["Privileged"].boolean == true)
                #expect(first["HostConfig"]["NetworkMode"].text == "host")
                #expect(first["Config"]["Labels"]["io.rancher.container.system"].text == "rancher-agent")
                #expect(try await form.names() == ["/rancher-agent"])

                // Containers of network plug-ins find what they wait with, whatever their image is.
                let waited = try await form.engine.docker(
                    "run", "--rm", "-v", "rancher-cni:/.r:ro", "--entrypoint", "/.r/r", Engine.image, "echo", "ready")
                #expect(waited == "ready")

                var instances = [Self.instance(dialect, "first")]
                let reply = try await Self.ask(server, instances[0].activate())
                #expect(reply.failure == nil)
                // The commands work beside it, with the store that it keeps on the host.
                let told = try await form.engine.docker("exec", "rancher-agent", "rancher-agent", "state")
                #expect(told.contains("first"), "\(told)")

                let many = (1...20).map { Self.instance(dialect, "many\($0)") }
                instances += many
                let events = many.map { $0.activate() }
                for event in events.prefix(10) { try server.send(event) }
                async let upgrade = form.run(form.images[1], "upgrade")
                for event in events.dropFirst(10) {
                    try server.send(event)
                    try await Task.sleep(for: .milliseconds(200))
                }
                for event in events {
                    let reply = try await Self.ask(server, event)
                    #expect(reply.failure == nil)
                }
                let (ending, output) = try await upgrade
                try #require(ending == .code(0), "\(output)")

                let second = try #require(try await form.agent())
                #expect(second["Config"]["Image"].text == form.images[1])
                #expect(second["Id"] != first["Id"])
                #expect(second["RestartCount"].integer == 0)
                #expect(try await form.names() == ["/rancher-agent"])
                for (event, instance) in zip(events, many) {
                    let answers = try server.replies(to: event["id"].text ?? "")
                    #expect(Set(answers.map(\.text)).count == 1, "\(instance.name)")
                    let ids = try await form.engine.ids(of: instance.uuid)
                    #expect(ids.count == 1, "\(instance.name)")
                    #expect(ids.first == answers.first?.containerID)
                }
                #expect(try server.objections == [])
                let after = Self.instance(dialect, "after")
                instances.append(after)
                #expect(try await Self.ask(server, after.activate()).failure == nil)
                try await form.engine.removeAll(of: Set(instances.map(\.uuid)))
            }
        }
    }

    @Test(arguments: Dialect.only(.noWordSpoken))
    func `an upgrade to what cannot be started, or ends at once, leaves the old agent running`(
        dialect: Dialect
    ) async throws {
        try await ContainerForm.play { form in
            try await Self.withServer(dialect, in: form) { server in
                let launch = try await form.run(form.images[0], server.registrationURL)
                try #require(launch.ending == .code(0), "\(launch.output)")
                let first = try #require(try await form.agent())
                for entryPoint in [#"["/no/such/program"]"#, #"["/usr/bin/rancher-agent","--no-such-flag"]"#] {
                    let before = try server.subscriptionsSoFar
                    let image = try await form.broken(entryPoint)
                    let upgrade = try await form.run(
                        image, options: ["--net=host", "--entrypoint", "/usr/bin/rancher-agent"], "container",
                        "upgrade")
                    #expect(upgrade.ending == .code(1))
                    #expect(upgrade.output.contains("The old agent goes on"), "\(upgrade.output)")
                    let now = try #require(try await form.agent())
                    #expect(now["Id"] == first["Id"])
                    #expect(now["State"]["Running"].boolean == true)
                    #expect(try await form.names() == ["/rancher-agent"])
                    try await untilTrue("the old agent to come back", within: .seconds(60)) {
                        try server.subscriptionsSoFar > before
                    }
                }
                // The same host may not be registered with another server by mistake.
                #expect(try await form.engine.inspect("rancher-agent-previous") == nil)
                let other = server.registrationURL.replacing("127.0.0.1", with: "localhost")
                let moved = try await form.run(form.images[1], other)
                #expect(moved.ending == .code(1))
                #expect(moved.output.contains("belongs to the server at 127.0.0.1"), "\(moved.output)")
                #expect(try await form.agent()?["Id"] == first["Id"])
            }
        }
    }

    @Test(arguments: Dialect.only(.noWordSpoken))
    func `a predecessor that the engine has started again is stopped, and removed when the agent has run for a minute`(
        dialect: Dialect
    ) async throws {
        try await ContainerForm.play { form in
            try await Self.withServer(dialect, in: form) { server in
                let launch = try await form.run(form.images[0], server.registrationURL)
                try #require(launch.ending == .code(0), "\(launch.output)")
                let previous = try await form.engine.docker(
                    "run", "-d", "--name", "rancher-agent-previous", Engine.image, "sleep", "3600")
                try await form.engine.docker("restart", "rancher-agent")
                try await untilTrue("the predecessor to be stopped", within: .seconds(60)) {
                    try await form.engine.inspect(previous)?["State"]["Running"].boolean == false
                }
                #expect(try await form.names() == ["/rancher-agent", "/rancher-agent-previous"])
                try await untilTrue("the predecessor to be removed", within: .seconds(120)) {
                    try await form.engine.inspect(previous) == nil
                }
                let agent = try #require(try await form.agent())
                #expect(agent["State"]["Running"].boolean == true)
                #expect(agent["RestartCount"].integer == 0)
            }
        }
    }

    @Test(arguments: Dialect.only(.noWordSpoken))
    func `without privileges the agent serves events as well, from a bridge network, and says what will not work`(
        dialect: Dialect
    ) async throws {
        try await ContainerForm.play { form in
            let network = try await form.engine.docker(
                "network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")
            try await RancherServer.withServer(dialect: dialect, host: network) { server in
                let launch = try await form.run(
                    form.images[0], options: ["-e", "CATTLE_AGENT_PRIVILEGED=false"], server.registrationURL)
                try #require(launch.ending == .code(0), "\(launch.output)")
                #expect(launch.output.contains("Without --privileged"))
                let agent = try #require(try await form.agent())
                #expect(agent["HostConfig"]["Privileged"].boolean == false)
                // The address that the server sees this host at, not the container that launched the agent.
                let bridged = network.split(separator: ".").dropLast().joined(separator: ".") + "."
                let address = (agent["Config"]["Env"].array ?? []).compactMap(\.text)
                    .first { $0.hasPrefix("CATTLE_AGENT_IP=") }?.split(separator: "=").last.map(String.init)
                #expect(address == network || address?.hasPrefix(bridged) == false, "\(address ?? "none")")
                try await server.waitForSubscriber(after: 0, timeout: .seconds(60))
                let instance = Self.instance(dialect, "modest")
                let reply = try await server.ask(instance.activate(), timeout: .seconds(60))
                #expect(reply.failure == nil)
                #expect(try await form.engine.ids(of: instance.uuid).count == 1)
                try await form.engine.removeAll(of: [instance.uuid])
                // What means the container itself is no address of a server.
                let lost = try await form.run(form.images[0], options: [], "http://localhost:1/v1/scripts/T")
                #expect(lost.ending == .code(1))
                #expect(lost.output.contains("means this container"), "\(lost.output)")
            }
        }
    }

    @Test(arguments: Dialect.only(.noWordSpoken))
    func `a server with a certificate of its own is trusted by its fingerprint, and no other is`(
        dialect: Dialect
    ) async throws {
        let tls = RancherServer.TLS(certificate: TestCertificate.certificate, privateKey: TestCertificate.privateKey)
        let fingerprint = "F7:82:2E:78:1D:EC:0F:4B:A1:1E:1C:AB:A4:0F:7C:ED:03:4A:FC:96"
        try await ContainerForm.play { form in
            try await RancherServer.withServer(dialect: dialect, tls: tls) { server in
                let wrong = try await form.run(
                    form.images[0], options: ["--net=host", "-e", "CA_FINGERPRINT=00" + fingerprint.dropFirst(2)],
                    server.registrationURL)
                #expect(wrong.ending == .code(1))
                #expect(wrong.output.contains("this is another server"), "\(wrong.output)")
                #expect(try await form.agent() == nil)

                let launch = try await form.run(
                    form.images[0], options: ["--net=host", "-e", "CA_FINGERPRINT=\(fingerprint)"],
                    server.registrationURL)
                try #require(launch.ending == .code(0), "\(launch.output)")
                // The agent finds the certificate on the host.
                try await server.waitForSubscriber(after: 0, timeout: .seconds(60))
                let instance = Self.instance(dialect, "secure")
                #expect(try await server.ask(instance.activate(), timeout: .seconds(60)).failure == nil)
                try await form.engine.removeAll(of: [instance.uuid])
            }
        }
    }

    @Test(arguments: Dialect.only(.noWordSpoken))
    func `the image has nothing in it but the program and what it needs, and knows its modes`(
        dialect: Dialect
    ) async throws {
        try await ContainerForm.play { form in
            let image = form.images[0]
            #expect(try await form.run(image, "--", "/bin/sh").output.contains("cannot be run"))
            #expect(try await form.run(image, "--", "rancher-agent", "--version").output.contains("go-agent version"))
            #expect(try await form.run(image, "register").ending == .code(0))
            let upgrade = try await form.run(image, "upgrade")
            #expect(upgrade.ending == .code(1))
            #expect(upgrade.output.contains("no container rancher-agent to upgrade"))
            let files = try await form.engine.docker("create", image)
            let (ending, list) = try await Child.run(
                "sh", ["-c", "docker -H unix://\(form.engine.socket) export \(files) | tar -t"])
            try await form.engine.remove(files)
            #expect(ending == .code(0))
            let programs = list.split(separator: "\n").filter {
                !$0.hasSuffix("/") && !$0.contains(".so") && !$0.hasPrefix("etc/") && !$0.hasPrefix("dev/")
            }
            // Docker's own mark in each container.
            #expect(Set(programs).subtracting([".dockerenv"]) == ["usr/bin/rancher-agent", "usr/bin/r"])
            // Somebody else than root has to be able to enter it.
            let tar = form.directory + "/root.tar"
            let packed = try await Child.run(
                ContainerForm.script, ["-b", try ContainerForm.binary(), "-o", tar], within: .seconds(300))
            #expect(packed.ending == .code(0))
            let root = try await Child.run("tar", ["-tvf", tar, "./", "--no-recursion"]).output
            #expect(root.hasPrefix("drwxr-xr-x "), "\(root)")
            // The same key at every look, kept where only its owner can read it.
            let looks = [
                try await form.run(image, options: ["-v", "/var/lib:/var/lib"], "inspect-host").output,
                try await form.run(image, options: ["-v", "/var/lib:/var/lib"], "inspect-host").output,
            ]
            #expect(looks[0].contains("INFO: env TOKEN="))
            #expect(looks[0] == looks[1])
        }
    }
}
