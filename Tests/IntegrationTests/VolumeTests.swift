import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Volumes that the engine keeps, and directories of the host (PROTOCOL 7.3, 7.5).
@Suite(.serialized, .engineDifferences)
struct VolumeTests {
    @Test(arguments: Dialect.all)
    func `a driver's options reach the engine, and the volume is used again when it is there`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let volume = scene.volume("options")
            let instance = scene.instance("options") {
                $0.use(volume, of: "local", options: ["type": "tmpfs", "device": "tmpfs", "o": "mode=0700"])
            }
            let known = try await scene.activate(instance)
            let shown = try JSON(parsing: Array(try await scene.engine.docker("volume", "inspect", volume).utf8))[0]
            #expect(shown["Options"] == ["device": "tmpfs", "o": "mode=0700", "type": "tmpfs"])
            #expect(shown["Driver"] == "local")
            #expect(try await scene.sources(of: known)["/data"] == shown["Mountpoint"].text)
            try await scene.remove(known)
            // It outlives its instance.
            #expect(try await scene.engine.hasVolume(volume))
            _ = try await scene.activate(scene.instance("other") { $0.use(volume, of: "local") })
            #expect(scene.proxy.count(.createVolume) == 1)
        }
    }

    @Test(arguments: Dialect.all)
    func `a volume of the same name and another driver is not taken for the one (defect 60)`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let volume = scene.volume("same")
            try await scene.engine.docker("volume", "create", volume)
            let instance = scene.instance("same") { $0.use(volume, of: "elsewhere") }
            let failure = try await scene.fail(instance.activate())
            #expect(failure == "Volume \(volume) exists with driver local instead of elsewhere")
            try await scene.confirmGone(instance)
            #expect(try await scene.engine.hasVolume(volume))
        }
    }

    @Test(arguments: Dialect.all)
    func `a volume in use is tried three times, then that is the answer, and it is still there (defect 61)`(
        dialect: Dialect
    )
        async throws
    {
        try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
            let volume = scene.volume("used")
            let user = try await scene.engine.docker("create", "-v", "\(volume):/data", Engine.image)
            let event = scene.dialect.volumeRemove(name: volume)
            let failure = try await scene.fail(event)
            print("in use: \(failure)")
            #expect(failure.contains("in use") || failure.contains("being used"))
            #expect(scene.proxy.count(.removeVolume) == 3)
            #expect(try await scene.engine.hasVolume(volume))
            try await scene.engine.remove(user)
            try await scene.succeed(RancherServer.renewed(event))
            #expect(try await !scene.engine.hasVolume(volume))
            // And one that is gone is gone.
            try await scene.succeed(RancherServer.renewed(event))
        }
    }

    /// A volume object with a `uri`.
    struct Directory: Sendable, CustomTestStringConvertible {
        let driver: String?
        let isHostPath: Bool
        let scheme: String

        var testDescription: String { "\(driver ?? "no driver"), isHostPath \(isHostPath), \(scheme)" }
    }

    @Test(
        "nothing is ever deleted at the uri of a volume that is removed (defects 63, 64)",
        arguments: Dialect.all,
        [
            Directory(driver: nil, isHostPath: true, scheme: "file://"),
            Directory(driver: nil, isHostPath: false, scheme: "file://"),
            Directory(driver: "", isHostPath: false, scheme: "file://file://"),
            Directory(driver: nil, isHostPath: false, scheme: ""),
            Directory(driver: "local", isHostPath: true, scheme: "file://"),
            Directory(driver: "local", isHostPath: false, scheme: "file://"),
        ])
    func uri(_ dialect: Dialect, _ given: Directory) async throws {
        try await Scene.play(in: dialect) { scene in
            let directory = scene.directory + "/precious"
            let file = directory + "/deep/file"
            try FileManager.default.createDirectory(atPath: directory + "/deep", withIntermediateDirectories: true)
            try "precious".write(toFile: file, atomically: true, encoding: .utf8)
            let volume = scene.volume("uri")
            if given.driver == "local" { try await scene.engine.docker("volume", "create", volume) }
            // Both as a removal of its own, and with an instance that had it.
            var instance = scene.instance("uri") { $0.dataVolumes = ["\(directory):/data"] }
            instance = try await scene.activate(instance)
            try await scene.remove(instance)
            let event = dialect.remove(
                .init(
                    id: "1v9", name: volume, driver: given.driver, uri: given.scheme + directory,
                    isHostPath: given.isHostPath))
            try await scene.succeed(event)
            #expect(try await !scene.engine.hasVolume(volume))
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
        }
    }
}
