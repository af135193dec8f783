import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// Instances that need volumes and images.
struct DependencyTests {
    private let host: Host
    private let volume = VolumeSpecification(name: "v", driver: "local")

    init() throws {
        host = try Host()
        // The list was read, so that instances need no look of their own first.
        host.give(.containers([]))
    }

    @Test("Two hundred instances that need one image make one pull")
    func onePull() throws {
        host.engine.images = []
        host.give((0..<200).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        host.run()
        #expect(host.engine.pulls == 1)
        #expect((0..<200).allSatisfy { host.answer("e\($0)") == "instance u-\($0) running" })
        #expect(host.engine.containers.count == 200)
    }

    @Test("An image that cannot be had fails everybody who waits for it, with the engine's words")
    func noImage() throws {
        host.engine.images = []
        host.engine.registry = []
        host.give((0..<5).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        host.run()
        #expect((0..<5).allSatisfy { host.answer("e\($0)") == "failure: manifest for nginx not found" })
        #expect(host.engine.containers.isEmpty)
    }

    @Test("A container whose image was removed by force is started and reported all the same (defect 44)")
    func imageGone() throws {
        host.give(.event(event("e1", .activate(instance()))))
        host.run()
        host.give(.event(event("e2", .deactivate(instance()))))
        host.run()
        host.engine.images = []
        host.engine.registry = []
        host.give(.event(event("e3", .activate(instance()))))
        host.run()
        #expect(host.answer("e3") == "instance u-1 running")
        #expect(host.engine.pulls == 0)
    }

    @Test("All volumes are there before the container is made")
    func volumes() throws {
        host.give(.event(event("e1", .activate(instance(volumes: ["a", "b", "c"])))))
        while !host.operations.contains(where: { if case .createContainer = $0 { true } else { false } }) {
            try host.finish()
        }
        #expect(host.engine.volumes.keys.sorted() == ["a", "b", "c"])
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
    }

    @Test("A volume that cannot be made fails the instance, and nobody waits for the other volumes any more")
    func failingVolume() throws {
        host.give(.event(event("e1", .activate(instance(volumes: ["a", "b"])))))
        try host.finish("volume:a")
        try host.finish("volume:a", .refusedByUser)
        host.run()
        #expect(host.answer("e1") == "failure: bad parameter")
        #expect(try host.store.resource(ResourceKey(.volume, "b"))?.phase == "inactive")
        #expect(host.engine.containers.isEmpty)
        try host.expectMemoryEqualsStore()
    }

    @Test("Many instances share the work on one volume, whatever options they name")
    func sharedVolume() throws {
        for number in 0..<10 {
            var specification = instance("u-\(number)", volumes: ["v"])
            specification.volumes[0].driverOptions = ["size": "\(number)"]
            host.give(.event(event("e\(number)", .activate(specification))))
        }
        host.run()
        #expect((0..<10).allSatisfy { host.answer("e\($0)") == "instance u-\($0) running" })
    }

    @Test(
        "An activate that needs a volume which is being removed takes over and is not failed by that", arguments: 0..<3)
    func volumeTakenOver(_ steps: Int) throws {
        host.engine.volumes["v"] = SimulatedEngine.Volume(driver: "local", mountpoint: "/v")
        host.give(.event(event("e1", .removeVolume(volume))))
        for _ in 0..<steps where host.isWorking(on: "volume:v") { try host.finish("volume:v", .lostAnswer) }
        host.give(.event(event("e2", .activate(instance(volumes: ["v"])))))
        host.run()
        #expect(host.answer("e1")?.hasPrefix("failure: superseded by") == true)
        #expect(host.answer("e2") == "instance u-1 running")
        #expect(host.engine.volumes.keys.sorted() == ["v"])
    }

    @Test("A removal of a volume that an instance waits for fails the instance and removes the volume")
    func volumeTakenAway() throws {
        host.give(.event(event("e1", .activate(instance(volumes: ["v"])))))
        host.give(.event(event("e2", .removeVolume(volume))))
        host.run()
        #expect(host.answer("e1")?.contains("superseded by volume.remove") == true)
        #expect(host.answer("e2") == "done")
        #expect(host.engine.volumes.isEmpty && host.engine.containers.isEmpty)
        try host.expectMemoryEqualsStore()
    }

    @Test("A pull that is taken over by a release fails those who wait for it")
    func pullTakenOver() throws {
        host.engine.images = []
        host.give(
            .event(event("e1", .activate(instance()))),
            .event(event("e2", .pull(ImageSpecification(reference: "nginx")))))
        while !host.isWorking(on: "image:nginx") { try host.finish() }
        while host.isWorking(on: "instance:u-1") { try host.finish("instance:u-1") }
        host.give(.event(event("e3", .release(ImageSpecification(reference: "nginx")))))
        host.run()
        #expect(host.answer("e1")?.contains("superseded by release") == true)
        #expect(host.answer("e2")?.contains("superseded by release") == true)
        #expect(host.answer("e3") == "image none")
        #expect(host.engine.containers.isEmpty && host.engine.images.isEmpty)
    }

    @Test("A pull for the server and one for an instance are the same pull")
    func samePull() throws {
        host.engine.images = []
        host.give(
            .event(event("e1", .pull(ImageSpecification(reference: "nginx")))),
            .event(event("e2", .activate(instance()))))
        host.run()
        #expect(host.engine.pulls == 1)
        #expect(host.answer("e1") == "image sha256:nginx")
        #expect(host.answer("e2") == "instance u-1 running")
    }

    @Test("An instance and its image go on after a crash in the middle of the pull", arguments: [true, false])
    func crashDuringPull(_ happens: Bool) throws {
        host.engine.images = []
        host.give((0..<3).map { .event(event("e\($0)", .activate(instance("u-\($0)", volumes: ["v"])))) })
        while !host.work.contains(where: { if case .pullImage = $0.operation { true } else { false } }) {
            try host.finish()
        }
        try host.crash { _ in happens }
        host.run()
        #expect((0..<3).allSatisfy { host.answer("e\($0)") == "instance u-\($0) running" })
        #expect(host.engine.pulls == 1)
    }

    @Test("Progress of a pull goes to everybody who waits for it, at most once a second each")
    func progress() throws {
        host.engine.images = []
        host.give((0..<3).map { .event(event("e\($0)", .activate(instance("u-\($0)")))) })
        while host.work.contains(where: { !$0.about.hasPrefix("image:") })
            || host.work.first.map({ if case .pullImage = $0.operation { false } else { true } }) == true
        {
            try host.finish()
        }
        let pull = try #require(host.work.first)
        let before = host.progress.count
        for number in 0..<50 {
            host.now = host.now + .milliseconds(100)
            host.give(.progress(pull.id, text: "Downloading \(number)"))
            if let next = host.reconciler.nextWakeUp, next <= host.now { host.tick() }
        }
        for number in 0..<3 {
            let own = host.progress.dropFirst(before).filter { $0.eventID == "e\(number)" }
            #expect((4...7).contains(own.count))
            for (first, second) in zip(own, own.dropFirst()) { #expect(second.at - first.at >= .seconds(1)) }
        }
        // The last word is said even if nothing more comes.
        host.tick(after: .seconds(2))
        #expect(host.progress.last?.text == "Downloading 49")
    }

    @Test("An event that is worked on in silence is kept alive every five seconds, and no more after its end")
    func keepAlive() throws {
        host.give(.event(event("e1", .deactivate(instance()))))
        host.engine.add("c1", uuid: "u-1", .running)
        try host.finish()
        let start = host.now
        for _ in 0..<20 {
            let next = try #require(host.reconciler.nextWakeUp)
            guard next <= start + .seconds(21) else { break }
            host.now = max(host.now, next)
            host.tick()
        }
        #expect(host.progress.map { ($0.at - start).inMilliseconds } == [5000, 10000, 15000, 20000])
        #expect(host.progress.first?.text == "Stopping the container, within 10 s")
        host.run()
        let count = host.progress.count
        host.tick(after: .seconds(60))
        #expect(host.progress.count == count)
    }

    @Test("The removal of a volume says so at once")
    func volumeProgress() throws {
        host.give(.event(event("e1", .removeVolume(volume))))
        try host.finish(nil, .none, .volume(InspectedVolume(driver: volume.driver, mountpoint: "/v")))
        #expect(host.progress.map(\.text) == ["Removing volume"])
    }
}
