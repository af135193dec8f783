import Health
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite("A part of the daemon")
struct PartTests {
    private static let start = ContinuousClock.now
    private static func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func complaints(_ part: Part, _ now: ContinuousClock.Instant) -> [String] {
        Vitals([part], lookInterval: .seconds(1000)).report(now: now).complaints.map { "\($0.part): \($0.reason)" }
    }

    @Test("that has done nothing for too long is stuck, until it does something or rests")
    func silence() {
        let part = Part("stream", limits: .init(work: .seconds(5), silence: .seconds(60)))
        #expect(complaints(part, Self.after(1000)).isEmpty, "it has not begun")
        part.showsLife(now: Self.after(0))
        #expect(complaints(part, Self.after(60)).isEmpty)
        #expect(
            complaints(part, Self.after(61)) == ["stream: it has done nothing for 61 s, the limit is 60 s"])
        part.showsLife(now: Self.after(62))
        #expect(complaints(part, Self.after(63)).isEmpty)
        part.rests()
        #expect(complaints(part, Self.after(1000)).isEmpty)
    }

    @Test("that may have nothing to do is not stuck for doing nothing")
    func noSilence() {
        let part = Part("outbox", limits: .init(work: .seconds(5)))
        part.showsLife(now: Self.after(0))
        #expect(complaints(part, Self.after(100_000)).isEmpty)
    }

    @Test("is stuck with the oldest of its work that takes too long, and not with what is over")
    func work() {
        let part = Part("outbox", limits: .init(work: .seconds(90)))
        let first = part.began(now: Self.after(0))
        let second = part.began(now: Self.after(10))
        #expect(complaints(part, Self.after(90)).isEmpty)
        #expect(
            complaints(part, Self.after(95))
                == ["outbox: a piece of its work has taken 95 s, the limit is 90 s"])
        part.ended(first)
        #expect(complaints(part, Self.after(95)).isEmpty)
        #expect(
            complaints(part, Self.after(101))
                == ["outbox: a piece of its work has taken 91 s, the limit is 90 s"])
        part.ended(second)
        part.ended(second)
        #expect(complaints(part, Self.after(1000)).isEmpty)
    }

    @Test("whose thread does not come round is stuck, and is not when it does again")
    func thread() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let part = Part("reconciler", limits: .init(work: .seconds(30)), eventLoop: group.next())
        let vitals = Vitals([part], lookInterval: .seconds(1000))
        // It is asked, and cannot answer before it is let go.
        let gate = Mutex(())
        gate.withLock { _ in
            let isHeld = Mutex(false)
            group.next().execute {
                isHeld.withLock { $0 = true }
                gate.withLock { _ in }
            }
            while !isHeld.withLock({ $0 }) {}
            #expect(vitals.report(now: Self.after(0)).complaints.isEmpty)
            #expect(vitals.report(now: Self.after(30)).complaints.isEmpty)
            let report = vitals.report(now: Self.after(31))
            #expect(
                report.complaints.map(\.reason)
                    == ["its thread has not come round for 31 s, the limit is 30 s"])
        }
        try await group.next().submit {}.get()
        #expect(vitals.report(now: Self.after(31)).complaints.isEmpty)
        try await group.next().submit {}.get()
        try await group.shutdownGracefully()
    }

    @Test("is given its time anew when nobody has looked for long: the whole process did not run")
    func forgiveness() {
        let part = Part("stream", limits: .init(work: .seconds(20), silence: .seconds(60)))
        let vitals = Vitals([part], lookInterval: .seconds(5))
        part.showsLife(now: Self.after(0))
        _ = part.began(now: Self.after(0))
        #expect(vitals.report(now: Self.after(1)).complaints.isEmpty)
        #expect(vitals.report(now: Self.after(1000)).complaints.isEmpty)
        #expect(vitals.report(now: Self.after(1010)).complaints.isEmpty)
        #expect(vitals.report(now: Self.after(1021)).complaints.count == 1)
    }

    @Test("has limits that can be shortened, but for how long it may be silent")
    func capped() {
        let limits = Part.Limits(work: .seconds(90), silence: .seconds(300)).capped(at: .seconds(3))
        #expect(limits.work == .seconds(3) && limits.echo == .seconds(3) && limits.silence == .seconds(300))
        #expect(Part.Limits(work: .seconds(1)).capped(at: .seconds(3)).work == .seconds(1))
    }
}
