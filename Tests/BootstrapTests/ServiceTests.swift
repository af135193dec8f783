import Foundation
import Synchronization
import Testing

@testable import Bootstrap

@Suite("The service")
struct ServiceTests {
    private final class Host: Sendable {
        /// Beside the tests: a service would not see what is in the directory for temporary files.
        let directory =
            (Bundle.main.executableURL?.deletingLastPathComponent().path ?? "") + "/service-" + UUID().uuidString
        let calls = Mutex<[String]>([])
        let codes = Mutex<[String: Int32]>([:])

        init() throws {
            try FileManager.default.createDirectory(atPath: directory + "/booted", withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        var installer: ServiceInstaller {
            var installer = ServiceInstaller()
            installer.unitDirectory = directory + "/units"
            installer.settingsDirectory = directory + "/settings"
            installer.mark = directory + "/booted"
            installer.foreignDirectories = [directory + "/foreign"]
            installer.systemctl = { words in
                self.calls.withLock { $0.append(words.joined(separator: " ")) }
                return self.codes.withLock { $0[words[0]] ?? 0 }
            }
            return installer
        }

        func register(_ name: String = "agent", settings: [String: String]) throws -> String {
            try installer.register(
                name: name, program: "/usr/bin/rancher-agent", settings: settings, directories: [directory + "/state"])
        }

        func text(_ path: String) throws -> String {
            try String(contentsOfFile: "\(directory)/\(path)", encoding: .utf8)
        }
    }

    @Test("is a unit that starts the agent again and lets it do no more than it needs")
    func unit() throws {
        let unit = try ServiceUnit(
            name: "rancher-agent.service", program: "/opt/100%/rancher-agent", settingsFile: "/etc/r/a.env",
            directories: ["/var/lib/rancher/state", "/var/lib/cattle"])
        #expect(unit.fileName == "rancher-agent.service")
        let lines = unit.text.split(separator: "\n")
        for line in [
            "[Unit]", "[Service]", "[Install]", "ExecStart=/opt/100%%/rancher-agent run",
            "EnvironmentFile=-/etc/r/a.env", "Restart=always", "ReadWritePaths=-/var/lib/rancher/state",
            "ReadWritePaths=-/var/lib/cattle", "ProtectSystem=strict", "NoNewPrivileges=yes", "Type=exec",
            "ProtectHome=read-only",
            "WantedBy=multi-user.target", "After=network-online.target docker.service",
        ] {
            #expect(lines.contains(Substring(line)), "\(line)")
        }
        // Every line is a comment, a heading or a setting.
        #expect(lines.allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("[") || $0.contains("=") })
    }

    @Test(
        "has a name that is one, and paths that can stand in a unit",
        arguments: ["", "a/b", "a b", "../x", "-x", "a\nb", "ä", ".service"])
    func names(name: String) {
        #expect(throws: BootstrapError.self) {
            try ServiceUnit(name: name, program: "/p", settingsFile: "/s", directories: [])
        }
        #expect(throws: BootstrapError.self) {
            try ServiceUnit(name: "a", program: "/p q", settingsFile: "/s", directories: [])
        }
        #expect(throws: BootstrapError.self) {
            try ServiceUnit(name: "a", program: "/p", settingsFile: "/s", directories: ["relative"])
        }
        #expect(throws: BootstrapError.self) {
            try ServiceUnit(name: "a", program: "/p", settingsFile: "/s", directories: ["/"])
        }
    }

    @Test(
        "is not installed with what it would not see, for it has temporary directories of its own",
        arguments: ["/tmp", "/tmp/x", "/var/tmp/a/b"])
    func temporary(path: String) throws {
        #expect(throws: BootstrapError.self) {
            try ServiceUnit(name: "a", program: path, settingsFile: "/s", directories: [])
        }
        #expect(throws: BootstrapError.self) {
            try ServiceUnit(name: "a", program: "/p", settingsFile: "/s", directories: [path])
        }
        _ = try ServiceUnit(name: "a", program: "/tmpfs/p", settingsFile: "/s", directories: ["/var/tmpx"])
        let host = try Host()
        for value in [path, "unix://\(path)"] {
            let error = #expect(throws: BootstrapError.self) {
                try host.register(settings: ["CATTLE_URL": "u", "DOCKER_X": value])
            }
            #expect(error?.description.hasPrefix("DOCKER_X is \(value), and a service has a ") == true)
        }
        #expect(host.calls.withLock { $0 } == [])
    }

    @Test("does not take the place of a service of somebody else")
    func foreign() throws {
        let host = try Host()
        for directory in ["units", "foreign"] {
            try FileManager.default.createDirectory(
                atPath: "\(host.directory)/\(directory)", withIntermediateDirectories: true)
        }
        try "[Unit]\n".write(toFile: host.directory + "/units/docker.service", atomically: true, encoding: .utf8)
        try "[Unit]\n".write(toFile: host.directory + "/foreign/ssh.service", atomically: true, encoding: .utf8)
        // A service that is masked is somebody's as well.
        try FileManager.default.createSymbolicLink(
            atPath: host.directory + "/units/masked.service", withDestinationPath: "/dev/null")
        try FileManager.default.createSymbolicLink(
            atPath: host.directory + "/units/lost.service", withDestinationPath: "/nowhere/at/all")
        for name in ["docker", "docker.service", "ssh", "masked", "lost"] {
            let error = #expect(throws: BootstrapError.self) { try host.register(name, settings: ["CATTLE_URL": "u"]) }
            #expect(error?.description.contains("another name") == true)
        }
        #expect(try host.text("units/docker.service") == "[Unit]\n")
        #expect(!FileManager.default.fileExists(atPath: host.directory + "/settings"))
        #expect(host.calls.withLock { $0 } == [])
    }

    @Test("has paths without dots, which lead where those with dots led")
    func dots() throws {
        let host = try Host()
        try FileManager.default.createDirectory(
            atPath: host.directory + "/data/state", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: host.directory + "/link", withDestinationPath: host.directory + "/data/state")
        #expect(TextFile.withoutDots("\(host.directory)/link/../etc/./ssl").hasSuffix("/data/etc/ssl"))
        for (path, expected) in [
            ("/a/b/../c", "/a/c"), ("/a//b/./", "/a/b"), ("/..", "/"), ("/", "/"), ("/nowhere/x/../../y", "/y"),
        ] {
            #expect(TextFile.withoutDots(path) == expected)
        }
    }

    @Test("keeps its settings as they are, one a line")
    func settings() throws {
        let text = try ServiceUnit.settingsText(["B": "a \"b\" $c \\d `e`", "A": "x=y"])
        #expect(text.hasSuffix("A=\"x=y\"\nB=\"a \\\"b\\\" \\$c \\\\d \\`e\\`\"\n"))
        #expect(ServiceUnit.settings(in: text) == ["B": "a \"b\" $c \\d `e`", "A": "x=y"])
        #expect(ServiceUnit.settings(in: "; x=y\nA=b c\n\nB=\"\nC\n") == ["A": "b c", "B": "\""])
        #expect(throws: BootstrapError.self) { try ServiceUnit.settingsText(["A": "x\ny"]) }
    }

    @Test("is installed with its settings in a file of their own, and removed again")
    func life() throws {
        let host = try Host()
        let done = try host.register(settings: ["CATTLE_REGISTRATION_URL": "http://s/scripts/T"])
        #expect(done.contains("agent"))
        #expect(!done.contains("scripts/T"))
        #expect(try host.text("units/agent.service").contains("ExecStart=/usr/bin/rancher-agent run"))
        #expect(!(try host.text("units/agent.service").contains("scripts/T")))
        #expect(try host.text("settings/agent.env").contains("CATTLE_REGISTRATION_URL=\"http://s/scripts/T\""))
        let attributes = try FileManager.default.attributesOfItem(atPath: host.directory + "/settings/agent.env")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(FileManager.default.fileExists(atPath: host.directory + "/state"))
        #expect(
            host.calls.withLock { $0 } == ["daemon-reload", "enable agent.service", "restart agent.service"])

        _ = try host.register(settings: [:])
        #expect(try host.text("settings/agent.env").contains("scripts/T"))

        host.calls.withLock { $0 = [] }
        _ = try host.installer.unregister(name: nil)
        #expect(host.calls.withLock { $0 } == ["disable --now agent.service", "daemon-reload"])
        #expect(!FileManager.default.fileExists(atPath: host.directory + "/units/agent.service"))
        #expect(FileManager.default.fileExists(atPath: host.directory + "/settings/agent.env"))
        #expect(throws: BootstrapError.self) { try host.installer.unregister(name: nil) }
    }

    @Test("of somebody else is left alone, and one of several has to be named")
    func others() throws {
        let host = try Host()
        try FileManager.default.createDirectory(atPath: host.directory + "/units", withIntermediateDirectories: true)
        try "[Unit]\n".write(toFile: host.directory + "/units/nginx.service", atomically: true, encoding: .utf8)
        #expect(throws: BootstrapError.self) { try host.installer.unregister(name: "nginx") }
        #expect(throws: BootstrapError.self) { try host.installer.unregister(name: nil) }
        _ = try host.register("a", settings: ["CATTLE_URL": "u"])
        _ = try host.register("b", settings: ["CATTLE_URL": "u"])
        let error = #expect(throws: BootstrapError.self) { try host.installer.unregister(name: nil) }
        #expect(error?.description.contains("a, b") == true)
        _ = try host.installer.unregister(name: "b")
        #expect(try host.text("units/nginx.service") == "[Unit]\n")
    }

    @Test("is not installed without a server, nor where there is no systemd, nor said to be where systemd refuses it")
    func refusals() throws {
        let host = try Host()
        let nameless = #expect(throws: BootstrapError.self) { try host.register(settings: [:]) }
        #expect(nameless?.description.contains("--url") == true)
        host.codes.withLock { $0["daemon-reload"] = 5 }
        let refused = #expect(throws: BootstrapError.self) { try host.register(settings: ["CATTLE_URL": "u"]) }
        #expect(refused?.description == "systemctl daemon-reload has failed with exit code 5")
        for file in ["units/agent.service", "settings/agent.env"] {
            #expect(!FileManager.default.fileExists(atPath: "\(host.directory)/\(file)"), "nothing is installed")
        }
        host.codes.withLock { $0 = [:] }
        _ = try host.register(settings: ["CATTLE_URL": "u"])
        host.codes.withLock { $0["daemon-reload"] = 5 }
        #expect(throws: BootstrapError.self) { try host.register(settings: ["CATTLE_URL": "other"]) }
        #expect(try host.text("settings/agent.env").contains("CATTLE_URL=\"u\""))
        host.codes.withLock { $0 = ["restart": 1] }
        let broken = #expect(throws: BootstrapError.self) { try host.register(settings: ["CATTLE_URL": "u"]) }
        #expect(broken?.description.contains("The service agent is installed, and does not run as it should") == true)
        try FileManager.default.removeItem(atPath: host.directory + "/booted")
        host.calls.withLock { $0 = [] }
        let absent = #expect(throws: BootstrapError.self) { try host.register(settings: ["CATTLE_URL": "u"]) }
        #expect(absent?.description.contains("no systemd") == true)
        #expect(throws: BootstrapError.self) { try host.installer.unregister(name: "agent") }
        #expect(host.calls.withLock { $0 } == [])
    }

    @Test("is told to systemd by its own program, whose failure counts")
    func program() {
        // Wherever the tests run, this is no word that it knows.
        #expect(ServiceInstaller().systemctl(["no-such-verb-of-systemctl"]) != 0)
    }
}
