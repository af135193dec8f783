import Agent
import ArgumentParser
import Foundation
import Inspection
import LosslessJSON
import Model
import Store
import Testing

@testable import rancher_agent

/// What a run of the program left behind.
struct Outcome {
    let output: String
    let errors: String
    let code: Int32
}

/// Runs the program that was built beside the tests.
func runAgent(_ arguments: [String], as user: String? = nil) throws -> Outcome {
    let process = Process()
    let program = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("rancher-agent")
    let path = try #require(program?.path)
    if let user {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
        process.arguments = ["--reuid=\(user)", "--clear-groups", "--", path] + arguments
    } else {
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
    }
    process.environment = ["PATH": "/usr/bin:/bin", "COLUMNS": "60"]
    let output = Pipe()
    let errors = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Less than a pipe holds: it cannot block.
    process.waitUntilExit()
    return Outcome(
        output: String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self),
        errors: String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self),
        code: process.terminationStatus)
}

@Suite("The command line")
struct CommandTests {
    @Test("The version for scripts is printed as ever", arguments: ["-version", "--version", "-version=true"])
    func version(flag: String) throws {
        let outcome = try runAgent([flag])
        #expect(outcome.output == "go-agent version \(AgentVersion.current) \n")
        #expect(outcome.code == 0)
    }

    @Test("The version for people")
    func versionCommand() throws {
        #expect(try runAgent(["version"]).output == "rancher-agent version \(AgentVersion.current)\n")
    }

    @Test(
        "A wrong flag is answered with the usage, and with 2",
        arguments: [["-foo"], ["--foo"], ["-url"], ["-version=perhaps"], ["nonsense"], ["state", "--foo"]])
    func unknownFlag(arguments: [String]) throws {
        let outcome = try runAgent(arguments)
        #expect(outcome.code == 2)
        #expect(outcome.errors.contains("Usage: rancher-agent "))
        #expect(outcome.output.isEmpty)
    }

    @Test(
        "Nothing is installed without systemd or without a server, nothing removed that is not there, and it is said",
        arguments: [
            ["-register-service", "no-such-agent"], ["--register-service=no-such-agent"],
            ["-unregister-service", "-register-service", "no-such-agent"],
        ])
    func service(arguments: [String]) throws {
        let outcome = try runAgent(arguments)
        #expect(outcome.errors.contains("service"))
        #expect(outcome.output.isEmpty)
        #expect(outcome.code == 1)
    }

    @Test("A service is run with the settings that it was installed with, as soon as it would know its server")
    func serviceSettings() {
        func settings(_ url: String?, _ environment: [String: String]) -> [String: String] {
            Service.settings(AgentConfiguration(environment: environment, registrationURL: url), environment)
        }
        #expect(settings(nil, ["CATTLE_HOST_LABELS": "a=b"]) == [:])
        #expect(
            settings("http://s/T", ["CATTLE_HOST_LABELS": "a=b", "DOCKER_HOST": "tcp://e", "PATH": "/bin"])
                == ["CATTLE_REGISTRATION_URL": "http://s/T", "CATTLE_HOST_LABELS": "a=b", "DOCKER_HOST": "tcp://e"])
        #expect(
            settings(nil, ["CATTLE_URL": "http://s/v1", "CATTLE_STATE_DIR": "/x"])
                == ["CATTLE_URL": "http://s/v1", "CATTLE_STATE_DIR": "/x"])
    }

    @Test(
        "The URL is understood in every form that it ever had",
        arguments: [
            ["-url", "http://x/"], ["--url", "http://x/"], ["-url=http://x/"], ["--url=http://x/"],
            ["run", "-url", "http://x/"], ["-version=false", "-url", "http://x/"],
        ])
    func url(arguments: [String]) throws {
        let command = try RancherAgent.parseAsRoot(DaemonFlags.normalized(arguments))
        #expect((command as? Run)?.url == "http://x/")
    }

    @Test("An empty URL is none, and a value may look like a flag")
    func oddURLs() throws {
        #expect(DaemonFlags.normalized(["-url", ""]) == [])
        #expect(DaemonFlags.normalized(["-url="]) == [])
        #expect(DaemonFlags.normalized(["-url", "-version"]) == ["--url=-version"])
        #expect((try RancherAgent.parseAsRoot(DaemonFlags.normalized([])) as? Run)?.url == nil)
    }

    @Test("Other commands get their arguments untouched")
    func otherCommands() {
        let arguments = ["state", "show", "-url", "--json"]
        #expect(DaemonFlags.normalized(arguments) == arguments)
        #expect(DaemonFlags.normalized(["--", "-url"]) == ["--", "-url"])
    }

    @Test("The style follows the terminal, then COLUMNS, then 100; NO_COLOR is honoured")
    func style() {
        func style(_ isTerminal: Bool, _ columns: Int, _ environment: [String: String]) -> ReportStyle {
            Terminal.style(isTerminal: isTerminal, windowColumns: columns, environment: environment)
        }
        #expect(style(true, 80, ["COLUMNS": "60"]) == ReportStyle(width: 80, isColoured: true))
        #expect(style(true, 0, ["COLUMNS": "60"]) == ReportStyle(width: 60, isColoured: true))
        #expect(style(true, 0, ["COLUMNS": "x"]) == ReportStyle(width: 100, isColoured: true))
        #expect(style(true, 80, ["NO_COLOR": "1"]) == ReportStyle(width: 80, isColoured: false))
        #expect(style(false, 80, ["COLUMNS": "60"]) == ReportStyle(width: nil, isColoured: false))
    }

    // MARK: state

    @Test("The state of a running daemon is shown, for people and for programs")
    func state() throws {
        let directory = try TemporaryDirectory()
        let store = try directory.openStore()
        try Fixture.fill(store)
        let people = try runAgent(["state", "--state-dir", directory.path])
        #expect(people.code == 0)
        #expect(people.output.contains("LAST ERROR"))
        #expect(people.output.contains(Fixture.longError))
        let programs = try runAgent(["state", "--state-dir", directory.path, "--json"])
        #expect(try JSON(parsing: programs.output)["instances"].array?.count == 2)
        let one = try runAgent(["state", "show", "web", "--state-dir", directory.path, "--json"])
        #expect(try JSON(parsing: one.output)["history"].array?.count == 4)
        for secret in Fixture.secrets {
            #expect(!people.output.contains(secret))
            #expect(!programs.output.contains(secret))
            #expect(!one.output.contains(secret))
        }
        // The writer goes on as if nobody had looked.
        try store.deleteResource(Fixture.data.description)
        withExtendedLifetime(directory) {}
    }

    @Test("Several hits are listed, and none is told; both with 1")
    func ambiguous() throws {
        let directory = try TemporaryDirectory()
        let store = try directory.openStore()
        try Fixture.fill(store)
        let several = try runAgent(["state", "show", "0123", "--state-dir", directory.path])
        #expect(several.code == 1)
        #expect(several.errors.contains(Fixture.web.description))
        #expect(several.errors.contains(Fixture.db.description))
        let none = try runAgent(["state", "show", "nobody", "--state-dir", directory.path])
        #expect(none.code == 1)
        #expect(none.errors.contains("Nothing is known of 'nobody'."))
        #expect(several.output.isEmpty && none.output.isEmpty)
        withExtendedLifetime((directory, store)) {}
    }

    @Test("Without a database: one sentence, and 1")
    func noDatabase() throws {
        let outcome = try runAgent(["state", "--state-dir", "/nonexistent"])
        #expect(outcome.code == 1)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.errors == "Error: No state at /nonexistent/agent.db. Is the agent installed here? Use --state-dir "
                + "or CATTLE_STATE_DIR to say where its state directory is.\n")
    }

    // Root is never refused, so the test gives that up with setpriv, which every Debian has.
    @Test("Without permission: one sentence, and 1")
    func noPermission() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        chmod(directory.location.databasePath, 0)
        let outcome = try runAgent(["state", "--state-dir", directory.path], as: getuid() == 0 ? "65534" : nil)
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("/agent.db may not be read by this user."))
        withExtendedLifetime(directory) {}
    }
}
