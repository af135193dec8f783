import FakeProxy
import Foundation
import LosslessJSON
import Processes
import RancherSimulator
import Testing

/// The program itself.
@Suite("The command doctor")
struct CommandTests {
    private func run(
        _ host: Host, _ arguments: [String], _ more: [String: String] = [:], as user: String? = nil
    ) async throws -> (code: Int32?, output: String) {
        let environment = host.environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }.merging(more) { $1 }
        let binary = try AgentProcess.binary()
        let (ending, output) =
            if let user {
                try await Child.run(
                    "/usr/bin/setpriv", ["--reuid=\(user)", "--clear-groups", "--", binary, "doctor"] + arguments,
                    environment: environment)
            } else {
                try await Child.run(binary, ["doctor"] + arguments, environment: environment)
            }
        guard case .code(let code) = ending else { return (nil, output) }
        return (code, output)
    }

    @Test("ends with 0 where all is well, and says so in one line a step")
    func well() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                try await host.register(at: server.registrationURL)
                let (code, output) = try await run(host, ["--url", server.registrationURL])
                #expect(code == 0, "\(output)")
                #expect(output.hasSuffix("\nAll is well.\n"))
                #expect(!output.contains("\u{1B}"))
                #expect(output.split(separator: "\n").filter { $0.hasPrefix("ok ") }.count == 19, "\(output)")
            }
        }
    }

    @Test("ends with 1 where there are only warnings, and takes its settings from the environment and the flags")
    func warnings() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                let (code, output) = try await run(
                    host, ["--state-dir", host.state],
                    ["CATTLE_REGISTRATION_URL": server.registrationURL, "CATTLE_STATE_DIR": "/nowhere"])
                #expect(code == 1, "\(output)")
                #expect(output.hasSuffix("\nWell, with 1 warning.\n"))
            }
        }
    }

    @Test("ends with 2 where something does not work, with JSON that programs can read")
    func failures() async throws {
        try await Host.play(withEngine: false) { host in
            let (code, output) = try await run(host, ["--json"])
            #expect(code == 2)
            let report = try JSON(parsing: output)
            #expect(report["verdict"].text == "failure")
            let steps = report["steps"].array ?? []
            let socket = steps.first { $0["step"].text == "docker-socket" }
            #expect(socket?["verdict"].text == "failure")
            #expect(socket?["finding"].text?.contains("no Docker socket") == true)
            #expect(socket?["advice"].text?.contains("DOCKER_HOST") == true)
            #expect(socket?["milliseconds"].integer != nil)
            #expect(steps.first { $0["step"].text == "docker" }?["verdict"].text == "skipped")
        }
    }

    @Test("names a Docker socket that this user may not use")
    func permission() async throws {
        try await Host.play { host in
            chmod(host.engineSocket, 0o600)
            chmod(host.directory, 0o755)
            // The binary may be where only root gets to.
            let copy = NSTemporaryDirectory() + "doctor-" + UUID().uuidString
            defer { unlink(copy) }
            try FileManager.default.copyItem(atPath: try AgentProcess.binary(), toPath: copy)
            chmod(copy, 0o755)
            let (_, output) = try await run(host, ["--json"], ["RANCHER_AGENT_BINARY": copy], as: "65534")
            let steps = try JSON(parsing: output)["steps"].array ?? []
            let socket = steps.first { $0["step"].text == "docker-socket" }
            #expect(socket?["finding"].text?.contains("may not use the Docker socket") == true, "\(output)")
        }
    }

    @Test("shows no secret, whatever goes wrong", arguments: ["http", "https"])
    func secrets(scheme: String) async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                try await host.register(at: server.registrationURL)
                let token = try String(contentsOfFile: host.state + "/.registration_token", encoding: .utf8)
                let variables = [
                    "CATTLE_SECRET_KEY": "hunter2-secret-key", "CATTLE_ACCESS_KEY": "AK",
                    "\(scheme)_proxy": "http://me:hunter2-proxy@127.0.0.1:1", "no_proxy": "127.0.0.0/8",
                ]
                for url in [
                    server.registrationURL, "\(scheme)://rancher.invalid/v3/scripts/hunter2-registration",
                    "\(server.apiURL)/scripts/hunter2-registration", "\(scheme)://me:hunter2-user@ 127.0.0.1/v3",
                ] {
                    for arguments in [["--url", url], ["--url", url, "--json"]] {
                        let (code, output) = try await run(host, arguments, variables)
                        #expect(code == 0 || code == 1 || code == 2)
                        #expect(!output.contains("hunter2") && !output.contains(token), "\(output)")
                        #expect(url != server.registrationURL || !output.contains(server.token))
                    }
                }
                let keyed = try await run(host, [], variables.merging(["CATTLE_URL": server.apiURL]) { $1 })
                #expect(keyed.code == 2 && !keyed.output.contains("hunter2"), "\(keyed.output)")
            }
        }
    }

    @Test("ends in time where everything hangs")
    func everythingHangs() async throws {
        var manners = FakeProxy.Manners()
        manners.isSilent = true
        try await FakeProxy.run(manners) { hung in
            try await Host.play(withEngine: false) { host in
                let start = ContinuousClock.now
                let (code, output) = try await run(
                    host, ["--url", "https://127.0.0.1:\(hung.port)/v3/scripts/abcdefghij"],
                    ["DOCKER_HOST": "tcp://127.0.0.1:\(hung.port)"])
                #expect(code == 2)
                #expect(output.hasSuffix("\nNot well: TLS, Docker.\n"), "\(output)")
                #expect(ContinuousClock.now - start < .seconds(55))
            }
        }
    }

    @Test("says what it has found while it is at work, so that nothing of that is lost if it is killed")
    func progress() async throws {
        var manners = FakeProxy.Manners()
        manners.isSilent = true
        try await FakeProxy.run(manners) { hung in
            try await Host.play { host in
                let doctor = AgentProcess(
                    arguments: ["doctor"],
                    environment: host.environment.merging(["CATTLE_URL": "https://127.0.0.1:\(hung.port)"]) { $1 },
                    logFile: host.directory + "/log")
                try doctor.start()
                defer { doctor.signal(SIGKILL) }
                try await doctor.waitForLog("Connection", within: .seconds(30))
                #expect(!doctor.log.contains("TLS"))
                try await doctor.kill9()
                #expect(doctor.log.contains("Port \(hung.port) of the server"))
            }
        }
    }

    @Test("and the daemon itself go through the proxy, to a server whose name only that knows")
    func daemonThroughProxy() async throws {
        try await Host.play { host in
            try await RancherServer.withServer { server in
                try await FakeProxy.run { proxy in
                    let url = "http://rancher.invalid:\(server.port)/v3/scripts/\(server.token)"
                    let settings = [
                        "http_proxy": "http://127.0.0.1:\(proxy.port)", "CATTLE_HOME": host.directory,
                        "CATTLE_DETECT_CLOUD_PROVIDER": "false", "PATH": "/usr/bin:/bin",
                    ]
                    let agent = AgentProcess(
                        arguments: ["--url", url], environment: host.environment.merging(settings) { $1 },
                        logFile: host.directory + "/log")
                    try agent.start()
                    defer { agent.signal(SIGKILL) }
                    try await agent.waitForLog("Subscribed", within: .seconds(60))
                    let (code, output) = try await run(host, ["--url", url], settings)
                    #expect(code == 0, "\(output)")
                    // What the daemon holds is not disturbed.
                    #expect(!agent.log.contains("Subscription ended"))
                    #expect(proxy.requests.count { $0.line.hasPrefix("CONNECT ") } == 2)
                    #expect(try await agent.terminate().ending == .code(0))
                }
            }
        }
    }

    @Test("tells of its exit codes in its help")
    func help() async throws {
        try await Host.play(withEngine: false) { host in
            let (code, output) = try await run(host, ["--help"])
            #expect(code == 0)
            #expect(output.contains("Exit codes: 0 all is well, 1 there are warnings, 2 something does not work."))
        }
    }
}
