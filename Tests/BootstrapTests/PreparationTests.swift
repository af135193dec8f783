import EngineStub
import Foundation
import Logging
import Synchronization
import Testing

@testable import Bootstrap

@Suite("The look at the host")
struct HostInspectionTests {
    @Test("makes the key of the host once, for its owner only, and keeps the server's certificate")
    func key() async throws {
        try await withDirectory { directory in
            var inspection = HostInspection(environment: ["CATTLE_CA_CERTIFICATE": "-----BEGIN CERTIFICATE-----\nx"])
            inspection.varLib = directory
            let first = try await inspection.run()
            #expect(first.isVarLibWritable)
            #expect(!first.isBoot2Docker)
            #expect(first.token?.count == 128)
            let file = directory + "/rancher/state/.registration_token"
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/rancher/state").count == 1)
            let kept = try String(contentsOfFile: directory + "/rancher/etc/ssl/ca.crt", encoding: .utf8)
            #expect(kept == "-----BEGIN CERTIFICATE-----\nx\n")
            try FileManager.default.createDirectory(
                atPath: directory + "/boot2docker", withIntermediateDirectories: true)
            inspection.environment = [:]
            let second = try await inspection.run()
            #expect(second.token == first.token)
            #expect(second.isBoot2Docker)
        }
    }

    @Test("says where nothing can be kept")
    func readOnly() async throws {
        var inspection = HostInspection(environment: ["CATTLE_CA_CERTIFICATE": "x"])
        inspection.varLib = "/dev/null"
        let report = try await inspection.run()
        #expect(report.token == nil)
        #expect(!report.isVarLibWritable)
        #expect(report.varLibFault?.contains("/dev/null/rancher") == true)
    }

    @Test("makes no second host of one whose key is there and cannot be written beside for now")
    func full() async throws {
        try await withDirectory { directory in
            let state = directory + "/rancher/state"
            // Nothing can be put in the place of a directory.
            try FileManager.default.createDirectory(
                atPath: state + "/.written-by-inspect-host", withIntermediateDirectories: true)
            var inspection = HostInspection(environment: [:])
            inspection.varLib = directory
            let without = try await inspection.run()
            #expect(without.token == nil)
            #expect(without.varLibFault != nil)
            try "k3y\n".write(toFile: state + "/.registration_token", atomically: true, encoding: .utf8)
            let ready = inspection
            let error = await #expect(throws: BootstrapError.self) { try await ready.run() }
            #expect(error?.description.contains("The key of this host is in \(state)") == true)
            #expect(error?.description.contains("Is the disk full?") == true)
            #expect(error?.description.contains("k3y") == false)
            // One that cannot be read may be one all the same.
            try FileManager.default.removeItem(atPath: state + "/.registration_token")
            try FileManager.default.createDirectory(
                atPath: state + "/.registration_token", withIntermediateDirectories: true)
            let unreadable = await #expect(throws: BootstrapError.self) { try await ready.run() }
            #expect(unreadable?.description.contains("cannot be read") == true)
        }
    }

    @Test("does without the address where the server does not answer")
    func address() async throws {
        try await withDirectory { directory in
            // Port 1 is nobody's.
            var inspection = HostInspection(environment: ["CATTLE_REGISTRATION_URL": "http://127.0.0.1:1/x"])
            inspection.varLib = directory
            let report = try await inspection.run()
            #expect(report.token != nil)
            #expect(report.detectedAgentIP == nil)
        }
    }
}

@Suite("The preparation of the agent")
struct PreparationTests {
    @Test("makes the state directory, shares what waits for the network, and needs no engine for that")
    func prepare() async throws {
        try await withDirectory { directory in
            try Data([0, 1, 2]).write(to: URL(fileURLWithPath: directory + "/r"))
            try FileManager.default.createDirectory(atPath: directory + "/shared", withIntermediateDirectories: true)
            try await CannedEngine.run([:]) { _, engine in
                let said = Mutex<[String]>([])
                var preparation = Preparation(
                    environment: [:], engine: engine, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
                ) { line in said.withLock { $0.append(line) } }
                preparation.stateDirectory = directory + "/deep/state"
                preparation.trust.authority = directory + "/none"
                preparation.waiter = directory + "/r"
                preparation.sharedWaiter = directory + "/shared/r"
                for _ in 1...2 {
                    let variables = await preparation.run()
                    #expect(variables["CATTLE_STATE_DIR"] == directory + "/deep/state")
                }
                #expect(FileManager.default.fileExists(atPath: directory + "/deep/state"))
                let shared = try Data(contentsOf: URL(fileURLWithPath: directory + "/shared/r"))
                #expect(shared == Data([0, 1, 2]))
                #expect(FileManager.default.isExecutableFile(atPath: directory + "/shared/r"))
                let files = try FileManager.default.contentsOfDirectory(atPath: directory + "/shared")
                #expect(files == ["r"])

                // What cannot be done is said, and keeps nobody from running.
                preparation.stateDirectory = "/dev/null/state"
                #expect(await preparation.run()["CATTLE_STATE_DIR"] == "/dev/null/state")
                #expect(said.withLock { $0 }.contains { $0.hasPrefix("WARN: ") && $0.contains("/dev/null/state") })
            }
        }
    }
}
