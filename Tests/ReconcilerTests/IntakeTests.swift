import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// What happens to an event: never dropped, never done twice, never answered twice differently.
struct IntakeTests {
    private let host: Host

    init() throws { host = try Host() }

    @Test("An activate event ends in a running container and one answer that was delivered")
    func simple() throws {
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.taken == ["e1"])
        #expect(host.engine.containers(of: "u-1").map(\.state) == [.running])
        #expect(try host.store.eventState("e1") == .closed)
        #expect(host.moves(of: instance().key) == ["requested", "creating", "created", "starting", "running"])
        try host.expectMemoryEqualsStore()
    }

    @Test("A life: activate, deactivate, activate again, remove")
    func life() throws {
        for (id, wish, expected) in [
            ("e1", TestCodec.Wish.activate(instance(volumes: ["v"])), "instance u-1 running"),
            ("e2", .deactivate(instance()), "instance u-1 exited"),
            ("e3", .activate(instance(volumes: ["v"])), "instance u-1 running"),
            ("e4", .remove(instance()), "done"),
            ("e5", .remove(instance()), "done"),
            ("e6", .deactivate(instance()), "instance u-1 gone"),
            ("e7", .removeVolume(VolumeSpecification(name: "v", driver: "local")), "done"),
        ] {
            host.give(.event(event(id, wish)))
            host.run()
            #expect(host.answer(id) == expected)
        }
        #expect(host.engine.containers.isEmpty)
        #expect(host.engine.volumes.isEmpty)
        #expect(host.engine.creations == 1)
    }

    // MARK: The same event again

    @Test("An event that comes again while it is worked on is one work and one answer (defect 21)")
    func duplicateWhileOpen() throws {
        let activate = event("e1", .activate(instance()))
        host.give(.event(activate), .event(activate))
        host.give(.event(activate))
        #expect(host.work.count == 1)
        host.run()
        #expect(host.published["e1"]?.count == 1)
        #expect(host.engine.creations == 1)
    }

    @Test("An event that comes again while its answer is on its way changes nothing")
    func duplicateWhileAnswered() throws {
        let activate = event("e1", .activate(instance()))
        host.give(.event(activate))
        while host.letters.isEmpty { try host.finish() }
        host.give(.event(activate))
        #expect(host.published["e1"]?.count == 1)
        host.run()
        #expect(try host.store.eventState("e1") == .closed)
    }

    @Test("An event that comes again while its answer sits out a pause makes it go at once")
    func duplicateWhileWaiting() throws {
        let activate = event("e1", .activate(instance()))
        host.give(.event(activate))
        while host.letters.isEmpty { try host.finish() }
        host.letters = []
        host.give(.undelivered(eventID: "e1", reason: "503", isFinal: false))
        #expect(host.letters.isEmpty)
        host.give(.event(activate))
        #expect(host.letters.count == 1)
        #expect(Set(host.published["e1"] ?? []).count == 1)
    }

    @Test("An event that comes again after its end gets the same answer, byte for byte, and no work")
    func duplicateAfterwards() throws {
        let activate = event("e1", .activate(instance()))
        host.give(.event(activate))
        host.run()
        let operations = host.operations.count
        for crash in [false, true] {
            if crash { try host.crash { _ in false } }
            host.tick(after: .seconds(20))
            host.give(.event(activate))
            host.run()
        }
        #expect(host.operations.count == operations)
        #expect(host.published["e1"]?.count == 3)
        #expect(Set(host.published["e1"] ?? []).count == 1)
        #expect(try host.store.eventState("e1") == .closed)
    }

    @Test("An event that nobody wants answered is done and not answered, however often it comes")
    func noReply() throws {
        let activate = event("e1", .activate(instance()), replyTo: nil)
        host.give(.event(activate))
        host.run()
        host.give(.event(activate))
        host.run()
        #expect(host.published.isEmpty && host.progress.isEmpty)
        #expect(host.engine.containers(of: "u-1").map(\.state) == [.running])
        #expect(try host.store.eventState("e1") == .closed)
    }

    // MARK: Other events for a busy resource

    @Test("Who wants the same of a busy resource joins and gets its result")
    func join() throws {
        host.give(.event(event("e1", .activate(instance()))))
        try host.finish()
        host.give(.event(event("e2", .activate(instance()))))
        #expect(host.work.count == 1)
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.answer("e2") == "instance u-1 running")
        #expect(host.engine.creations == 1)
    }

    @Test("Who joins gets the failure too")
    func joinFailure() throws {
        host.engine.images = []
        host.engine.registry = []
        host.give(.event(event("e1", .activate(instance()))))
        host.give(.event(event("e2", .activate(instance()))))
        host.run()
        #expect(host.answer("e1")?.hasPrefix("failure: manifest") == true)
        #expect(host.answer("e2") == host.answer("e1"))
    }

    @Test("A deactivate takes over from an activate as soon as its step is known, and the activate is told (defect 21)")
    func deactivateOvertakes() throws {
        host.give(.event(event("e1", .activate(instance()))))
        try host.finish()
        try host.finish()
        guard case .startContainer = host.work.first?.operation else { Issue.record("no start in flight"); return }
        host.give(.event(event("e2", .deactivate(instance()))))
        #expect(host.answer("e1") == "failure: superseded by deactivate")
        #expect(host.work.count == 1)
        host.run()
        #expect(host.answer("e2") == "instance u-1 exited")
        #expect(host.engine.containers(of: "u-1").map(\.state) == [.exited])
    }

    @Test("An activate takes over from a removal, from every step on", arguments: 0..<6)
    func activateOvertakes(_ steps: Int) throws {
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        host.give(.event(event("e2", .remove(instance()))))
        for _ in 0..<steps where !host.work.isEmpty { try host.finish() }
        let answered = host.answer("e2")
        host.give(.event(event("e3", .activate(instance()))))
        host.run()
        #expect(host.answer("e2") == (answered ?? "failure: superseded by activate"))
        #expect(host.answer("e3") == "instance u-1 running")
        #expect(host.engine.containers(of: "u-1").map(\.state) == [.running])
    }

    @Test("A removal that overtakes a create whose answer is lost leaves nothing behind", arguments: [true, false])
    func removalOvertakesCreate(_ happens: Bool) throws {
        host.give(.event(event("e1", .activate(instance()))))
        try host.finish()
        guard case .createContainer = host.work.first?.operation else { Issue.record("no create in flight"); return }
        host.give(.event(event("e2", .remove(instance()))))
        try host.finish(nil, happens ? .lostAnswer : .lostRequest)
        host.run()
        #expect(host.answer("e2") == "done")
        #expect(host.engine.containers.isEmpty)
    }

    @Test("What the step of an older wish has made is not the newer wish's to remove", arguments: [true, false])
    func notMadeHere(_ crashes: Bool) throws {
        host.give(.containers([]))
        host.give(.event(event("e1", .activate(instance()))))
        var other = instance()
        other.container.command = ["other"]
        host.give(.event(event("e2", .activate(other))))
        #expect(host.answer("e1") == "failure: superseded by activate")
        if crashes {
            // The engine still does what the old process had asked for.
            try host.crash { _ in true }
            // No list comes.
            host.tick(after: host.limits.listPatience)
        } else {
            try host.finish()
        }
        try host.finish()
        #expect(try host.finish(nil, .refusedByUser) == .startContainer(id: "c1-u-1"))
        host.run()
        #expect(host.answer("e2") == "failure: bad parameter")
        #expect(host.engine.containers(of: "u-1").map(\.state) == [.created])
    }

    @Test("What was overtaken while it waited for its image does not come back when the image is there")
    func overtakenWhileWaiting() throws {
        host.engine.images = []
        host.give(.event(event("e1", .activate(instance()))))
        while !host.isWorking(on: "image:nginx") { try host.finish() }
        host.give(.event(event("e2", .remove(instance()))))
        host.run()
        #expect(host.answer("e1") == "failure: superseded by remove")
        #expect(host.answer("e2") == "done")
        #expect(host.engine.containers.isEmpty)
        #expect(host.engine.images == ["nginx"])
    }

    // MARK: Questions and what cannot be used

    @Test("A question is asked again until the engine answers")
    func question() throws {
        host.give(.event(event("q1", .inspect("c1"))))
        for fault in [SimulatedEngine.Fault.unavailable, .lostRequest, .lostAnswer] {
            try host.finish(nil, fault)
            #expect(host.work.isEmpty && host.answer("q1") == nil)
            host.tick(after: .seconds(5))
        }
        host.engine.add("c1", uuid: "x", .running)
        host.run()
        #expect(host.answer("q1") == "inspection c1")
    }

    @Test("A question that was open at a crash is asked again")
    func questionAfterCrash() throws {
        host.give(.event(event("q1", .inspectImage(ImageSpecification(reference: "nginx")))))
        try host.crash { _ in true }
        host.run()
        #expect(host.answer("q1") == "image sha256:nginx")
    }

    @Test("A question that the engine refuses is answered with that")
    func refusedQuestion() throws {
        host.give(.event(event("q1", .inspect("c1"))))
        try host.finish(nil, .failedBefore)
        #expect(host.answer("q1") == "failure: server error")
    }

    @Test("What cannot be used is answered with the reason, and silence where nobody asked (defect 27)")
    func unusable() throws {
        host.give(.event(event("e1", .unusable("no such thing"))), .event(event("e2", .unusable("x"), replyTo: nil)))
        host.run()
        #expect(host.answer("e1") == "failure: no such thing")
        #expect(host.published["e2"] == nil)
        #expect(try host.store.eventState("e2") == .closed)
    }

    @Test("Beyond the limit events are answered that there is no room, and the others go on (defect 20)")
    func limit() throws {
        var limits = ReconcilerLimits()
        limits.openEvents = 3
        let host = try Host(limits: limits)
        for number in 1...5 { host.give(.event(event("e\(number)", .activate(instance("u-\(number)"))))) }
        host.run()
        for number in 1...3 { #expect(host.answer("e\(number)") == "instance u-\(number) running") }
        for number in 4...5 { #expect(host.answer("e\(number)")?.contains("takes no more") == true) }
    }

    @Test("An event that found no room is answered unstored, unless a copy of it is known (defect 20)")
    func overflow() throws {
        let known = event("e1", .activate(instance()))
        host.give(.event(known))
        host.give(
            .overflow(known.header, reason: "full"), .overflow(event("e2", .unusable("x")).header, reason: "full"))
        #expect(host.unstored["e1"] == nil)
        #expect(host.unstored["e2"]?.map(TestCodec.content) == ["failure: full"])
    }

    @Test("A surplus copy is removed without touching the instance that it copies")
    func surplus() throws {
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        host.engine.add("extra", uuid: "u-1", .running)
        host.give(.event(event("e2", .remove(InstanceSpecification(uuid: "", externalID: "extra")))))
        host.run()
        #expect(host.answer("e2") == "done")
        #expect(host.engine.containers(of: "u-1").map(\.state) == [.running])
        #expect(try host.store.resource(instance().key)?.phase == "running")
    }

    @Test("Many resources go side by side, and a hung one delays nobody")
    func sideBySide() throws {
        for number in 0..<50 { host.give(.event(event("e\(number)", .activate(instance("u-\(number)"))))) }
        #expect(host.work.count == 50)
        let hung = host.work.removeFirst()
        while !host.work.isEmpty { try host.finish() }
        #expect(host.reconciler.open.keys.sorted() == ["e0"])
        host.give(.outcome(hung.id, host.engine.perform(hung.operation)))
        host.run()
        #expect(host.answer("e0") == "instance u-0 running")
    }
}
