import FakeHost
import Foundation
import HostInfo
import Testing

@Suite("The identity of a host")
struct HostUUIDTests {
    private func place(_ host: FakeHost) -> HostUUIDs.Place {
        HostUUIDs.Place(
            physicalHostFile: host.state + "/.physical_host_uuid", dockerHostFile: host.state + "/.docker_uuid")
    }

    @Test("is made once and kept")
    func made() throws {
        let host = try FakeHost()
        let uuids = try HostUUIDs(place(host))
        #expect(try host.names(in: "state") == [".docker_uuid", ".physical_host_uuid"])
        #expect(try host.text("state/.physical_host_uuid") == uuids.physicalHost)
        #expect(try host.text("state/.docker_uuid") == uuids.dockerHost)
        #expect(UUID(uuidString: uuids.physicalHost) != nil)
        #expect(uuids.physicalHost == uuids.physicalHost.lowercased())
        #expect(uuids.physicalHost != uuids.dockerHost)
        #expect(try HostUUIDs(place(host)) == uuids)
    }

    @Test("is what the file says, without the white space around it (defect 16)")
    func trimmed() throws {
        let host = try FakeHost()
        try host.write("state/.physical_host_uuid", "  a-b\n")
        try host.write("state/.docker_uuid", "\n")
        let uuids = try HostUUIDs(place(host))
        #expect(uuids.physicalHost == "a-b")
        #expect(try host.text("state/.physical_host_uuid") == "  a-b\n", "what can be read is left as it is")
        #expect(uuids.dockerHost.count == 36, "an empty file is the trace of a crash")
        #expect(try host.text("state/.docker_uuid") == uuids.dockerHost)
    }

    @Test("is what it is said to be, from then on")
    func given() throws {
        let host = try FakeHost()
        try host.write("state/.docker_uuid", "old")
        var place = place(host)
        place.dockerHost = "new\n"
        place.physicalHost = "p"
        #expect(try HostUUIDs(place) == HostUUIDs(physicalHost: "p", dockerHost: "new"))
        #expect(try HostUUIDs(self.place(host)) == HostUUIDs(physicalHost: "p", dockerHost: "new"))
        #expect(
            try host.names(in: "state") == [".docker_uuid", ".physical_host_uuid"], "and nothing is left beside it")
    }

    @Test("that are given hold even if they cannot be kept in their files")
    func givenOnly() throws {
        let host = try FakeHost()
        var place = place(host)
        place.physicalHostFile = host.directory + "/missing/uuid"
        place.physicalHost = " p "
        try FileManager.default.createDirectory(
            atPath: host.state + "/.docker_uuid", withIntermediateDirectories: false)
        place.dockerHost = "d"
        #expect(try HostUUIDs(place) == HostUUIDs(physicalHost: "p", dockerHost: "d"))
    }

    @Test("that can be neither read nor kept is an error, and no new one")
    func impossible() throws {
        let host = try FakeHost()
        try FileManager.default.createDirectory(
            atPath: host.state + "/.docker_uuid", withIntermediateDirectories: false)
        let unreadable = #expect(throws: HostInfoError.self) { try HostUUIDs(place(host)) }
        #expect(unreadable?.description.contains(".docker_uuid") == true)
        var elsewhere = place(host)
        elsewhere.physicalHostFile = host.directory + "/missing/uuid"
        let unwritable = #expect(throws: HostInfoError.self) { try HostUUIDs(elsewhere) }
        #expect(unwritable?.description.contains("missing/uuid") == true)
    }
}
