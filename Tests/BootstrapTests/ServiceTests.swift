import Foundation
import Synchronization
import Testing

@testable import Bootstrap

@Suite("The service")
struct ServiceTests {
    private final class Host: Sendable {
        let directory = NSTemporaryDirectory() + "service-" + UUID().uuidString
        let calls = Mutex<[String]>([])
        let code = Mutex<Int32>(0)

        init() throws {
            try FileManager.default.createDirectory(atPath: directory + "/booted", withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        var installer: ServiceInstaller {
            var installer = ServiceInstaller()
            installer.unitDirectory = directory + "/units"
            installer.settingsDirectory = directory + "/settings"
            installer.mark = directory + "/booted"
            installer.systemctl = { words in
                self.calls.withLock { $0.append(words.joined(separator: " ")) }
                return self.code.withLock { $0 }
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
            "ReadWritePaths=-/var/lib/cattle", "ProtectSystem=strict", "NoNewPrivileges=yes",
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
    }

    @Test("keeps its settings as they are, one a line")
    func settings() throws {
        let text = try ServiceUnit.settingsText(["B": "a \"b\" $c \\d `e`", "A": "x=y"])
        #expect(text.hasSuffix("A=\"x=y\"\nB=\"a \\\"b\\\" \\$c \\\\d \\`e\\`\"\n"))
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
        host.code.withLock { $0 = 5 }
        let refused = #expect(throws: BootstrapError.self) { try host.register(settings: ["CATTLE_URL": "u"]) }
        #expect(refused?.description == "systemctl daemon-reload has failed with exit code 5")
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
