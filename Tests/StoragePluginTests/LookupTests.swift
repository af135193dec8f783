import FakeStoragePlugin
import Foundation
import StoragePlugin
import Testing

@Suite("Looking for the plug-in of a driver", .timeLimit(.minutes(1)), .serialized)
struct LookupTests {
    @Test("finds a socket, also behind a link, and takes nothing else for a plug-in")
    func kinds() async throws {
        try await withPlugin { scene in
            let files = FileManager.default
            _ = files.createFile(atPath: scene.directory + "/plain.sock", contents: Data())
            try files.createDirectory(atPath: scene.directory + "/folder.sock", withIntermediateDirectories: false)
            try files.createSymbolicLink(
                atPath: scene.directory + "/link.sock", withDestinationPath: PluginScene.driver + ".sock")
            try files.createSymbolicLink(atPath: scene.directory + "/dangling.sock", withDestinationPath: "nowhere")
            let plugins = scene.plugins()
            for none in ["plain", "folder", "dangling", "missing", "rancher-nfs.sock"] {
                let plugin = try await plugins.plugin(forDriver: none)
                #expect(plugin == nil, "\(none)")
            }
            let link = try #require(try await plugins.plugin(forDriver: "link"))
            try await link.create("v", options: [:])
            let found = try #require(try await plugins.plugin(forDriver: PluginScene.driver))
            #expect(found.driver == "rancher-nfs")
            #expect(found.socketPath == scene.fake.socketPath)
        }
    }

    @Test(
        "never leaves the directory, and knows no driver by an impossible name (defect 67)",
        arguments: [
            "", ".", "..", "../outside", "storage/../rancher-nfs", "./rancher-nfs", "/rancher-nfs", "-nfs", "_nfs",
            ".nfs",
            "rancher nfs", "rancher-nfs\n", "rancher-nfs\0", "naïve", "a\u{301}",
        ])
    func badNames(_ name: String) async throws {
        try await withPlugin { scene in
            // A socket wherever a name joined to the path unchecked would lead.
            let outside = FakeStoragePlugin(socketPath: scene.root + "/outside.sock")
            try await outside.start()
            try FileManager.default.createDirectory(
                atPath: scene.directory + "/storage", withIntermediateDirectories: false)
            for other in ["-nfs", "_nfs", ".nfs", "rancher nfs", "rancher-nfs\n", "naïve", "a\u{301}", "", ".", ".."] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(scene.directory)/\(other).sock", withDestinationPath: PluginScene.driver + ".sock")
            }
            let plugin = try await scene.plugins().plugin(forDriver: name)
            #expect(plugin == nil)
            try await outside.stop()
        }
    }

    @Test("knows the names that drivers have", arguments: ["nfs", "a", "0", "Rancher_EBS-2.1", "a:b", "a..b"])
    func goodNames(_ name: String) async throws {
        try await withPlugin { scene in
            try FileManager.default.createSymbolicLink(
                atPath: "\(scene.directory)/\(name).sock", withDestinationPath: PluginScene.driver + ".sock")
            let plugin = try #require(try await scene.plugins().plugin(forDriver: name))
            try await plugin.create(name, options: [:])
            #expect(scene.fake.created == [name])
        }
    }

    @Test("says so when it cannot look, or when the kernel takes no path of this length")
    func cannotLook() async throws {
        try await withPlugin { scene in
            try FileManager.default.createSymbolicLink(
                atPath: scene.directory + "/loop.sock", withDestinationPath: "loop.sock")
            let name = String(repeating: "x", count: 100)
            try FileManager.default.createSymbolicLink(
                atPath: "\(scene.directory)/\(name).sock", withDestinationPath: PluginScene.driver + ".sock")
            let plugins = scene.plugins()
            let loop = await failure { _ = try await plugins.plugin(forDriver: "loop") }
            #expect(loop?.kind == .unreachable)
            #expect(loop?.message.hasPrefix("cannot look for the plug-in of driver 'loop': ") == true)
            let long = await failure { _ = try await plugins.plugin(forDriver: name) }
            #expect(long?.kind == .unreachable)
            #expect(long?.message.hasSuffix("exceeds 107 bytes") == true)
            // No file has so long a name.
            let impossible = try await plugins.plugin(forDriver: String(repeating: "x", count: 300))
            #expect(impossible == nil)
        }
    }
}
