import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// What a pull is asked to do, by whom and how often.
@Suite(.serialized, .engineDifferences)
struct PullRequestTests {
    private static func pull(
        in dialect: Dialect, _ image: String, from registry: Registry, mode: String? = "all", complete: Bool = false,
        tag: String? = "",
        credential: InstanceEvents.Credential? = nil
    ) -> JSON {
        dialect.instancePull(
            image: image, server: registry.address, mode: mode, complete: complete, tag: tag, credential: credential)
    }

    private static func imageID(_ reply: Published) -> String? {
        reply.data["fields"]["dockerImage"]["Id"].nonEmptyText
    }

    // MARK: Phases and modes

    @Test(arguments: Dialect.all, ["modes:v1", "modes"])
    func `an image is pulled under a temporary name, which the second phase takes away (defects 53, 87c)`(
        dialect: Dialect, name: String
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish(name, scene.engine)
                let reply = try await scene.succeed(Self.pull(in: dialect, name, from: registry, tag: "pull-abc"))
                #expect(Self.imageID(reply) != nil)
                #expect(try await scene.engine.hasImage(image + "pull-abc"))
                #expect(try await scene.engine.hasImage(image))
                // While it is there it is shown, and not asked for anew.
                let cached = try await scene.succeed(
                    Self.pull(in: dialect, name, from: registry, mode: "cached", tag: "pull-abc"))
                #expect(Self.imageID(cached) == Self.imageID(reply))
                #expect(scene.proxy.count(.pull) == 1)
                // The second phase takes only the temporary name, and a second time nothing.
                for _ in 1...2 {
                    let done = Self.pull(in: dialect, name, from: registry, complete: true, tag: "pull-abc")
                    try await scene.succeed(done)
                    #expect(try await !scene.engine.hasImage(image + "pull-abc"))
                    #expect(try await scene.engine.hasImage(image))
                }
                #expect(scene.proxy.count(.pull) == 1)
            }
        }
    }

    @Test(arguments: Dialect.all) func `a pull of what is cached pulls, tags and removes nothing (defect 53)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish("cached:v1", scene.engine)
                for complete in [false, true] {
                    let event = Self.pull(
                        in: dialect, "cached:v1", from: registry, mode: "cached", complete: complete, tag: "pull-abc")
                    let reply = try await scene.succeed(event)
                    #expect(reply.data["fields"]["dockerImage"]["Id"] == "", "an inspection of zero values")
                }
                let changes: Set<EngineCall> = [.pull, .tagImage, .removeImage]
                #expect(!scene.proxy.passages.contains { changes.contains($0.call) })
                #expect(try await !scene.engine.hasImage(image))
            }
        }
    }

    @Test(arguments: Dialect.all) func `server, tag and mode may be missing, a digest cannot be tagged (defect 53)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish("lenient:v1", scene.engine)
                let bare = scene.dialect.instancePull(image: image, server: nil, mode: nil, tag: nil)
                #expect(Self.imageID(try await scene.succeed(bare)) != nil)
                #expect(try await scene.engine.hasImage(image))
                #expect(scene.proxy.count(.pull) == 1)
                #expect(scene.proxy.count(.tagImage) == 0)

                let digest = try await scene.engine.docker(
                    "inspect", "--format", "{{index .RepoDigests 0}}", image)
                try await scene.engine.docker("rmi", "-f", image)
                let named = String(digest.dropFirst(registry.address.count + 1))
                #expect(Self.imageID(try await scene.succeed(Self.pull(in: dialect, named, from: registry))) != nil)
                let failure = try await scene.fail(Self.pull(in: dialect, named, from: registry, tag: "pull-abc"))
                #expect(failure.contains("digest"))
                #expect(scene.proxy.count(.tagImage) == 0)
            }
        }
    }

    // MARK: Credentials

    @Test(arguments: Dialect.all) func `credentials open a registry, wrong ones and none are refused in its words`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve(.keeper) { registry in
            try await Scene.play(in: dialect) { scene in
                let right = InstanceEvents.Credential(publicValue: Registry.user, secretValue: Registry.password)
                let wrong = InstanceEvents.Credential(publicValue: Registry.user, secretValue: "wrong")
                let pulled = try await registry.publish("pulled:v1", scene.engine)
                let run = try await registry.publish("run:v1", scene.engine)
                for (what, credential) in [("none", nil), ("wrong", wrong)] as [(String, InstanceEvents.Credential?)] {
                    let event = Self.pull(in: dialect, "pulled:v1", from: registry, credential: credential)
                    let instance = scene.instance("refused-\(what)") { changed in
                        changed.image = run
                        changed.credential = credential
                    }
                    for failure in [try await scene.fail(event), try await scene.fail(instance.activate())] {
                        print("credentials \(what): \(failure)")
                        let words = ["unauthorized", "no basic auth credentials", "authentication required"]
                        #expect(words.contains { failure.lowercased().contains($0) }, "\(failure)")
                        #expect(!failure.contains("wrong"))
                    }
                    try await scene.confirmGone(instance)
                }
                #expect(try await !scene.engine.hasImage(pulled))
                #expect(try await !scene.engine.hasImage(run))

                try await scene.succeed(Self.pull(in: dialect, "pulled:v1", from: registry, credential: right))
                #expect(try await scene.engine.hasImage(pulled))
                let instance = scene.instance("let-in") { changed in
                    changed.image = run
                    changed.credential = right
                }
                _ = try await scene.activate(instance)
                #expect(!scene.agent.log.contains(Registry.password))
            }
        }
    }

    @Test(arguments: Dialect.all) func `a stale credential does not keep a public image away (defect 57)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve(.everybodyButStrangers) { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let stale = InstanceEvents.Credential(publicValue: Registry.user, secretValue: "of last year")
                let image = try await registry.publish("public:v1", scene.engine)
                let run = try await registry.publish("public:v2", scene.engine)
                try await scene.succeed(Self.pull(in: dialect, "public:v1", from: registry, credential: stale))
                #expect(try await scene.engine.hasImage(image))
                // With the credential first, as it might open more, and then without.
                #expect(scene.proxy.count(.pull) == 2)
                let instance = scene.instance("public") { changed in
                    changed.image = run
                    changed.credential = stale
                }
                _ = try await scene.activate(instance)
                #expect(scene.proxy.count(.pull) == 4)
                // What nobody has is asked for both ways, and the first refusal is the one that is told.
                let failure = try await scene.fail(
                    Self.pull(in: dialect, "nothing:here", from: registry, credential: stale))
                #expect(
                    failure.lowercased().contains("unauthorized") || failure.contains("incorrect username or password"))
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `a failure that has nothing to do with credentials is not tried without them (defect 57)`(dialect: Dialect)
        async throws
    {
        try await Registry.serve(.keeper) { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let right = InstanceEvents.Credential(publicValue: Registry.user, secretValue: Registry.password)
                registry.vanish()
                let failure = try await scene.fail(
                    Self.pull(in: dialect, "unreachable:v1", from: registry, credential: right), within: .seconds(60))
                #expect(failure.contains("refused"))
                #expect(scene.proxy.count(.pull) == 1)
            }
        }
    }

    // MARK: Many at once

    @Test(arguments: Dialect.all) func `two hundred instances of one missing image are one pull (defect 23)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish("wanted", megabytes: 1, scene.engine)
                let instances = (1...200).map { number in
                    scene.instance("wants\(number)", command: ["true"]) { changed in
                        changed.image = image
                        changed.networkKind = "none"
                    }
                }
                let events = instances.map { $0.activate() }
                // Slow enough for all of them to come while it is pulled.
                registry.slow(to: 512 << 10)
                let start = ContinuousClock.now
                let pings = try await withPings(scene) {
                    for event in events { try #require(scene.server.send(event: event)) }
                    for event in events {
                        let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(200))
                        #expect(reply.outcome == .success)
                        #expect(reply.instanceStatus["externalId"].nonEmptyText != nil)
                    }
                }
                print("200 instances of one image in \((ContinuousClock.now - start).inSeconds) s; \(pings)")
                #expect(pings.areTimely)
                #expect(scene.proxy.count(.pull) == 1)
                #expect(scene.proxy.count(.start) == 200)
                let containers = try await scene.engine.containers(label: Engine.label)
                #expect(containers.count { $0["Image"].text?.hasPrefix(image) == true } == 200)
            }
        }
    }

    @Test(arguments: Dialect.all)
    func `pulls of the same image at the same time are one pull, with all its answers (defect 23)`(dialect: Dialect)
        async throws
    {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish("shared:v1", megabytes: 1, scene.engine)
                registry.slow(to: 512 << 10)
                let first = Self.pull(in: dialect, "shared:v1", from: registry)
                let second = Self.pull(in: dialect, "shared:v1", from: registry)
                let instance = scene.instance("shares") { $0.image = image }
                let activate = instance.activate()
                for event in [first, second, first, activate] { scene.server.send(event: event) }
                for event in [first, second, activate] {
                    let reply = try await scene.server.waitForReply(to: event.eventID, timeout: .seconds(60))
                    #expect(reply.outcome == .success)
                    try scene.confirmOneAnswer(to: event)
                }
                #expect(scene.proxy.count(.pull) == 1)
            }
        }
    }

    // MARK: Progress

    @Test(arguments: Dialect.all)
    func `a slow pull is reported at most once a second and at least every five (defect 56)`(dialect: Dialect)
        async throws
    {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect) { scene in
                let image = try await registry.publish("slow:v1", megabytes: 6, scene.engine)
                registry.slow(to: 512 << 10)
                let event = scene.instance("slow") { $0.image = image }.activate()
                let start = ContinuousClock.now
                let reply = try await scene.succeed(event, within: .seconds(90))
                let progress = scene.server.progress(for: event.eventID)
                let times = [start] + progress.map(\.arrival) + [reply.arrival]
                let gaps = zip(times, times.dropFirst()).map { ($1 - $0).inSeconds }
                print("progress of a slow pull, pauses in s: \(gaps.map { ($0 * 10).rounded() / 10 })")
                #expect(reply.arrival - start > .seconds(10), "a pull that is over at once proves nothing")
                #expect((gaps.max() ?? 0) < 6.5)
                #expect(Double(progress.count) <= (reply.arrival - start).inSeconds + 2)
                #expect(progress.count >= 2)
            }
        }
    }

    // MARK: What the engine says afterwards

    @Test(arguments: Dialect.all) func `a pull is believed only when the image is there (defects 52, 55)`(
        dialect: Dialect
    ) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                _ = try await registry.publish("believed:v1", scene.engine)
                scene.proxy.order(.inspectImage, .answer(404, "No such image"))
                let absent = try await scene.fail(Self.pull(in: dialect, "believed:v1", from: registry))
                #expect(absent.contains("was pulled but is not there"))
                scene.proxy.order(.inspectImage, .answer(500, "simulated trouble"))
                let unseen = try await scene.fail(Self.pull(in: dialect, "believed:v1", from: registry))
                #expect(unseen.contains("simulated trouble"))
                try await scene.succeed(Self.pull(in: dialect, "believed:v1", from: registry))
            }
        }
    }

    // MARK: Always

    @Test(arguments: Dialect.all)
    func `an instance that wants a fresh image pulls it before its create, even if it is here (defect 34)`(
        dialect: Dialect
    )
        async throws
    {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let image = try await registry.publish("fresh:v1", scene.engine)
                try await scene.engine.docker("pull", "-q", image)
                let instance = scene.instance("fresh") { changed in
                    changed.image = image
                    changed.labels = ["io.rancher.container.pull_image": "always"]
                }
                let known = try await scene.activate(instance)
                let calls = scene.proxy.passages.map(\.call)
                let pull = try #require(calls.firstIndex(of: .pull))
                let create = try #require(calls.firstIndex(of: .create))
                #expect(pull < create)
                // One that is there is started as it is.
                try await scene.deactivate(known)
                _ = try await scene.activate(known)
                #expect(scene.proxy.count(.pull) == 1)
                // One that has vanished is known to have, before anything is pulled for it.
                try await scene.engine.remove(known.externalID ?? "")
                switch dialect {
                case .rancher20:
                    let failure = try await scene.fail(known.activate())
                    #expect(failure.contains("has been deleted from the host"))
                    #expect(scene.proxy.count(.pull) == 1)
                case .rancher16:
                    // There it is made anew, and its image is fresh again.
                    try await scene.succeed(known.activate())
                    #expect(scene.proxy.count(.pull) == 2)
                }
            }
        }
    }
}
