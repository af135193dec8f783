import Model
import Store
import Testing

@testable import Inspection

@Suite("Finding a resource")
struct QueryTests {
    static let rows = [
        Fixture.row(
            Fixture.web, name: "web", rancherID: "1i20", externalID: "aa11223344556677", desired: "running",
            phase: "running"),
        Fixture.row(
            Fixture.db, name: "web-db", rancherID: "1i201", externalID: "aa99223344556677", desired: "running",
            phase: "running"),
        Fixture.row(
            ResourceKey(.instance, "9999abcd"), name: "twin", rancherID: "1i5", desired: "running", phase: "running"),
        Fixture.row(
            ResourceKey(.instance, "8888abcd"), name: "twin", rancherID: "1i6", desired: "removed", phase: "removed"),
        Fixture.row(Fixture.data, name: "data", desired: "active", phase: "active"),
    ]

    @Test(
        "A name in full, or the beginning that only one has, means that one",
        arguments: [
            ("web", "web"), ("web-", "web-db"), ("1i20", "web"), ("1i201", "web-db"), ("0123a", "web"),
            ("aa112233", "web"), ("aa99223344556677", "web-db"), ("volume:data", "data"), ("volume:", "data"),
            ("da", "data"), ("instance:0123f", "web-db"), ("instance:9999abcd", "twin"),
        ])
    func one(text: String, name: String) {
        #expect(ResourceQuery.find(text, in: Self.rows).map(\.name) == [name])
    }

    @Test(
        "What several begin with, or are called, means all of them",
        arguments: [("we", 2), ("0123", 2), ("aa", 2), ("twin", 2), ("instance:", 4), ("1i", 4)])
    func several(text: String, count: Int) {
        #expect(ResourceQuery.find(text, in: Self.rows).count == count)
    }

    @Test("What nobody is called means nothing", arguments: ["", "x", "webb", "eb", "instance:x"])
    func none(text: String) {
        #expect(ResourceQuery.find(text, in: Self.rows).isEmpty)
    }

    @Test("The list of what a text may mean tells them apart")
    func list() {
        let list = ResourceQuery.list(ResourceQuery.find("twin", in: Self.rows))
        #expect(list.contains("instance:9999abcd"))
        #expect(list.contains("instance:8888abcd"))
        #expect(list.contains("removed"))
    }

    @Test("Of very many only some are listed")
    func longList() {
        let rows = (0..<50).map { Fixture.row(ResourceKey(.volume, "v\($0)"), name: "", desired: "", phase: "") }
        let lines = ResourceQuery.list(rows).split(separator: "\n")
        #expect(lines.count == 22)
        #expect(lines.last == "and 30 more")
    }
}
