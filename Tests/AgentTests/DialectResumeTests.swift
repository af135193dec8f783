import Foundation
import LosslessJSON
import Model
import RancherAPI
import Reconciler
import SimulatedEngine
import Store
import Testing

/// One store, and servers of both families one after the other.
@Suite("A store of both dialects")
struct DialectResumeTests {
    private final class Host {
        let store: Store
        var engine = SimulatedEngine()
        var bodies: [JSON] = []
        private let codec = RancherCodec()
        private var reconciler: Reconciler
        private var work: [(id: WorkID, operation: Model.Operation)] = []
        private var now = Timestamp(milliseconds: 1_000_000_000)

        init() throws {
            store = try Store.inMemory()
            reconciler = Reconciler(store: store, codec: codec)
            engine.images = ["rancher-demo:latest"]
            give([.tick])
        }

        func give(_ inputs: [Input]) {
            for effect in reconciler.process(inputs, now: now) {
                switch effect {
                case .perform(let id, let operation, _): work.append((id, operation))
                case .publish(let eventID, let body):
                    bodies.append((try? JSON(parsing: body)) ?? .null)
                    give([.delivered(eventID: eventID)])
                case .publishUnstored, .progress, .note: break
                }
            }
        }

        func receive(_ frame: String) throws { give([.event(try codec.decode(frame: frame)), .tick]) }

        /// The process ends, and the next one finds the store.
        func restart() {
            work = []
            reconciler = Reconciler(store: store, codec: codec)
            give([.tick])
        }

        func run() {
            for _ in 0..<500 {
                if !work.isEmpty {
                    let next = work.removeFirst()
                    give([.outcome(next.id, engine.perform(next.operation))])
                } else if reconciler.openEventCount > 0, let due = reconciler.nextWakeUp {
                    now = max(now, due)
                    give([.tick])
                } else {
                    return
                }
            }
            Issue.record("no end")
        }
    }

    private static func frame(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        return try String(contentsOfFile: "\(root)/fixtures/specification/\(path).json", encoding: .utf8)
    }

    @Test(
        "answers each event in the words in which it came, whichever server comes after it", arguments: [true, false])
    func answers(_ isRestarted: Bool) throws {
        let host = try Host()
        try host.receive(Self.frame("minimal"))
        try host.receive(Self.frame("b/limits"))
        try host.receive(
            #"{"id":"c","name":"config.update","replyTo":"reply.c","resourceId":"1a1","resourceType":"agent","#
                + #""data":{"items":[{"name":"x"}]}}"#)
        if isRestarted { host.restart() }
        host.run()
        #expect(host.bodies.count == 3)
        let byName = Dictionary(host.bodies.map { ($0["name"].text ?? "", $0) }) { first, _ in first }
        let a = try #require(byName["reply.501"])
        #expect(
            a["data"]["deploymentSyncResponse"]["instanceStatus"][0]["dockerInspect"]["State"]["Status"] == "running")
        let b = try #require(byName["reply.503"])
        #expect(b["data"]["instanceHostMap"]["instance"]["+data"]["dockerInspect"]["State"]["Status"] == "running")
        #expect(b["resourceId"] == "1ihm503")
        #expect(byName["reply.c"]?["transitioning"].isNull == true)
        #expect(host.engine.creations == 2)
    }

    @Test("knows a container that was made for one server when the other asks for it")
    func sameInstance() throws {
        let host = try Host()
        try host.receive(Self.frame("b/minimal"))
        host.run()
        host.restart()
        try host.receive(Self.frame("minimal"))
        host.run()
        #expect(host.bodies.count == 2)
        #expect(host.engine.creations == 1)
        #expect(!host.bodies[1]["data"]["deploymentSyncResponse"].isNull)
    }
}
