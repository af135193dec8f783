import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// Each call of whole lives spoilt by chance, of many instances at once.
///
/// FAULT_SEED chooses other faults, and FAULT_PERCENT more or fewer of them.
@Suite(.serialized, .engineDifferences)
struct FaultStormTests {
    private static func setting(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }

    private static let faults: [EngineFault] = [
        .cutBefore, .cutAfter, .hangBefore, .hangAfter, .answer(500, words), .answerAfter(500, words),
        .answer(409, words), .answerAfter(409, words), .halfAnswer, .brokenJSON, .emptyJSON, .delay(.milliseconds(200)),
    ]
    private static let words = "simulated trouble"
    /// How often the server asks for the same until it is done.
    private static let tries = 12

    @Test(arguments: Dialect.all)
    func `in a storm of faults every event has one answer, and every life comes to its right end`(dialect: Dialect)
        async throws
    {
        let seed = UInt64(Self.setting("FAULT_SEED", 1))
        let percent = Self.setting("FAULT_PERCENT", 20)
        try await Scene.play(in: dialect, .init(isProxied: true, deadlineSeconds: 1)) { scene in
            scene.proxy.order(FaultStorm(seed: seed, percent: percent, faults: Self.faults))
            let start = ContinuousClock.now
            let pings = try await withPings(scene) {
                let told = try await atOnce(Array(1...24)) { try await live($0, seed, scene) }
                let answers = told.reduce(0) { $0 + $1.answers }
                let errors = told.reduce(0) { $0 + $1.errors }
                let spoilt = scene.proxy.passages.count { $0.fault != nil }
                print(
                    "seed \(seed): \(spoilt) of \(scene.proxy.passages.count) calls spoilt,",
                    "\(answers) events answered once each, \(errors) of them with the engine's error")
                for fault in Self.faults {
                    #expect(scene.proxy.passages.contains { $0.fault == fault }, "\(fault) has not struck")
                }
                #expect(errors < answers / 2)
            }
            let took = ContinuousClock.now - start
            print("\(took.inSeconds) s; \(pings)")
            // Podman takes longer for each call.
            let limit = try await scene.engine.identity().product == .podman ? 120 : 60
            #expect(took < .seconds(limit))
            #expect(pings.areTimely)

            // When it is over, the agent sees the engine as it is.
            scene.proxy.cancelOrders()
            let calm = try await scene.activate(scene.instance("calm"))
            try await untilTrue("a ping with this container", within: .seconds(30)) {
                let reply = try await scene.server.ask(scene.dialect.ping(instances: true))
                return reply.pingedInstances[calm.externalID ?? ""] != nil
            }
            try await scene.remove(calm)
        }
    }

    /// What was said to one instance.
    private struct Account {
        var answers = 0
        var errors = 0
    }

    private func live(_ number: Int, _ seed: UInt64, _ scene: Scene) async throws -> Account {
        var account = Account()
        // What is called the same meets the same faults.
        let suffix = String(format: "%04x%04x", Int(seed & 0xFFFF), number)
        let uuid = "\(suffix)-5707-4000-8000-000000000000"
        let volume = scene.volume("storm", suffix: suffix)
        var known = scene.instance("storm\(number)", uuid: uuid) {
            if number.isMultiple(of: 2) { $0.use(volume, of: "local") }
        }

        func ask(_ event: (InstanceEvents) -> JSON) async throws {
            for number in 1...Self.tries {
                let event = event(known)
                let reply = try await scene.server.ask(event, timeout: .seconds(60))
                account.answers += 1
                try scene.confirmOneAnswer(to: event)
                known = known.learned(from: reply)
                let containers = try await scene.engine.ids(of: known.uuid)
                try #require(containers.count <= 1, "containers of \(known.name): \(containers)")
                guard let failure = reply.failure else { return }
                account.errors += 1
                // It is the engine that is to blame, in its words or because there were none.
                let isHonest = [Self.words, "did not", "was lost", "could not be read", "is no JSON", "broke off"]
                    .contains { failure.contains($0) }
                #expect(isHonest, "\(known.name): \(failure)")
                try #require(number < Self.tries, "\(known.name): \(failure)")
            }
        }

        try await ask { $0.activate() }
        try await scene.confirm(known, runs: true)
        try await ask { $0.deactivate(timeoutSeconds: 1) }
        try await scene.confirm(known, runs: false)
        try await ask { $0.activate() }
        try await scene.confirm(known, runs: true)
        try await ask { $0.remove() }
        try await scene.confirmGone(known)
        if number.isMultiple(of: 2) {
            try await ask { _ in scene.dialect.volumeRemove(name: volume) }
            #expect(try await !scene.engine.hasVolume(volume), "\(known.name)")
        }
        return account
    }
}
