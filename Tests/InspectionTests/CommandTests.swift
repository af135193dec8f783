import Agent
import ArgumentParser
import Bootstrap
import Foundation
import HostInfo
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
func runAgent(
    _ arguments: [String], as user: String? = nil, environment: [String: String] = [:], into file: String? = nil
) throws -> Outcome {
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
    process.environment = ["PATH": "/usr/bin:/bin", "COLUMNS": "60"].merging(environment) { $1 }
    let output = Pipe()
    let errors = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try file.map { try #require(FileHandle(forWritingAtPath: $0)) } ?? output
    process.standardError = errors
    try process.run()
    // Less than a pipe holds: it cannot block.
    process.waitUntilExit()
    if file != nil { try output.fileHandleForWriting.close() }
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
        arguments: [["-foo"], ["--foo"], ["-url"], ["-version=perhaps"], ["nonsense"], ["run", "--foo"]])
    func unknownFlag(arguments: [String]) throws {
        let outcome = try runAgent(arguments)
        #expect(outcome.code == 2)
        #expect(outcome.errors.contains("Usage: rancher-agent "))
        #expect(outcome.output.isEmpty)
    }

    @Test(
        "A wrong flag of another command is answered with 64, for 2 says something about the host there",
        arguments: [["state", "--foo"], ["state", "check", "--foo"], ["doctor", "--jsn"], ["version", "--foo"]])
    func unknownFlagOfCommand(arguments: [String]) throws {
        let outcome = try runAgent(arguments)
        #expect(outcome.code == 64)
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

    @Test("A service that is installed again may write where the settings that are kept say")
    func serviceAgain() throws {
        // A service would not see what is in the directory for temporary files.
        let directory = try #require(Bundle.main.executableURL).deletingLastPathComponent().path + "/\(UUID())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var installer = ServiceInstaller()
        installer.unitDirectory = directory
        installer.settingsDirectory = directory
        installer.mark = directory
        installer.foreignDirectories = []
        installer.systemctl = { _ in 0 }
        for environment in [
            ["CATTLE_URL": "http://s", "CATTLE_STATE_DIR": directory + "/data/s", "CATTLE_HOME": directory + "/h"], [:],
        ] {
            try Service.run(
                unregisters: false, name: "again", url: nil, installer: installer, environment: environment)
            let unit = try String(contentsOfFile: directory + "/again.service", encoding: .utf8)
            for place in ["/data/s", "/h", "/data/etc/ssl"] {
                #expect(unit.contains("\nReadWritePaths=-\(directory)\(place)\n"))
            }
        }
    }

    @Test(
        "A service may write wherever the agent writes, and nowhere else",
        arguments: [
            [:], ["CATTLE_STATE_DIR": "/data/state/", "CATTLE_HOME": "/data/home"],
            [
                "CATTLE_HOST_KEY_FILE": "/keys/host.key", "CATTLE_CONSOLE_HOST_API_PUBLIC_KEY": "/crt/api.crt",
                "CATTLE_DOCKER_UUID_FILE": "/uuid/../docker/id", "CATTLE_PHYSICAL_HOST_UUID_FILE": "/machine/id",
            ],
        ])
    func serviceDirectories(environment: [String: String]) throws {
        let configuration = AgentConfiguration(environment: environment)
        let directories = Service.directories(configuration)
        func isWithin(_ path: String) -> Bool {
            let path = URL(fileURLWithPath: path).standardized.path
            return directories.contains { path == $0 || path.hasPrefix($0 + "/") }
        }
        for path in [
            configuration.stateDirectory, configuration.home, configuration.hostKeyPath,
            configuration.apiCertificatePath, configuration.uuids.physicalHostFile, configuration.uuids.dockerHostFile,
        ] {
            #expect(isWithin(path), "\(path) in \(directories)")
        }
        for path in ["/etc/passwd", "/usr/bin/x", "/var/lib/docker/x"] { #expect(!isWithin(path)) }
        #expect(directories.allSatisfy { !$0.contains("..") })
        #expect(Set(directories).count == directories.count)
        let unit = try ServiceUnit(name: "a", program: "/p", settingsFile: "/s", directories: directories)
        for directory in directories {
            #expect(unit.text.contains("\nReadWritePaths=-\(directory)\n"))
        }
        if environment.isEmpty {
            #expect(directories == ["/var/lib/rancher/state", "/var/lib/cattle", "/var/lib/rancher/etc/ssl"])
        }
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

    @Test("Every command about the state has a help text with examples, and needs no state for it")
    func helps() throws {
        for command in StateCommands.all {
            let help = try runAgent(["state", command, "--help"])
            #expect(help.code == 0, "\(command)")
            #expect(help.output.contains("Examples:\n"), "\(command)")
            #expect(help.output.contains("rancher-agent state"), "\(command)")
        }
        let overview = try runAgent(["state", "--help"]).output
        for command in StateCommands.all { #expect(overview.contains("  \(command) "), "\(command)") }
        #expect(try runAgent(["state", "check", "--help"]).output.contains("Exit codes:"))
    }

    @Test(
        "What is wrong on the command line is said with the usage, and with 64",
        arguments: [
            ["state", "events", "--limit", "0"], ["state", "events", "--state", "perhaps"], ["state", "why"],
            ["state", "check", "--max-age", "soon"], ["state", "watch", "--interval", "0"], ["state", "nonsense"],
            ["state", "history"], ["state", "watch", "--json"], ["state", "instances", "--phase", "runing"],
            ["state", "volumes", "--phase", "running"], ["state", "images", "--phase", "active"],
        ])
    func wrong(arguments: [String]) throws {
        let outcome = try runAgent(arguments)
        #expect(outcome.code == 64, "\(outcome)")
        #expect(outcome.output.isEmpty)
        #expect(!outcome.errors.isEmpty)
    }

    @Test(
        "Spans of time on the command line",
        arguments: [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("0.5s", 0.5), ("0", 0)])
    func ages(text: String, seconds: Double) {
        #expect(Age(argument: text)?.duration == .milliseconds(Int(seconds * 1000)))
    }

    @Test("What is no span of time", arguments: ["", "s", "-1", "1w", "nan", "inf", "1e99", "1 m"])
    func noAges(text: String) { #expect(Age(argument: text) == nil) }

    @Test("Shells are given scripts, and the names that are known")
    func completion() throws {
        for shell in ["bash", "zsh", "fish"] {
            let script = try runAgent(["--generate-completion-script", shell])
            #expect(script.code == 0)
            #expect(script.output.contains("quarantine"), "\(shell)")
        }
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        // As the script asks: what is completed, the index of the word, of the cursor in it, and all words.
        for command in ["show", "history", "why"] {
            let asked = try runAgent(
                [
                    "---completion", "state", command, "--", "positional@0", "5", "1", "rancher-agent", "state",
                    command,
                    "--state-dir", directory.path, "w",
                ])
            #expect(asked.code == 0, "\(asked.errors)")
            #expect(asked.output.split(separator: "\n") == ["web"], "\(command): \(asked)")
        }
        for (shell, name) in [("bash", "nginx:latest"), ("zsh", "nginx\\:latest")] {
            let asked = try runAgent(
                [
                    "---completion", "state", "show", "--", "positional@0", "5", "1", "rancher-agent", "state", "show",
                    "--state-dir", directory.path, "n",
                ], environment: ["SAP_SHELL": shell])
            #expect(asked.output.split(separator: "\n").first.map(String.init) == name, "\(shell): \(asked)")
        }
        withExtendedLifetime(directory) {}
    }

    @Test("`state why` tells what is known, what is several, and what is nothing")
    func why() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        func why(_ arguments: String...) throws -> Outcome {
            try runAgent(["state", "why"] + arguments + ["--state-dir", directory.path])
        }
        let web = try why("web")
        #expect(web.code == 0)
        #expect(
            web.output.hasPrefix(
                "The instance web (\(Fixture.web)) waits for a pull that fails, for its image nginx:latest.\n"))
        #expect(try JSON(parsing: why("nginx", "--json").output)["reason"] == "image-pull-failing")
        #expect(try JSON(parsing: why("e3", "--json").output)["reason"] == "answer-undelivered")
        #expect(try JSON(parsing: why("e9", "--json").output)["reason"] == "quarantined")
        let several = try why("0123")
        #expect(several.code == 1)
        #expect(several.errors.contains(Fixture.db.description))
        let none = try why("nobody")
        #expect(none.code == 1)
        #expect(none.errors.contains("Nothing is known of 'nobody'"))
        withExtendedLifetime(directory) {}
    }

    @Test("What cannot be written is an error, and critical for `state check`")
    func fullOutput() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        for command in StateCommands.readings {
            for form in [[], ["--json"]] {
                let outcome = try runAgent(
                    ["state"] + command + ["--state-dir", directory.path] + form, into: "/dev/full")
                #expect(outcome.code == (command == ["check"] ? 2 : 1), "\(command)")
                #expect(outcome.errors.contains("could not be written"), "\(command): \(outcome.errors)")
            }
        }
        withExtendedLifetime(directory) {}
    }

    @Test("What a terminal would obey is printed by no command, not as an error nor as JSON")
    func controls() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fillWithControls(try directory.openStore()) }
        let key = "volume:odd\(Fixture.controls)key"
        let commands =
            StateCommands.readings.map { $0.map { $0 == "web" ? key : $0 } } + [
                ["why", "odd"], ["why", "oddly"], ["why", "spoilt"], ["show", "odd"], ["events", "--about", "odd"],
                ["why", "none\(Fixture.controls)"], ["show", "none\(Fixture.controls)"],
                ["instances", "--phase", "none\(Fixture.controls)"],
            ]
        for command in commands {
            for form in [[], ["--json"]] {
                let outcome = try runAgent(["state"] + command + ["--state-dir", directory.path] + form)
                #expect(!outcome.output.isEmpty || !outcome.errors.isEmpty, "\(command)")
                #expect(!outcome.output.hasControls, "\(command): \(outcome.output.debugDescription)")
                #expect(!outcome.errors.hasControls, "\(command): \(outcome.errors.debugDescription)")
            }
        }
        withExtendedLifetime(directory) {}
    }

    @Test("`state check` ends with 0, 1 or 2")
    func check() throws {
        let directory = try TemporaryDirectory()
        do { _ = try directory.openStore() }
        func check(_ arguments: String...) throws -> Outcome {
            try runAgent(["state", "check"] + arguments + ["--state-dir", directory.path])
        }
        let fine = try check()
        #expect(fine.code == 0)
        #expect(fine.output.hasPrefix("OK: "))
        do { try Fixture.fill(try directory.openStore()) }
        // The fixture's events are from another time.
        let warning = try check("--max-age", "1s", "--json")
        #expect(warning.code == 1 || Timestamp.current < Fixture.now)
        do { try directory.openStore().connection.execute("UPDATE event SET received_at = 1000, state = 'open'") }
        let old = try check("--max-age", "1h")
        #expect(old.code == 1)
        #expect(old.output.hasPrefix("WARNING: "))
        try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: directory.location.databasePath))
        let broken = try check("--json")
        #expect(broken.code == 2)
        #expect(try JSON(parsing: broken.output)["status"] == "critical")
        let missing = try runAgent(["state", "check", "--state-dir", "/nonexistent"])
        #expect(missing.code == 2)
        #expect(missing.output.hasPrefix("CRITICAL: No state at /nonexistent/agent.db."))
        withExtendedLifetime(directory) {}
    }

    @Test("`state events` takes one resource, and says so where it is none or several")
    func eventsAbout() throws {
        let directory = try TemporaryDirectory()
        do { try Fixture.fill(try directory.openStore()) }
        func events(_ arguments: String...) throws -> Outcome {
            try runAgent(["state", "events"] + arguments + ["--state-dir", directory.path])
        }
        #expect(try JSON(parsing: events("--about", "web", "--json").output)["total"] == 2)
        #expect(try JSON(parsing: events("--open", "--state", "closed", "--json").output)["total"] == 2)
        let none = try events("--about", "nobody")
        #expect(none.code == 1 && none.errors.contains("Nothing is known of 'nobody'."))
        let several = try events("--about", "0123")
        #expect(several.code == 1 && several.errors.contains("may be each of"))
        withExtendedLifetime(directory) {}
    }

    @Test("`state watch` says that it needs a terminal")
    func watchWithoutATerminal() throws {
        let directory = try TemporaryDirectory()
        let outcome = try runAgent(["state", "watch", "--state-dir", directory.path])
        #expect(outcome.code == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("The output is no terminal"))
    }

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
