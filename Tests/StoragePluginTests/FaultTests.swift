import FakeStoragePlugin
import Foundation
import StoragePlugin
import Testing

@Suite("A storage plug-in with faults", .timeLimit(.minutes(1)), .serialized)
struct FaultTests {
    @Test("that hangs is given up at the deadline, nobody knows with what result (defect 65)")
    func hang() async throws {
        try await withPlugin { scene in
            let plugin = try await scene.plugin(within: .milliseconds(300))
            for verb: VolumeVerb in [.create, .attach, .mount, .unmount, .remove] {
                scene.fake.order(.hang(isDone: verb == .create), for: verb)
            }
            let start = ContinuousClock.now
            let errors = [
                await failure { try await plugin.create("v", options: [:]) },
                await failure { try await plugin.attach("v", options: [:]) },
                await failure { _ = try await plugin.mount("v", options: [:]) },
                await failure { try await plugin.unmount("v") }, await failure { try await plugin.remove("v") },
            ]
            #expect(ContinuousClock.now - start >= .milliseconds(1500))
            #expect(errors.map { $0?.kind } == Array(repeating: .unknown, count: 5))
            #expect(
                errors[1]?.message
                    == "/VolumeDriver.Attach 'v' (driver 'rancher-nfs') was not answered within 0.3 seconds")
            #expect(scene.fake.created == ["v"])
            // The plug-in sees us go.
            let hasGone = try await untilTrue { scene.fake.connectionCount == 0 }
            #expect(hasGone)
            try await plugin.attach("v", options: [:])
        }
    }

    @Test("that answers too late has done the work all the same")
    func late() async throws {
        try await withPlugin { scene in
            scene.fake.order(.delay(milliseconds: 1500), for: .create)
            scene.fake.order(.delay(milliseconds: 50), for: .create)
            let impatient = try await scene.plugin(within: .milliseconds(100))
            #expect(await failure { try await impatient.create("v", options: [:]) }?.kind == .unknown)
            #expect(scene.fake.created.isEmpty)
            let isDone = try await untilTrue { scene.fake.created == ["v"] }
            #expect(isDone)
            try await scene.plugin().create("w", options: [:])
        }
    }

    @Test("that dies while it answers or before leaves it open what was done", arguments: [true, false])
    func death(isDone: Bool) async throws {
        try await withPlugin { scene in
            let plugin = try await scene.plugin()
            try await plugin.create("v", options: [:])
            try await plugin.attach("v", options: [:])
            for fault: PluginFault in [.cut(isDone: isDone), .close(isDone: isDone)] {
                scene.fake.order(fault, for: .mount)
                let error = await failure { _ = try await plugin.mount("v", options: [:]) }
                #expect(error?.kind == .unknown)
                #expect(
                    error?.message.hasPrefix(
                        "/VolumeDriver.Mount 'v' (driver 'rancher-nfs') was made, and not answered to the end: ")
                        == true)
                #expect(scene.fake.mounted == (isDone ? ["v"] : []))
                try await plugin.unmount("v")
            }
            // Nothing was made twice.
            #expect(scene.fake.calls.map(\.verb) == ["Create", "Attach", "Mount", "Unmount", "Mount", "Unmount"])
        }
    }

    @Test("that dies in the middle of a refusal has refused")
    func cutRefusal() async throws {
        try await withPlugin { scene in
            scene.fake.order(.cut(isDone: false, status: 500), for: .attach)
            let plugin = try await scene.plugin()
            #expect(await failure { try await plugin.attach("v", options: [:]) }?.kind == .refused)
        }
    }

    @Test("that is down cannot be reached, and is used again when it is back")
    func down() async throws {
        try await withPlugin { scene in
            let plugin = try await scene.plugin()
            try await plugin.create("v", options: [:])
            try await scene.fake.stop(leavingSocketFile: true)
            // It is down, not missing.
            let same = try #require(try await scene.plugins().plugin(forDriver: PluginScene.driver))
            let start = ContinuousClock.now
            let refused = await failure { try await same.create("v", options: [:]) }
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(refused?.kind == .unreachable)
            #expect(
                refused?.message == "/VolumeDriver.Create 'v' (driver 'rancher-nfs') was not made: nobody answers at "
                    + "\(scene.directory)/rancher-nfs.sock: Connection refused")
            try await scene.fake.start()
            try await plugin.attach("v", options: [:])
            #expect(scene.fake.attached == ["v"])
            try await scene.fake.stop()
            let missing = await failure { try await plugin.attach("v", options: [:]) }
            #expect(missing?.kind == .unreachable)
            #expect(missing?.message.hasSuffix("No such file or directory") == true)
            #expect(scene.fake.calls.count == 2)
        }
    }

    @Test("holds up nobody else while it hangs (defect 65)")
    func manyHung() async throws {
        try await withPlugin { scene in
            scene.fake.order(.hang(isDone: false), for: .mount, times: 100)
            let plugin = try await scene.plugin()
            let hung = Task {
                await withTaskGroup(of: StoragePluginError?.self) { group in
                    for number in 0..<100 {
                        group.addTask { await failure { _ = try await plugin.mount("v\(number)", options: [:]) } }
                    }
                    return await group.reduce(into: []) { $0.append($1?.kind) }
                }
            }
            let areHung = try await untilTrue { scene.fake.calls.count == 100 }
            #expect(areHung)
            try await plugin.create("quick", options: [:])
            #expect(scene.fake.created == ["quick"])
            // And a caller that gives up is told at once.
            hung.cancel()
            let kinds = await hung.value
            #expect(kinds == Array(repeating: .unknown, count: 100))
        }
    }

    @Test("costs no descriptor, however its calls end (defect 65)")
    func descriptors() async throws {
        func openFiles() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0 }
        try await withPlugin { scene in
            let patient = try await scene.plugin()
            let impatient = try await scene.plugin(within: .milliseconds(20))
            try await patient.create("v", options: [:])
            let isQuiet = try await untilTrue { scene.fake.connectionCount == 0 }
            #expect(isQuiet)
            let before = openFiles()
            for round in 0..<50 {
                let ends: [PluginFault] = [
                    .error("no"), .status(500, body: "{}"), .status(404), .answer(""), .cut(isDone: false),
                    .close(isDone: true), .answer("{" + String(repeating: " ", count: 1 << 20) + "}"),
                ]
                for end in ends { scene.fake.order(end, for: .create) }
                for _ in ends { _ = await failure { try await patient.create("v\(round)", options: [:]) } }
                try await patient.create("v", options: ["n": "\(round)"])
                scene.fake.order(.hang(isDone: false), for: .create)
                _ = await failure { try await impatient.create("v", options: [:]) }
            }
            #expect(scene.fake.calls.count > 400)
            let hasClosed = try await untilTrue { openFiles() <= before }
            #expect(hasClosed, "\(before) files were open before, \(openFiles()) are now")
        }
    }
}
