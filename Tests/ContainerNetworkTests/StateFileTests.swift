import ContainerNetwork
import Foundation
import Testing

@Suite("The state file of the network plug-in", .timeLimit(.minutes(1)))
struct StateFileTests {
    @Test(
        "gives the address, its keys in any case",
        arguments: [
            #"{"IP4":{"IP":"10.42.12.7/16","Gateway":"10.42.0.1"},"Error":""}"#, #"{"ip4":{"ip":"10.42.12.7/0"}}"#,
            #"{"error":null,"Ip4":{"Ip":"10.42.12.7/32"}}"#, " {\"IP4\":{\"IP\":\"10.42.12.7/16\"}}\n",
        ])
    func address(_ text: String) async throws {
        let state = try StateDirectory()
        try state.write(text)
        #expect(await state.look() == .address("10.42.12.7"))
    }

    @Test("gives the plug-in's error, before any address", arguments: ["Error", "error", "ERROR"])
    func error(_ key: String) async throws {
        let state = try StateDirectory()
        try state.write(#"{"IP4":{"IP":"10.42.12.7/16"},"\#(key)":"no free address"}"#)
        #expect(await state.look() == .failed("no free address"))
    }

    @Test(
        "with an address that is none is a failure",
        arguments: [
            "10.42.12.7", "10.42.12/16", "10.42.12.300/16", "10.42.12.7/33", "10.42.12.7/+1", "10.42.12.7/16/1", "/",
        ])
    func badAddress(_ address: String) async throws {
        let state = try StateDirectory()
        try state.write(#"{"IP4":{"IP":"\#(address)"}}"#)
        #expect(
            await state.look() == .failed(#"invalid address "\#(address)" in the state of the network plug-in"#))
    }

    @Test(
        "that is half-written or says nothing is not there yet (defect 49)",
        arguments: [
            "", #"{"IP4":{"IP":"10.42.1"#, #"{"IP4":{"IP":"10.42.12.7/16"}"#, "{}", #"{"IP4":null}"#, #"{"IP4":"x"}"#,
            #"{"IP4":{"IP":""}}"#, "[]",
        ])
    func halfWritten(_ text: String) async throws {
        let state = try StateDirectory()
        try state.write(text)
        #expect(await state.look().reason == "the container has no process")
        // The next look reads it anew.
        try state.write(#"{"IP4":{"IP":"10.42.12.7/16"}}"#)
        #expect(await state.look() == .address("10.42.12.7"))
    }

    @Test("is of one start of the container only (defect 49)")
    func otherStart() async throws {
        let state = try StateDirectory()
        try state.write(#"{"IP4":{"IP":"10.42.12.7/16"}}"#)
        #expect(await state.look(startedAt: "2017-11-02T10:11:13Z").reason != nil)
        #expect(await state.look(containerID: "000000000000").reason != nil)
    }

    @Test("that is no plain file, or far too long, keeps nobody waiting", .timeLimit(.minutes(1)))
    func strangeFiles() async throws {
        let state = try StateDirectory()
        #expect(await state.look().reason != nil)
        mkfifo(state.file, 0o600)
        #expect(await state.look().reason != nil)
        unlink(state.file)
        try FileManager.default.createDirectory(atPath: state.file, withIntermediateDirectories: false)
        #expect(await state.look().reason != nil)
        rmdir(state.file)
        let filler = String(repeating: " ", count: 70_000)
        try state.write(#"{"IP4":{"IP":"10.42.12.7/16"}}"# + filler)
        #expect(await state.look().reason != nil)
    }

    @Test(
        "is not looked for outside of its directory",
        arguments: ["", ".", "..", "../cni/4f1d0a9cbe6e", "a/../4f1d0a9cbe6e", "4f1d0a9cbe6e\0", "./4f1d0a9cbe6e", "/"])
    func evilNames(_ name: String) async throws {
        let state = try StateDirectory()
        let text = #"{"Error":"outside"}"#
        try state.write(text)
        let folder = state.path + "/cni"
        try FileManager.default.createDirectory(atPath: folder + "/a", withIntermediateDirectories: true)
        // Where the names would lead as the id of a container.
        for place in [folder, state.path] {
            try Data(text.utf8).write(to: URL(filePath: "\(place)/\(StateDirectory.startedAt)"))
        }
        #expect(await state.look() == .failed("outside"))
        #expect(await state.look(containerID: name).reason != nil)
        #expect(await state.look(startedAt: "../4f1d0a9cbe6e/\(StateDirectory.startedAt)").reason != nil)
        #expect(await state.look(startedAt: name).reason != nil)
        #expect(await state.look(containerID: String(repeating: "a", count: 256)).reason != nil)
    }
}
