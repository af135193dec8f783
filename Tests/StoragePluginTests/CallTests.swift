import FakeStoragePlugin
import Foundation
import StoragePlugin
import Testing

@Suite("The calls to a storage plug-in", .timeLimit(.minutes(1)), .serialized)
struct CallTests {
    @Test("A volume goes through its life, and every request is as the protocol has it")
    func life() async throws {
        try await withPlugin { scene in
            let plugin = try await scene.plugin()
            try await plugin.create("data \"1\"", options: ["size": "10", "fs": "ext4"])
            try await plugin.attach("data \"1\"", options: ["size": "10", "fs": "ext4"])
            let path = try await plugin.mount("data \"1\"", options: [:])
            #expect(path == scene.root + "/volumes/data \"1\"")
            #expect(FileManager.default.fileExists(atPath: path))
            #expect(scene.fake.mounted == ["data \"1\""])
            try await plugin.unmount("data \"1\"")
            #expect(scene.fake.mounted.isEmpty)
            #expect(scene.fake.created == ["data \"1\""])
            try await plugin.remove("data \"1\"")
            #expect(scene.fake.created.isEmpty)

            let options = #"{"Name":"data \"1\"","Opts":{"fs":"ext4","size":"10"}}"#
            let plain = #"{"Name":"data \"1\""}"#
            #expect(scene.fake.calls.map(\.body) == [options, options, plain, plain, plain])
            let verbs = ["Create", "Attach", "Mount", "Unmount", "Remove"]
            #expect(scene.fake.calls.map(\.requestLine) == verbs.map { "POST /VolumeDriver.\($0)" })
            for headers in scene.fake.calls.map(\.headers) {
                #expect(headers["host"] == "volume-plugin")
                #expect(headers["content-type"] == "application/json")
                #expect(headers["content-length"] != nil)
                #expect(headers["transfer-encoding"] == nil)
            }
        }
    }

    @Test(
        "A plug-in says what it can do with a volume, and one that does not say can do nothing special",
        arguments: [
            (#"{"Capabilities":{"Scope":"flex"},"Err":""}"#, "flex"), (#"{"capabilities":{"scope":"local"}}"#, "local"),
            ("{}", ""), (#"{"Capabilities":null}"#, ""),
        ])
    func capabilities(_ answer: String, _ expected: String) async throws {
        try await withPlugin { scene in
            scene.fake.order(.answer(answer), for: .capabilities)
            let scope = try await scene.plugin().scope("v", options: ["a": "b"])
            #expect(scope == expected)
            #expect(scene.fake.calls.map(\.requestLine) == ["POST /VolumeDriver.Capabilities"])
            #expect(scene.fake.calls.map(\.body) == [#"{"Name":"v","Opts":{"a":"b"}}"#])
            scene.fake.order(.status(404, body: "?"), for: .capabilities)
            let none = try await scene.plugin().scope("v", options: [:])
            #expect(none == "")
            scene.fake.order(.error("no"), for: .capabilities)
            let refused = await failure { _ = try await scene.plugin().scope("v", options: [:]) }
            #expect(refused?.kind == .refused)
        }
    }

    @Test("What the plug-in says in Err is the error, named after its own call (defect 65)")
    func errorText() async throws {
        try await withPlugin { scene in
            scene.fake.order(.error("no space\nleft"), for: .create)
            scene.fake.order(.answer(#"{"Mountpoint":"/mnt/x","err":"busy"}"#), for: .mount)
            scene.fake.order(.answer(#"{"Err":{"code":7}}"#), for: .remove)
            let plugin = try await scene.plugin()
            let create = await failure { try await plugin.create("v", options: [:]) }
            #expect(create?.kind == .refused)
            #expect(create?.message == "/VolumeDriver.Create 'v' (driver 'rancher-nfs') failed: no space left")
            let mount = await failure { _ = try await plugin.mount("v", options: [:]) }
            #expect(mount?.message == "/VolumeDriver.Mount 'v' (driver 'rancher-nfs') failed: busy")
            let remove = await failure { try await plugin.remove("v") }
            #expect(remove?.message == #"/VolumeDriver.Remove 'v' (driver 'rancher-nfs') failed: {"code":7}"#)
            #expect(remove?.kind == .refused)
        }
    }

    @Test("A call that the plug-in does not know is done, whatever the body", arguments: [400, 404, 405, 499])
    func unsupported(_ status: Int) async throws {
        try await withPlugin { scene in
            for verb: VolumeVerb in [.create, .attach, .unmount, .remove] {
                scene.fake.order(.status(status, body: #"{"Err":"what?"}"#), for: verb)
            }
            let plugin = try await scene.plugin()
            try await plugin.create("v", options: [:])
            try await plugin.attach("v", options: [:])
            try await plugin.unmount("v")
            try await plugin.remove("v")
            #expect(scene.fake.calls.count == 4)
        }
    }

    @Test("A mount that the plug-in does not know gives no mount point and fails (defect 66)", arguments: [400, 404])
    func unsupportedMount(_ status: Int) async throws {
        try await withPlugin { scene in
            scene.fake.order(.status(status, body: #"{"Mountpoint":"","Err":"what?"}"#), for: .mount)
            let plugin = try await scene.plugin()
            let error = await failure { _ = try await plugin.mount("v", options: [:]) }
            #expect(error?.kind == .refused)
            let reason = status == 400 ? "Bad Request" : "Not Found"
            #expect(
                error?.message == "/VolumeDriver.Mount 'v' (driver 'rancher-nfs') returned status \(status): "
                    + "\(status) \(reason): what?")
        }
    }

    @Test(
        "A mount point that cannot stand in a bind fails (defect 66)",
        arguments: ["", "relative/path", "/with:colon", "/zero\\u0000byte"])
    func badMountPoint(_ path: String) async throws {
        try await withPlugin { scene in
            scene.fake.order(.answer(#"{"Mountpoint":"\#(path)"}"#), for: .mount)
            scene.fake.order(.answer("{}"), for: .mount)
            let plugin = try await scene.plugin()
            for _ in 0..<2 {
                let error = await failure { _ = try await plugin.mount("v", options: [:]) }
                #expect(error?.kind == .refused)
                #expect(error?.message.contains("mount point") == true)
            }
        }
    }

    @Test("Any other status is an error with the name of the real call and the plug-in's text (defect 65)")
    func statuses() async throws {
        try await withPlugin { scene in
            let plugin = try await scene.plugin()
            let answers: [(status: Int, body: String, text: String)] = [
                (500, "", "500: 500 Internal Server Error"), (500, "oops", "500: 500 Internal Server Error"),
                (500, #"{"Err":"disk full"}"#, "500: 500 Internal Server Error: disk full"),
                (503, #"{"message":"later"}"#, "503: 503 Service Unavailable: later"),
                (302, "{}", "302: 302 Found"),
            ]
            for answer in answers {
                scene.fake.order(.status(answer.status, body: answer.body), for: .unmount)
                let error = await failure { try await plugin.unmount("v") }
                #expect(error?.kind == .refused)
                #expect(
                    error?.message == "/VolumeDriver.Unmount 'v' (driver 'rancher-nfs') returned status \(answer.text)")
            }
            #expect(scene.fake.calls.count == answers.count)
        }
    }

    @Test("A success without a JSON object tells nothing", arguments: ["", "done", "[]", "null", #"{"Err":"#])
    func badBody(_ body: String) async throws {
        try await withPlugin { scene in
            scene.fake.order(.answer(body), for: .create)
            let plugin = try await scene.plugin()
            let error = await failure { try await plugin.create("v", options: [:]) }
            #expect(error?.kind == .unknown)
            #expect(error?.message.hasPrefix("/VolumeDriver.Create 'v' (driver 'rancher-nfs') answered") == true)
        }
    }

    @Test("An answer beyond the bound is not read, and a long error is cut")
    func hugeBody() async throws {
        try await withPlugin { scene in
            let filler = String(repeating: " ", count: 3 << 20)
            scene.fake.order(.answer("{\(filler)}"), for: .create)
            scene.fake.order(.status(500, body: "{\(filler)}"), for: .create)
            scene.fake.order(.error(String(repeating: "x", count: 500_000)), for: .create)
            let plugin = try await scene.plugin()
            let success = await failure { try await plugin.create("v", options: [:]) }
            #expect(success?.kind == .unknown)
            #expect(success?.message.contains("exceeds 1048576 bytes") == true)
            let refusal = await failure { try await plugin.create("v", options: [:]) }
            #expect(refusal?.kind == .refused)
            let long = await failure { try await plugin.create("v", options: [:]) }
            #expect(long?.kind == .refused)
            #expect(long?.message.count == 2000)
        }
    }

    @Test("Deadlines can be shortened, not lengthened")
    func capping() {
        let deadlines = StoragePluginDeadlines()
        #expect(deadlines.capped(at: .seconds(1000)) == deadlines)
        let capped = deadlines.capped(at: .seconds(100))
        #expect(capped.attach == .seconds(100))
        #expect(capped.create == .seconds(60))
        let short = deadlines.capped(at: .seconds(1))
        #expect(
            [short.create, short.attach, short.mount, short.unmount, short.remove]
                == Array(repeating: .seconds(1), count: 5))
    }
}
