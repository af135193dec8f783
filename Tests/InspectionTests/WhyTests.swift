import LosslessJSON
import Model
import Reconciler
import SimulatedEngine
import Store
import Testing

@testable import Inspection

/// Each in the very situation, brought about with the real core on a real store.
@Suite("Why")
struct WhyTests {
    let host: Situation
    private let volume = "volume:demo-data"
    private let image = "image:rancher-demo:latest"
    private let instance = "instance:85db87bf-cb14-4643-9e7d-a13e3e77a991"

    init() throws { host = try Situation() }

    /// Up to the moment when the instance waits for its image.
    private func activateUpToTheImage() throws {
        host.engine.images = []
        try host.send("activate", as: "ask-1")
        try host.finish(volume)
        try host.finish(volume)
        for _ in 0..<3 where !host.work.contains(where: { $0.about == image }) { try host.finish(instance) }
    }

    @Test("waiting for Docker: the engine cannot be reached")
    func engineAway() throws {
        try host.send("activate", as: "ask-1")
        try host.finish(volume, .unavailable(Situation.engineIsAway))
        host.now = host.now + .milliseconds(100)
        for name in ["demo", "demo-data", "1i20"] {
            let why = try host.why(name)
            #expect(why.reasons.first == .engineUnreachable, "\(name)")
            #expect(why.headline.contains("waits for Docker, which cannot be reached"))
            #expect(why.until == (try host.store.resource(ResourceKey(.volume, "demo-data"))?.nextAttemptAt))
            #expect(why.text().contains(Situation.engineIsAway))
            #expect(why.text().contains("The next try is in 1 s (2026-"))
        }
        #expect(try host.why("demo").headline.contains(", for its volume demo-data."))
        let asked = try host.why("demo").sentences.first { $0.role == .asked }
        #expect(
            asked?.text
                == "compute.instance.activate (event ask-1), received 0 s ago (2026-09-21T14:13:20.000Z), asked for "
                + "it to be running.")
        // The same while the next try is under way.
        host.pass(.seconds(1))
        #expect(try host.why("demo").reasons.first == .engineUnreachable)
    }

    @Test("waiting for Docker: a call whose end nobody knows")
    func engineSilent() throws {
        try host.send("activate", as: "ask-1")
        try host.finish(volume, .unknown("GET /volumes/demo-data: no answer within 20 s"))
        let why = try host.why("demo-data")
        #expect(why.reasons == [.engineSilent])
        #expect(why.text().contains("It was tried 1 time without a known result."))
    }

    @Test("a pull that fails is tried again, and what was seen is told")
    func pullFailing() throws {
        try activateUpToTheImage()
        try host.finish(image)
        try host.finish(image, .unknown("POST /images/create: the connection was lost"))
        for name in ["demo", "rancher-demo:latest"] {
            let why = try host.why(name)
            #expect(why.reasons.first == .imagePullFailing, "\(name)")
            #expect(why.text().contains("POST /images/create: the connection was lost"))
            #expect(why.until != nil)
        }
        #expect(
            try host.why("demo").headline.hasSuffix("waits for a pull that fails, for its image rancher-demo:latest."))
        #expect(try host.why(image).text().contains("says: the image was not there."))
    }

    @Test("a long step after a hiccup of the engine is work, and not a wait for the engine")
    func workingAfterAHiccup() throws {
        try activateUpToTheImage()
        try host.finish(image, .unavailable(Situation.engineIsAway))
        #expect(try host.why(image).reasons == [.engineUnreachable])
        host.pass(.seconds(2))
        #expect(host.work.contains { if case .inspectImage = $0.operation { true } else { false } })
        // The look is under way: whether the engine is there again nobody knows yet.
        #expect(try host.why(image).reasons == [.engineUnreachable])
        try host.finish(image)
        #expect(host.work.contains { if case .pullImage = $0.operation { true } else { false } })
        let why = try host.why(image)
        #expect(why.reasons == [.working])
        #expect(!why.headline.contains("cannot be reached"))
        #expect(try host.why("demo").reasons == [.waitingForOther])
    }

    @Test("of several that it waits for the worst is told, and what is ready is not")
    func worst() throws {
        let store = try Store.inMemory()
        let keys = ["a", "b", "c"].map { ResourceKey(.volume, $0) }
        try store.put(
            Fixture.row(
                Fixture.web, name: "web", desired: "running", phase: "preparing", settled: false,
                activity: "Waiting for " + keys.map(\.description).joined(separator: ", ")))
        try store.put(Fixture.row(keys[0], name: "a", desired: "active", phase: "active"))
        try store.put(
            Fixture.row(
                keys[1], name: "b", desired: "active", phase: "creating", settled: false, attempts: 2,
                next: .seconds(9), lastError: "out of order"))
        try store.put(
            Fixture.row(
                keys[2], name: "c", desired: "active", phase: "requested", settled: false, attempts: 1,
                next: .seconds(3), lastError: Situation.engineIsAway))
        guard case .found(let why) = try WhyQuery.run("web", now: Fixture.now, in: store) else {
            Issue.record("nothing")
            return
        }
        #expect(why.reasons == [.engineUnreachable])
        #expect(why.headline.hasSuffix(", for its volume c."))
        let waits = why.sentences.filter { $0.role == .waits }.map(\.text).joined()
        #expect(
            waits.contains("It waits for volume:b, which is creating (out of order); volume:c, which is requested ("))
        #expect(!waits.contains("volume:a"))
    }

    @Test("who asked is told by the first move of the wish, and not by a later one")
    func asked() throws {
        let store = try Store.inMemory()
        try store.put(
            Fixture.row(Fixture.data, name: "data", desired: "active", phase: "creating", generation: 2, settled: false)
        )
        func move(_ generation: Int, _ from: String, _ to: String, _ cause: String) throws {
            try store.insert(
                TransitionRow(
                    key: Fixture.data, generation: generation, from: from, to: to, cause: cause, at: Fixture.now))
        }
        func asked() throws -> String? {
            guard case .found(let why) = try WhyQuery.run("data", now: Fixture.now, in: store) else { return nil }
            return why.sentences.first { $0.role == .asked }?.text
        }
        try move(1, "", "requested", "storage.volume.remove")
        try move(2, "requested", "creating", "Creating volume data")
        #expect(try asked() == "It is to be active; who asked for that is not remembered any more.")
        try move(2, "creating", "requested", "storage.volume.activate")
        #expect(try asked() == "It is to be active: asked by storage.volume.activate.")
    }

    @Test("an answer that is sent again on request")
    func sentAgain() throws {
        try host.send("activate", as: "ask-1")
        try host.runEngine()
        host.deliver()
        host.pass(.seconds(2940))
        try host.send("activate", as: "ask-1")
        let event = try host.why("ask-1")
        #expect(event.reasons == [.answerUndelivered])
        #expect(event.headline == "compute.instance.activate (event ask-1) is done, and its answer is sent again.")
        let resource = try host.why("demo")
        #expect(resource.reasons == [.answerUndelivered, .asWanted])
        for why in [event, resource] {
            #expect(why.text().contains("It is sent again on request."))
            #expect(!why.text().contains("has not taken"))
        }
        host.failDelivery("connection refused")
        #expect(
            try host.why("ask-1").text().contains("without success until now, the last one failed with: connection"))
    }

    @Test("an answer that the server does not take at all")
    func answerRefused() throws {
        try host.send("activate", as: "ask-1")
        try host.runEngine()
        host.failDelivery("HTTP 422", isFinal: true)
        let why = try host.why("ask-1")
        #expect(why.reasons == [.answerRefused, .answered])
        #expect(
            why.headline
                == "compute.instance.activate (event ask-1) was done, but the server did not take the answer: HTTP 422."
        )
        #expect(why.text().contains("is not sent any more after 1 try: HTTP 422."))
    }

    @Test("an event that wants no answer, and one that failed for what was overtaken before it")
    func answers() throws {
        let store = try Fixture.filled()
        func why(_ name: String) throws -> Explanation? {
            guard case .found(let why) = try WhyQuery.run(name, now: Fixture.now, in: store) else { return nil }
            return why
        }
        try store.insert(
            EventRow(
                header: EventHeader(id: "n1", name: "x", replyTo: nil, resourceID: nil, resourceType: nil), key: nil,
                generation: 0, frame: "{}", state: .closed, receivedAt: Fixture.now))
        #expect(try why("n1")?.reasons == [.answered])
        #expect(try why("n1")?.text().contains("No answer was wanted.") == true)
        try store.insert(
            Fixture.event("n2", "compute.instance.activate", about: Fixture.web, generation: 1, .answered, ago: .zero))
        let body = #"{"transitioningMessage":"volume:data was superseded by storage.volume.remove"}"#
        try store.insertReply(to: "n2", body: body, isFailure: true, at: Fixture.now)
        try store.replyDelivered(to: "n2", at: Fixture.now)
        #expect(try why("n2")?.reasons == [.failed])
        #expect(try why("web")?.reasons.contains(.superseded) == false)
    }

    @Test("a pull that has failed for good")
    func pullFailed() throws {
        host.engine.registry = []
        try activateUpToTheImage()
        try host.runEngine()
        host.deliver()
        for name in ["demo", "rancher-demo:latest"] {
            let why = try host.why(name)
            #expect(why.reasons == [.imagePullFailing], "\(name): \(why.reasons)")
            #expect(why.headline.hasSuffix("its image could not be pulled. Nothing more is tried."))
            #expect(why.text().contains("manifest for rancher-demo:latest not found"))
            #expect(why.until == nil)
        }
    }

    @Test("the server is away: what was done is not taken")
    func serverAway() throws {
        try host.send("activate", as: "ask-1")
        try host.runEngine()
        host.failDelivery("connection refused")
        let why = try host.why("demo")
        #expect(why.reasons == [.answerUndelivered, .asWanted])
        #expect(why.headline.hasSuffix("is running, as wanted, but the server has not taken the answer yet."))
        #expect(why.text().contains("1 try, the last one failed with: connection refused. It is sent again in 1 s"))
        #expect(why.until == (try host.store.reply(to: "ask-1")?.nextAttemptAt))
        #expect(
            why.text().contains("container \(try #require(host.engine.containers.keys.first).prefix(12)) was running"))
        let event = try host.why("ask-1")
        #expect(event.reasons == [.answerUndelivered])
        host.give(.serverReached)
        host.deliver()
        #expect(try host.why("demo").reasons == [.asWanted])
        #expect(try host.why("ask-1").reasons == [.answered])
    }

    @Test("superseded: by event, and told of the resource as well")
    func superseded() throws {
        try host.send("activate", as: "ask-1")
        try host.send("deactivate", as: "ask-2")
        let first = try host.why("ask-1")
        #expect(first.reasons == [.superseded, .answerUndelivered])
        #expect(
            first.headline.hasSuffix("was overtaken before it was done: superseded by compute.instance.deactivate."))
        let second = try host.why("ask-2")
        #expect(second.reasons.first == .open)
        let resource = try host.why("demo")
        #expect(resource.reasons.contains(.superseded))
        #expect(resource.text().contains("compute.instance.deactivate (event ask-2)"))
        #expect(resource.text().contains("was overtaken and answered \"superseded by compute.instance.deactivate\"."))
        host.deliver()
        #expect(try host.why("ask-1").reasons == [.superseded])
    }

    @Test("a pause after a try without a result")
    func backOff() throws {
        try host.send("activate", as: "ask-1")
        for _ in 1...3 {
            try host.finish(volume, .refused(Refusal(message: "Error response from daemon: out of order", status: 500)))
            if host.work.isEmpty { host.pass(.seconds(2)) }
        }
        try host.finish(volume, .refused(Refusal(message: "Error response from daemon: out of order", status: 500)))
        let why = try host.why("demo-data")
        #expect(why.reasons == [.backOff])
        #expect(
            why.text().contains(
                "It was tried 4 times without a known result. The last error: Error response from daemon: out of order."
            ))
        #expect(why.until.map { $0 > host.now } == true)
        #expect(try host.why("demo").reasons.first == .backOff)
        // Nobody is there any more to do it.
        host.now = host.now + .seconds(600)
        #expect(try host.why("demo-data").text().contains("is the agent running?"))
    }

    @Test("a volume that is in use is not removed, and who uses it is told")
    func volumeInUse() throws {
        try host.send("activate", as: "ask-1")
        try host.runEngine()
        host.deliver()
        try host.send("volume-remove", as: "ask-2")
        let inUse = OperationOutcome.refused(
            Refusal(message: "Error response from daemon: remove demo-data: volume is in use - [c0ffee]", status: 409))
        for _ in 0..<5
        where !host.work.contains(where: { if case .removeVolume = $0.operation { true } else { false } }) {
            try host.finish(volume)
        }
        try host.finish(volume, inUse)
        let waiting = try host.why("demo-data")
        #expect(waiting.reasons == [.volumeInUse])
        #expect(waiting.headline == "The volume demo-data cannot be removed yet: it is in use.")
        #expect(waiting.until != nil)
        #expect(waiting.text().contains("It is a volume of instance demo (\(instance)), which is running."))
        for _ in 0..<20 where try host.store.resource(ResourceKey(.volume, "demo-data"))?.isSettled == false {
            guard let piece = host.work.first else {
                host.pass(.seconds(1))
                continue
            }
            if case .removeVolume = piece.operation { try host.finish(volume, inUse) } else { try host.finish(volume) }
        }
        let failed = try host.why("demo-data")
        #expect(failed.reasons.first == .volumeInUse)
        #expect(failed.headline == "The volume demo-data was not removed: it is in use. Nothing more is tried.")
    }

    @Test("a frame that cannot be read: by its number, and by the id in it")
    func quarantinedFrame() throws {
        host.give(.malformedFrame(frame: #"{"id":"bad-1","name":7,"secret":"hunter2"}"#, reason: "the name is no text"))
        for name in ["frame:1", "bad-1", "bad-"] {
            let why = try host.why(name)
            #expect(why.reasons == [.quarantined])
            #expect(why.text().contains("as frame:1: the name is no text."))
            #expect(!why.text().contains("hunter2"))
        }
    }

    @Test("an event whose frame cannot be read any more at the next start")
    func quarantinedEvent() throws {
        try host.send("inspect", as: "ask-1")
        try host.store.connection.execute("UPDATE frame SET text = '{' WHERE event_id = 'ask-1'")
        host.restart()
        let why = try host.why("ask-1")
        #expect(why.reasons.first == .quarantined)
        #expect(why.headline == "compute.instance.inspect (event ask-1) could not be read and was put into quarantine.")
        #expect(why.text().contains("as event:1"))
    }

    @Test("a record that cannot be read any more at the next start")
    func quarantinedResource() throws {
        try host.send("activate", as: "ask-1")
        try host.store.connection.execute("UPDATE resource SET machine = '{' WHERE kind = 'volume'")
        host.restart()
        let why = try host.why("resource:1")
        #expect(why.reasons == [.quarantined])
    }

    @Test("work in progress, and waiting for another that is well")
    func working() throws {
        try host.send("activate", as: "ask-1")
        let waiting = try host.why("demo")
        #expect(waiting.reasons == [.waitingForOther])
        #expect(waiting.text().contains("It waits for volume:demo-data, which is requested."))
        let working = try host.why("demo-data")
        #expect(working.reasons == [.working])
        #expect(working.text().contains("It is to be active: it is needed by \(instance)."))
        #expect(working.text().contains("Looking at volume demo-data."))
        let event = try host.why("ask-1")
        #expect(event.reasons == [.open, .waitingForOther])
        #expect(event.text().contains("It waits for volume:demo-data"))
    }

    @Test("what has become of an instance without the server")
    func drifted() throws {
        try host.send("activate", as: "ask-1")
        try host.runEngine()
        host.deliver()
        let container = try #require(host.engine.containers.values.first)
        var summary = container.summary
        summary = ContainerSummary(
            id: summary.id, name: summary.name, state: .exited, instanceUUID: summary.instanceUUID, mountSources: [])
        host.give(.containerChanged(summary))
        #expect(try host.why("demo").reasons == [.drifted])
    }

    @Test("several, and nothing")
    func ambiguous() throws {
        try host.send("inspect", as: "aa-1")
        try host.send("inspect", as: "aa-2")
        guard case .several(let names) = try WhyQuery.run("aa", now: host.now, in: host.store) else {
            Issue.record("not several")
            return
        }
        #expect(names.count == 2)
        #expect(try WhyQuery.run("zz", now: host.now, in: host.store) == .nothing)
        #expect(try WhyQuery.run("", now: host.now, in: host.store) == .nothing)
    }

    @Test("for programs, and within the terminal", arguments: [20, 60, 100])
    func forms(width: Int) throws {
        try host.send("activate", as: "ask-1")
        try host.finish(volume, .unavailable(Situation.engineIsAway))
        let why = try host.why("demo")
        let json = try JSON(parsing: why.json.prettyText)
        #expect(json["reason"] == "engine-unreachable")
        #expect(json["sentences"].array?.isEmpty == false)
        #expect(json["until"].text?.hasPrefix("2026-09-21T") == true)
        for line in why.text(style: ReportStyle(width: width)).split(separator: "\n") {
            #expect(String(line).columns <= width, "\(line)")
        }
    }
}
